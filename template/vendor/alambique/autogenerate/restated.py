"""Constraints that a revision makes, drops or replaces in the database's own words.

Alembic has no operation for these, or none that says all of it; both ways are one statement each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import Dialect

from alambique.autogenerate.stored import escaped


class Restate(ops.MigrateOperation):
    """A constraint takes the place of another one, or of none."""

    def __init__(
        self,
        table_name: str,
        schema: str | None,
        dropped: str | None,
        added: str | None,
        dialect: Dialect,
    ) -> None:
        """Change nothing yet.

        Args:
            table_name: of its table.
            schema: likewise; None for the default one.
            dropped: the clause of an ALTER TABLE that drops it; None where there is none.
            added: the one that adds the new one, likewise.
            dialect: of the database, which quotes names.
        """
        self.table_name = table_name
        self.schema = schema
        self.dropped = dropped
        self.added = added
        self.dialect = dialect
        self.undone: Restate | None = None

        self.lost: str | None = None
        """The name of the constraint that goes for good, and lets in what it kept out."""
        self.columns: frozenset[str] = frozenset()
        """The columns it is on."""

    @property
    def sql(self) -> str:
        """The statement."""
        quote = self.dialect.identifier_preparer.quote
        parts = [self.schema, self.table_name] if self.schema else [self.table_name]
        clauses = [clause for clause in (self.dropped, self.added) if clause]
        return f"ALTER TABLE {'.'.join(map(quote, parts))} {', '.join(clauses)}"

    def reverse(self) -> ops.MigrateOperation:
        """Return the statement that undoes it."""
        assert self.undone is not None
        return self.undone

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what `alembic check` shows."""
        return ("restate_constraint", self.schema, self.table_name, self.sql)


class DropConstraint(ops.DropConstraintOp):
    """A constraint goes that only the database's own words can make again."""

    way_back: Restate

    @classmethod
    def known_as(cls, constraint: sa.Constraint, words: str, dialect: Dialect) -> DropConstraint:
        """Return the drop of a constraint of the database.

        Args:
            constraint: as it was read.
            words: what the database says of it after its name.
            dialect: of the database, which quotes names.
        """
        drop = cls.from_constraint(constraint)
        assert isinstance(drop, cls)
        name = dialect.identifier_preparer.quote(str(constraint.name))
        added = f"ADD CONSTRAINT {name} {words}"
        drop.way_back = Restate(drop.table_name, drop.schema, None, added, dialect)
        return drop

    def reverse(self) -> Any:
        """Return the statement that makes it again."""
        return self.way_back


def restated(
    table: sa.Table,
    name: str,
    *,
    before: str | None,
    after: str | None,
    dialect: Dialect,
    new_name: str | None = None,
) -> Restate:
    """Return the operation that replaces a constraint, and knows its way back.

    Args:
        table: that it is on.
        name: of what is there.
        before: what is there, as the database says it after the name; None where nothing is.
        after: what is to be there, likewise.
        dialect: of the database, which quotes names.
        new_name: of what is to be there, if that is another one.
    """
    quote = dialect.identifier_preparer.quote
    old, new = quote(name), quote(new_name or name)
    drop_old, drop_new = f"DROP CONSTRAINT {old}", f"DROP CONSTRAINT {new}"
    add_old, add_new = f"ADD CONSTRAINT {old} {before}", f"ADD CONSTRAINT {new} {after}"
    return exchanged(
        table.name,
        table.schema,
        up=(before and drop_old, after and add_new),
        down=(after and drop_new, before and add_old),
        dialect=dialect,
    )


def exchanged(
    table_name: str,
    schema: str | None,
    *,
    up: tuple[str | None, str | None],
    down: tuple[str | None, str | None],
    dialect: Dialect,
) -> Restate:
    """Return a statement that drops and adds clauses of an ALTER TABLE, and knows its way back.

    Args:
        table_name: of the table.
        schema: likewise; None for the default one.
        up: the clause that drops, and the one that adds; None where there is none.
        down: those of the way back.
        dialect: of the database, which quotes names.
    """
    there, back = (Restate(table_name, schema, *clauses, dialect) for clauses in (up, down))
    there.undone, back.undone = back, there
    return there


def apart(operations: list[ops.MigrateOperation]) -> list[ops.MigrateOperation]:
    """Return the operations of a revision, with what is one statement outside of any batch.

    A batch collects what it does for its end; a statement in it would run before all of that.
    """
    return [part for each in operations for part in _parts(each)]


def _parts(operation: ops.MigrateOperation) -> Iterator[ops.MigrateOperation]:
    if not isinstance(operation, ops.ModifyTableOps):
        yield operation
        return

    together: list[ops.MigrateOperation] = []
    for each in [*operation.ops, None]:
        if each is not None and not isinstance(each, Restate):
            together.append(each)
            continue
        if together:
            yield ops.ModifyTableOps(operation.table_name, together, schema=operation.schema)
            together = []
        if each is not None:
            yield each


@renderers.dispatch_for(Restate)
def _render(context: AutogenContext, operation: Restate) -> Any:
    written = ops.ExecuteSQLOp(escaped(operation.sql))
    return renderers.dispatch(written)(context, written)
