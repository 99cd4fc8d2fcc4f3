"""Foreign keys of the models that refer to what no model maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import MetaData
from sqlalchemy.exc import NoReferencedColumnError, NoReferencedTableError

from alambique import private
from alambique.names import ColumnName, TableName


def keys_to_nothing(models: Iterable[MetaData]) -> list[tuple[ColumnName, TableName | ColumnName]]:
    """Return the columns whose key leads nowhere, each with the table or column that is missing.

    Args:
        models: all metadata.
    """
    return sorted(_dangling(models), key=lambda found: found[0])


def _dangling(
    models: Iterable[MetaData],
) -> Iterator[tuple[ColumnName, TableName | ColumnName]]:
    tables = (table for metadata in models for table in metadata.tables.values())
    for table in tables:
        for key in table.foreign_keys:
            column = TableName.of(table).column(key.parent.name)
            schema, name, referred = private.target_of(key)
            missing = TableName(name, schema)
            try:
                _ = key.column
            except NoReferencedTableError:
                yield column, missing
            except NoReferencedColumnError:
                yield column, missing.column(referred or key.parent.key)
