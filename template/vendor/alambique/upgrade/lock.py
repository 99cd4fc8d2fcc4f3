"""One migrator at a time on each database: the others wait, and then find nothing left to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from alambique import messages
from alambique.database import sqlite
from alambique.database.capabilities import Lock, capabilities
from alambique.database.errors import unavailable_as_sentence
from alambique.database.pooler import is_pooled
from alambique.settings import is_sqlite_file
from alambique.settings.url import ON_A_LOOP
from alambique.upgrade.galera import is_node
from alambique.upgrade.lease import Lease
from alambique.upgrade.lock_check import Question
from alambique.upgrade.pooled import PooledLease
from alambique.upgrade.sentinel import SentinelFile
from alambique.upgrade.session_lock import AdvisoryLock, NamedLock, SessionLock
from alambique.upgrade.waiting import LockLost, Wait

log = logging.getLogger("alembic.runtime.migration")


def writes(migration: MigrationContext) -> bool:
    """Tell whether this command may write: not revision, check, current and their like."""
    return "destination_rev" in migration.opts and migration.connection is not None


@dataclass(frozen=True)
class Decision:
    """What a command found, and whether there is something to do."""

    heads: tuple[str, ...]
    """The revisions the database is at."""

    has_work: bool


def decide(migration: MigrationContext) -> Decision:
    """Find out whether a command that may write will: an upgrade at its goal does not.

    What was found without the lock may be otherwise a moment later: to do nothing, it is enough; to
    do something, it is asked again under the lock.

    Raises:
        CommandError: the goal, or the database's own revision, is not in the history.
    """
    assert migration.connection is not None
    heads = () if migration.purge else migration.get_current_heads()
    migration.connection.rollback()  # reading began a transaction; the migration needs its own

    if not heads:  # it makes the version table, at least
        return Decision(heads, has_work=True)
    steps = migration.opts["fn"](heads, migration)
    return Decision(heads, has_work=any(True for _ in steps))


class Part(Protocol):
    """One of the locks that are the migration lock together."""

    name: str

    def take(self, wait: Wait) -> None:
        """Wait until it is ours."""

    def is_held(self) -> bool:
        """Tell whether it is still ours."""

    def release(self) -> None:
        """Give it back."""


class MigrationLock:
    """The lock of a command's database: one migrator has it, and looks at it as it commits.

    It is a `LockCheck`.
    """

    def __init__(self, connection: Connection) -> None:
        """Take nothing yet.

        Args:
            connection: the one that migrates.
        """
        self._connection = connection
        self._driver_error = connection.dialect.loaded_dbapi.Error
        self._taken: list[Part] = []
        self._is_lost = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock, and let nothing be committed once it is gone.

        Waits at most MIGRATION_LOCK_WAIT seconds (60) for another migrator. What a process held
        goes with the process.

        Raises:
            LockTimeout: another migrator holds the lock.
            LockLost: it was ours, and is no more; what was not committed is undone.
            DatabaseUnavailable: the database does not let us in.
            CommandError: it is a kind of database that migrations do not know.
            InvalidSetting: MIGRATION_LOCK_WAIT is no number.
        """
        wait = Wait()
        is_done = False
        try:
            with unavailable_as_sentence(self._connection.engine.url):
                for part in _parts(self._connection):
                    part.take(wait)
                    self._taken.append(part)

            self._connection.execution_options(**{sqlite.WRITES: True})
            event.listen(self._connection, "commit", self._before_commit)
            try:
                yield
                is_done = True
            finally:
                event.remove(self._connection, "commit", self._before_commit)
        finally:
            self._release(is_done)

    def check(self) -> None:
        """Make sure that the lock is still ours; without one, there is nothing to make sure of.

        Raises:
            LockLost: it is not, or nobody can tell.
        """
        try:
            for part in self._taken:
                if self._is_lost or not part.is_held():
                    raise self._lost(part.name)
        except self._driver_error as error:
            raise self._lost(error) from error

    def question(self) -> Question | None:
        """Return what a query can ask instead of `check`; None where only that can tell."""
        match self._taken:
            case [SessionLock() as part] if not self._is_lost:
                return part.question()
        return None

    def hear(self, question: Question) -> None:
        """Take the answer to what was asked along with a query.

        Raises:
            LockLost: the lock is not ours.
        """
        if not question.answer:
            raise self._lost(self._taken[0].name)

    def _before_commit(self, _connection: Connection) -> None:
        if not self._connection.invalidated:  # else there is nothing that could be committed
            self.check()

    def _lost(self, cause: object) -> LockLost:
        self._is_lost = True
        return LockLost(messages.LOCK_LOST.format(cause=cause))

    def _release(self, is_done: bool) -> None:
        """Give back what was taken; that it cannot be is no failure of what has been done.

        Args:
            is_done: it has been; else somebody has heard of the failure already.
        """
        for give_back in (self._undo, *(part.release for part in reversed(self._taken))):
            try:
                give_back()
            except (DBAPIError, self._driver_error) as error:
                # A pool would hand the lock on, with the session.
                self._connection.invalidate()
                if is_done:
                    log.warning(messages.LOCK_NOT_RELEASED.format(cause=error))
        self._taken.clear()

    def _undo(self) -> None:
        """Undo what is not committed: where a COMMIT was refused, SQLAlchemy thinks that it is."""
        self._connection.rollback()
        if not self._connection.invalidated:
            self._connection.connection.rollback()


def _parts(connection: Connection) -> Iterator[Part]:
    """Yield the locks that this database needs, in the order in which they are taken."""
    url = connection.engine.url
    match capabilities(connection.dialect.name).lock:
        case Lock.SENTINEL_FILE:
            if is_sqlite_file(url):  # a database in memory has nobody else
                yield SentinelFile(str(url.database))
        case Lock.ADVISORY if is_pooled(connection):
            if connection.dialect.driver in ON_A_LOOP:  # it prepares what the next session lacks
                raise CommandError(
                    messages.POOLER_AND_ASYNC.format(driver=connection.dialect.driver)
                )
            log.warning(messages.POOLER)
            yield PooledLease(connection)
        case Lock.ADVISORY:
            yield AdvisoryLock(connection)
        case Lock.NAMED:
            yield NamedLock(connection)
            if is_node(connection):  # its GET_LOCK is its own
                yield Lease(connection)
