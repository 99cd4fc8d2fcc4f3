"""How migrations connect: the engine, and transactions that hold what they promise."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from core import database_url, is_sqlite_file, sync_driver
from core.migrations import messages, seconds

IN_MEMORY = URL.create("sqlite")
JOURNAL = sa.Table(
    "alembic_journal",
    sa.MetaData(),
    sa.Column("step", sa.String(80), primary_key=True),  # "upgrade 3f1c0a5d7b21"
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("done", sa.Boolean, nullable=False),  # set on failure; a killed process cannot
    sa.Column("given", sa.BigInteger),  # the key an INSERT got: the revision may go on to use it
)
ALEMBIC_TABLES = {"alembic_version", "alembic_lock", JOURNAL.name}
BUSY: set[object] = {"55P03", "40P01", 1205, 1213, "SQLITE_BUSY"}  # a lock timeout or a deadlock


class DatabaseUnavailable(CommandError):
    """The driver is missing, or the database does not let us in."""


@contextmanager
def connect(url: URL, given: Connection | None = None) -> Iterator[Connection]:
    """Open the one connection a migration runs on, or take the caller's.

    Args:
        url: the database, with a synchronous or an asynchronous driver.
        given: an open connection to use instead, from `config.attributes["connection"]`.

    Raises:
        DatabaseUnavailable: the database does not let us in.
        CommandError: the given connection is in a transaction already.
    """
    if given is not None:
        with _borrowed(given):
            yield given
        return
    with unavailable_as_sentence(url):
        connection = migration_engine(url).connect()
    with connection:
        yield connection


@contextmanager
def _borrowed(connection: Connection) -> Iterator[None]:
    if connection.in_transaction():  # Alembic would leave the commit to it, and say nothing
        raise CommandError(messages.CONNECTION_USED)
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.dbapi_connection
    before = driver.isolation_level, driver.execute("PRAGMA foreign_keys").fetchone()[0]
    _prepare_sqlite(driver, None)
    event.listen(connection, "begin", _begin_sqlite)
    event.listen(connection, "before_cursor_execute", _let_views_wait)
    try:
        yield
    finally:
        event.remove(connection, "begin", _begin_sqlite)
        event.remove(connection, "before_cursor_execute", _let_views_wait)
        connection.rollback()
        driver.execute(f"PRAGMA foreign_keys={before[1]}")
        driver.isolation_level = before[0]


def migration_engine(url: URL) -> Engine:
    """Return an engine without a pool, which waits for a table as long as it, or its URL, may."""
    timeout = seconds("MIGRATION_LOCK_TIMEOUT", 5)
    milliseconds, whole = max(1, int(timeout * 1000)), max(1, int(timeout))
    waits = f"lock_wait_timeout={whole}, innodb_lock_wait_timeout={whole}/*M!, wsrep_sync_wait=1 */"
    # Set with the connection: a statement would begin a transaction before Alembic does.
    ours: dict[str, dict[str, Any]] = {
        "sqlite": {"timeout": timeout},
        "postgresql": {"options": f"-c lock_timeout={milliseconds} {url.query.get('options', '')}"},
        "mysql": {"init_command": f"SET {waits}"},  # in /*M! */ for MariaDB, on a cluster
    }
    backend = url.get_backend_name().replace("mariadb", "mysql")
    arguments = {} if {"timeout", "init_command"} & url.query.keys() else ours.get(backend, {})
    engine = sa.create_engine(sync_driver(url), poolclass=sa.NullPool, connect_args=arguments)
    if backend == "sqlite":
        from core.migrations.adoption.catalog import read_keys_whole

        read_keys_whole(engine.dialect)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "before_cursor_execute", _let_views_wait)
    return engine


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None  # else Python commits before DDL, and BEGIN is not ours
    # A batch operation drops and recreates its table: enforced keys would cascade to the children.
    dbapi_connection.execute("PRAGMA foreign_keys=OFF")
    dbapi_connection.execute("PRAGMA schema_version")  # a file that is no database says so now


def _let_views_wait(_: Connection, cursor: Any, statement: str, *_rest: Any) -> None:
    # A batch operation renames its new table into place while a view misses the old one.
    if statement.startswith("ALTER TABLE"):
        batch = "_alembic_tmp_" in statement.partition(" RENAME ")[0]
        cursor.execute(f"PRAGMA legacy_alter_table={'ON' if batch else 'OFF'}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    how = "BEGIN IMMEDIATE" if options.get("migration_writes") else "BEGIN"
    if options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql(how)


def check_foreign_keys(ctx: MigrationContext, *_: Any, **__: Any) -> None:
    """Refuse to commit a revision that leaves SQLite rows pointing at nothing.

    Alembic calls this inside the revision's transaction, so that raising undoes the revision.

    Raises:
        CommandError: a row refers to a parent that is not there.
    """
    if ctx.as_sql or ctx.connection is None or ctx.dialect.name != "sqlite":
        return
    if broken := ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        tables = ", ".join(sorted({f"{row[0]} -> {row[2]}" for row in broken}))
        raise CommandError(messages.FOREIGN_KEYS_BROKEN.format(rows=len(broken), tables=tables))


def create_missing_database(url: URL) -> bool:
    """Create the database the URL names unless it is there; return whether it was created."""
    from sqlalchemy_utils import database_exists

    with unavailable_as_sentence(url):
        if database_exists(sync_driver(url)):
            return False
        if is_sqlite_file(url):
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        _create(url)
        return True


@contextmanager
def scratch_database(url: URL | None = None) -> Iterator[URL]:
    """Lend an empty database beside the project's own, and drop it afterwards.

    Args:
        url: the database to stand beside, on the same server; the project's own by default.
    """
    from sqlalchemy_utils import drop_database

    url = url or database_url()
    if url.get_backend_name() == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield url.set(database=str(Path(folder) / "scratch.db"))
        return
    scratch = url.set(database=f"{url.database}_{secrets.token_hex(4)}")
    with unavailable_as_sentence(url):
        _create(scratch)
    try:
        yield scratch
    finally:
        drop_database(sync_driver(scratch))


def _create(url: URL) -> None:
    from sqlalchemy_utils import create_database

    mysql = url.get_backend_name() in {"mysql", "mariadb"}
    # template0: nobody can be connected to it, so that two set-ups at once do not meet there.
    create_database(sync_driver(url), "utf8mb4" if mysql else "utf8", template="template0")


@contextmanager
def unavailable_as_sentence(url: URL) -> Iterator[None]:
    """Turn what a driver says when it cannot connect into one sentence, the password masked.

    Raises:
        DatabaseUnavailable: the database does not let us in.
    """
    try:
        yield
    except DBAPIError as error:
        cause = str(error.orig.args[-1] if error.orig and error.orig.args else error.orig)
        sentence = messages.CANNOT_CONNECT.format(url=url, cause=" ".join(cause.split()))
        raise DatabaseUnavailable(sentence) from error
    except ImportError as error:
        raise DatabaseUnavailable(messages.DRIVER_MISSING.format(url=url, cause=error)) from error
