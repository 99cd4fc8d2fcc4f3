"""How the database itself would write down a column's type and default, or a CHECK.

Each keeps them in words of its own: 0 as 0.00, now() as CURRENT_TIMESTAMP, FLOAT(24) as REAL. A
temporary table with what the models say shows those words, without a list of ours to keep.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import DBAPIError, SAWarning
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from alambique import private
from alambique.autogenerate.mapped import models_of

SCRATCH_TABLE = "alembic_scratch"

# The schemas that hold a session's temporary tables.
TEMPORARY_SCHEMA = {"sqlite": "temp", "postgresql": "pg_temp"}

# How often a server may read its own words before they stay the same; PostgreSQL needs three.
MOST_READINGS = 5

# How many columns are read at once; each server takes more.
COLUMNS_AT_ONCE = 200

# Where a comparison keeps the columns it has seen stored, in its migration's options.
KNOWN = "stored_columns"


def stored_column(context: AutogenContext, mapped: sa.Column[Any]) -> sa.Column[Any] | None:
    """Return a column with the type and the default of `mapped`, as the database keeps them.

    Returns:
        None where the database refuses the column: its message comes with the upgrade.
    """
    options = context.migration_context.opts
    if KNOWN not in options:
        options[KNOWN] = _stored_defaults(context)
    known: dict[str, sa.Column[Any] | None] = options[KNOWN]

    # Most columns of a project share a few types and defaults.
    ddl = _definition(mapped, context.dialect)
    if ddl not in known:
        stored = _stored_in([mapped], context)
        known[ddl] = stored[0] if stored else None
    return known[ddl]


def _stored_defaults(context: AutogenContext) -> dict[str, sa.Column[Any] | None]:
    """Return the columns of the models with a default, by their definitions, read at once.

    Those among which the database refuses one are left to be read one by one.
    """
    tables = [
        table for each in models_of(context.migration_context) for table in each.tables.values()
    ]
    mapped = {
        _definition(column, context.dialect): column
        for table in tables
        for column in table.columns
        if isinstance(column.server_default, sa.DefaultClause)
        and _is_spoken(column, context.dialect)
    }

    found: dict[str, sa.Column[Any] | None] = {}
    definitions = sorted(mapped)
    for first in range(0, len(definitions), COLUMNS_AT_ONCE):
        some = definitions[first : first + COLUMNS_AT_ONCE]
        found.update(zip(some, _stored_in([mapped[each] for each in some], context), strict=False))
    return found


def _definition(mapped: sa.Column[Any], dialect: Dialect) -> str:
    """Return the type and the default of a column, as SQL."""
    column = sa.Column("c", mapped.type, server_default=mapped.server_default)
    scratch = scratch_table(SCRATCH_TABLE, [column], dialect)
    return str(sa.schema.CreateTable(scratch).compile(dialect=dialect))


def stored_checks(
    context: AutogenContext, table: sa.Table, conditions: Collection[str]
) -> dict[str, str]:
    """Return what the database makes of conditions: what is equal says the same.

    Args:
        context: of the comparison.
        table: the mapped table whose columns they are about.
        conditions: SQL, its colons escaped.

    Returns:
        How the database reads each, by the condition; one that it refuses stays as it is.
    """
    if not conditions:
        return {}
    connection = context.connection
    assert connection is not None
    read = _programs if connection.dialect.name == "sqlite" else _reflected
    with suppress(DBAPIError):
        return read(table, sorted(conditions), connection)

    found = {}
    for condition in conditions:
        found[condition] = condition
        with suppress(DBAPIError):
            found.update(read(table, [condition], connection))
    return found


def _reflected(table: sa.Table, conditions: list[str], connection: sa.Connection) -> dict[str, str]:
    """Return conditions as the server writes them down for CHECKs, and reads them again.

    What PostgreSQL writes of `a IN ('x')` it writes otherwise once it has read that itself, as it
    does after a dump, or as a column gets another type.
    """
    written = {condition: condition for condition in conditions}
    for _ in range(MOST_READINGS):
        again = _written(table, sorted({*written.values()}), connection)
        if all(again[words] == words for words in written.values()):
            break
        written = {condition: again[words] for condition, words in written.items()}
    return written


def _written(table: sa.Table, conditions: list[str], connection: sa.Connection) -> dict[str, str]:
    """Return conditions as the server writes them down for CHECKs."""
    names = {f"c{number}": condition for number, condition in enumerate(conditions)}
    checks = [sa.CheckConstraint(sa.text(names[name]), name=name) for name in names]
    scratch = scratch_table(
        table.name, [*_plain_columns(table, connection.dialect), *checks], connection.dialect
    )

    with made(scratch, connection):
        found = sa.inspect(connection).get_check_constraints(scratch.name)
    written = {each["name"]: escaped(each["sqltext"]) for each in found}
    return {condition: written.get(name, condition) for name, condition in names.items()}


def stored_computed(context: AutogenContext, column: sa.Column[Any]) -> sa.Computed | None:
    """Return what a column of a mapped table is computed from, as the database keeps it.

    Returns:
        None where the database refuses the column: its message comes with the upgrade.
    """
    connection = context.connection
    assert connection is not None
    table = column.table
    others = [
        each for each in _plain_columns(table, connection.dialect) if each.name != column.name
    ]
    computed = sa.Column(column.name, column.type, server_default=column.server_default)
    scratch = scratch_table(table.name, [*others, computed], connection.dialect)

    with suppress(DBAPIError), warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # said again when the upgrade makes the column
        with made(scratch, connection):
            # SQLite would show the text of the table whose name this one has.
            schema = scratch.schema if connection.dialect.name == "sqlite" else None
            columns = sa.inspect(connection).get_columns(scratch.name, schema=schema)
        (found,) = (each.get("computed") for each in columns if each["name"] == column.name)
        return None if found is None else sa.Computed(found["sqltext"], found.get("persisted"))
    return None


def escaped(sql: str) -> str:
    """Return SQL as one types it in a revision, where a colon would begin a parameter."""
    return sql.replace(":", "\\:")


def _programs(table: sa.Table, conditions: list[str], connection: sa.Connection) -> dict[str, str]:
    """Return what SQLite does to find out whether conditions hold: it keeps them as typed."""
    scratch = scratch_table(
        table.name, _plain_columns(table, connection.dialect), connection.dialect
    )
    name = escaped(connection.dialect.identifier_preparer.format_table(scratch))

    with made(scratch, connection):
        return {
            condition: repr(
                connection.execute(sa.text(f"EXPLAIN SELECT ({condition}\n) FROM {name}")).all()
            )
            for condition in conditions
        }


def without_check(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return a type, or one like it that brings no CHECK to its column."""
    if not (isinstance(type_, (sa.Enum, sa.Boolean)) and type_.create_constraint):
        return type_
    plain: Any = type_
    plain = plain.copy()
    plain.create_constraint = False
    return cast("TypeEngine[Any]", plain)


def _plain_columns(table: sa.Table, dialect: Dialect) -> list[sa.Column[Any]]:
    """Return columns of the names and types of a table's, and nothing more."""
    columns: list[sa.Column[Any]] = []
    for column in table.columns:
        # One whose type models cannot carry, or the database cannot be told, is there by its name.
        is_unknown = isinstance(column.type, sa.types.NullType) or not _is_spoken(column, dialect)
        columns.append(
            sa.Column(column.name, sa.Text() if is_unknown else without_check(column.type))
        )
    return columns


def _is_spoken(column: sa.Column[Any], dialect: Dialect) -> bool:
    try:
        column.type.compile(dialect)
    except Exception:  # a type of the application's may raise anything
        return False
    return True


def scratch_table(name: str, parts: Sequence[SchemaItem], dialect: Dialect) -> sa.Table:
    """Return a temporary table, which may have the name of one that is there.

    A condition may say its table's name.
    """
    schema = TEMPORARY_SCHEMA.get(dialect.name)
    prefixes = ["TEMPORARY"] if schema is None else []
    return sa.Table(name, sa.MetaData(), *parts, schema=schema, prefixes=prefixes)


@contextmanager
def made(scratch: sa.Table, connection: sa.Connection) -> Iterator[None]:
    """Make a temporary table, and leave nothing of it behind."""
    with connection.begin_nested() as savepoint:
        # PostgreSQL may have its Enum type already; MySQL would find the other table of its name.
        scratch.create(connection, checkfirst=connection.dialect.name == "postgresql")
        yield
        _drop(scratch, connection, savepoint)


def _stored_in(mapped: Sequence[sa.Column[Any]], context: AutogenContext) -> list[sa.Column[Any]]:
    """Make a table of such columns, read them back, and leave nothing behind.

    Returns:
        One column for each; none at all where the database refuses the table.
    """
    connection = context.connection
    assert connection is not None
    columns = [
        sa.Column(f"c{number}", each.type, server_default=each.server_default)
        for number, each in enumerate(mapped)
    ]
    scratch = scratch_table(SCRATCH_TABLE, columns, connection.dialect)
    with suppress(DBAPIError):
        with made(scratch, connection):
            inspector = sa.inspect(connection)
            found = inspector.get_columns(scratch.name)
            for each in found:
                private.correct_reflected_column(context, inspector, scratch, each)
        return [_as_column(each) for each in found]
    return []


def _drop(scratch: sa.Table, connection: sa.Connection, savepoint: sa.NestedTransaction) -> None:
    """Drop a table that was made since a savepoint, and never another of its name."""
    if connection.dialect.name == "postgresql":
        savepoint.rollback()  # with the Enum type that may have come with it
    else:  # a rollback would make SQLite read its whole schema again, and MySQL commits
        temporary = "" if connection.dialect.name == "sqlite" else "TEMPORARY "
        name = connection.dialect.identifier_preparer.format_table(scratch)
        connection.exec_driver_sql(f"DROP {temporary}TABLE {name}")


def _as_column(found: ReflectedColumn) -> sa.Column[Any]:
    default = None if found["default"] is None else sa.text(found["default"])
    return sa.Column("c", found["type"], server_default=default)
