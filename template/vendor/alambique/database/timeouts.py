"""How long we wait: to be let in, for a table that somebody holds, and on a network gone silent."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from alambique import private
from alambique.database import pooler
from alambique.settings import seconds
from alambique.settings.url import ON_A_LOOP

# Seconds in which a server has to let us in.
TO_CONNECT = 10

# A connection that says nothing for IDLE seconds is probed every PROBE seconds; PROBES without an
# echo, and it is lost. The kernel over there answers, also while its database is busy for hours.
IDLE = 30
PROBE = 10
PROBES = 3

# How MySQL and MariaDB call the waits for a table's definition, and for its rows.
MYSQL_WAITS = ("lock_wait_timeout", "innodb_lock_wait_timeout")

# Where a connection keeps that a statement of ours said how long it waits.
SET_BY_US = "alambique_wait"


def connect_arguments(url: URL) -> dict[str, Any]:
    """Return what a driver is told of waiting; what the URL says of it stays as it says.

    Args:
        url: the database, with a synchronous driver.

    Raises:
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number of seconds.
    """
    arguments = {**_said_with_the_connection(url), **_for_the_network(url)}
    said = url.query.keys() - {"options"}  # several of these go together
    if url.get_driver_name() == "asyncpg":  # it takes no text, as the URL has it, for a number
        said -= {"timeout"}
    return {name: value for name, value in arguments.items() if name not in said}


def notice_silence(engine: Engine) -> None:
    """Have the connections of an engine notice that the network fell silent.

    Drivers on libpq were told as they connected; others would wait as long as the kernel, hours.
    """
    if engine.dialect.driver in ON_A_LOOP:

        @event.listens_for(engine, "connect")
        def probe_on_a_loop(driver: Any, _record: object) -> None:
            connected = private.socket_of_async(engine.dialect.get_driver_connection(driver))
            if connected is not None:
                _probe(connected)

    if engine.dialect.driver != "pymysql":
        return
    may_wait = "read_timeout" not in engine.url.query

    @event.listens_for(engine, "connect")
    def probe(driver: DBAPIConnection, _record: object) -> None:
        _probe(private.socket_of(driver))
        if may_wait:  # it has let us in; a statement may take as long as it takes
            private.wait_for_answers(driver)


@contextmanager
def waiting_like_ours(connection: Connection) -> Iterator[None]:
    """Have a caller's connection wait for a table no longer than ours do, then as long as before.

    Args:
        connection: one in no transaction; it is left in none.

    Raises:
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number of seconds.
    """
    before = _waits_of(connection)
    ours = {name: for_a_table()[name] for name in before}
    # 0 is for ever; who waits for less than we would goes on doing so.
    shorter = {name: ours[name] for name, wait in before.items() if not 0 < wait <= ours[name]}

    _set(connection, shorter)
    info = connection.info
    info[SET_BY_US] = bool(shorter)
    try:
        yield
    finally:
        info.pop(SET_BY_US, None)
        with suppress(SQLAlchemyError):  # a lost connection keeps nothing, and fails no success
            connection.rollback()
            _set(connection, {name: before[name] for name in shorter})


def was_set_by_us(connection: Connection) -> bool:
    """Tell whether a statement of ours said how long this connection waits for a table."""
    return bool(connection.info.get(SET_BY_US))


def for_a_table() -> dict[str, int]:
    """Return how long a statement may wait for its table, in what each server calls it and counts.

    Raises:
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number of seconds.
    """
    timeout = seconds("MIGRATION_LOCK_TIMEOUT", 5)
    milliseconds = max(1, int(timeout * 1000))
    whole = max(1, int(timeout))
    return {
        "busy_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "lock_wait_timeout": whole,
        "innodb_lock_wait_timeout": whole,
    }


def _said_with_the_connection(url: URL) -> dict[str, Any]:
    """Say how long: a statement of it would begin a transaction before Alembic does."""
    wait = for_a_table()
    match url.get_backend_name():
        case "sqlite":
            return {"timeout": wait["busy_timeout"] / 1000}
        case "postgresql" if url.get_driver_name() == "asyncpg":
            return {"server_settings": {"lock_timeout": str(wait["lock_timeout"])}}
        case "postgresql":
            said = url.query.get("options", "")
            return {"options": f"-c lock_timeout={wait['lock_timeout']} {said}"}
        case "mysql" | "mariadb":
            waits = ", ".join(f"{name}={wait[name]}" for name in MYSQL_WAITS)
            # In /*M! */ for MariaDB: on a cluster, a node first reads what the others committed.
            return {"init_command": f"SET {waits}/*M!, wsrep_sync_wait=1 */"}
        case _:
            return {}


def _for_the_network(url: URL) -> dict[str, Any]:
    match url.get_dialect().driver:
        case "psycopg" | "psycopg2":
            return {
                "connect_timeout": TO_CONNECT,
                "keepalives": 1,
                "keepalives_idle": IDLE,
                "keepalives_interval": PROBE,
                "keepalives_count": PROBES,
                "tcp_user_timeout": _silence(),
            }
        case "pymysql":  # the second until it was let in: see `notice_silence`
            return {"connect_timeout": TO_CONNECT, "read_timeout": TO_CONNECT}
        case "asyncpg":
            return {"timeout": float(str(url.query.get("timeout", TO_CONNECT)))}
        case "mysqldb" | "aiomysql" | "asyncmy":
            return {"connect_timeout": TO_CONNECT}
        case _:
            return {}


def _probe(connected: socket.socket) -> None:
    """Have the kernel probe the other side; each system has some of these options."""
    if connected.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wanted = {
        "TCP_KEEPIDLE": IDLE,
        "TCP_KEEPINTVL": PROBE,
        "TCP_KEEPCNT": PROBES,
        "TCP_USER_TIMEOUT": _silence(),
    }
    for name, value in wanted.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _silence() -> int:
    """Return after how many milliseconds without an echo a connection is lost."""
    return 1000 * (IDLE + PROBE * PROBES)


def _waits_of(connection: Connection) -> dict[str, int]:
    """Return how long a session waits for a table, where it is ours to say."""
    match connection.dialect.name:
        case "sqlite":
            query = "SELECT 'busy_timeout', timeout FROM pragma_busy_timeout"
        case "postgresql" if not pooler.is_pooled(connection):  # there, others have the session
            query = "SELECT name, setting FROM pg_settings WHERE name = 'lock_timeout'"
        case "mysql" | "mariadb":
            names = ", ".join(f"'{name}'" for name in MYSQL_WAITS)
            query = f"SHOW SESSION VARIABLES WHERE Variable_name IN ({names})"
        case _:
            return {}
    found = {str(name): int(value) for name, value in connection.exec_driver_sql(query)}
    connection.rollback()
    return found


def _set(connection: Connection, waits: Mapping[str, int]) -> None:
    """Say to a session how long to wait, for good."""
    for name, value in waits.items():
        word = "PRAGMA" if connection.dialect.name == "sqlite" else "SET SESSION"
        connection.exec_driver_sql(f"{word} {name} = {value}")
    connection.commit()
