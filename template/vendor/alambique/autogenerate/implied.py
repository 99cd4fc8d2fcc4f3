"""The index that MySQL and MariaDB make for a foreign key, and leave when that goes."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult

MYSQL = ("mysql", "mariadb")


class ImpliedIndex(ops.MigrateOperation):
    """The server makes an index for a new key, under its name: nothing is written of it."""

    def __init__(self, key: ops.CreateForeignKeyOp) -> None:
        """Note the key that it is made for; a name may be given to it later."""
        self.key = key
        self.table_name = key.source_table
        self.schema: str | None = key.kw.get("source_schema")

    def reverse(self) -> ops.DropIndexOp:
        """Return the drop that the server does not do by itself."""
        constraint = self.key.to_constraint()
        index = sa.Index(str(self.key.constraint_name), *constraint.columns)
        return ops.DropIndexOp.from_index(index)

    def to_diff_tuple(self) -> tuple[str, str]:
        """Return what `alembic check` shows."""
        return ("implied_index", str(self.key.constraint_name))


def compare_implied_indexes(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found_table: sa.Table | None,
    mapped_table: sa.Table | None,
) -> PriorityDispatchResult:
    """Have the index under a foreign key go with it, in an upgrade and on the way back.

    Alembic passes over an index on the columns of a key, and would find it once the key is gone.
    """
    if found_table is None or mapped_table is None or context.dialect.name not in MYSQL:
        return PriorityDispatchResult.CONTINUE

    # Alembic makes each index of a table again, beside the one that was read.
    found = {str(index.name): index for index in found_table.indexes}
    dropped = {op.index_name for op in changes.ops if isinstance(op, ops.DropIndexOp)}
    for name in dropped:
        found.pop(str(name), None)

    for op in list(changes.ops):
        if isinstance(op, ops.CreateForeignKeyOp):
            there = [
                *_columns_of_indexes(mapped_table),
                *(each.columns.keys() for each in found.values()),
            ]
            if not any(_leads(op.local_cols, columns) for columns in there):
                changes.ops.append(ImpliedIndex(op))

    constraints = [op.to_constraint() for op in changes.ops if isinstance(op, ops.DropConstraintOp)]
    gone = [key.columns.keys() for key in constraints if isinstance(key, sa.ForeignKeyConstraint)]
    needed = [key.columns.keys() for key in mapped_table.foreign_key_constraints]
    mapped = {str(index.name) for index in mapped_table.indexes}
    for name, index in sorted(found.items()):
        columns = index.columns.keys()
        is_under = any(_leads(key, columns) for key in gone)
        is_needed = any(_leads(key, columns) for key in needed)
        if not is_under or is_needed or index.unique or name in mapped:
            continue
        if context.run_object_filters(index, index.name, "index", True, None):
            changes.ops.append(ops.DropIndexOp.from_index(index))
    return PriorityDispatchResult.CONTINUE


def _columns_of_indexes(table: sa.Table) -> Iterator[list[str]]:
    """Yield the columns of each index that a mapped table says, or that comes with a constraint."""
    for index in table.indexes:
        yield [str(column.name) for column in index.columns]
    for constraint in table.constraints:
        if isinstance(constraint, (sa.UniqueConstraint, sa.PrimaryKeyConstraint)):
            yield [column.name for column in constraint.columns]


def _leads(key: list[str], columns: list[str]) -> bool:
    """Tell whether an index begins with the columns of a key."""
    return [*columns[: len(key)]] == [*key]


@renderers.dispatch_for(ImpliedIndex)
def _render(context: AutogenContext, op: ImpliedIndex) -> list[str]:
    return []
