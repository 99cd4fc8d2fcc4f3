"""Something happens as the n-th statement reaches the driver, below SQLAlchemy.

What counts is what the database is asked, whoever asks: the revision, the journal, the lock, a
COMMIT. Installed in a process that has been forked for it, as it cannot be taken away again.
"""

from __future__ import annotations

import mmap
import os
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from sqlite3 import dbapi2
from typing import Any

import psycopg
import pymysql.err
from psycopg import pq
from pymysql.connections import Connection as MariaDBConnection
from pymysql.constants import COMMAND, CR

MEETS_A_TABLE = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|REPLACE|ALTER|CREATE|DROP|RENAME|TRUNCATE|CALL|SELECT\b.*\bFROM)\b",
    re.IGNORECASE | re.DOTALL,
)
COMMITS_FIRST = re.compile(r"\s*(ALTER|CREATE|DROP|RENAME|TRUNCATE)\b(?!\s+TEMPORARY)", re.I)
NO_TABLE = re.compile(r"GET_LOCK|advisory|information_schema|pg_catalog|pg_class|pg_index", re.I)
NAMES = re.compile(r"\b([a-z_]+\d*)\b")


class Missed(Exception):
    """What should happen cannot happen to this statement."""


class Incident:
    """What happens, and when; the parent sees in `shared` whether it did.

    The first byte of `shared` says so, the next four count the statements.
    """

    def __init__(self, how: str, point: int, shared: mmap.mmap, trace: list[str] | None) -> None:
        self.how, self.point, self.shared, self.trace = how, point, shared, trace
        self.count = 0

    def meet(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        """Send a statement, or let the incident happen."""
        self.count += 1
        self.shared[1:5] = self.count.to_bytes(4)
        if self.trace is not None:
            move = os.environ.get("MOVE", "first")
            self.trace.append(f"{move}\t{' '.join(sql.split())}")
        if self.count != self.point:
            return send()
        try:
            incident = getattr(self, f"_{self.how}")
            return incident(session, sql, send)
        except Missed:
            return send()

    def _happens(self) -> None:
        self.shared[0] = 1

    def _before(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        self._happens()
        os.kill(os.getpid(), signal.SIGKILL)

    def _after(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        self._happens()
        try:
            send()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)

    def _sent(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        session.only_send(sql)
        self._happens()
        os.kill(os.getpid(), signal.SIGKILL)

    def _interrupt(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        self._happens()
        raise KeyboardInterrupt

    def _interrupt_after(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        self._happens()
        send()
        raise KeyboardInterrupt

    def _busy(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        session.check_it_may_wait(sql)
        self._happens()
        session.refuse_as_busy(sql)

    def _deadlock(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        session.check_it_may_wait(sql)
        self._happens()
        session.refuse_as_deadlock(sql)

    def _held(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        session.check_it_may_wait(sql)
        release = session.hold(sql)
        self._happens()
        try:
            return send()
        finally:
            release()

    def _lost(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        session.close_on_server()
        self._happens()
        return send()

    def _lost_after(self, session: Session, sql: str, send: Callable[[], Any]) -> Any:
        if not session.has_network:
            raise Missed
        self._happens()
        send()
        session.lose_answer()


class Session:
    """What an incident needs of a driver's connection; missed where there is no such thing."""

    has_network = True

    def only_send(self, sql: str) -> None:
        """Have the server begin the statement, and wait for nothing."""
        raise Missed

    def check_it_may_wait(self, sql: str) -> None:
        """Go on only with a statement that somebody else could keep waiting."""
        if not MEETS_A_TABLE.match(sql) or NO_TABLE.search(sql):
            raise Missed

    def refuse_as_busy(self, sql: str) -> None:
        """Have the server answer as it does when a lock was not given in time."""
        raise Missed

    def refuse_as_deadlock(self, sql: str) -> None:
        """Have the server answer as it does to whom a deadlock costs the transaction."""
        raise Missed

    def hold(self, sql: str) -> Callable[[], None]:
        """Lock what the statement needs in another session; return what lets it go."""
        raise Missed

    def close_on_server(self) -> None:
        """Have the server end this session."""
        raise Missed

    def lose_answer(self) -> None:
        """Raise as if the connection broke before the answer came."""
        raise Missed


class MariaDBSession(Session):
    query = MariaDBConnection.query

    def __init__(self, driver: MariaDBConnection) -> None:  # type: ignore[type-arg]
        self.driver = driver

    def _run(self, sql: str) -> None:
        MariaDBSession.query(self.driver, sql)

    def only_send(self, sql: str) -> None:
        self.driver._execute_command(COMMAND.COM_QUERY, sql)

    def refuse_as_busy(self, sql: str) -> None:
        if COMMITS_FIRST.match(sql):
            self._run("COMMIT")
        message = "Lock wait timeout exceeded; try restarting transaction"
        self._run(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205, MESSAGE_TEXT = '{message}'")

    def refuse_as_deadlock(self, sql: str) -> None:
        if COMMITS_FIRST.match(sql):
            raise Missed
        self._run("ROLLBACK")
        message = "Deadlock found when trying to get lock; try restarting transaction"
        self._run(f"SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = '{message}'")

    def hold(self, sql: str) -> Callable[[], None]:
        own = self.driver
        other = MariaDBConnection(
            host=own.host, port=own.port, user=own.user, password=own.password, database=own.db
        )
        holder = MariaDBSession(other)
        holder._run("SET lock_wait_timeout = 0")
        holder._run("SHOW TABLES")
        there = {row[0] for row in other._result.rows}
        named = there & set(NAMES.findall(sql))
        try:
            if not named:
                raise Missed
            holder._run("LOCK TABLES " + ", ".join(f"{name} WRITE" for name in sorted(named)))
        except (Missed, pymysql.err.MySQLError):
            other._force_close()
            raise Missed from None
        return other._force_close

    def close_on_server(self) -> None:
        with suppress(pymysql.err.MySQLError):
            self._run("KILL CONNECTION_ID()")

    def lose_answer(self) -> None:
        self.driver._force_close()
        raise pymysql.err.OperationalError(
            CR.CR_SERVER_LOST, "Lost connection to MySQL server during query"
        )


class PostgreSQLSession(Session):
    execute = psycopg.Cursor.execute

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self.driver = driver

    def _run(self, sql: str) -> None:
        PostgreSQLSession.execute(psycopg.Cursor(self.driver), sql)

    def only_send(self, sql: str) -> None:
        if "%" in sql or not self.driver.autocommit:  # else psycopg sends BEGIN before it
            raise Missed
        self.driver.pgconn.send_query(sql.encode())
        self.driver.pgconn.flush()

    def refuse_as_busy(self, sql: str) -> None:
        message = "canceling statement due to lock timeout"
        self._run(f"DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '55P03'; END $$")

    def refuse_as_deadlock(self, sql: str) -> None:
        self._run("DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$")

    def hold(self, sql: str) -> Callable[[], None]:
        other = psycopg.connect(self.driver.info.dsn, autocommit=True)
        try:
            rows = other.execute("SELECT relname FROM pg_class WHERE relkind = 'r'").fetchall()
            named = {name for (name,) in rows} & set(NAMES.findall(sql))
            if not named:
                raise Missed
            PostgreSQLSession.execute(psycopg.Cursor(other), "BEGIN")
            for name in sorted(named):
                lock = f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE NOWAIT"
                PostgreSQLSession.execute(psycopg.Cursor(other), lock)
        except (Missed, psycopg.Error):
            other.close()
            raise Missed from None
        return other.close

    def close_on_server(self) -> None:
        with suppress(psycopg.Error):
            self._run("SELECT pg_terminate_backend(pg_backend_pid())")

    def lose_answer(self) -> None:
        self.driver.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")


class SQLiteSession(Session):
    has_network = False

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.driver = driver

    def check_it_may_wait(self, sql: str) -> None:
        begins = sql.lstrip().upper().startswith(("BEGIN", "COMMIT"))
        if not begins and (self.driver.in_transaction or not MEETS_A_TABLE.match(sql)):
            raise Missed

    def refuse_as_busy(self, sql: str) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorname, error.sqlite_errorcode = "SQLITE_BUSY", sqlite3.SQLITE_BUSY
        raise error

    def hold(self, sql: str) -> Callable[[], None]:
        """Read on in another session: who commits has to wait for that."""
        ((_, _, path),) = sqlite3.Connection.execute(self.driver, "PRAGMA database_list").fetchall()
        other = OriginalConnection(path, isolation_level=None, timeout=0)
        try:
            other.execute("BEGIN")
            other.execute("SELECT * FROM sqlite_master").fetchall()
        except sqlite3.OperationalError:
            other.close()
            raise Missed from None
        return other.close


OriginalConnection = sqlite3.Connection

# PyMySQL reads the machine's certificates for each connection, which takes longer than a revision.
_new_context = MariaDBConnection._create_ssl_ctx
_contexts: dict[str, Any] = {}


def _context_once(self: Any, said: Any) -> Any:
    key = repr(said)
    if key not in _contexts:
        _contexts[key] = _new_context(self, said)
    return _contexts[key]


MariaDBConnection._create_ssl_ctx = _context_once  # type: ignore[method-assign]


def install(database: str, incident: Incident) -> None:
    """Have an incident count every statement that a driver sends from now on."""
    {"mysql": _mariadb, "postgresql": _postgresql, "sqlite": _sqlite}[database](incident)


def _mariadb(incident: Incident) -> None:
    query, commit = MariaDBConnection.query, MariaDBConnection.commit

    def met_query(self: Any, sql: Any, unbuffered: bool = False) -> Any:
        text = sql if isinstance(sql, str) else bytes(sql).decode("utf-8", "surrogateescape")
        return incident.meet(MariaDBSession(self), text, lambda: query(self, sql, unbuffered))

    def met_commit(self: Any) -> None:
        incident.meet(MariaDBSession(self), "COMMIT", lambda: commit(self))

    MariaDBConnection.query = met_query  # type: ignore[method-assign]
    MariaDBConnection.commit = met_commit  # type: ignore[method-assign]


def _postgresql(incident: Incident) -> None:
    commit = psycopg.Connection.commit

    def met(method: Callable[..., Any]) -> Callable[..., Any]:
        def execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
            text = query if isinstance(query, str) else str(query)
            send = lambda: method(self, query, *arguments, **options)  # noqa: E731
            return incident.meet(PostgreSQLSession(self.connection), text, send)

        return execute

    def met_commit(self: Any) -> None:
        if self.pgconn.transaction_status == pq.TransactionStatus.IDLE:
            commit(self)
            return
        incident.meet(PostgreSQLSession(self), "COMMIT", lambda: commit(self))

    for kind in (psycopg.Cursor, psycopg.ServerCursor):
        kind.execute = met(kind.execute)  # type: ignore[method-assign]
        kind.executemany = met(kind.executemany)  # type: ignore[method-assign]
    psycopg.Connection.commit = met_commit  # type: ignore[method-assign]


def _sqlite(incident: Incident) -> None:
    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *parameters: Any) -> Any:
            send = super().execute
            return incident.meet(_session(self), sql, lambda: send(sql, *parameters))

        def executemany(self, sql: str, *parameters: Any) -> Any:
            send = super().executemany
            return incident.meet(_session(self), sql, lambda: send(sql, *parameters))

    def _session(cursor: sqlite3.Cursor) -> SQLiteSession:
        return SQLiteSession(cursor.connection)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(Cursor)

        def execute(self, sql: str, *parameters: Any) -> Any:
            return self.cursor().execute(sql, *parameters)

        def commit(self) -> None:
            if not self.in_transaction:
                return super().commit()
            send = super().commit
            return incident.meet(SQLiteSession(self), "COMMIT", send)

    connect = sqlite3.connect

    def met_connect(*arguments: Any, **options: Any) -> Any:
        options.setdefault("factory", Connection)
        return connect(*arguments, **options)

    sqlite3.connect = met_connect
    dbapi2.connect = met_connect
