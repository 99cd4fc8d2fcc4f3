"""The tables that the models map, looked up by name."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData

from alambique import private
from alambique.names import TableName
from alambique.versions import at_least


def models_of(migration: MigrationContext) -> list[MetaData]:
    """Return the metadata that a comparison is about, as `Ownership.prepare` handed them over."""
    models: list[MetaData] = migration.opts["target_metadata"]
    return models


def mapped_names(models: Iterable[MetaData], default_schema: str | None = None) -> set[TableName]:
    """Return the names of all mapped tables, without their schema where it is the default one."""
    tables = (table for metadata in models for table in metadata.tables.values())
    return {TableName.of(table).within(default_schema) for table in tables}


def mapped_tables(
    models: Iterable[MetaData], name: TableName, default_schema: str | None = None
) -> list[sa.Table]:
    """Return the tables mapped under a name: as a rule one, or none.

    Args:
        models: all metadata.
        name: the table, whether or not it says a default schema.
        default_schema: the schema that a table is in if it says none; None where that is unknown.
    """
    wanted = name.within(default_schema)
    ways = [wanted]
    if wanted.schema is None and default_schema is not None:
        ways.append(TableName(wanted.name, default_schema))

    found = []
    for metadata in models:
        for way in ways:
            # The keys of MetaData.tables are dotted; a name may have dots of its own.
            table = metadata.tables.get(f"{way.schema}.{way.name}" if way.schema else way.name)
            if table is not None and TableName.of(table) == way:
                found.append(table)
    return found


def is_view(table: sa.Table) -> bool:
    """Tell whether a table of the models is a view; before SQLAlchemy 2.1 none is."""
    return at_least("2.1") and table.is_view


def referred_column(key: sa.ForeignKey) -> tuple[TableName, str]:
    """Return the table and the column that a foreign key points at, mapped or not."""
    schema, table, column = private.target_of(key)
    return TableName(table, schema), column or key.parent.key
