"""Giving the rows that are there a value, before a column of theirs may not be null."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from alambique.autogenerate.stored import escaped, stored_column
from alambique.database.capabilities import capabilities
from alambique.names import ColumnName, TableName

Fills = dict[ColumnName, str | None]
"""SQL expressions, by the column they are for; None where nobody gave one."""


def fill(
    migration: MigrationContext, upgrade: ops.UpgradeOps, values: Mapping[ColumnName, str | None]
) -> None:
    """Put the statements that fill columns between the operations of an upgrade.

    A new column comes with its value as a default, which goes again: an UPDATE would fire triggers
    and ON UPDATE on every row. Where the value cannot be a default, the column comes without its
    NOT NULL, is filled, and gets it then; one that is there is filled before it gets its NOT NULL.

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
                if value is None:
                    continue
                default = _default(migration, op.column, value)
                op.column = _copy(op.column)
                if default is not None:
                    op.column.server_default = default
                    after.append(_forget_default(op))
                else:
                    op.column.nullable = True
                    after += [_update(migration, column, value), _require(op)]
            elif isinstance(op, ops.AlterColumnOp):
                column = TableName.of_operation(op).column(str(op.column_name))
                value = values.get(column)
                if value is not None:
                    before.append(_update(migration, column, value))

        done += [*before, change, *after]
    upgrade.ops[:] = done


def _default(
    migration: MigrationContext, column: sa.Column[Any], value: str
) -> sa.DefaultClause | None:
    """Return a value as the default of a new column, if rows get by it what an UPDATE gives them.

    Returns:
        None where the database takes it for no default, as it speaks of other columns, or where it
        might be worked out once for all rows instead of for each.
    """
    default = sa.DefaultClause(sa.text(f"({escaped(value)})"))
    context = AutogenContext(migration)
    if stored_column(context, sa.Column("c", column.type, server_default=default)) is None:
        return None
    assert migration.connection is not None
    each_row_for_itself = capabilities(migration.dialect.name).default_for_each_row
    if each_row_for_itself or _is_one_value(migration.connection, value):
        return default
    return None


def _is_one_value(connection: sa.Connection, value: str) -> bool:
    """Tell whether an expression is the same in every row."""
    rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 64)"
    query = f"{rows} SELECT DISTINCT ({escaped(value)}) FROM n"
    with suppress(DBAPIError):
        return len(connection.execute(sa.text(query)).all()) == 1
    return False


def _copy(column: sa.Column[Any]) -> sa.Column[Any]:
    """Return a column like a model's, which stays as it is."""
    table = column.table
    beside = sa.MetaData(naming_convention=table.metadata.naming_convention)
    return table.to_metadata(beside).c[column.key]


def _forget_default(op: ops.AddColumnOp) -> ops.ModifyTableOps:
    """Return the operation that takes the default of a new column away again."""
    return _altered(op, existing_nullable=False, modify_server_default=None)


def _require(op: ops.AddColumnOp) -> ops.ModifyTableOps:
    """Return the operation that gives a new column its NOT NULL."""
    return _altered(op, modify_nullable=False)


def _altered(op: ops.AddColumnOp, **options: Any) -> ops.ModifyTableOps:
    alter = ops.AlterColumnOp(
        op.table_name, op.column.name, schema=op.schema, existing_type=op.column.type, **options
    )
    return ops.ModifyTableOps(op.table_name, [alter], schema=op.schema)


def _update(migration: MigrationContext, column: ColumnName, value: str) -> ops.ExecuteSQLOp:
    quote = migration.dialect.identifier_preparer.quote
    table = ".".join(quote(part) for part in (column.table.schema, column.table.name) if part)
    name = quote(column.name)
    return ops.ExecuteSQLOp(f"UPDATE {table} SET {name} = {escaped(value)} WHERE {name} IS NULL")
