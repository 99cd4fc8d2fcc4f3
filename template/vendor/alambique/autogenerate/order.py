"""The order of a revision's operations: what others need comes before them."""

from __future__ import annotations

from enum import IntEnum

from alembic.operations import ops

from alambique.autogenerate.circles import parents_first
from alambique.autogenerate.mapped import referred_column
from alambique.autogenerate.restated import Restate
from alambique.names import TableName

CREATES_CONSTRAINT = (
    ops.CreateCheckConstraintOp,
    ops.CreateForeignKeyOp,
    ops.CreatePrimaryKeyOp,
    ops.CreateUniqueConstraintOp,
)

# What changes a table that is there.
PARTS_OF_TABLE = (ops.ModifyTableOps, Restate)


class Turn(IntEnum):
    """When an operation on a part of a table has its turn, among those on the same table."""

    DROP_KEY = 0
    """A foreign key, or the primary one, whose columns may not be NULL before."""
    MAKE_OR_ALTER_COLUMN = 1
    DROP_NAMESAKE = 2
    """Of an index or a constraint that another of the same name follows."""
    MAKE = 3
    DROP = 4
    DROP_COLUMN = 5
    MAKE_FOREIGN_KEY = 6
    """Last, and so the first to go on the way back: MariaDB holds on to the index under one."""


def in_order(operations: list[ops.MigrateOperation]) -> list[ops.MigrateOperation]:
    """Return a revision's operations so that the way back is the same backwards.

    The operations on each table are put in order in place.
    """
    for modify in operations:
        if isinstance(modify, ops.ModifyTableOps):
            made = {_name(op) for op in modify.ops if not _drops_constraint(op)}
            modify.ops.sort(key=lambda op: (_turn(op, made), _name(op)))

    dropped = {
        TableName.of_operation(op): op for op in operations if isinstance(op, ops.DropTableOp)
    }
    parents = {table: _refers_to(op) & dropped.keys() for table, op in dropped.items()}
    in_turn = [dropped[table] for table in parents_first(parents)]

    others = [op for op in operations if not isinstance(op, ops.DropTableOp)]
    return [*others, *reversed(in_turn)]


def leave_indexes_to_their_table(container: ops.OpContainer) -> None:
    """Take out what is dropped with its table anyway; MariaDB refuses it where a key needs it.

    Not the keys: what is dropped apart from its table is in the way of another one.
    """
    gone = {TableName.of_operation(op) for op in container.ops if isinstance(op, ops.DropTableOp)}
    left: list[ops.MigrateOperation] = []
    for op in container.ops:
        if isinstance(op, PARTS_OF_TABLE) and TableName.of_operation(op) in gone:
            if not isinstance(op, ops.ModifyTableOps):
                continue
            op.ops[:] = [each for each in op.ops if _drops_key(each)]
            if op.is_empty():
                continue
        left.append(op)
    container.ops[:] = left


def _refers_to(op: ops.DropTableOp) -> set[TableName]:
    """Return the other tables that a table refers to."""
    targets = {referred_column(key)[0] for key in op.to_table().foreign_keys}
    return targets - {TableName.of_operation(op)}


def _turn(op: ops.MigrateOperation, made: set[str]) -> Turn:
    if _drops_key(op) or isinstance(op, ops.DropConstraintOp) and op.constraint_type == "primary":
        return Turn.DROP_KEY
    if _drops_constraint(op):
        return Turn.DROP_NAMESAKE if _name(op) in made else Turn.DROP
    if isinstance(op, (ops.AddColumnOp, ops.AlterColumnOp)):
        return Turn.MAKE_OR_ALTER_COLUMN
    if isinstance(op, ops.DropColumnOp):
        return Turn.DROP_COLUMN
    if isinstance(op, ops.CreateForeignKeyOp):
        return Turn.MAKE_FOREIGN_KEY
    return Turn.MAKE


def _drops_key(op: ops.MigrateOperation) -> bool:
    return isinstance(op, ops.DropConstraintOp) and op.constraint_type == "foreignkey"


def _drops_constraint(op: ops.MigrateOperation) -> bool:
    return isinstance(op, (ops.DropIndexOp, ops.DropConstraintOp))


def _name(op: ops.MigrateOperation) -> str:
    """Return the name of what an operation is about; "" leaves it where it stands."""
    if isinstance(op, (ops.CreateIndexOp, ops.DropIndexOp)):
        return str(op.index_name or "")
    if isinstance(op, (*CREATES_CONSTRAINT, ops.DropConstraintOp)):
        return str(op.constraint_name or "")
    if isinstance(op, (ops.AlterColumnOp, ops.DropColumnOp)):
        return str(op.column_name)
    return ""
