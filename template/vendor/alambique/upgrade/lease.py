"""One migrator at a time where no session lasts: a row that its holder keeps touching.

On a Galera cluster a lock function is each node's own, and behind a pooler a session is somebody
else's after each transaction; a committed row with a primary key is everybody's. No clock is
compared: a waiter removes a row that it has read untouched a hundred times running.

Who was taken for gone and is not (a process that was stopped for a while) commits nothing more: it
touches its row in each transaction before that is committed, and a row that was removed, or is
being removed, cannot be touched.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import closing, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError

from alambique.database.engine import migration_engine
from alambique.database.error_codes import (
    BUSY,
    DUPLICATE_OBJECT,
    DUPLICATE_TABLE,
    ER_DUP_ENTRY,
    ER_NO_SUCH_TABLE,
    UNDEFINED_TABLE,
    UNIQUE_VIOLATION,
    codes,
)
from alambique.database.tables import LOCK_TABLE
from alambique.upgrade.waiting import Wait

CREATE = text(
    f"CREATE TABLE IF NOT EXISTS {LOCK_TABLE} (id INT PRIMARY KEY, me CHAR(16), beat INT)"
)
TAKE = text(f"INSERT INTO {LOCK_TABLE} VALUES (1, :me, 0)")
READ = text(f"SELECT me, beat FROM {LOCK_TABLE}")
TOUCH = f"UPDATE {LOCK_TABLE} SET beat = beat + 1 WHERE me = "
RELEASE = text(f"DELETE FROM {LOCK_TABLE} WHERE me = :me")
REMOVE = text(f"DELETE FROM {LOCK_TABLE} WHERE me = :me AND beat = :beat")

# Seconds between two touches of the holder.
BEAT = 1

# Readings without a touch between them, after which the holder counts as gone.
UNTOUCHED = 100

# The row is there, or another transaction came first, of another node's or that makes the table.
TAKEN: frozenset[str | int] = BUSY | {
    DUPLICATE_OBJECT,
    DUPLICATE_TABLE,
    ER_DUP_ENTRY,
    UNIQUE_VIOLATION,
}
NO_TABLE: frozenset[str | int] = frozenset({ER_NO_SUCH_TABLE, UNDEFINED_TABLE})


class Lease:
    """The row: ours, or another migrator's."""

    name = LOCK_TABLE

    def __init__(self, connection: Connection) -> None:
        """Read and write nothing yet.

        Args:
            connection: the one that migrates, in no transaction.
        """
        self._connection = connection
        self._driver: Any = connection.connection.dbapi_connection
        self._me = secrets.token_hex(8)
        self._seen: sa.Row[Any] | None = None
        self._readings = 0
        """Of the same row, untouched."""
        self._done = threading.Event()
        self._keeper: threading.Thread | None = None

    def take(self, wait: Wait) -> None:
        """Wait until the row is ours, removing one whose holder is gone.

        Raises:
            LockTimeout: another migrator holds it.
        """
        while not self._is_taken():
            if not self.is_free():
                wait.pause(self.name)

        url = self._connection.engine.url
        self._keeper = threading.Thread(target=self._touch_on, args=(url,), daemon=True)
        self._keeper.start()

    def is_free(self) -> bool:
        """Read whether nobody has it; a row that was read untouched often enough is removed."""
        if not sa.inspect(self._connection).has_table(LOCK_TABLE):
            self._connection.rollback()
            return True

        row = self._connection.execute(READ).first()
        self._connection.rollback()
        self._readings = self._readings + 1 if row == self._seen else 0
        self._seen = row
        if row is not None and self._readings > UNTOUCHED:
            with self._connection.begin():
                self._connection.execute(REMOVE, {"me": row.me, "beat": row.beat})
        return row is None

    def is_held(self) -> bool:
        """Touch the row in the transaction that is open: whoever removes it must wait, or we."""
        with closing(self._driver.cursor()) as cursor:
            cursor.execute(f"{TOUCH} '{self._me}'")
            return bool(cursor.rowcount == 1)

    def release(self) -> None:
        """Remove our row."""
        self._done.set()
        if self._keeper is not None:
            self._keeper.join(BEAT)
        with self._connection.begin():
            self._connection.execute(RELEASE, {"me": self._me})

    def _is_taken(self) -> bool:
        """Try to insert the row; return whether it is ours now."""
        try:
            with self._connection.begin():
                self._connection.execute(TAKE, {"me": self._me})
        except DBAPIError as error:
            found = codes(error.orig)
            if not found.isdisjoint(NO_TABLE):
                self._create()
            elif found.isdisjoint(TAKEN):
                raise
            return False
        return True

    def _create(self) -> None:
        try:
            with self._connection.begin():
                self._connection.execute(CREATE)
        except DBAPIError as error:  # somebody else makes it at the same moment
            if codes(error.orig).isdisjoint(TAKEN):
                raise

    def _touch_on(self, url: URL) -> None:
        """Show the waiters, until it is done, that the holder lives."""
        engine = migration_engine(url)
        while not self._done.wait(BEAT):
            with suppress(DBAPIError), engine.begin() as connection:
                connection.execute(text(f"{TOUCH} :me"), {"me": self._me})
