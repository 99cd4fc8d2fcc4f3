"""One migrator at a time on a Galera cluster: a row that its holder keeps touching.

A lock function is each node's own there, and a row lock is granted on two nodes at once; only a
committed row with a primary key is everybody's. No clock is compared: a waiter removes a row that
it has read untouched a hundred times running.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError

from core.migrations import messages
from core.migrations.connection import BUSY, migration_engine
from core.migrations.lock import LockTimeout

CREATE = "CREATE TABLE IF NOT EXISTS alembic_lock (id INT PRIMARY KEY, me CHAR(16), beat INT)"
TAKE = text("INSERT INTO alembic_lock VALUES (1, :me, 0)")
TOUCH = text("UPDATE alembic_lock SET beat = beat + 1 WHERE me = :me")
RELEASE = text("DELETE FROM alembic_lock WHERE me = :me")
REMOVE = text("DELETE FROM alembic_lock WHERE me = :me AND beat = :beat")
THERE_IS_ONE = 1062
UNTOUCHED = 100  # readings, a tenth of a second apart


@contextmanager
def among_nodes(connection: Connection, wait: float) -> Iterator[None]:
    """Hold the cluster's migration lock.

    Args:
        connection: a connection to any node, in AUTOCOMMIT.
        wait: seconds to wait for another migrator.

    Raises:
        LockTimeout: another migrator holds the lock.
    """
    me, deadline = {"me": secrets.token_hex(8)}, time.monotonic() + wait
    connection.execute(text(CREATE))
    seen, untouched = None, 0
    while not _taken(connection, me):
        row = connection.execute(text("SELECT me, beat FROM alembic_lock")).first()
        seen, untouched = row, untouched + 1 if row == seen else 0
        if row is not None and untouched > UNTOUCHED:
            connection.execute(REMOVE, row._asdict())
        if time.monotonic() > deadline:
            raise LockTimeout(messages.LOCK_TIMEOUT.format(wait=wait, cause="alembic_lock"))
        time.sleep(0.1)
    done = threading.Event()
    keeper = threading.Thread(target=_touch, args=(connection.engine.url, me, done), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        connection.execute(RELEASE, me)


def _taken(connection: Connection, me: dict[str, str]) -> bool:
    try:
        connection.execute(TAKE, me)
    except DBAPIError as error:
        if error.orig is None or not {*error.orig.args[:1]} & {THERE_IS_ONE, *BUSY}:
            raise
        return False
    return True


def _touch(url: URL, me: dict[str, str], done: threading.Event) -> None:
    while not done.wait(1):
        with suppress(DBAPIError), migration_engine(url).begin() as connection:
            connection.execute(TOUCH, me)
