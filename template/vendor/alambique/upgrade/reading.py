"""A downgrade whose statements are read, and none of them carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy.engine import Connection

from alambique.database.answers import Answer
from alambique.database.aside import Aside
from alambique.database.changes import changes
from alambique.database.contents import tables
from alambique.database.watched import Statement
from alambique.upgrade.loss import Losses
from alambique.upgrade.statements import first_word, only_reads
from alambique.upgrade.tally import Tally, schemas
from alambique.upgrade.watching import Watching, undo_all, walk


def read(
    migration: MigrationContext, connection: Connection, steps: Sequence[RevisionStep]
) -> Losses:
    """Return what a downgrade loses, by what its statements say.

    Args:
        migration: what Alembic made of the connection.
        connection: the same connection, in no transaction.
        steps: the revisions that are undone, the newest first.

    Raises:
        DBAPIError: the server refuses a query of the first step, or a table is busy.
    """
    connection.begin()
    # A function in a query may write: here, none can.
    Aside(connection).query("START TRANSACTION READ ONLY")
    reading = Reading()
    found = Losses(untold=walk(migration, connection, steps, reading))

    changed = [
        (revision, change) for revision, sql in reading.written(steps) for change in changes(sql)
    ]
    tally = Tally(
        connection,
        before=tables(connection, others=schemas(change for _, change in changed)),
        untold=found.untold,
    )
    for revision, change in changed:
        tally.take(revision, change)

    undo_all(connection)  # what is tried from here on is in tables of ours
    tally.try_types()
    found.known = list(tally.losses())
    return found


class Reading(Watching):
    """Takes the statements of a downgrade, and lets none but queries be carried out."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[list[str]] = [[]]

    def written(self, steps: Sequence[RevisionStep]) -> Iterator[tuple[str, str]]:
        """Yield the statements of the steps that were read, each with its revision."""
        for step, taken in zip(steps, self._steps[:-1], strict=False):
            for sql in taken:
                yield step.revision.revision, sql

    def between_steps(self) -> None:
        """Go on to the next step; raise what was not to be caught in this one.

        Raises:
            CannotTell: the step asked for what is not there, as nothing was carried out.
        """
        self.require_told()
        self._steps.append([])

    def give_up(self) -> bool:
        """Keep nothing of the step that cannot be told of; those before it are kept."""
        self._steps[-1] = []
        return True

    def autocommit_block(self) -> AbstractContextManager[None]:
        """Do nothing about transactions."""
        return nullcontext()

    def perform(self, statement: Statement) -> Answer:
        """Answer a query as long as nothing is different from what it would read."""
        self.require_told()
        sql = statement.sql
        if only_reads(sql) and first_word(sql) not in {"SET", "USE", "BEGIN"}:
            if any(self._steps):
                raise self.cannot(sql)
            return statement.execute(sql)
        self._steps[-1].append(sql)
        return Answer(rowcount=0)

    def commit(self, commit: Callable[[], None]) -> None:
        """Keep nothing: nothing was done."""

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Undo nothing: nothing was done."""
