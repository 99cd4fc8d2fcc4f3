"""One migrator at a time on a SQLite file: another file beside it, locked."""

from __future__ import annotations

import os
import sqlite3

from alambique import messages
from alambique.database.error_codes import SQLITE_BUSY
from alambique.database.errors import DatabaseUnavailable
from alambique.upgrade.waiting import Wait


class SentinelFile:
    """A file that SQLite locks for us; its lock ends with the process at the latest."""

    def __init__(self, database: str) -> None:
        """Open nothing yet.

        Args:
            database: the path of the database.
        """
        self.name = f"{database}-migration-lock"
        self._sentinel: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def take(self, wait: Wait) -> None:
        """Wait until the lock is ours.

        Raises:
            LockTimeout: another migrator holds it.
            DatabaseUnavailable: the file cannot be made.
        """
        try:
            self._sentinel = sqlite3.connect(self.name, timeout=wait.left, isolation_level=None)
            self._sentinel.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self.release()
            if error.sqlite_errorname != SQLITE_BUSY:
                cause = messages.CANNOT_CONNECT.format(url=self.name, cause=error)
                raise DatabaseUnavailable(cause) from error
            raise wait.timeout(error) from error
        self._identity = self._found()

    def is_held(self) -> bool:
        """Tell whether the file that we locked is the one that others find."""
        return self._found() == self._identity

    def release(self) -> None:
        """Give the lock back."""
        if self._sentinel is not None:
            self._sentinel.close()

    def _found(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.name)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino
