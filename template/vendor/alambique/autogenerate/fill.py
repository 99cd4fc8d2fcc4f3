"""Giving the rows that are there a value, before a column of theirs may not be null."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator, TypeEngine

from alambique import messages
from alambique.autogenerate.copies import copied_table
from alambique.autogenerate.stored import escaped, stored_column
from alambique.database.capabilities import capabilities
from alambique.names import ColumnName, TableName
from alambique.text import literal

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


def example_of(type_: TypeEngine[Any], dialect: sa.Dialect) -> str:
    """Return SQL for a value that a column of this type may be filled with, to be shown."""
    plain = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    if isinstance(plain, sa.Enum) and plain.enums:
        return literal(plain.enums[0])
    if isinstance(plain, sa.Boolean):
        return "false"
    if isinstance(plain, (sa.Integer, sa.Numeric)):
        return "0"
    if isinstance(plain, sa.String):
        return "''"
    if isinstance(plain, sa.DateTime):
        return "CURRENT_TIMESTAMP" if dialect.name == "sqlite" else "now()"
    if isinstance(plain, sa.Date):
        return "CURRENT_DATE"
    if isinstance(plain, sa.Time):
        return "CURRENT_TIME"
    if isinstance(plain, sa.JSON):
        return "'{}'"
    if isinstance(plain, sa.Uuid) and dialect.name == "postgresql":
        return "gen_random_uuid()"
    return "'x'"


def require_taken(
    migration: MigrationContext, column: ColumnName, type_: TypeEngine[Any], value: str
) -> None:
    """Try a value for a column's rows, which the upgrade would only find out is none.

    Args:
        migration: connected to a database with the table.
        column: the column, which may be new.
        type_: its type in the models.
        value: SQL.

    Raises:
        CommandError: the database does not take it.
    """
    connection = migration.connection
    assert connection is not None
    dialect = migration.dialect
    said = f"({escaped(value)})"
    if dialect.name == "postgresql":
        said = f"CAST({said} AS {type_.compile(dialect)})"

    tried = sa.text(f"SELECT {said} FROM {_quoted(migration, column.table)} WHERE 1 = 0")
    try:
        with connection.begin_nested():
            connection.execute(tried)
    except DBAPIError as error:
        cause = " ".join(str(error.orig).split())
        asked = {"name": column, "value": value, "cause": cause}
        example = example_of(type_, dialect)
        raise CommandError(messages.FILL_REFUSED.format(example=example, **asked)) from error


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
    return copied_table(table, beside).c[column.key]


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
    table = _quoted(migration, column.table)
    name = migration.dialect.identifier_preparer.quote(column.name)
    return ops.ExecuteSQLOp(f"UPDATE {table} SET {name} = {escaped(value)} WHERE {name} IS NULL")


def _quoted(migration: MigrationContext, table: TableName) -> str:
    quote = migration.dialect.identifier_preparer.quote
    return ".".join(quote(part) for part in (table.schema, table.name) if part)
