"""The constraints that a revision drops, and what of them the models go on saying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from alambique import private
from alambique.autogenerate.checks import check_words, is_still_said, words_in
from alambique.autogenerate.mapped import mapped_tables, models_of, referred_column
from alambique.autogenerate.restated import Restate
from alambique.names import ColumnName, TableName


@dataclass(frozen=True)
class Lost:
    """A constraint that goes, though what it speaks of stays."""

    name: ColumnName
    """Its name, as a part of its table; that of its first column, if it has none."""

    kind: str
    """A key of `messages.CONSTRAINTS`."""


def lost_constraints(migration: MigrationContext, upgrade: ops.UpgradeOps) -> Iterator[Lost]:
    """Yield the constraints after whose drop the database lets in what it kept out.

    Not those that go with their table or with a column, nor those whose promise the models make in
    another way: a key on the same columns, a UNIQUE on fewer, a CHECK that says the same.

    Args:
        migration: connected.
        upgrade: the operations found by comparing.
    """
    dropped_tables = {
        TableName.of_operation(op) for op in upgrade.ops if isinstance(op, ops.DropTableOp)
    }
    for changes in upgrade.ops:
        if not isinstance(changes, ops.ModifyTableOps):
            continue
        table = TableName.of_operation(changes)
        if table in dropped_tables:
            continue

        default_schema = migration.dialect.default_schema_name
        models = mapped_tables(models_of(migration), table, default_schema)
        dropped_columns = {op.column_name for op in changes.ops if isinstance(op, ops.DropColumnOp)}
        made = {
            op.constraint_name for op in changes.ops if isinstance(op, ops.CreateCheckConstraintOp)
        }
        for op in changes.ops:
            if isinstance(op, Restate) and op.lost and not op.columns & dropped_columns:
                yield Lost(table.column(op.lost), "exclusion")
            constraint = _dropped_by(op)
            if constraint is None or _columns(constraint) & dropped_columns:
                continue
            if isinstance(constraint, sa.CheckConstraint) and constraint.name in made:
                continue  # it comes again, and says something else
            if isinstance(constraint, sa.ForeignKeyConstraint):
                target, _ = referred_column(constraint.elements[0])
                if target.within(default_schema) in dropped_tables:
                    continue
            if not any(_is_still_said(migration, constraint, model) for model in models):
                yield _lost(table, constraint)


Guard = (
    sa.CheckConstraint
    | sa.UniqueConstraint
    | sa.PrimaryKeyConstraint
    | sa.ForeignKeyConstraint
    | sa.Index
)


def _dropped_by(op: ops.MigrateOperation) -> Guard | None:
    """Return the constraint that an operation drops; an index is one if it is unique."""
    if isinstance(op, ops.DropIndexOp):
        index = op.to_index()
        return index if index.unique else None
    if isinstance(op, ops.DropConstraintOp):
        constraint = op.to_constraint()
        kinds = (
            sa.CheckConstraint,
            sa.UniqueConstraint,
            sa.PrimaryKeyConstraint,
            sa.ForeignKeyConstraint,
        )
        return constraint if isinstance(constraint, kinds) else None
    return None


def _columns(constraint: Guard) -> set[str]:
    """Return the columns that a constraint speaks of; of a CHECK, all its words."""
    if isinstance(constraint, sa.CheckConstraint):
        return words_in(str(constraint.sqltext))
    return {column.name for column in constraint.columns}


def _is_still_said(migration: MigrationContext, constraint: Guard, model: sa.Table) -> bool:
    """Tell whether a mapped table promises what a constraint of the database does."""
    if isinstance(constraint, sa.CheckConstraint):
        context = AutogenContext(migration)
        return is_still_said(context, constraint.name, check_words(constraint, context), model)

    columns = _columns(constraint)
    there: list[sa.Constraint | sa.Index] = [*model.constraints, *model.indexes]
    parts = [part for part in there if private.is_created_on(part, migration.dialect)]
    if isinstance(constraint, sa.ForeignKeyConstraint):
        keys = [part for part in parts if isinstance(part, sa.ForeignKeyConstraint)]
        return any(_columns(key) == columns for key in keys)
    return any(
        _is_made_anew(part, constraint)
        or (_keeps_unique(part, columns) and _keeps_null_out(part, constraint))
        for part in parts
    )


def _is_made_anew(part: sa.Constraint | sa.Index, dropped: sa.Constraint | sa.Index) -> bool:
    """Tell whether a unique index takes the place of one of its name, on expressions or a part."""
    if not (isinstance(part, sa.Index) and part.unique and part.name == dropped.name):
        return False
    return isinstance(dropped, sa.Index) and (_is_partial(dropped) or _has_expressions(dropped))


def _keeps_unique(part: sa.Constraint | sa.Index, columns: set[str]) -> bool:
    """Tell whether a part of a mapped table lets no two rows have the same in some columns."""
    if isinstance(part, sa.Index):
        if not part.unique or _is_partial(part) or _has_expressions(part):
            return False
    elif not isinstance(part, (sa.UniqueConstraint, sa.PrimaryKeyConstraint)):
        return False
    own = {column.name for column in part.columns}
    return bool(own) and own <= columns


def _keeps_null_out(part: sa.Constraint | sa.Index, dropped: sa.Constraint | sa.Index) -> bool:
    """Tell whether a part of a mapped table keeps out a second NULL, if what is dropped does."""
    is_alike = "postgresql_nulls_not_distinct"
    if isinstance(part, sa.PrimaryKeyConstraint) or not dropped.dialect_kwargs.get(is_alike):
        return True
    return bool(part.dialect_kwargs.get(is_alike))


def _has_expressions(index: sa.Index) -> bool:
    return any(not isinstance(each, sa.Column) for each in index.expressions)


def _is_partial(index: sa.Index) -> bool:
    """Tell whether an index is on some rows only: each database has a `where` of its own."""
    said = index.dialect_kwargs
    return any(name.endswith("_where") and said[name] is not None for name in said)


def _lost(table: TableName, constraint: Guard) -> Lost:
    kinds: dict[type, str] = {
        sa.CheckConstraint: "check",
        sa.UniqueConstraint: "unique",
        sa.PrimaryKeyConstraint: "primary key",
        sa.ForeignKeyConstraint: "foreign key",
    }
    kind = next((name for type_, name in kinds.items() if isinstance(constraint, type_)), "index")
    name = constraint.name or next(iter(constraint.columns.keys()), "")
    return Lost(table.column(str(name)), kind)
