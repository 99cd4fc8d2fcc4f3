"""One migrator at a time on each database: the others wait, and then find nothing left to do."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager

from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.engine import URL, Connection

from alambique import messages
from alambique.database import sqlite
from alambique.database.capabilities import Lock, capabilities
from alambique.database.engine import migration_engine
from alambique.database.error_codes import SQLITE_BUSY
from alambique.database.errors import DatabaseUnavailable, unavailable_as_sentence
from alambique.settings import is_sqlite_file
from alambique.upgrade import galera
from alambique.upgrade.waiting import LockTimeout, lock_wait

__all__ = ["LockTimeout", "has_work", "lock_wait", "one_at_a_time"]

# The lock's name inside the database it protects.
NAME = "alembic"

# How many characters of a lock's name MySQL and MariaDB take.
LONGEST_NAME = 64

# Seconds between two attempts to take a lock that somebody else holds.
PAUSE = 0.1


def has_work(migration: MigrationContext) -> bool:
    """Tell whether this command will write: an upgrade at its goal takes no lock.

    Raises:
        CommandError: the goal, or the database's own revision, is not in the history.
    """
    only_reads = "destination_rev" not in migration.opts  # such as revision, check or current
    if only_reads or migration.connection is None:
        return False

    heads = () if migration.purge else migration.get_current_heads()
    migration.connection.rollback()  # reading began a transaction; the migration needs its own

    if not heads:  # it makes the version table, at least
        return True
    steps = migration.opts["fn"](heads, migration)
    return any(True for _ in steps)


@contextmanager
def one_at_a_time(migration: MigrationContext) -> Iterator[None]:
    """Hold the migration lock of a command's database; the lock goes with its holder's process.

    Waits at most MIGRATION_LOCK_WAIT seconds (60) for another migrator.

    Raises:
        LockTimeout: another migrator holds the lock.
        DatabaseUnavailable: the database does not let us in a second time.
        CommandError: it is a kind of database that migrations do not know.
        InvalidSetting: MIGRATION_LOCK_WAIT is no number.
    """
    connection = migration.connection
    assert connection is not None  # there is nothing to lock where SQL is only printed
    with _lock(connection, lock_wait()):
        connection.execution_options(**{sqlite.WRITES: True})
        yield


def _lock(connection: Connection, wait: float) -> AbstractContextManager[object]:
    """Return the lock that this kind of database has.

    Args:
        connection: says which database; the lock is held elsewhere.
        wait: seconds to wait for another migrator.
    """
    url = connection.engine.url
    match capabilities(connection.dialect.name).lock:
        case Lock.SENTINEL_FILE:
            return _locked_file(url, wait)
        case Lock.ADVISORY:
            return _advisory_lock(url, wait)
        case Lock.NAMED:
            return _named_lock(url, wait)


@contextmanager
def _locked_file(url: URL, wait: float) -> Iterator[None]:
    if not is_sqlite_file(url):  # a database in memory has nobody else
        yield
        return

    path = f"{url.database}-migration-lock"
    with ExitStack() as held:
        try:
            sentinel = sqlite3.connect(path, timeout=wait, isolation_level=None)
            held.enter_context(closing(sentinel))
            sentinel.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != SQLITE_BUSY:
                cause = messages.CANNOT_CONNECT.format(url=path, cause=error)
                raise DatabaseUnavailable(cause) from error
            raise LockTimeout(messages.LOCK_TIMEOUT.format(wait=wait, cause=error)) from error
        yield


def _advisory_lock(url: URL, wait: float) -> AbstractContextManager[Connection]:
    return _polled(url, wait, "SELECT pg_try_advisory_lock(hashtext(:lock))", NAME)


@contextmanager
def _named_lock(url: URL, wait: float) -> Iterator[None]:
    # The server has one space of names for all its databases.
    name = f"{NAME}.{url.database}"[:LONGEST_NAME]

    with ExitStack() as held:
        holder = held.enter_context(_polled(url, wait, "SELECT GET_LOCK(:lock, 0)", name))
        if galera.is_node(holder):  # its GET_LOCK is its own
            held.enter_context(galera.among_nodes(holder, wait))
        yield


@contextmanager
def _polled(url: URL, wait: float, take: str, lock: str) -> Iterator[Connection]:
    """Take a lock of the session, trying again and again; give it back with the connection.

    On a connection of its own, in no transaction: a blocking wait would be a transaction that
    CREATE INDEX CONCURRENTLY waits for, and the two would wait for each other.

    Args:
        url: the database.
        wait: seconds to wait for another migrator.
        take: a query that takes the lock `:lock` and answers whether it could.
        lock: the name of the lock.
    """
    deadline = time.monotonic() + wait
    with unavailable_as_sentence(url):
        connection = migration_engine(url).connect()
    holder = connection.execution_options(isolation_level="AUTOCOMMIT")

    with holder:
        while not holder.scalar(text(take), {"lock": lock}):
            if time.monotonic() > deadline:
                raise LockTimeout(messages.LOCK_TIMEOUT.format(wait=wait, cause=lock))
            time.sleep(PAUSE)
        yield holder
