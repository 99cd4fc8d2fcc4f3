"""One migrator at a time on a Galera cluster: a row that its holder keeps touching.

A lock function is each node's own there, and a row lock is granted on two nodes at once; only a
committed row with a primary key is everybody's. No clock is compared: a waiter removes a row that
it has read untouched a hundred times running.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError

from alambique import messages
from alambique.database.engine import migration_engine
from alambique.database.error_codes import BUSY, ER_DUP_ENTRY, codes
from alambique.database.tables import LOCK_TABLE
from alambique.upgrade.waiting import LockTimeout

CREATE = text(
    f"CREATE TABLE IF NOT EXISTS {LOCK_TABLE} (id INT PRIMARY KEY, me CHAR(16), beat INT)"
)
TAKE = text(f"INSERT INTO {LOCK_TABLE} VALUES (1, :me, 0)")
READ = text(f"SELECT me, beat FROM {LOCK_TABLE}")
TOUCH = text(f"UPDATE {LOCK_TABLE} SET beat = beat + 1 WHERE me = :me")
RELEASE = text(f"DELETE FROM {LOCK_TABLE} WHERE me = :me")
REMOVE = text(f"DELETE FROM {LOCK_TABLE} WHERE me = :me AND beat = :beat")

# Seconds between two touches of the holder, and between two readings of a waiter.
BEAT = 1
PAUSE = 0.1

# Readings without a touch between them, after which the holder counts as gone.
UNTOUCHED = 100

# The row is there, or another node's transaction came first.
TAKEN: frozenset[str | int] = BUSY | {ER_DUP_ENTRY}


def is_node(connection: Connection) -> bool:
    """Ask a server whether it is a node of a Galera cluster."""
    wsrep_on = connection.execute(text("SHOW VARIABLES LIKE 'wsrep_on'")).first()
    return wsrep_on is not None and wsrep_on[1] == "ON"


@contextmanager
def among_nodes(connection: Connection, wait: float) -> Iterator[None]:
    """Hold the cluster's migration lock.

    Args:
        connection: a connection to any node, in AUTOCOMMIT.
        wait: seconds to wait for another migrator.

    Raises:
        LockTimeout: another migrator holds the lock.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """
    me = secrets.token_hex(8)
    connection.execute(CREATE)
    _take(connection, me, wait)

    done = threading.Event()
    keeper = threading.Thread(target=_touch, args=(connection.engine.url, me, done), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        connection.execute(RELEASE, {"me": me})


def _take(connection: Connection, me: str, wait: float) -> None:
    """Wait until the row is ours, removing one whose holder is gone."""
    deadline = time.monotonic() + wait
    seen = None
    untouched = 0

    while not _is_taken(connection, me):
        row = connection.execute(READ).first()
        untouched = untouched + 1 if row == seen else 0
        seen = row

        if row is not None and untouched > UNTOUCHED:
            connection.execute(REMOVE, {"me": row.me, "beat": row.beat})
        if time.monotonic() > deadline:
            raise LockTimeout(messages.LOCK_TIMEOUT.format(wait=wait, cause=LOCK_TABLE))
        time.sleep(PAUSE)


def _is_taken(connection: Connection, me: str) -> bool:
    """Try to insert the row; return whether it is ours now."""
    try:
        connection.execute(TAKE, {"me": me})
    except DBAPIError as error:
        if codes(error.orig).isdisjoint(TAKEN):
            raise
        return False
    return True


def _touch(url: URL, me: str, done: threading.Event) -> None:
    """Show the waiters, until it is done, that the holder lives."""
    while not done.wait(BEAT):
        with suppress(DBAPIError), migration_engine(url).begin() as connection:
            connection.execute(TOUCH, {"me": me})
