"""A name for every key that a revision makes or drops: without one, it could not be dropped again.

A server gives names of its own, which the downgrade cannot know. SQLite gives none: there, what is
dropped is called by the name that a convention, written into the revision, makes for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import Dialect

CONVENTION = {
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
}
# How the line ends that Alembic begins a batch with.
BEGINS_BATCH = ") as batch_op:"

KINDS: dict[type[sa.Constraint], str] = {
    sa.ForeignKeyConstraint: "fk",
    sa.PrimaryKeyConstraint: "pk",
    sa.UniqueConstraint: "uq",
}

Created = ops.CreateForeignKeyOp | ops.CreatePrimaryKeyOp | ops.CreateUniqueConstraintOp


class ModifyNameless(ops.ModifyTableOps):
    """Changes of a table that drop constraints which have no name there."""

    @property
    def convention(self) -> dict[str, str]:
        """What makes the names by which they are dropped."""
        dropped = [op.to_constraint() for op in self.ops if isinstance(op, ops.DropConstraintOp)]
        kinds = {kind for each in dropped if (kind := _kind(each)) is not None}
        return {kind: CONVENTION[kind] for kind in sorted(kinds)}

    def reverse(self) -> ops.ModifyTableOps:
        """Return what undoes them; all that it drops has a name."""
        changes = [op.reverse() for op in reversed(self.ops)]
        return ops.ModifyTableOps(self.table_name, ops=changes, schema=self.schema)


def give_names(upgrade: ops.UpgradeOps, dialect: Dialect) -> None:
    """Give a name to each key and UNIQUE that has none, where a table that is there changes.

    Args:
        upgrade: the operations, changed in place.
        dialect: of the database, which may cut a name that is too long.
    """
    for place, changes in enumerate(upgrade.ops):
        if not isinstance(changes, ops.ModifyTableOps):
            continue
        nameless = _nameless(changes)
        for op in nameless:
            op.constraint_name = _name(op.to_constraint(), dialect)
        if any(isinstance(op, ops.DropConstraintOp) for op in nameless):
            upgrade.ops[place] = ModifyNameless(
                changes.table_name, ops=changes.ops, schema=changes.schema
            )


def _nameless(
    changes: ops.ModifyTableOps,
) -> list[ops.DropConstraintOp | Created]:
    kinds = (
        ops.DropConstraintOp,
        ops.CreateForeignKeyOp,
        ops.CreatePrimaryKeyOp,
        ops.CreateUniqueConstraintOp,
    )
    return [
        op
        for op in changes.ops
        if isinstance(op, kinds) and op.constraint_name is None and _kind(op.to_constraint())
    ]


def _kind(constraint: sa.Constraint) -> str | None:
    return next((kind for type_, kind in KINDS.items() if isinstance(constraint, type_)), None)


def _name(constraint: sa.Constraint, dialect: Dialect) -> str:
    """Return what the convention calls a constraint, cut as the database needs it."""
    metadata = sa.MetaData(naming_convention=CONVENTION)
    copied = constraint.table.to_metadata(metadata)
    kind = type(constraint)
    (named,) = (each for each in copied.constraints if isinstance(each, kind))
    preparer = dialect.identifier_preparer
    return str(preparer.unformat_identifiers(str(preparer.format_constraint(named)))[0])


@renderers.dispatch_for(ModifyNameless)
def _render(context: AutogenContext, changes: ModifyNameless) -> Iterator[str]:
    """Write what Alembic does of the changes, and the convention where they are a batch."""
    said = f", naming_convention={changes.convention!r}"
    for line in renderers.dispatch(ops.ModifyTableOps)(context, changes):
        yield line.replace(BEGINS_BATCH, said + BEGINS_BATCH)
