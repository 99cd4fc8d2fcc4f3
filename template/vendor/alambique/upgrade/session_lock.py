"""One migrator at a time on a server: a lock of the very session that migrates.

A lock that another session holds may go while this one migrates: the server ends an idle session,
an operator a suspicious one, and a second migrator comes in. A session's own lock lasts until the
server has ended all that the session asked for, also of a process that was killed: nobody can come
in while a statement of ours runs, or after it was lost with a transaction of ours still open.
"""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from alambique.database.aside import Aside, compiled
from alambique.database.sessions import holder
from alambique.upgrade.lease import Lease
from alambique.upgrade.lock_check import Question
from alambique.upgrade.waiting import Wait

# The lock's name inside the database it protects.
NAME = "alembic"

# How many characters of a lock's name MySQL and MariaDB take.
LONGEST_NAME = 64

# How long MySQL and MariaDB let a session be idle, in seconds, if they would end it earlier: a
# revision may take its time between two statements.
IDLE = 60 * 60


@dataclass(frozen=True)
class Functions:
    """What a server offers about the lock `:name`, each of which answers yes or no."""

    take: str
    """Take it if it is free, and answer at once."""
    release: str
    is_held: str
    """Is it this session's? An expression, which any query may ask along."""


ADVISORY = Functions(
    take="SELECT pg_try_advisory_lock(hashtext(:name))",
    release="SELECT pg_advisory_unlock(hashtext(:name))",
    # The lock's number is kept in two halves.
    is_held="EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 "
    "AND pid = pg_backend_pid() AND granted "
    "AND (CAST(classid AS bigint) << 32 | CAST(objid AS bigint)) = hashtext(:name))",
)
NAMED = Functions(
    take="SELECT GET_LOCK(:name, 0)",
    release="SELECT RELEASE_LOCK(:name)",
    is_held="IS_USED_LOCK(:name) = CONNECTION_ID()",
)


class SessionLock:
    """A lock of a connection's session."""

    def __init__(self, connection: Connection, functions: Functions, name: str) -> None:
        """Take nothing yet.

        Args:
            connection: the one that migrates, in no transaction.
            functions: what its server offers.
            name: the lock's.
        """
        self.name = name
        self._connection = connection
        self._driver: Any = connection.connection.dbapi_connection
        self._functions = functions
        self._is_held = text(f"SELECT {functions.is_held}")

    def take(self, wait: Wait) -> None:
        """Wait until the lock is ours.

        A wait inside the server would be a transaction, which CREATE INDEX CONCURRENTLY waits for:
        the two would wait for each other.

        Raises:
            LockTimeout: another migrator holds it.
        """
        while not self._ask(self._functions.take):
            wait.pause(self.name, self._holder)

    def question(self) -> Question:
        """Return what asks along with another query whether it is still ours."""
        return Question(self._functions.is_held, {"name": self.name})

    def is_held(self) -> bool:
        """Ask whether it is still ours.

        Asked of the driver itself: nobody who listens to the connection takes the question for a
        revision's, and where SQLAlchemy has connected anew, the session that had the lock answers.
        """
        dialect = self._connection.dialect
        asked, parameters = compiled(self._is_held, {"name": self.name}, dialect)
        with closing(self._driver.cursor()) as cursor:
            cursor.execute(asked, parameters)
            (held,) = cursor.fetchone()
        return bool(held)

    def release(self) -> None:
        """Give it back; it went with its session where SQLAlchemy would connect anew."""
        if not self._connection.invalidated:
            self._ask(self._functions.release)

    def _holder(self) -> str:
        """Say which session has it; "" where it was given back, or we may not know."""
        found = None
        with suppress(DBAPIError):
            backend = self._connection.dialect.name
            found = holder(Aside(self._connection).query, backend, self.name)
        self._connection.connection.rollback()
        return found.as_holder if found else ""

    def _ask(self, query: str) -> bool:
        answer = self._connection.scalar(text(query), {"name": self.name})
        self._connection.rollback()  # the lock is the session's: it stays
        return bool(answer)


class AdvisoryLock(SessionLock):
    """PostgreSQL's, whose number belongs to the database."""

    def __init__(self, connection: Connection) -> None:
        """Take nothing yet."""
        super().__init__(connection, ADVISORY, NAME)
        self._of_others = Lease(connection)

    def take(self, wait: Wait) -> None:
        """Wait until the lock is ours, and nobody migrates through a pooler, where it is a row.

        Raises:
            LockTimeout: another migrator holds it.
        """
        super().take(wait)
        while not self._of_others.is_free():
            self.release()  # whoever has the row waits for us in turn
            wait.pause(self._of_others.name)
            super().take(wait)


class NamedLock(SessionLock):
    """MySQL's and MariaDB's, whose name is every database's of the server."""

    def __init__(self, connection: Connection) -> None:
        """Take nothing yet."""
        name = f"{NAME}.{connection.engine.url.database}"
        super().__init__(connection, NAMED, name[:LONGEST_NAME])
        self._idle: int | None = None
        """How long a session could be idle before, if that was changed."""

    def take(self, wait: Wait) -> None:
        """Wait until the lock is ours, and have the server bear a slow revision.

        Raises:
            LockTimeout: another migrator holds it.
        """
        super().take(wait)
        idle = self._connection.scalar(text("SELECT @@SESSION.wait_timeout"))
        if idle < IDLE:
            self._idle = idle
            self._let_be_idle(IDLE)
        self._connection.rollback()

    def release(self) -> None:
        """Give it back."""
        super().release()
        if self._idle is not None and not self._connection.invalidated:
            self._let_be_idle(self._idle)
            self._connection.rollback()

    def _let_be_idle(self, seconds: int) -> None:
        self._connection.execute(text("SET SESSION wait_timeout = :idle"), {"idle": seconds})
