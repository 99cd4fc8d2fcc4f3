"""Two defaults of a column are one if the database does the same for both, however they are said.

0 and '0' store one number, now() and CURRENT_TIMESTAMP one moment. What is the same for how the
database would write it down, `stored` finds out; this asks what it would put into a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Dialect
from sqlalchemy.exc import SQLAlchemyError

from alambique.autogenerate.stored import (
    SCRATCH_TABLE,
    escaped,
    made,
    scratch_table,
    stored_column,
    stored_computed,
)

Effect = tuple[object, ...]

# Where a comparison keeps what it found out, in its migration's options.
KNOWN = "effects_of_defaults"

# What of a program of SQLite's may give another value another time, or on another machine.
CALLS = frozenset({"Function", "PureFunc"})


def is_left_to_the_database(default: object) -> bool:
    """Tell whether models say that there is a default, and not which: `FetchedValue()`."""
    is_said = isinstance(default, (sa.DefaultClause, sa.Computed, sa.Identity))
    return isinstance(default, sa.FetchedValue) and not is_said


def is_same_computed(
    context: AutogenContext, found: sa.Column[Any], mapped: sa.Column[Any]
) -> bool:
    """Tell whether a computed column of the models is computed so in the database.

    Args:
        context: of the comparison.
        found: the column in the database, computed or not.
        mapped: the column in the models.
    """
    if not isinstance(found.server_default, sa.Computed):
        return False
    stored = stored_computed(context, mapped)
    return stored is not None and _said(stored) == _said(found.server_default)


def is_same_default(context: AutogenContext, found: sa.Column[Any], mapped: sa.Column[Any]) -> bool:
    """Tell whether a column of the models has the default that it has in the database.

    Args:
        context: of the comparison.
        found: the column in the database, with a plain default or without one.
        mapped: the column in the models, likewise.
    """
    stored = mapped if mapped.server_default is None else stored_column(context, mapped)
    if stored is None:
        return False
    return default_text(found) == default_text(stored) or _has_same_effect(context, found, stored)


def default_text(column: sa.Column[Any]) -> str | None:
    """Return a column's default as its SQL says it; None where it has none."""
    default = column.server_default
    if isinstance(default, sa.DefaultClause) and isinstance(default.arg, sa.TextClause):
        return default.arg.text
    return None


def _said(computed: sa.Computed) -> tuple[str, bool | None]:
    """Return what the database says of a computed column."""
    words = computed.sqltext
    return words.text if isinstance(words, sa.TextClause) else str(words), computed.persisted


def _has_same_effect(context: AutogenContext, one: sa.Column[Any], other: sa.Column[Any]) -> bool:
    """Tell whether rows get the same from the defaults of two columns; False if nobody can."""
    effect = _effect(context, one)
    return effect is not None and effect == _effect(context, other)


def _effect(context: AutogenContext, column: sa.Column[Any]) -> Effect | None:
    """Return what a row gets where nothing is said of a column; None where nobody can tell.

    Args:
        context: of the comparison.
        column: as the database keeps it.
    """
    connection = context.connection
    assert connection is not None
    find_out = EFFECTS.get(connection.dialect.name)
    if find_out is None:  # it keeps equal defaults in equal words
        return None

    known: dict[str, Effect | None] = context.migration_context.opts.setdefault(KNOWN, {})
    try:
        key = f"{column.type.compile(connection.dialect)} {default_text(column)}"
        if key not in known:
            known[key] = None
            known[key] = find_out(column.type, default_text(column), connection)
    except SQLAlchemyError:  # a type that was not read, a default that fails
        return None
    return known[key]


def _effect_on_sqlite(
    type_: sa.types.TypeEngine[Any], default: str | None, connection: sa.Connection
) -> Effect:
    """Return what SQLite stores, with its kind: '1' and 1 may differ. Of a call, what it does."""
    program = connection.exec_driver_sql(f"EXPLAIN SELECT ({default or 'NULL'}\n)").all()
    if CALLS.intersection(step.opcode for step in program):
        return ("does", repr(program))

    scratch, name = _scratch(type_, default, connection.dialect)
    with made(scratch, connection):
        connection.exec_driver_sql(f"INSERT INTO {name} DEFAULT VALUES")
        row = connection.exec_driver_sql(f"SELECT typeof(c), quote(c) FROM {name}").one()
    return ("stores", *row)


def _effect_on_postgresql(
    type_: sa.types.TypeEngine[Any], default: str | None, connection: sa.Connection
) -> Effect:
    """Return what PostgreSQL plans to store: what is constant it works out beforehand."""
    scratch, name = _scratch(type_, default, connection.dialect)
    with made(scratch, connection):
        explain = f"EXPLAIN (VERBOSE, COSTS OFF) INSERT INTO {name} DEFAULT VALUES"
        lines = connection.exec_driver_sql(explain).scalars().all()
    return tuple(_moments_alike(line, connection.dialect) for line in lines if "Output:" in line)


EFFECTS: dict[str, Callable[[sa.types.TypeEngine[Any], str | None, sa.Connection], Effect]] = {
    "sqlite": _effect_on_sqlite,
    "postgresql": _effect_on_postgresql,
}


def _moments_alike(sql: str, dialect: Dialect) -> str:
    """Return SQL with one name for the moment of a transaction, for which SQLAlchemy has two."""
    now, current = (
        str(function.compile(dialect=dialect))
        for function in (sa.func.now(), sa.func.current_timestamp())
    )
    literal_or_now = rf"'(?:[^']|'')*'|\b{re.escape(now)}"
    return re.sub(literal_or_now, lambda it: current if it[0] == now else it[0], sql)


def _scratch(
    type_: sa.types.TypeEngine[Any], default: str | None, dialect: Dialect
) -> tuple[sa.Table, str]:
    """Return a table with a column that has a default, and the table's name as SQL."""
    said: Any = None if default is None else sa.text(f"({escaped(default)})")
    column = sa.Column("c", type_, server_default=said)
    scratch = scratch_table(SCRATCH_TABLE, [column], dialect)
    return scratch, dialect.identifier_preparer.format_table(scratch)
