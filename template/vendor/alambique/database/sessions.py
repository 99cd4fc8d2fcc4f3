"""Sessions of a server: what tells one from every other, and which of them are in whose way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from alambique import messages

Query = Callable[..., list[Any]]
"""Runs SQL with parameters of these names, and returns its rows."""

# How much of somebody's statement is shown, in characters.
SHOWN = 100

# How many sessions are named at once.
NAMED = 3

# A value in a statement is nobody's business. The last quote may have been cut off; where a
# backslash may or may not be part of a text, all that follows is taken for it.
_IN_QUOTES = r"'(?:[^'\\]|'')*(?:'|\\.*|$)"
_NUMBER = r"\b\d[\w.]*"
VALUES = {
    "postgresql": re.compile(rf"{_IN_QUOTES}|\$\w*\$.*|{_NUMBER}", re.DOTALL),
    "mysql": re.compile(
        rf"{_IN_QUOTES}|{_IN_QUOTES.replace(chr(39), chr(34))}|{_NUMBER}", re.DOTALL
    ),
}
VALUES["mariadb"] = VALUES["mysql"]

# What tells a session from every other, as long as its server does not restart.
IDENTITY = {
    "postgresql": "pid || ' ' || extract(epoch FROM backend_start)",
    "mysql": "concat(id, ' ', @@hostname, ':', @@port)",
}
IDENTITY["mariadb"] = IDENTITY["mysql"]


@dataclass(frozen=True)
class Session:
    """Somebody else's session."""

    number: str
    user: str | None
    program: str | None
    """What it says to be, or on MySQL the host it comes from."""
    since: str | None
    """When its transaction began; of who holds a lock of the session, when its statement did."""
    is_active: bool
    """Is a statement being carried out?"""
    sql: str | None
    """That statement, or the last one, without its values."""

    def __str__(self) -> str:
        """Say who it is, in the language spoken."""
        if self.number == "0":  # as PostgreSQL names it
            return messages.PREPARED_TRANSACTION
        return messages.SESSION.format(**self._known())

    @property
    def as_holder(self) -> str:
        """Who it is, where it need not be in a transaction."""
        return messages.LOCK_HOLDER.format(**self._known())

    def _known(self) -> dict[str, str]:
        state = ("active" if self.is_active else "idle") if self.sql else "silent"
        return {
            "number": self.number,
            "user": self.user or "?",
            "program": self.program or "?",
            "since": self.since or "?",
            "doing": messages.SESSION_DOES[state].format(sql=self.sql),
        }


@dataclass(frozen=True)
class InTheWay:
    """Who is in a session's way."""

    sessions: Sequence[Session] = ()
    phase: str = ""
    """How far the statement that waits has come, as the server calls it; "" where it has none."""
    is_guess: bool = False
    """Does the server not say who it is? Then these have been at work for longest."""

    def __str__(self) -> str:
        """Name them, the longest at work first, in the language spoken."""
        named = "; ".join(str(session) for session in self.sessions[:NAMED])
        more = len(self.sessions) - NAMED
        if more > 0:
            named = messages.AND_MORE.format(named=named, more=more)
        return messages.WAITS_FOR_ONE_OF.format(named=named) if self.is_guess else named


def session(query: Query, backend: str) -> str:
    """Return what tells this session from every other, as long as its server does not restart."""
    if backend == "postgresql":
        ours = f"SELECT {IDENTITY[backend]} FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    else:
        ours = "SELECT concat(connection_id(), ' ', @@hostname, ':', @@port)"
    return str(query(ours)[0][0])


def is_running(query: Query, backend: str, session: str) -> bool:
    """Tell whether a session, whose process may be dead, still has its statement carried out."""
    if backend == "postgresql":
        sql = f"""
            SELECT count(*) FROM pg_stat_activity
            WHERE {IDENTITY[backend]} = :session AND state = 'active' AND pid <> pg_backend_pid()
        """
    else:
        sql = f"""
            SELECT count(*) FROM information_schema.processlist
            WHERE {IDENTITY[backend]} = :session
              AND id <> connection_id() AND command NOT IN ('Sleep', 'Killed')
        """
    return bool(query(sql, session=session)[0][0])


def in_the_way(query: Query, backend: str, session: str) -> InTheWay:
    """Find who is in the way of a session that has a statement carried out.

    Args:
        query: asks its server, in another session.
        backend: the kind of database, as SQLAlchemy names it.
        session: what `session` returned there.

    Returns:
        Nobody, where the session waits for none.

    Raises:
        DBAPIError: the role may not ask, or the connection is lost.
    """
    return _postgresql(query, session) if backend == "postgresql" else _mysql(query, session)


def holder(query: Query, backend: str, lock: str) -> Session | None:
    """Find who holds the lock of a session that both servers have functions for.

    Args:
        query: asks the server.
        backend: the kind of database, as SQLAlchemy names it.
        lock: its name.

    Raises:
        DBAPIError: the role may not ask, or the connection is lost.
    """
    sql = HOLDER_ON_POSTGRESQL if backend == "postgresql" else HOLDER_ON_MYSQL
    found = _sessions(query(sql, lock=lock), backend)
    return found[0] if found else None


# Each of these gives what `_sessions` reads: number, user, program, since, is it active, SQL.

IN_THE_WAY_ON_POSTGRESQL = f"""
WITH ours AS (SELECT pid FROM pg_stat_activity WHERE {IDENTITY["postgresql"]} = :session)
SELECT t.pid, a.usename, a.application_name, date_trunc('second', a.xact_start)::text,
  a.state = 'active', a.query
FROM (SELECT DISTINCT unnest(pg_blocking_pids(pid)) AS pid FROM ours) t
LEFT JOIN pg_stat_activity a ON a.pid = t.pid
ORDER BY a.xact_start NULLS LAST, t.pid
"""
PHASE_ON_POSTGRESQL = f"""
SELECT phase FROM pg_stat_progress_create_index JOIN pg_stat_activity USING (pid)
WHERE {IDENTITY["postgresql"]} = :session
"""
HOLDER_ON_POSTGRESQL = """
SELECT a.pid, a.usename, a.application_name, date_trunc('second', a.query_start)::text,
  a.state = 'active', a.query
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (CAST(l.classid AS bigint) << 32 | CAST(l.objid AS bigint)) = hashtext(:lock)
"""

HOLDER_ON_MYSQL = """
SELECT id, user, host, now() - INTERVAL time SECOND, command <> 'Sleep', info
FROM information_schema.processlist WHERE id = IS_USED_LOCK(:lock)
"""
# What a session waits for: rows of a table, or the table itself.
WAIT_ON_MYSQL = f"""
SELECT t.trx_state, p.state
FROM information_schema.processlist p
LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id
WHERE {IDENTITY["mysql"]} = :session AND p.id <> connection_id()
"""
_SESSIONS_ON_MYSQL = """
SELECT DISTINCT p.id, p.user, p.host,
  coalesce(t.trx_started, now() - INTERVAL p.time SECOND) AS since, p.command <> 'Sleep', p.info,
  p.db <=> database() AS is_in_ours
FROM information_schema.processlist p
LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id
"""
ROWS_ON_MARIADB = f"""{_SESSIONS_ON_MYSQL}
JOIN information_schema.innodb_lock_waits w ON w.blocking_trx_id = t.trx_id
JOIN information_schema.innodb_trx ours ON ours.trx_id = w.requesting_trx_id
WHERE ours.trx_mysql_thread_id = :number ORDER BY since
"""
ROWS_ON_MYSQL = f"""{_SESSIONS_ON_MYSQL}
JOIN performance_schema.data_lock_waits w ON w.blocking_engine_transaction_id = t.trx_id
JOIN information_schema.innodb_trx ours ON ours.trx_id = w.requesting_engine_transaction_id
WHERE ours.trx_mysql_thread_id = :number ORDER BY since
"""
TABLES_ON_MYSQL = f"""{_SESSIONS_ON_MYSQL}
JOIN performance_schema.threads s ON s.processlist_id = p.id
JOIN performance_schema.metadata_locks held
  ON held.owner_thread_id = s.thread_id AND held.lock_status = 'GRANTED'
JOIN performance_schema.metadata_locks wanted ON wanted.lock_status = 'PENDING'
  AND wanted.object_type = held.object_type AND wanted.object_schema = held.object_schema
  AND wanted.object_name = held.object_name
JOIN performance_schema.threads ours
  ON ours.thread_id = wanted.owner_thread_id AND ours.processlist_id = :number
WHERE p.id <> :number ORDER BY since
"""
TABLES_ON_MARIADB = f"""{_SESSIONS_ON_MYSQL}
JOIN information_schema.metadata_lock_info held ON held.thread_id = p.id
JOIN information_schema.metadata_lock_info ours ON ours.thread_id = :number
  AND ours.table_schema = held.table_schema AND ours.table_name = held.table_name
WHERE p.id <> :number AND held.table_name <> '' ORDER BY since
"""
# MySQL shows the locks of whole tables in a schema that MariaDB has switched off unless asked, and
# MariaDB in a plugin: https://mariadb.com/kb/en/metadata-lock-info-plugin/
TABLES = {"metadata_locks": TABLES_ON_MYSQL, "metadata_lock_info": TABLES_ON_MARIADB}
LONGEST_ON_MYSQL = f"""{_SESSIONS_ON_MYSQL}
WHERE p.id NOT IN (:number, connection_id())
  AND (t.trx_id IS NOT NULL OR p.command NOT IN ('Sleep', 'Daemon'))
  AND p.user NOT IN ('system user', 'event_scheduler')
ORDER BY is_in_ours DESC, since
"""


def _postgresql(query: Query, session: str) -> InTheWay:
    found = _sessions(query(IN_THE_WAY_ON_POSTGRESQL, session=session), "postgresql")
    if not found:
        return InTheWay()
    phase = query(PHASE_ON_POSTGRESQL, session=session)
    return InTheWay(found, phase=phase[0][0] or "" if phase else "")


def _mysql(query: Query, session: str) -> InTheWay:
    wait = query(WAIT_ON_MYSQL, session=session)
    if not wait:
        return InTheWay()
    transaction, state = wait[0]
    number = int(session.partition(" ")[0])

    def found(sql: str) -> list[Session]:
        return _sessions(query(sql, number=number), "mysql")

    if transaction == "LOCK WAIT":
        shows_rows = _shows_locks(query, "data_lock_waits")
        return InTheWay(found(ROWS_ON_MYSQL if shows_rows else ROWS_ON_MARIADB))
    if not str(state).startswith("Waiting for "):
        return InTheWay()
    for table, sql in TABLES.items():
        if _shows_locks(query, table) and (holders := found(sql)):
            return InTheWay(holders)
    return InTheWay(found(LONGEST_ON_MYSQL), is_guess=True)


def _shows_locks(query: Query, table: str) -> bool:
    """Tell whether the server shows its locks in a table of this name."""
    has_it = """
        SELECT count(*) FROM information_schema.tables
        WHERE table_name = :name AND (table_schema = 'information_schema'
          OR table_schema = 'performance_schema' AND @@performance_schema)
    """
    return bool(query(has_it, name=table)[0][0])


def _sessions(rows: Sequence[Sequence[Any]], backend: str) -> list[Session]:
    return [
        Session(
            number=str(number),
            user=user,
            program=program,
            since=None if since is None else str(since),
            is_active=bool(is_active),
            sql=_without_values(sql, backend),
        )
        for number, user, program, since, is_active, sql, *_ in rows
    ]


def _without_values(sql: str | None, backend: str) -> str | None:
    """Return a statement in one line, as far as it is shown, with ? for each value."""
    if not sql:
        return None
    line = VALUES[backend].sub("?", " ".join(sql.split()))
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
