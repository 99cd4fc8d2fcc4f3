"""One migrator at a time behind a pooler, where a session is ours for one transaction."""

from __future__ import annotations

from contextlib import ExitStack, closing

from sqlalchemy import event
from sqlalchemy.engine import Connection

from alambique import messages
from alambique.database.pooler import preparing_nothing
from alambique.settings import seconds
from alambique.upgrade.lease import Lease
from alambique.upgrade.session_lock import NAME
from alambique.upgrade.waiting import LockLost, Wait

# The lock of whoever has a session of its own, for one transaction.
TRY_LOCK = f"SELECT pg_try_advisory_xact_lock(hashtext('{NAME}'))"


class PooledLease(Lease):
    """The row; and what a session would keep is said in each transaction anew."""

    def __init__(self, connection: Connection) -> None:
        """Read and write nothing yet.

        Args:
            connection: the one that migrates, in no transaction.
        """
        super().__init__(connection)
        self._meanwhile = ExitStack()

    def take(self, wait: Wait) -> None:
        """Wait until the row is ours.

        Raises:
            LockTimeout: another migrator holds it, or the lock of those with a session.
            InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
        """
        milliseconds = max(1, int(seconds("MIGRATION_LOCK_TIMEOUT", 5) * 1000))
        super().take(wait)

        def begin(_connection: Connection) -> None:
            self._begin(milliseconds)

        event.listen(self._connection, "begin", begin)
        self._meanwhile.callback(event.remove, self._connection, "begin", begin)
        self._meanwhile.enter_context(preparing_nothing(self._connection))

    def release(self) -> None:
        """Remove our row."""
        self._meanwhile.close()
        super().release()

    def _begin(self, milliseconds: int) -> None:
        """Wait for tables no longer than we may, and for a migrator with a session of its own.

        It looks for our row before it begins, and we for its lock: it cannot begin any more once we
        have the row, but may be at work since before.
        """
        wait = Wait()
        error = self._connection.dialect.loaded_dbapi.Error
        try:
            with closing(self._driver.cursor()) as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {milliseconds}")
                while not cursor.execute(TRY_LOCK).fetchone()[0]:
                    wait.pause(NAME)
        except error as cause:
            raise LockLost(messages.LOCK_LOST.format(cause=cause)) from cause
