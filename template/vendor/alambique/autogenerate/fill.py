"""Giving the rows that are there a value, before a column of theirs may not be null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from alambique.names import ColumnName, TableName

Fills = dict[ColumnName, str | None]
"""SQL expressions, by the column they are for; None where nobody gave one."""


def fill(
    migration: MigrationContext, upgrade: ops.UpgradeOps, values: Mapping[ColumnName, str | None]
) -> None:
    """Put the statements that fill columns between the operations of an upgrade.

    A new column comes without its NOT NULL, is filled, and gets it then; one that is there is
    filled before it gets its NOT NULL.

    Args:
        migration: says how the database quotes a name.
        upgrade: the operations, changed in place.
        values: SQL expressions by column.
    """
    done: list[ops.MigrateOperation] = []
    for change in upgrade.ops:
        parts = change.ops if isinstance(change, ops.ModifyTableOps) else []
        before: list[ops.MigrateOperation] = []
        after: list[ops.MigrateOperation] = []

        for op in parts:
            if isinstance(op, ops.AddColumnOp):
                column = TableName.of_operation(op).column(str(op.column.name))
                value = values.get(column)
                if value is not None:
                    op.column = _nullable_copy(op.column)
                    after += [_update(migration, column, value), _require(op)]
            elif isinstance(op, ops.AlterColumnOp):
                column = TableName.of_operation(op).column(str(op.column_name))
                value = values.get(column)
                if value is not None:
                    before.append(_update(migration, column, value))

        done += [*before, change, *after]
    upgrade.ops[:] = done


def _nullable_copy(column: sa.Column[Any]) -> sa.Column[Any]:
    """Return a column like a model's, which stays as it is, but without its NOT NULL."""
    table = column.table
    beside = sa.MetaData(naming_convention=table.metadata.naming_convention)
    copy = table.to_metadata(beside).c[column.key]
    copy.nullable = True
    return copy


def _require(op: ops.AddColumnOp) -> ops.ModifyTableOps:
    """Return the operation that gives a new column its NOT NULL."""
    alter = ops.AlterColumnOp(
        op.table_name,
        op.column.name,
        schema=op.schema,
        existing_type=op.column.type,
        modify_nullable=False,
    )
    return ops.ModifyTableOps(op.table_name, [alter], schema=op.schema)


def _update(migration: MigrationContext, column: ColumnName, value: str) -> ops.ExecuteSQLOp:
    quote = migration.dialect.identifier_preparer.quote
    table = ".".join(quote(part) for part in (column.table.schema, column.table.name) if part)
    name = quote(column.name)
    expression = value.replace(":", "\\:")  # a colon would begin a parameter
    return ops.ExecuteSQLOp(f"UPDATE {table} SET {name} = {expression} WHERE {name} IS NULL")
