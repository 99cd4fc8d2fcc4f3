"""A revision that was interrupted where DDL cannot be undone goes on where it stopped.

MariaDB and MySQL commit with every DDL statement, every database does in an `autocommit_block`. So
what each statement of a revision answered is recorded, in the transaction that keeps it. When the
revision runs again it is replayed: each of its statements is matched with the one that was
recorded, and answers what it answered then, without being carried out; the first that was not
recorded is where the revision goes on. What cannot be replayed truly is refused. A finished
revision removes its records as it notes its version: the table is empty when all is well.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext, RevisionStep, StampStep
from sqlalchemy import event
from sqlalchemy.engine import Connection

from alambique import private
from alambique.database.elsewhere import heard_elsewhere
from alambique.database.watched import watched
from alambique.upgrade.lock_check import LockCheck
from alambique.upgrade.lookout import Lookout
from alambique.upgrade.records import Records
from alambique.upgrade.replay import Replay
from alambique.upgrade.server import Server

Step = RevisionStep | StampStep
Steps = Callable[[tuple[str, ...], MigrationContext], Iterable[Step]]
"""What a command of Alembic's does: from the heads of a database to the steps it takes there."""


def with_journal(steps: Steps, lock: LockCheck | None = None) -> Steps:
    """Make the revisions that a command runs resumable.

    Args:
        steps: what the command does; Alembic calls it `fn`.
        lock: asked before anything is in the database for good; None where there is none.

    Returns:
        The same, to be given to `context.configure(fn=...)`.
    """

    def journaled(heads: tuple[str, ...], migration: MigrationContext) -> Iterator[Step]:
        assert migration.connection is not None
        journal = Journal(migration.connection, migration.impl.transactional_ddl, lock)

        try:
            for step in steps(heads, migration):
                if isinstance(step, RevisionStep):
                    step.migration_fn = _resumable(step, journal)
                else:
                    step.migration_fn = _forgetting(step, journal)
                yield step
        finally:
            journal.end()

    return journaled


def interrupted_first(steps: Steps) -> Steps:
    """Have a command go on with the step that was interrupted, before all others.

    Of branches that need nothing of each other, Alembic takes either first, and which one depends
    on where the database is: a step further, another may come first. What was begun stands on what
    is done, so that it may always be the next.

    Args:
        steps: what the command does.
    """

    def ordered(heads: tuple[str, ...], migration: MigrationContext) -> Iterable[Step]:
        found = list(steps(heads, migration))
        if migration.connection is None or migration.as_sql or _is_one_line(found):
            return found
        left = _left(migration.connection)
        return sorted(found, key=lambda step: left is None or _name(step) != left)

    return ordered


def _is_one_line(steps: Iterable[Step]) -> bool:
    """Tell whether there is one order only: each step stands on the one before."""
    return all(
        isinstance(one, RevisionStep) and set(one.to_revisions) == set(other.from_revisions)
        for one, other in pairwise(steps)
    )


def _name(step: Step) -> str | None:
    if not isinstance(step, RevisionStep):
        return None
    return f"{'upgrade' if step.is_upgrade else 'downgrade'} {step.revision.revision}"


def _left(connection: Connection) -> str | None:
    """Return the step that was interrupted, and leave the connection as it was found."""
    was_in_transaction = connection.in_transaction()
    left = Records(connection).left()
    if not was_in_transaction:
        connection.rollback()
    return left.step if left else None


def half_done(connection: Connection) -> str | None:
    """Return the step that was interrupted half-way, such as "upgrade 3f1c0a5d7b21"; None if none.

    Raises:
        CommandError: a version before 2.1 left it.
    """
    left = Records(connection).left()
    connection.rollback()  # reading began a transaction
    return left.step if left else None


def forget_half_done(connection: Connection) -> None:
    """Remove what is recorded of a step: what was half done has been finished by hand."""
    with connection.begin():
        Records(connection).forget()


def commit_what_is_left(ctx: MigrationContext, *_: object, **__: object) -> None:
    """Commit a step whose revision committed Alembic's transaction by itself.

    Alembic calls this as it notes the version: what came after that commit, and the version, would
    be in a transaction that nobody commits.
    """
    if ctx.connection is not None and private.has_lost_transaction(ctx):
        ctx.connection.commit()


def _resumable(step: RevisionStep, journal: Journal) -> Callable[..., None]:
    """Return what a revision does, watched by the journal."""
    name = str(_name(step))
    source = Path(step.revision.path).read_bytes()
    run = step.migration_fn

    @functools.wraps(run)
    def migration_fn(**arguments: Any) -> None:
        with journal.watching(name, hashlib.sha256(source).hexdigest()):
            run(**arguments)

    return migration_fn


def _forgetting(step: StampStep, journal: Journal) -> Callable[..., None]:
    """Return what a stamp does; what was half done has been finished by hand."""
    run = step.migration_fn

    @functools.wraps(run)
    def migration_fn(**arguments: Any) -> None:
        journal.forget()
        run(**arguments)

    return migration_fn


class Journal:
    """The steps of one command, each watched, and what an interrupted command left of one."""

    def __init__(
        self, connection: Connection, transactional_ddl: bool, lock: LockCheck | None = None
    ) -> None:
        """Read and write nothing yet.

        Args:
            connection: the one that the revisions run on.
            transactional_ddl: is DDL undone with its transaction?
            lock: asked before anything is in the database for good; None where there is none.

        Raises:
            InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number of seconds.
        """
        self._server = Server(connection, transactional_ddl, lock)
        self._lookout = Lookout(self._server)
        self._was_read = False

    @contextmanager
    def watching(self, name: str, revision: str) -> Iterator[None]:
        """Replay what was recorded of a step, and record the rest of it.

        Args:
            name: the step's, such as "upgrade 3f1c0a5d7b21".
            revision: the digest of its file.

        Raises:
            CommandError: another step was interrupted before; or this one was, and it cannot be
                replayed truly.
            LockTimeout: a statement of the interrupted command is still being carried out.
        """
        replay = Replay(name, revision, self._server, self._lookout)
        if not self._was_read:
            replay.read()
            self._was_read = True

        with ExitStack() as watching:
            watching.enter_context(watched(self._server.connection, replay))
            watching.enter_context(_elsewhere_watched(self._server, replay))
            watching.enter_context(_indexes_in_order())
            watching.enter_context(self._lookout.at_work())
            try:
                yield
                replay.finish()
            except BaseException as error:
                replay.give_up(error)
                raise

    def end(self) -> None:
        """Hear that there is no other step."""
        self._lookout.end()

    def forget(self) -> None:
        """Remove all records, if there are any."""
        self._server.records.forget_if_any()


@contextmanager
def _elsewhere_watched(server: Server, replay: Replay) -> Iterator[None]:
    """Tell a replay of statements that its revision runs on other connections of SQLAlchemy's."""

    def tell(_: Connection, sql: str) -> None:
        if not server.looks_away:
            replay.goes_elsewhere(sql)

    with heard_elsewhere(server.connection, tell):
        yield


@contextmanager
def _indexes_in_order() -> Iterator[None]:
    """Have the indexes of a new table be made in the same order by every process."""

    def order(table: sa.Table, *_: object, **__: object) -> None:
        private.order_indexes(table)

    event.listen(sa.Table, "before_create", order)
    try:
        yield
    finally:
        event.remove(sa.Table, "before_create", order)
