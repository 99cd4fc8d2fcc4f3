"""Which columns have a type of PostgreSQL's: now, and after the operations of a revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.dialects.postgresql.base import PGDialect

from alambique.autogenerate.enums import EnumName, native_enum_within
from alambique.names import TableName

# The columns of a type, and of arrays of it. Those of a partition are its table's.
COLUMNS = """
SELECT nullif(n.nspname, current_schema()), c.relname, a.attname,
  pg_get_expr(d.adbin, d.adrelid), a.atttypid = t.typarray
FROM pg_type t
JOIN pg_attribute a ON a.atttypid IN (t.oid, t.typarray)
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE t.oid = to_regtype(:type) AND NOT a.attisdropped AND a.attinhcount = 0
ORDER BY 1 NULLS FIRST, 2, 3
"""


@dataclass(frozen=True)
class EnumColumn:
    """A column of a type, or of arrays of it."""

    table: TableName
    name: str
    default: str | None
    """SQL."""
    is_array: bool


def enum_columns(connection: sa.Connection, type_: str) -> list[EnumColumn]:
    """Return the columns that have a type now, whoever's they are.

    Args:
        connection: to PostgreSQL.
        type_: the type's name, as SQL has it.
    """
    rows = connection.execute(sa.text(COLUMNS), {"type": type_})
    return [
        EnumColumn(TableName(table, schema), name, default, is_array)
        for schema, table, name, default, is_array in rows
    ]


def after(
    columns: Iterable[EnumColumn],
    operations: Iterable[ops.MigrateOperation],
    enum: EnumName,
    dialect: PGDialect,
) -> list[EnumColumn]:
    """Return the columns that have a type once these operations are done.

    Args:
        columns: those that have it before.
        operations: of a revision, in their order.
        enum: the type.
        dialect: says how a default is written.
    """
    found = {(column.table, column.name): column for column in columns}
    for op in _one_by_one(operations):
        if isinstance(op, ops.DropTableOp):
            gone = TableName.of_operation(op)
            found = {place: each for place, each in found.items() if each.table != gone}
        elif isinstance(op, ops.RenameTableOp):
            old = TableName.of_operation(op)
            new = TableName(op.new_table_name, old.schema)
            moved = [
                replace(each, table=new) if each.table == old else each for each in found.values()
            ]
            found = {(each.table, each.name): each for each in moved}
        elif isinstance(op, ops.DropColumnOp):
            found.pop((TableName.of_operation(op), op.column_name), None)
        elif isinstance(op, ops.AlterColumnOp):
            _alter(found, op, enum, dialect)
        else:
            for column in _made(op, enum, dialect):
                found[column.table, column.name] = column
    return list(found.values())


def _one_by_one(operations: Iterable[ops.MigrateOperation]) -> Iterator[ops.MigrateOperation]:
    for op in operations:
        if isinstance(op, ops.OpContainer):
            yield from _one_by_one(op.ops)
        else:
            yield op


def _made(op: ops.MigrateOperation, enum: EnumName, dialect: PGDialect) -> Iterator[EnumColumn]:
    """Yield the columns of a type that an operation makes."""
    if not isinstance(op, (ops.CreateTableOp, ops.AddColumnOp)):
        return
    table = TableName.of_operation(op)
    for part in op.columns if isinstance(op, ops.CreateTableOp) else [op.column]:
        if isinstance(part, sa.Column) and _is_of(part.type, enum):
            is_array = isinstance(part.type, sa.ARRAY)
            yield EnumColumn(table, part.name, _default(part, dialect), is_array)


def _alter(
    found: dict[tuple[TableName, str], EnumColumn],
    op: ops.AlterColumnOp,
    enum: EnumName,
    dialect: PGDialect,
) -> None:
    """Have a column be called otherwise, get or lose the type, or another default."""
    table = TableName.of_operation(op)
    column = found.pop((table, op.column_name), None)
    if op.modify_type is not None:
        is_array = isinstance(op.modify_type, sa.ARRAY)
        default = None if column is None else column.default
        is_of_type = _is_of(op.modify_type, enum)
        column = EnumColumn(table, op.column_name, default, is_array) if is_of_type else None
    if column is None:
        return

    if op.modify_server_default is not False:
        with_default = sa.Column(op.column_name, sa.Text, server_default=op.modify_server_default)
        column = replace(column, default=_default(with_default, dialect))
    column = replace(column, name=op.modify_name or op.column_name)
    found[table, column.name] = column


def _is_of(type_: sa.types.TypeEngine[Any], enum: EnumName) -> bool:
    native = native_enum_within(type_)
    return native is not None and (native.schema, native.name) == enum


def _default(column: sa.Column[Any], dialect: PGDialect) -> str | None:
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    default: str | None = compiler.get_column_default_string(column)
    return default
