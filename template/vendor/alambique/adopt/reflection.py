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
from alambique.autogenerate.discovery import load_metadata
from alambique.autogenerate.mapped import mapped_names
from alambique.database.capabilities import capabilities
from alambique.names import TableName
from alambique.settings import shown_url


def chosen_tables(
    connection: Connection,
    schemas: Collection[str],
    asked: Collection[str],
    kept_by_migrations: Collection[TableName],
) -> list[TableName]:
    """Return the tables to map: those asked for, or all that are tables and not mapped yet.

    Args:
        connection: to the database to read.
        schemas: the schemas to look in; the default one if there is none.
        asked: the tables to take, each written as `pedidos` or `vendas.itens`; all if there is
            none.
        kept_by_migrations: the tables that nobody maps.

    Raises:
        CommandError: something asked for is not there, or nothing is left.
        ModelImportError: a model that there is already cannot be imported.
        InvalidSetting: a setting that the application needs is missing or malformed.
    """
    default_schema = connection.dialect.default_schema_name
    there = _unmapped_tables(connection, schemas or [str(default_schema)])
    there -= {table.within(default_schema) for table in kept_by_migrations}

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
    """Return, for each of these tables, the tables that it refers to."""
    inspector = sa.inspect(connection)
    found: dict[TableName, list[TableName]] = {table: [] for table in tables}
    for schema in {table.schema for table in tables}:
        for (_, name), keys in inspector.get_multi_foreign_keys(schema=schema).items():
            table = TableName(name, schema)
            if table in found:
                found[table] = [
                    TableName(key["referred_table"], key["referred_schema"]) for key in keys
                ]
    return found


def reflect(connection: Connection, tables: Iterable[TableName]) -> MetaData:
    """Read tables as they are: no name is made up, no other table is followed."""
    metadata = MetaData()
    for schema, names in _by_schema(tables).items():
        metadata.reflect(connection, schema=schema, only=names, resolve_fks=False)

    read = {TableName.of(table): table for table in metadata.tables.values()}
    _sort_expressions(connection, read)

    for option in catalog.options(connection):
        if option.table in read:
            read[option.table].dialect_kwargs[option.name] = option.value

    for default in catalog.sequence_defaults(connection):
        if default.table in read and default.is_owned:
            # Of a key Alembic makes a SERIAL, whatever the sequence is called.
            column = read[default.table].columns[default.column]
            column.server_default = None if default.is_in_primary_key else sa.FetchedValue()
    return metadata


def _unmapped_tables(connection: Connection, schemas: Collection[str]) -> set[TableName]:
    """Return the tables in these schemas that no model maps.

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

    there = {
        TableName(name, schema).within(default_schema)
        for schema in schemas
        for name in inspector.get_table_names(None if schema == default_schema else schema)
    }
    mapped = mapped_names(load_metadata(), default_schema)
    return there - mapped - catalog.not_tables(connection)


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
