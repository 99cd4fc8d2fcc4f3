"""What the models mark as not ours: `info={"skip_autogenerate": True}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy import MetaData

from alambique.autogenerate.mapped import mapped_tables, referred_column
from alambique.names import TableName

MARK = "skip_autogenerate"


def is_marked(item: object, models: Sequence[MetaData], default_schema: str | None = None) -> bool:
    """Tell whether a table or a part of one carries the mark, or depends on what does.

    What was read from the database carries no mark: it is looked up by name in the models.

    Args:
        item: a table, a column, a constraint or an index; of anything else the answer is no.
        models: the metadata of all models.
        default_schema: the schema that a table is in if it says none; None where that is unknown.
    """
    if _carries_mark(item):
        return True
    if not isinstance(item, (sa.Column, sa.Constraint, sa.Index)) or _table_of(item) is None:
        return False

    for owner, names in _depends_on(item):
        for table in mapped_tables(models, owner, default_schema):
            if _carries_mark(table) or _has_marked_column(table, names):
                return True
    return False


def _depends_on(
    item: sa.Column[object] | sa.Constraint | sa.Index,
) -> Iterator[tuple[TableName, set[str]]]:
    """Yield each table that a part of one depends on, with what may be columns of it."""
    names = set() if item.name is None else {str(item.name)}
    if isinstance(item, (sa.schema.ColumnCollectionConstraint, sa.Index)):
        names |= {column.name for column in item.columns}
    if isinstance(item, sa.CheckConstraint):
        names |= set(re.findall(r"\w+", str(item.sqltext)))
    table_of_item = _table_of(item)
    assert table_of_item is not None
    yield TableName.of(table_of_item), names

    if isinstance(item, sa.ForeignKeyConstraint):
        for key in item.elements:
            table, column = referred_column(key)
            yield table, {column}


def _table_of(item: sa.Column[object] | sa.Constraint | sa.Index) -> sa.Table | None:
    if isinstance(item, sa.CheckConstraint) and isinstance(item.parent, sa.Column):
        return item.parent.table  # it was written beside the column
    return item.table


def _has_marked_column(table: sa.Table, names: set[str]) -> bool:
    return any(
        _carries_mark(column) for column in table.columns if names & {column.name, column.key}
    )


def _carries_mark(item: object) -> bool:
    # Extensions of Alembic's compare objects of their own: they need not have `info`.
    info = getattr(item, "info", None) or {}
    return bool(info.get(MARK))
