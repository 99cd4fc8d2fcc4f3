"""Keys, exclusions and indexes as PostgreSQL defines them: what is equal is said in equal words.

Alembic compares the columns of a key, and some of an index. The server knows all there is to say:
conditions, operators, what is included, when it is looked at. It says its own words for what the
models say, too, of a temporary table like the one that is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex

from alambique import private
from alambique.autogenerate.mapped import mapped_names, models_of
from alambique.autogenerate.renames import Step, shown_renames, steps
from alambique.autogenerate.stored import MOST_READINGS, escaped
from alambique.names import TableName

# Where an inspector keeps the definitions that it has read.
KNOWN = "alambique_definitions"

PRIMARY_KEY, UNIQUE, EXCLUSION, INDEX = "p", "u", "x", "i"

# What an index stores it by is the server's affair: models seldom say it, and it changes no row.
DEFINITIONS = sa.text("""
SELECT t.relname AS table, i.relname AS name, coalesce(k.contype::text, 'i') AS kind,
    x.indisunique AS is_unique,
    coalesce(k.condeferrable, false) AS is_deferrable,
    coalesce(k.condeferred, false) AS is_deferred,
    coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false) AS is_null_alike,
    ARRAY(SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY AS c (number, place)
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.number
        WHERE place <= x.indnkeyatts ORDER BY place) AS columns,
    ARRAY(SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY AS c (number, place)
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.number
        WHERE place > x.indnkeyatts ORDER BY place) AS include,
    replace(
        CASE WHEN k.oid IS NULL THEN substr(pg_get_indexdef(i.oid),
            position(format('.%I USING ', t.relname) IN pg_get_indexdef(i.oid))
            + length(format('.%I ', t.relname)))
        ELSE pg_get_constraintdef(k.oid) END,
        coalesce(' WITH (' || (SELECT string_agg(quote_ident(option_name) || '=' ||
            CASE WHEN quote_ident(option_value) = option_value THEN option_value
            ELSE quote_literal(option_value) END, ', ')
            FROM pg_options_to_table(i.reloptions)) || ')', ''),
        '') AS words
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x')
WHERE n.nspname = :schema AND t.relname IN :tables
""").bindparams(sa.bindparam("tables", expanding=True))

TEMPORARY = "SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()"


@dataclass(frozen=True)
class Definition:
    """A key, an exclusion or an index of a table."""

    name: str
    kind: str
    is_unique: bool
    is_deferrable: bool
    is_deferred: bool
    is_null_alike: bool
    """Does NULL equal NULL in it?"""

    columns: tuple[str, ...]
    """Those it has by their name alone."""

    include: tuple[str, ...]
    """Those that it has besides."""

    words: str
    """What its definition says after its name; that of an index, after its table's."""


Definitions = Mapping[str, Definition]
"""By their names."""


@dataclass(frozen=True)
class Options:
    """When a key is looked at, and what else it has."""

    is_deferrable: bool = False
    is_deferred: bool = False
    include: frozenset[str] = frozenset()
    is_null_alike: bool = False
    """Does NULL equal NULL in it?"""

    @property
    def arguments(self) -> dict[str, Any]:
        """What SQLAlchemy's constraint takes."""
        said: dict[str, Any] = {}
        if self.is_deferrable:
            said["deferrable"] = True
        if self.is_deferred:
            said["initially"] = "DEFERRED"
        if self.include:
            said["postgresql_include"] = sorted(self.include)
        if self.is_null_alike:
            said["postgresql_nulls_not_distinct"] = True
        return said


def found_options(definition: Definition) -> Options:
    """Return what the database says of a key."""
    return Options(
        definition.is_deferrable,
        definition.is_deferred,
        frozenset(definition.include),
        definition.is_null_alike,
    )


def mapped_options(key: sa.PrimaryKeyConstraint | sa.UniqueConstraint) -> Options:
    """Return what the models say of one."""
    is_deferred = (key.initially or "").upper() == "DEFERRED"
    said = key.dialect_kwargs
    include = said.get("postgresql_include") or ()
    return Options(
        bool(key.deferrable) or is_deferred,
        is_deferred,
        frozenset(str(getattr(each, "name", each)) for each in include),
        bool(said.get("postgresql_nulls_not_distinct")),
    )


def mapped_name(part: sa.Constraint | sa.Index, dialect: Dialect) -> str | None:
    """Return what a part of a mapped table is called there; None if the server makes a name up."""
    preparer = dialect.identifier_preparer
    if isinstance(part, sa.Index):
        formatted: str | None = preparer.format_index(part)
    else:
        formatted = None if part.name is None else preparer.format_constraint(part)
    return None if formatted is None else str(preparer.unformat_identifiers(formatted)[0])


def found_definitions(context: AutogenContext, table: sa.Table) -> Definitions:
    """Return what a table of the database has; all mapped tables of its schema are read at once.

    Args:
        context: of a comparison with PostgreSQL.
        table: as it was found, columns renamed already.
    """
    inspector = context.inspector
    assert inspector is not None and context.connection is not None
    known: dict[str | None, dict[str, dict[str, Definition]]]
    known = inspector.info_cache.setdefault(KNOWN, {})
    default_schema = context.dialect.default_schema_name
    renames = shown_renames(inspector)

    if table.schema not in known:
        names = mapped_names(models_of(context.migration_context), default_schema)
        here = [renames.old_table(each) for each in names if each.schema == table.schema]
        known[table.schema] = _read(
            context.connection, table.schema or default_schema, [each.name for each in here]
        )

    new = TableName.of(table)
    columns = renames.columns.get(new, {})
    found = known[table.schema].get(renames.old_table(new).name, {})
    return {name: _renamed(each, columns) for name, each in found.items()}


def mapped_words(part: sa.Constraint | sa.Index, dialect: Dialect) -> str:
    """Return what SQLAlchemy says of a part of a mapped table after its name."""
    preparer = dialect.identifier_preparer
    if isinstance(part, sa.Index):
        assert part.table is not None
        sql = str(CreateIndex(part).compile(dialect=dialect))
        words = sql.partition(f" ON {preparer.format_table(part.table)} ")[2]
        words = words if words.startswith("USING ") else f"USING btree {words}"
    else:
        words = private.constraint_sql(part, dialect)
        if part.name is not None:
            words = words.removeprefix(f"CONSTRAINT {preparer.format_constraint(part)} ")
    is_doubled = dialect.paramstyle in ("format", "pyformat")
    return words.replace("%%", "%") if is_doubled else words


def stored_words(
    context: AutogenContext, table: sa.Table, found: Mapping[str, str], mapped: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the server makes of the words of exclusions and indexes.

    What it writes of them it may write otherwise once it has read that itself, as after a dump.

    Args:
        context: of a comparison with PostgreSQL.
        table: as it was found, columns renamed already.
        found: what the database says of each, by any key.
        mapped: what the models say, likewise.

    Returns:
        The words for both, by the same keys; without what it refuses.
    """
    then = _stored(context, table, found, in_old_words=True)
    return _settled(context, table, then), _settled(context, table, dict(mapped))


def _settled(context: AutogenContext, table: sa.Table, words: dict[str, str]) -> dict[str, str]:
    for _ in range(MOST_READINGS):
        again = _stored(context, table, words)
        if again == words:
            break
        words = again
    return words


def _stored(
    context: AutogenContext, table: sa.Table, words: Mapping[str, str], in_old_words: bool = False
) -> dict[str, str]:
    """Return what the server says of parts of a table that are made by such words."""
    with suppress(DBAPIError):
        return _made(context, table, words, in_old_words)

    found = {}
    for key, each in words.items():
        with suppress(DBAPIError):
            found.update(_made(context, table, {key: each}, in_old_words))
    return found


def _made(
    context: AutogenContext, table: sa.Table, words: Mapping[str, str], in_old_words: bool
) -> dict[str, str]:
    """Make the parts on a temporary table, read them, and leave nothing behind.

    The table has the name of the one that is there, which a condition may say.
    """
    connection = context.connection
    assert connection is not None
    if not words:
        return {}

    quote = context.dialect.identifier_preparer.quote
    old = shown_renames(context.inspector).old_table(TableName.of(table))
    there = f"{quote(str(old.schema or context.dialect.default_schema_name))}.{quote(old.name)}"
    temporary = f"pg_temp.{quote(table.name)}"
    names = {key: f"p{number}" for number, key in enumerate(words)}
    renames = [
        f"ALTER TABLE {temporary} RENAME {quote(step.old)} TO {quote(step.new)}"
        for step in _steps(context, table)
    ]
    parts = [_making(names[key], each, temporary) for key, each in words.items()]

    with connection.begin_nested() as savepoint:
        made = [f"CREATE TABLE {temporary} (LIKE {there})"]
        made += [*parts, *renames] if in_old_words else [*renames, *parts]
        for sql in made:
            connection.execute(sa.text(escaped(sql)))
        schema = connection.execute(sa.text(TEMPORARY)).scalar_one()
        found = _read(connection, schema, [table.name])[table.name]
        savepoint.rollback()
    return {key: found[name].words for key, name in names.items()}


def _making(name: str, words: str, table: str) -> str:
    """Return the statement that makes an index, or a constraint, by the words of its definition."""
    if words.startswith("USING "):
        return f"CREATE INDEX {name} ON {table} {words}"
    return f"ALTER TABLE {table} ADD CONSTRAINT {name} {words}"


def _steps(context: AutogenContext, table: sa.Table) -> Iterator[Step[str]]:
    """Yield the renames of a table's columns that a revision is going to begin with."""
    names = shown_renames(context.inspector).columns.get(TableName.of(table), {})
    back = {new: old for old, new in names.items()}
    taken = {back.get(column.name, column.name) for column in table.columns}
    return steps(names, taken)


def _read(
    connection: sa.Connection, schema: str | None, tables: list[str]
) -> dict[str, dict[str, Definition]]:
    """Return the definitions of tables, by the name of the table."""
    found: dict[str, dict[str, Definition]] = {}
    for row in connection.execute(DEFINITIONS, {"schema": schema, "tables": tables}).mappings():
        said = {name: row[name] for name in row if name != "table"}
        said |= {name: tuple(row[name]) for name in ("columns", "include")}
        found.setdefault(row["table"], {})[row["name"]] = Definition(**said)
    return found


def _renamed(definition: Definition, columns: Mapping[str, str]) -> Definition:
    """Return a definition whose columns are called as they will be; its words stay."""
    if not columns:
        return definition
    return replace(
        definition,
        columns=tuple(columns.get(each, each) for each in definition.columns),
        include=tuple(columns.get(each, each) for each in definition.include),
    )
