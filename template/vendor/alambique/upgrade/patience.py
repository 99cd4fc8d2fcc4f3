"""How long a statement may wait, by what it keeps others from while it does.

Who waits to alter a table has everybody who wants the table queue behind: that wait is short, and
tried again. Who waits for a lock that lets readers and writers through keeps nobody: to be cut off
would only undo an index that took an hour to build, because somebody left a transaction open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from alambique.database import timeouts
from alambique.settings import seconds
from alambique.upgrade import statements
from alambique.upgrade.server import Server

NAME = r'(?: "[^"]+" | \w+ ) (?: \s* \. \s* (?: "[^"]+" | \w+ ) )?'

# What no reader and no writer of a table waits for: it takes no lock that is stronger than SHARE
# UPDATE EXCLUSIVE. https://www.postgresql.org/docs/current/explicit-locking.html
LETS_OTHERS_THROUGH = re.compile(
    rf"""
    ^(?: (?: CREATE \s+ (?:UNIQUE\s+)? | DROP \s+ ) INDEX \s+ CONCURRENTLY \b
       | REINDEX \b [^'"]* \b CONCURRENTLY \b (?! \s* (?:false|off|0) )
       | REFRESH \s+ MATERIALIZED \s+ VIEW \s+ CONCURRENTLY \b
       | (?: VACUUM | ANALYZE ) \b (?! .* \b FULL \b )
       | ALTER \s+ TYPE \s+ {NAME} \s+ ADD \s+ VALUE \b
       | ALTER \s+ TABLE \s+ (?:IF\s+EXISTS\s+)? (?:ONLY\s+)? {NAME} \s+
         (?: VALIDATE \s+ CONSTRAINT \s+ {NAME}
           | DETACH \s+ PARTITION \s+ {NAME} \s+ (?: CONCURRENTLY | FINALIZE )
         ) [\s;]* $
    )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Kind:
    """Statements that may wait equally long."""

    text: re.Pattern[str]
    """What such a statement looks like, from its first word on."""
    setting: str
    """The variable that says how long, in seconds."""
    default: float
    """How long it is where nobody says."""


KINDS = [Kind(LETS_OTHERS_THROUGH, "MIGRATION_PATIENCE", 60 * 60)]
"""The first that a statement looks like counts; any other one waits MIGRATION_LOCK_TIMEOUT."""

# Every so many milliseconds a patient session looks whether its client is still there: it has the
# migration lock, for which the next deploy waits, whoever was killed.
LOOKS_FOR_US = 2000

# How long the session waits, who said so, and how many locks its transaction has that somebody may
# be waiting for: then it is not the statement's own lock that tells whom its wait keeps. And
# whether it can look for its client, as some systems let it from version 14 on, and does not yet.
STANDING = """
SELECT setting, source,
  (SELECT count(*) FROM pg_locks
   WHERE pid = pg_backend_pid() AND granted AND locktype = 'relation'
     AND relation >= 16384  -- FirstNormalObjectId: below, it is the catalog's
     AND mode IN ('RowExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                  'AccessExclusiveLock')),
  (SELECT count(*) FROM pg_settings
   WHERE name = 'client_connection_check_interval' AND setting = '0' AND version() LIKE '%-linux-%')
FROM pg_settings WHERE name = 'lock_timeout'
"""


def patience(sql: str) -> float | None:
    """Return how long a statement of PostgreSQL's may wait, in seconds; None if as any other.

    Raises:
        InvalidSetting: the variable that says so is no number of seconds.
    """
    if ";" in statements.LITERAL.sub("''", sql).rstrip("; \n\t"):
        return None  # there may be another one behind it
    for kind in KINDS:
        if kind.text.search(statements.body(sql)):
            return seconds(kind.setting, kind.default)
    return None


@contextmanager
def waiting_longer(server: Server, sql: str) -> Iterator[None]:
    """Have a session wait as long as this statement may, then as long as before.

    A `lock_timeout` that the revision, the URL or the role has said is left alone.

    Raises:
        InvalidSetting: the variable that says how long is no number of seconds.
    """
    wait = patience(sql) if server.backend == "postgresql" else None
    before = None if wait is None else _what_we_said(server)
    if wait is None or before is None:
        yield
        return

    meanwhile = {
        "lock_timeout": str(max(1, int(wait * 1000))),
        "client_connection_check_interval": str(LOOKS_FOR_US),
    }
    for name in before:
        server.aside.query(f"SET {name} = {meanwhile[name]}")
    try:
        yield
    finally:
        with suppress(SQLAlchemyError):  # of a transaction that failed: undone, so are these
            for name, value in before.items():
                server.aside.query(f"SET {name} = {value}")


def _what_we_said(server: Server) -> dict[str, str] | None:
    """Return the settings that may change, and what brings each back; None if none may."""
    try:
        ((setting, source, locks, may_look),) = server.aside.query(STANDING)
    except SQLAlchemyError:  # the transaction has failed: so will the statement
        return None
    if locks or int(setting) != timeouts.for_a_table()["lock_timeout"]:
        return None
    is_as_it_connected = source == "client"  # by an option: nobody has set it since
    if not (is_as_it_connected or timeouts.was_set_by_us(server.connection)):
        return None

    before = {"lock_timeout": "DEFAULT" if is_as_it_connected else str(setting)}
    if may_look:
        before["client_connection_check_interval"] = "DEFAULT"
    return before
