"""How migrations connect: the engine, and the one connection that a command runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from alambique import messages
from alambique.database import own_loop, pooler, sqlite, timeouts
from alambique.database.capabilities import capabilities
from alambique.database.errors import opening
from alambique.database.unproven import refuse_unproven, require_proven
from alambique.settings import has_own_loop, migration_driver

IN_MEMORY = URL.create("sqlite")


@contextmanager
def connect(url: URL, given: Connection | None = None) -> Iterator[Connection]:
    """Open the one connection a migration runs on, or take the caller's.

    Args:
        url: the database, with a synchronous or an asynchronous driver.
        given: an open connection to use instead, from `config.attributes["connection"]`.

    Raises:
        DatabaseUnavailable: the database does not let us in, or its driver is not installed.
        CommandError: the given connection is in a transaction already, or the server is none that
            migrations know, or only speaks as one of them.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number of seconds.
    """
    if given is not None:
        with _borrowed(given):
            yield given
        return

    with opening(url):
        connection = migration_engine(url).connect()
    try:
        yield connection
    finally:
        # That a session which is gone cannot be ended is no failure of what was done in it.
        with suppress(DBAPIError, connection.dialect.loaded_dbapi.Error):
            connection.close()


def migration_engine(url: URL) -> Engine:
    """Return an engine without a pool, which waits no longer than it, or its URL, may.

    A statement waits MIGRATION_LOCK_TIMEOUT seconds (5) for its table; `timeouts` has the rest.

    Raises:
        CommandError: it is no kind of database that migrations know.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number of seconds.
    """
    capabilities(url.get_backend_name())  # before a driver is asked for that would be of no use
    on_a_loop = has_own_loop(url)
    url = migration_driver(url)
    engine = sa.create_engine(
        url,
        poolclass=own_loop.LoopPool if on_a_loop else sa.NullPool,
        connect_args=timeouts.connect_arguments(url),
    )
    if on_a_loop:
        own_loop.prepare_engine(engine)
    timeouts.notice_silence(engine)
    if engine.dialect.name == "sqlite":
        sqlite.prepare_engine(engine)
        return engine

    refuse_unproven(engine)
    if engine.dialect.name == "postgresql" and not on_a_loop:
        pooler.prepare_engine(engine)
    return engine


@contextmanager
def _borrowed(connection: Connection) -> Iterator[None]:
    if connection.in_transaction():  # Alembic would leave the commit to it, and say nothing
        raise CommandError(messages.CONNECTION_USED)
    with ExitStack() as meanwhile:
        if connection.dialect.name == "sqlite":
            meanwhile.enter_context(sqlite.borrowed(connection))
        else:
            driver = connection.connection.dbapi_connection
            assert driver is not None
            require_proven(driver, connection.engine)
        meanwhile.enter_context(timeouts.waiting_like_ours(connection))
        yield
