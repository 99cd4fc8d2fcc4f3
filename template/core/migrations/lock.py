"""One migrator at a time on each database: the others wait, and then find nothing left to do."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import CompileError, DBAPIError

from core import is_sqlite_file
from core.migrations import messages, seconds
from core.migrations.connection import (
    BUSY,
    DatabaseUnavailable,
    migration_engine,
    unavailable_as_sentence,
)
from core.migrations.status import stranger

log = logging.getLogger("alembic.runtime.migration")

NAME = "alembic"  # the lock's name inside the database it protects


class LockTimeout(CommandError):
    """Somebody else kept the database, or a table, for longer than we may wait."""


@contextmanager
def one_at_a_time(migration: MigrationContext) -> Iterator[None]:
    """Hold this database's migration lock, if this command has anything to write.

    Waits at most MIGRATION_LOCK_WAIT seconds (60). The lock goes with its holder's process.

    Raises:
        LockTimeout: another migrator holds the lock.
    """
    connection = migration.connection
    if connection is None or not has_work(migration):
        yield
        return
    with _LOCKS[connection.dialect.name](connection.engine.url, lock_wait()):
        connection.execution_options(migration_writes=True)
        yield


def has_work(migration: MigrationContext) -> bool:
    """Tell whether this command will write: an upgrade at its goal takes no lock.

    Raises:
        CommandError: the goal, or the database's own revision, is not in the history.
    """
    if "destination_rev" not in migration.opts:  # revision, check, current: they only read
        return False
    assert migration.connection is not None
    heads = () if migration.purge else migration.get_current_heads()
    migration.connection.rollback()  # reading began a transaction; the migration needs its own
    try:
        return not heads or any(True for _ in migration.opts["fn"](heads, migration))
    except CommandError:
        found = stranger(migration.opts["script"], heads)
        if found is None:
            raise
        raise CommandError(found.sentence) from None


def patiently(migration: MigrationContext, run: Callable[[], None]) -> None:
    """Run the migrations; where a table is busy, undo, let its readers through, and try again.

    A statement waits MIGRATION_LOCK_TIMEOUT seconds (5) for its table: everybody who wants the
    table queues behind it. All tries together last about MIGRATION_LOCK_WAIT seconds (60).

    Raises:
        LockTimeout: the table stayed busy.
        CommandError: the database refused a statement.
    """
    # "+2" counts from where the database is: after one step it would go one too far.
    relative = str(migration.opts.get("destination_rev", "")).startswith(("+", "-"))
    start = busy = deadline = None
    pause = 0.5
    while True:
        try:
            heads = _heads(migration) if relative else None
            start = heads if start is None else start
            if busy and heads != start:
                raise LockTimeout(messages.TABLE_BUSY.format(cause=busy.orig)) from busy
            return run()
        except CompileError as error:  # such as a String without a length on MariaDB
            raise CommandError(messages.NOT_SPOKEN.format(cause=error)) from error
        except DBAPIError as error:
            if not _is_busy(error):
                refused = messages.STATEMENT_FAILED.format(cause=error.orig, sql=error.statement)
                raise CommandError(refused) from error
            busy = error
            deadline = deadline or time.monotonic() + lock_wait()
            if time.monotonic() + pause > deadline:
                raise LockTimeout(messages.TABLE_BUSY.format(cause=error.orig)) from error
            log.warning(messages.TABLE_RETRY.format(pause=pause, cause=error.orig))
            assert migration.connection is not None
            # SQLite keeps a transaction whose COMMIT was refused; SQLAlchemy thinks it is gone.
            migration.connection.connection.rollback()
        time.sleep(pause)
        pause = min(2 * pause, 8)


def lock_wait() -> float:
    """Return how long to wait for another migrator, in seconds."""
    return seconds("MIGRATION_LOCK_WAIT", 60)


def _heads(migration: MigrationContext) -> tuple[str, ...]:
    if migration.connection is None or "destination_rev" not in migration.opts:
        return ()
    migration.connection.rollback()
    heads = migration.get_current_heads()
    migration.connection.rollback()
    return heads


def _is_busy(error: DBAPIError) -> bool:
    cause = error.orig
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return bool({code, *getattr(cause, "args", ())[:1]} & BUSY)


@contextmanager
def _sqlite(url: URL, wait: float) -> Iterator[None]:
    if not is_sqlite_file(url):  # a database in memory has nobody else
        yield
        return
    path = f"{url.database}-migration-lock"
    with ExitStack() as held:
        try:
            sentinel = sqlite3.connect(path, timeout=wait, isolation_level=None)
            held.enter_context(closing(sentinel)).execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY":
                cause = messages.CANNOT_CONNECT.format(url=path, cause=error)
                raise DatabaseUnavailable(cause) from error
            raise LockTimeout(messages.LOCK_TIMEOUT.format(wait=wait, cause=error)) from error
        yield


@contextmanager
def _polled(url: URL, wait: float, take: str, lock: str) -> Iterator[Connection]:
    # Polled on a connection of its own, in no transaction: a blocking wait would be a transaction
    # that CREATE INDEX CONCURRENTLY waits for, and the two would wait for each other.
    deadline = time.monotonic() + wait
    with unavailable_as_sentence(url):
        holder = migration_engine(url).connect().execution_options(isolation_level="AUTOCOMMIT")
    with holder:
        while not holder.scalar(text(take), {"lock": lock}):
            if time.monotonic() > deadline:
                raise LockTimeout(messages.LOCK_TIMEOUT.format(wait=wait, cause=lock))
            time.sleep(0.1)
        yield holder


def _postgresql(url: URL, wait: float) -> AbstractContextManager[object]:
    return _polled(url, wait, "SELECT pg_try_advisory_lock(hashtext(:lock))", NAME)


@contextmanager
def _mysql(url: URL, wait: float) -> Iterator[None]:
    # The server has one space of names for all its databases, and 64 characters for a name.
    lock = f"{NAME}.{url.database}"[:64]
    with _polled(url, wait, "SELECT GET_LOCK(:lock, 0)", lock) as holder, ExitStack() as held:
        wsrep = holder.execute(text("SHOW VARIABLES LIKE 'wsrep_on'")).first()
        if wsrep is not None and wsrep[1] == "ON":  # a Galera node's GET_LOCK is its own
            from core.migrations.cluster import among_nodes  # type: ignore[unused-ignore, import]

            held.enter_context(among_nodes(holder, wait))
        yield


_LOCKS = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mysql,
    "mariadb": _mysql,
}
