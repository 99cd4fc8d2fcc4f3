"""How migrations connect: the engine, and the one connection that a command runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine import URL, Connection, Engine

from alambique import messages
from alambique.database import sqlite
from alambique.database.errors import unavailable_as_sentence
from alambique.settings import seconds, sync_driver

IN_MEMORY = URL.create("sqlite")

# Arguments of a connection that say how long to wait; who writes one in the URL decides alone.
WAITING_ARGUMENTS = {"timeout", "init_command"}


@contextmanager
def connect(url: URL, given: Connection | None = None) -> Iterator[Connection]:
    """Open the one connection a migration runs on, or take the caller's.

    Args:
        url: the database, with a synchronous or an asynchronous driver.
        given: an open connection to use instead, from `config.attributes["connection"]`.

    Raises:
        DatabaseUnavailable: the database does not let us in, or its driver is not installed.
        CommandError: the given connection is in a transaction already.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """
    if given is not None:
        with _borrowed(given):
            yield given
        return

    with unavailable_as_sentence(url):
        connection = migration_engine(url).connect()
    with connection:
        yield connection


def migration_engine(url: URL) -> Engine:
    """Return an engine without a pool, which waits for a table as long as it, or its URL, may.

    A statement waits MIGRATION_LOCK_TIMEOUT seconds (5).

    Raises:
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """
    engine = sa.create_engine(
        sync_driver(url), poolclass=sa.NullPool, connect_args=_waiting_arguments(url)
    )
    if engine.dialect.name == "sqlite":
        sqlite.prepare_engine(engine)
    return engine


def _waiting_arguments(url: URL) -> dict[str, Any]:
    """Say to the driver how long to wait for a table.

    It is set with the connection: a statement would begin a transaction before Alembic does.
    """
    timeout = seconds("MIGRATION_LOCK_TIMEOUT", 5)
    if WAITING_ARGUMENTS & url.query.keys():
        return {}

    match url.get_backend_name():
        case "sqlite":
            return {"timeout": timeout}
        case "postgresql":
            milliseconds = max(1, int(timeout * 1000))
            options = url.query.get("options", "")
            return {"options": f"-c lock_timeout={milliseconds} {options}"}
        case "mysql" | "mariadb":
            whole = max(1, int(timeout))
            waits = f"lock_wait_timeout={whole}, innodb_lock_wait_timeout={whole}"
            # In /*M! */ for MariaDB: on a cluster, a node first reads what the others committed.
            return {"init_command": f"SET {waits}/*M!, wsrep_sync_wait=1 */"}
        case _:
            return {}


@contextmanager
def _borrowed(connection: Connection) -> Iterator[None]:
    if connection.in_transaction():  # Alembic would leave the commit to it, and say nothing
        raise CommandError(messages.CONNECTION_USED)
    if connection.dialect.name != "sqlite":
        yield
        return
    with sqlite.borrowed(connection):
        yield
