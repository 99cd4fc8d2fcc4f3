"""Tables that refer to each other in a circle: their keys come after them all, and go before.

SQLite needs none of it, and has no other way to make a key than with its table: there a key may
refer to a table that is not there yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy import Dialect

from alambique.autogenerate.mapped import referred_column
from alambique.names import TableName


def parents_first(parents: Mapping[TableName, set[TableName]]) -> list[TableName]:
    """Return tables in an order in which each comes after those it refers to, as far as it can.

    Args:
        parents: the tables that each of them refers to.
    """
    open_ended = {table: set(others) for table, others in parents.items()}
    while True:
        try:
            return list(TopologicalSorter(open_ended).static_order())
        except CycleError as error:
            parent, table, *_ = error.args[1]
            open_ended[table].discard(parent)


def make_keys_after_tables(upgrade: ops.UpgradeOps, dialect: Dialect) -> None:
    """Have a key to a table that is made later be made after all tables.

    So is one that its model wants to be made so (`use_alter`), of which Alembic makes nothing.

    Args:
        upgrade: the operations, changed in place.
        dialect: of the database.
    """
    if dialect.name == "sqlite":
        return

    created = [op for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]
    later = {_name(op, dialect) for op in created}
    for op in created:
        later.discard(_name(op, dialect))
        keys = [key for key in _keys(op) if key.use_alter or _target(key, dialect) in later]
        if keys:
            op.columns = [part for part in op.columns if not any(part is key for key in keys)]
            made = [ops.AddConstraintOp.from_constraint(key) for key in keys]
            upgrade.ops.append(ops.ModifyTableOps(op.table_name, made, schema=op.schema))


def drop_keys_before_tables(upgrade: ops.UpgradeOps, dialect: Dialect) -> None:
    """Have the keys that close a circle be dropped before its tables.

    Args:
        upgrade: the operations, changed in place.
        dialect: of the database.
    """
    if dialect.name == "sqlite":
        return

    tables = {_name(op, dialect): op for op in upgrade.ops if isinstance(op, ops.DropTableOp)}
    targets = {
        name: {_target(key, dialect) for key in op.to_table().foreign_key_constraints} - {name}
        for name, op in tables.items()
    }
    seen: set[TableName] = set()
    for name in parents_first({name: each & tables.keys() for name, each in targets.items()}):
        seen.add(name)
        if (targets[name] & tables.keys()) - seen:
            _drop_keys_to(upgrade, tables[name], tables.keys() - seen, dialect)


def _drop_keys_to(
    upgrade: ops.UpgradeOps, op: ops.DropTableOp, targets: set[TableName], dialect: Dialect
) -> None:
    """Drop a table's keys to some others apart from the table, and before."""
    table = op.to_table()
    dropped: list[ops.MigrateOperation] = []
    for key in list(table.foreign_key_constraints):
        if _target(key, dialect) in targets:
            dropped.append(ops.DropConstraintOp.from_constraint(key))
            table.constraints.discard(key)

    place = upgrade.ops.index(op)
    upgrade.ops[place] = ops.DropTableOp.from_table(table)
    upgrade.ops.insert(0, ops.ModifyTableOps(op.table_name, dropped, schema=op.schema))


def _keys(op: ops.CreateTableOp) -> Iterator[sa.ForeignKeyConstraint]:
    for part in op.columns:
        if isinstance(part, sa.ForeignKeyConstraint):
            yield part


def _target(key: sa.ForeignKeyConstraint, dialect: Dialect) -> TableName:
    return referred_column(key.elements[0])[0].within(dialect.default_schema_name)


def _name(op: ops.CreateTableOp | ops.DropTableOp, dialect: Dialect) -> TableName:
    return TableName.of_operation(op).within(dialect.default_schema_name)
