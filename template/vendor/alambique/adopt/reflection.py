"""A database that was there first: which of its tables are to be mapped, and those as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData
from sqlalchemy.engine.interfaces import ReflectedIndex

from alambique import messages
from alambique.adopt import catalog
from alambique.autogenerate.copies import copied_table
from alambique.database.capabilities import capabilities
from alambique.names import TableName
from alambique.settings import shown_url


def chosen_tables(
    connection: Connection,
    schemas: Collection[str],
    asked: Collection[str],
    left_out: Collection[TableName],
) -> list[TableName]:
    """Return the tables to map: those asked for, or all that are tables.

    Args:
        connection: to the database to read.
        schemas: the schemas to look in; the default one if there is none.
        asked: the tables to take, each written as `orders` or `sales.items`; all if there is
            none.
        left_out: the tables that are mapped already, and those that nobody maps.

    Raises:
        CommandError: something asked for is not there, or nothing is left.
    """
    default_schema = connection.dialect.default_schema_name
    there = _tables(connection, schemas or [str(default_schema)])
    there -= {table.within(default_schema) for table in left_out}

    wanted = {name: _parsed(name, default_schema) for name in asked}
    missing = [name for name, table in wanted.items() if table not in there]
    if missing:
        raise CommandError(messages.NO_TABLE.format(names=", ".join(missing)))
    if not there:
        raise CommandError(messages.NO_TABLES.format(url=shown_url(connection.engine.url)))
    return [table for table in wanted.values() if table is not None] or sorted(there)


def references(
    connection: Connection, tables: Collection[TableName]
) -> dict[TableName, list[TableName]]:
    """Return, for each of these tables, the tables that it refers to.

    Raises:
        CommandError: one of those is not there, as SQLite and MySQL let it be.
    """
    inspector = sa.inspect(connection)
    found: dict[TableName, list[TableName]] = {table: [] for table in tables}
    for schema in {table.schema for table in tables}:
        for (_, name), keys in inspector.get_multi_foreign_keys(schema=schema).items():
            table = TableName(name, schema)
            if table in found:
                found[table] = [
                    TableName(key["referred_table"], key["referred_schema"]) for key in keys
                ]
    _refuse_keys_to_nowhere(inspector, found)
    return found


def _refuse_keys_to_nowhere(
    inspector: sa.Inspector, found: Mapping[TableName, Collection[TableName]]
) -> None:
    others = set().union(*found.values()) - set(found)
    gone = {each for each in others if not inspector.has_table(each.name, each.schema)}
    keys = [
        f"{table} -> {other}"
        for table, referred in sorted(found.items())
        for other in sorted(gone.intersection(referred))
    ]
    if keys:
        raise CommandError(messages.KEYS_TO_NOWHERE.format(keys=", ".join(keys)))


class Reflection:
    """Tables as they are, read once: no name is made up, no other table is followed."""

    def __init__(self, connection: Connection, tables: Iterable[TableName]) -> None:
        """Read these tables."""
        metadata = MetaData()
        for schema, names in _by_schema(tables).items():
            metadata.reflect(connection, schema=schema, only=names, resolve_fks=False)

        self._read = {TableName.of(table): table for table in metadata.tables.values()}
        _sort_expressions(connection, self._read)
        _add_options(connection, self._read)
        _add_deferrability(connection, self._read)
        _add_sequences(connection, self._read)

    def copies(self, tables: Iterable[TableName]) -> MetaData:
        """Return copies of some of them, to be changed at will."""
        metadata = MetaData()
        for table in sorted(tables):
            copied_table(self._read[table], metadata)
        return metadata

    def links_to_one(self) -> dict[TableName, TableName]:
        """Return the tables that are nothing but a link of a table to itself, with that table.

        A relationship over such a link is written with the link's own columns.
        """
        by_name = {table.fullname: name for name, table in self._read.items()}
        found: dict[TableName, TableName] = {}
        for name, table in self._read.items():
            keys = table.foreign_key_constraints
            is_link = len(keys) == 2 and all(column.foreign_keys for column in table.columns)
            # By its name: of a table that is not asked for, what it refers to is not read.
            targets = {key.elements[0].target_fullname.rpartition(".")[0] for key in keys}
            if is_link and len(targets) == 1 and targets <= set(by_name):
                found[name] = by_name[targets.pop()]
        return found


def _add_options(connection: Connection, read: Mapping[TableName, sa.Table]) -> None:
    for option in catalog.options(connection):
        if option.table in read:
            read[option.table].dialect_kwargs[option.name] = option.value


def _add_deferrability(connection: Connection, read: Mapping[TableName, sa.Table]) -> None:
    for table, key, is_deferred in catalog.deferrable_keys(connection):
        if table not in read:
            continue
        for constraint in read[table].constraints:
            if constraint.name == key:
                constraint.deferrable = True
                constraint.initially = "DEFERRED" if is_deferred else None


def _add_sequences(connection: Connection, read: Mapping[TableName, sa.Table]) -> None:
    """Say of a column that counts by a sequence how models say it."""
    for default in catalog.sequence_defaults(connection):
        if default.table in read and default.is_owned:
            # Of a key Alembic makes a SERIAL, whatever the sequence is called; it does not know
            # that of a SMALLINT when it compares.
            column = read[default.table].columns[default.column]
            is_serial = default.is_in_primary_key and not isinstance(column.type, sa.SmallInteger)
            column.server_default = None if is_serial else sa.FetchedValue()


def _tables(connection: Connection, schemas: Collection[str]) -> set[TableName]:
    """Return the tables in these schemas.

    Raises:
        CommandError: a schema is not there.
    """
    inspector = sa.inspect(connection)
    default_schema = connection.dialect.default_schema_name

    readable = {str(default_schema)}
    if capabilities(connection.dialect.name).has_schemas:
        readable = set(inspector.get_schema_names())
    unknown = set(schemas) - readable
    if unknown:
        raise CommandError(messages.NO_SCHEMA.format(names=", ".join(sorted(unknown))))

    found = {
        TableName(name, schema).within(default_schema)
        for schema in schemas
        for name in inspector.get_table_names(None if schema == default_schema else schema)
    }
    return found - catalog.not_tables(connection)


def _parsed(name: str, default_schema: str | None) -> TableName | None:
    """Return the table that a person means; None for what is no name."""
    try:
        return TableName.parse(name).within(default_schema)
    except ValueError:
        return None


def _by_schema(tables: Iterable[TableName]) -> dict[str | None, list[str]]:
    """Return the tables' own names by their schema, the default one last.

    Once a table is read that refers to one of the same name in another schema, `only` mixes the
    two up; those of the default schema have no schema to tell them apart.
    """
    found: dict[str | None, list[str]] = {}
    for table in sorted(tables):
        found.setdefault(table.schema, []).append(table.name)

    if None in found:
        found[None] = found.pop(None)
    return found


def _sort_expressions(connection: Connection, read: Mapping[TableName, sa.Table]) -> None:
    """Give back to indexes the DESC of an expression: SQLAlchemy keeps only that of a column."""
    inspector = sa.inspect(connection)
    for schema in {table.schema for table in read}:
        for (_, name), indexes in inspector.get_multi_indexes(schema=schema).items():
            table = read.get(TableName(name, schema))
            if table is not None:
                _sort_expressions_of(table, indexes)


def _sort_expressions_of(table: sa.Table, reflected: Iterable[ReflectedIndex]) -> None:
    by_name = {str(index.name): index for index in table.indexes}
    for said in reflected:
        sorting = said.get("column_sorting", {})
        for position, part in enumerate(said.get("expressions", [])):
            is_expression = said["column_names"][position] is None
            if is_expression and part in sorting:
                direction = " ".join(sorting[part]).replace("_", " ")
                # A list, though typed as what cannot be changed, and text() may stand in it.
                parts: Any = by_name[str(said["name"])].expressions
                parts[position] = sa.text(f"{part} {direction}")
