"""A pooler between us and PostgreSQL, such as PgBouncer: a session may be ours for one transaction.

What belongs to a session is then nobody's. A lock stays with whoever comes next, a prepared
statement is not there, and what is said as a connection starts is refused, or goes unheard.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

# What PgBouncer answers where it does not hand a parameter on; it has no code for it.
# https://www.pgbouncer.org/config.html#ignore_startup_parameters
REFUSED = "unsupported startup parameter"

# Drivers that keep what a server said of itself as the connection started, as `info` has it.
KEEP_THE_START = {"psycopg", "psycopg_async", "psycopg2"}

# Where a connection keeps whether it goes through a pooler.
POOLED = "alambique_pooled"

# Drivers that have a statement prepared once it has come often enough.
PREPARE = {"psycopg", "psycopg_async"}


def prepare_engine(engine: Engine) -> None:
    """Have an engine connect through a pooler, too, and prepare no statement there."""
    of_url = {name: value for name, value in engine.url.query.items() if name == "options"}

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect, _record: object, arguments: Any, named: dict[str, Any]
    ) -> DBAPIConnection:
        """Connect; where the options that we add are refused, with those of the URL only."""
        try:
            return dialect.connect(*arguments, **named)
        except dialect.loaded_dbapi.Error as error:
            if REFUSED not in str(error):
                raise
        ours = {name: value for name, value in named.items() if name != "options"}
        return dialect.connect(*arguments, **ours, **of_url)

    @event.listens_for(engine, "connect")
    def prepare_nothing(driver: DBAPIConnection, _record: object) -> None:
        if _is_pooled(engine.dialect, driver, driver):
            _prepare_nothing(engine.dialect, driver)


def is_pooled(connection: Connection) -> bool:
    """Ask whether a pooler stands between us and the server.

    As a connection starts, PostgreSQL names the process that serves it. A pooler lends the same
    process to many, so that it has to make that number up; the server itself is asked again.

    Args:
        connection: one in no transaction; it is asked once.
    """
    if connection.dialect.name != "postgresql":
        return False
    if POOLED not in connection.info:
        pooled = connection.connection
        connection.info[POOLED] = _is_pooled(
            connection.dialect, pooled.dbapi_connection, pooled.driver_connection
        )
    return bool(connection.info[POOLED])


@contextmanager
def preparing_nothing(connection: Connection) -> Iterator[None]:
    """Have a connection, of whose engine we know nothing, prepare no statement meanwhile."""
    driver: Any = connection.connection.driver_connection
    before = _prepare_nothing(connection.dialect, driver)
    try:
        yield
    finally:
        if before is not None:
            driver.prepare_threshold = before


def _is_pooled(dialect: Dialect, connection: Any, driver: Any) -> bool:
    """Compare the process that was named first with the one that serves us now.

    Args:
        dialect: says which driver it is.
        connection: what SQLAlchemy has of the driver, as PEP 249 says.
        driver: the driver's own connection.
    """
    if dialect.driver == "asyncpg":
        first = driver.get_server_pid()
    elif dialect.driver in KEEP_THE_START:
        first = driver.info.backend_pid
    else:
        first = _process(connection)
    return bool(_process(connection) != first)


def _process(driver: Any) -> int:
    """Ask for the process that serves this transaction."""
    with closing(driver.cursor()) as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    driver.rollback()
    return int(process)


def _prepare_nothing(dialect: Dialect, driver: Any) -> int | None:
    """Have no statement prepared; return how often one had to come before, if that was said."""
    if dialect.driver not in PREPARE:
        return None
    before: int | None = driver.prepare_threshold
    driver.prepare_threshold = None
    return before
