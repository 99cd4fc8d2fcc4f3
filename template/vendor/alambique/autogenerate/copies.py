"""Copies of tables, for looking at them or changing them while the tables stay as they are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def copied_table(table: sa.Table, metadata: sa.MetaData) -> sa.Table:
    """Return a copy of a table in another metadata, its types in the schemas that they are in.

    SQLAlchemy 2.1 copies a table's enums into the schema of the table.

    Args:
        table: what is copied.
        metadata: where the copy belongs.
    """
    copied = table.to_metadata(metadata)
    for column in table.columns:
        same: sa.Column[Any] = copied.columns[column.key]
        same.type = column.type
    return copied
