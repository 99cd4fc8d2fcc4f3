"""Revisions that meet a busy table let its readers through, and try again."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import TypeVar

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.exc import CompileError, DBAPIError, InvalidRequestError

from alambique import messages
from alambique.database.error_codes import BUSY, codes
from alambique.upgrade.waiting import LockLost, LockTimeout, lock_wait

log = logging.getLogger("alembic.runtime.migration")

Result = TypeVar("Result")

# Steps from where the database is, of any branch or of one: "+2", "stock@-1".
STEPS = re.compile(r"(?:.+@)?[+-]\d+")

# Seconds before the first new attempt; each pause is twice as long as the one before, up to this.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0


def retry_when_busy(migration: MigrationContext, run: Callable[[], Result]) -> Result:
    """Run the migrations; where a table is busy, undo, let its readers through, and try again.

    A statement waits MIGRATION_LOCK_TIMEOUT seconds (5) for its table: everybody who wants the
    table queues behind it. All tries together last about MIGRATION_LOCK_WAIT seconds (60).

    Args:
        migration: what Alembic made of the connection and of `context.configure`.
        run: runs the migrations, `context.run_migrations`, or reads.

    Returns:
        What `run` returned.

    Raises:
        LockTimeout: the table stayed busy.
        LockLost: the database closed the connection.
        CommandError: the database refused a statement, or cannot do what a revision says.
        InvalidSetting: MIGRATION_LOCK_WAIT is no number.
    """
    start: tuple[str, ...] | None = None
    busy: DBAPIError | None = None
    waiting = Waiting()

    while True:
        try:
            if counts_steps(migration):
                heads = _current_heads(migration)
                if start is not None and heads != start:
                    raise _table_busy(busy) from busy
                start = heads
            return run()
        except CompileError as error:  # such as a String without a length on MariaDB
            raise CommandError(messages.NOT_SPOKEN.format(cause=error)) from error
        except (DBAPIError, InvalidRequestError) as error:
            first = _what_came_first(error)
            if isinstance(first, CommandError):
                raise first from None
            if not isinstance(first, DBAPIError):
                raise
            if first.connection_invalidated or not is_busy(first):
                raise refused(first) from error
            busy = first

        pause = waiting.next_pause()
        if pause is None:
            raise _table_busy(busy) from busy
        log.warning(messages.TABLE_RETRY.format(pause=pause, cause=_cause(busy)))
        _undo(migration)
        time.sleep(pause)


def _what_came_first(error: Exception) -> Exception:
    """Return what the server or the library refused, if what unwound because of it failed, too.

    A Session on the migration's connection rolls back the transaction it is lent, and
    `autocommit_block` then finds none to commit: that says nothing of what happened. What is raised
    *from* another error is another matter: it was meant to say more.
    """
    found: BaseException | None = error
    while found is not None and not isinstance(found, (DBAPIError, CommandError)):
        found = None if found.__suppress_context__ else found.__context__
    return found or error


def refused(error: DBAPIError) -> CommandError:
    """Return the sentence about a statement that the server refused, or did not live to answer."""
    sql = error.statement or ""
    if error.connection_invalidated:
        lost = messages.CONNECTION_LOST.format(cause=error.orig, sql=sql)
        return LockLost(lost.rstrip())
    return CommandError(messages.STATEMENT_FAILED.format(cause=error.orig, sql=sql))


class Waiting:
    """The pauses between attempts, as long as there is time left; it runs from the first one."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._deadline: float | None = None
        self._pause = FIRST_PAUSE

    def next_pause(self) -> float | None:
        """Return how long to pause, in seconds; None when the time is up.

        Raises:
            InvalidSetting: MIGRATION_LOCK_WAIT is no number.
        """
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + lock_wait()
        if now + self._pause > self._deadline:
            return None

        pause = self._pause
        self._pause = min(2 * pause, LONGEST_PAUSE)
        return pause


def is_busy(error: DBAPIError) -> bool:
    """Tell whether somebody else held a table or the database: a lock timeout, or a deadlock."""
    return not codes(error.orig).isdisjoint(BUSY)


def counts_steps(migration: MigrationContext) -> bool:
    """Tell whether the goal counts from where the database is: after one step of "+2", which stays
    although the next was undone, trying again would go one too far.
    """
    goal = migration.opts.get("destination_rev")
    is_relative = isinstance(goal, str) and STEPS.fullmatch(goal) is not None
    return is_relative and not migration.as_sql


def require_same_start(
    migration: MigrationContext, seen: tuple[str, ...], found: tuple[str, ...]
) -> None:
    """Refuse a goal that counts steps, where somebody else moved the database meanwhile.

    Args:
        migration: what says the goal.
        seen: the revisions the database was at when the command began.
        found: those it is at now.

    Raises:
        CommandError: the same words would mean another goal.
    """
    if counts_steps(migration) and found != seen:
        goal = migration.opts["destination_rev"]
        before, now = (", ".join(heads) or "base" for heads in (seen, found))
        raise CommandError(messages.GOAL_MOVED.format(goal=goal, before=before, now=now))


def _current_heads(migration: MigrationContext) -> tuple[str, ...]:
    """Return the revisions the database is at, and leave the connection in no transaction."""
    assert migration.connection is not None
    migration.connection.rollback()
    heads = migration.get_current_heads()
    migration.connection.rollback()
    return heads


def _undo(migration: MigrationContext) -> None:
    # SQLite keeps a transaction whose COMMIT was refused; SQLAlchemy thinks it is gone.
    assert migration.connection is not None
    migration.connection.rollback()
    migration.connection.connection.rollback()


def _table_busy(busy: DBAPIError | None) -> LockTimeout:
    return LockTimeout(messages.TABLE_BUSY.format(cause=_cause(busy)))


def _cause(busy: DBAPIError | None) -> str:
    """Return what the server said, and who was in the way, where the lookout noted that."""
    cause = busy.orig if busy else None
    sentence = " ".join(str(cause).split())
    return "; ".join([sentence, *getattr(cause, "__notes__", ())])
