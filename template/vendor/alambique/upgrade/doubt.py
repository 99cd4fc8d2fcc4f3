"""Did a statement happen whose answer never came? The catalog is asked, no text of an error.

A server carries a single DDL statement out whole or not at all. So what the catalog said of the
things that a statement names, before it was sent, is kept with it; if it says the same now, the
statement did not happen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from sqlalchemy.exc import DBAPIError

from alambique.database.error_codes import (
    ER_SPECIFIC_ACCESS_DENIED_ERROR,
    ER_TABLE_NOT_LOCKED,
    ER_UNKNOWN_TABLE,
    ER_VIEW_INVALID,
    codes,
)
from alambique.upgrade import statements
from alambique.upgrade.lock_check import Question

State = dict[str, str]
"""What the catalog says: what kind of thing, and its name, to how it is made."""

Query = Callable[..., list[Any]]
"""Runs SQL with parameters of these names, and returns its rows."""

# A thing that a statement left behind without having ended: it is neither before nor after.
UNFINISHED = "unfinished "
UNFINISHED_INDEX = f"{UNFINISHED}index "

# The next key of a table grows with its rows, without any statement of a catalog.
NEXT_KEY = re.compile(r" AUTO_INCREMENT=\d+")

# What puts other tables under the same names: how they are made may be the same, before and after.
EXCHANGES = re.compile(r"^(?:RENAME|TRUNCATE)\b|\bEXCHANGE\s+PARTITION\b", re.IGNORECASE)

POSTGRESQL = """
WITH relation AS (
  SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relnamespace
  FROM pg_class c
  WHERE c.relname = ANY(:names)
    OR c.oid IN (SELECT i.indexrelid FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
                 WHERE t.relname = ANY(:names))
), altered AS (
  SELECT DISTINCT t.oid, t.reltoastrelid
  FROM relation r LEFT JOIN LATERAL pg_partition_tree(r.oid) p ON true
  LEFT JOIN pg_index i ON i.indexrelid = coalesce(p.relid, r.oid)
  JOIN pg_class t ON t.oid = coalesce(i.indrelid, p.relid, r.oid)
)
SELECT 'relation ' || name, relkind::text FROM relation
UNION ALL
SELECT 'column ' || r.name || '.' || a.attname,
  concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef)
FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT CASE WHEN i.indisvalid THEN 'index ' ELSE 'unfinished index ' END || r.name,
  pg_get_indexdef(i.indexrelid)
FROM relation r JOIN pg_index i ON i.indexrelid = r.oid
UNION ALL
-- REINDEX CONCURRENTLY leaves its own beside those that it is told of, and on what is TOASTed.
SELECT 'unfinished index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN altered t ON i.indrelid IN (t.oid, t.reltoastrelid)
WHERE NOT i.indisvalid
UNION ALL
SELECT 'constraint ' || r.name || '.' || k.conname,
  concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated)
FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid
UNION ALL
SELECT CASE WHEN to_jsonb(h)->>'inhdetachpending' = 'true' THEN 'unfinished detach '
  ELSE 'partition ' END || r.name, h.inhparent::regclass::text
FROM relation r JOIN pg_inherits h ON h.inhrelid = r.oid
UNION ALL
SELECT 'value ' || t.oid::regtype || '.' || e.enumlabel, e.enumsortorder::text
FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.typname = ANY(:names)
UNION ALL
SELECT 'database ' || datname, '' FROM pg_database WHERE datname = ANY(:names)
UNION ALL
SELECT 'schema ' || nspname, '' FROM pg_namespace WHERE nspname = ANY(:names)
"""


class Outcome(Enum):
    """What became of a statement whose answer never came."""

    HAPPENED = "the catalog is not as it was"
    DID_NOT_HAPPEN = "the catalog is as it was"
    CANNOT_TELL = "it leaves no trace, or half of one"


def state(query: Query, backend: str, sql: str, lock: Question | None = None) -> State:
    """Return what the catalog says of everything that a statement names.

    Args:
        query: asks the server.
        backend: the kind of database, as SQLAlchemy names it.
        sql: the statement.
        lock: is asked along on MySQL and MariaDB, and then has an answer.
    """
    if backend == "postgresql":
        rows = query(POSTGRESQL, names=list(statements.names(sql)))
        return dict(sorted((str(row[0]), str(row[1])) for row in rows))
    return dict(_mysql(query, sql, lock))


def outcome(before: State | None, now: State, sql: str) -> Outcome:
    """Tell what became of a statement.

    Args:
        before: what `state` returned before it was sent; None where nothing can tell.
        now: what it returns now.
        sql: the statement.
    """
    if before is None:
        return Outcome.CANNOT_TELL
    if any(name.startswith(UNFINISHED) for name in now.keys() - before.keys()):
        return Outcome.CANNOT_TELL

    if now == before:
        is_seen = not EXCHANGES.search(statements.body(sql)) or _shows_identity(before)
        return Outcome.DID_NOT_HAPPEN if is_seen else Outcome.CANNOT_TELL

    # DROP TABLE a, b is whole for each of them only.
    gone = statements.dropped(sql)
    if len(gone) > 1 and any(_table(name) in gone for name in now):
        return Outcome.CANNOT_TELL
    return Outcome.HAPPENED


def left_unfinished(before: State, now: State) -> list[str]:
    """Return the indexes that a statement left invalid, as SQL has their names.

    Args:
        before: what `state` returned before it was sent: what was invalid then is somebody else's.
        now: what it returns now.
    """
    left = (name for name in now.keys() - before.keys() if name.startswith(UNFINISHED_INDEX))
    return sorted(name.removeprefix(UNFINISHED_INDEX) for name in left)


def changes(before: State, now: State) -> str:
    """Return what differs, in one line: "+ index ix_name", "- table shop.old"."""
    lines = [f"- {name}" for name in before.keys() - now.keys()]
    lines += [f"+ {name}" for name in now.keys() - before.keys()]
    lines += [f"* {name}" for name in before.keys() & now.keys() if before[name] != now[name]]
    return ", ".join(sorted(lines))


def _mysql(query: Query, sql: str, lock: Question | None) -> Iterator[tuple[str, str]]:
    words = {word.lower() for word in statements.names(sql)}
    text = statements.body(sql)
    others: list[str] = []

    if "." in sql or "DATABASE" in text.upper() or "SCHEMA" in text.upper():
        for (name,) in query("SHOW DATABASES"):
            if name.lower() in words:
                others.append(name)
                yield f"database {name}", str(query(f"SHOW CREATE DATABASE {_quoted(name)}")[0][1])

    for database, name, kind in _tables(query, others, statements.names(sql), lock):
        # Where tables are locked, only those may be looked at; and a view may be broken.
        may_answer = {ER_TABLE_NOT_LOCKED, ER_VIEW_INVALID}
        made = f"SHOW CREATE TABLE {_quoted(database)}.{_quoted(name)}"
        for row in _unless(may_answer, query, made) or [("", "")]:
            yield f"table {database}.{name}", f"{kind} {NEXT_KEY.sub('', row[1])}"

    exchanges = EXCHANGES.search(text) is not None
    makes = [each for each in _MADE_BESIDE_TABLES if each[0] in text.upper()]
    if not exchanges and not makes:
        return

    databases = {*others, *(name for (name,) in query("SELECT database()"))}
    if exchanges:
        yield from _identities(query, databases, words)
    for word, table, columns in makes:
        for name, schema, *rest in query(f"SELECT {columns} FROM information_schema.{table}"):
            if schema in databases and str(name).lower() in words:
                yield f"{word.lower()} {schema}.{name}", " ".join(map(str, rest))


def _tables(
    query: Query, others: Sequence[str], names: Iterable[str], lock: Question | None
) -> list[Any]:
    """Return the database, the name and the kind of each table and view of these names.

    They are asked for by name: to list a thousand takes longer than most of what is done to one.

    Args:
        query: asks the server.
        others: where to look beside the session's own database.
        names: the names.
        lock: is asked along.
    """
    databases = {f"database_{place}": name for place, name in enumerate(others)}
    tables = {f"table_{place}": name for place, name in enumerate(sorted(names))}
    places = ", ".join(["database()", *(f":{place}" for place in databases)])
    asked = ", ".join(f":{place}" for place in tables)
    found = (
        "SELECT table_schema, table_name, table_type FROM information_schema.tables "
        f"WHERE table_schema IN ({places}) AND table_name IN ({asked})"
    )
    parameters = {**databases, **tables}
    if lock is None:
        return sorted(query(found, **parameters))

    along = f"SELECT '', '', {lock.sql}"
    rows = query(f"{along} UNION ALL {found}", **parameters, **lock.parameters)
    (held,) = (value for database, _, value in rows if not database)
    lock.answer = held == "1"  # a number beside names comes as text
    return sorted(row for row in rows if row[0])


# What else is made: the word in a statement, its catalog, and there the name, where it is, and what
# it does.
_ROUTINE = "routine_name, routine_schema, routine_type, routine_definition"
_MADE_BESIDE_TABLES = [
    (
        "TRIGGER",
        "triggers",
        "trigger_name, trigger_schema, event_object_table, action_timing, action_statement",
    ),
    ("PROCEDURE", "routines", _ROUTINE),
    ("FUNCTION", "routines", _ROUTINE),
    ("EVENT", "events", "event_name, event_schema, status, event_definition"),
]


def _identities(query: Query, databases: set[str], words: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the server's own number of each table, which a rename does not change."""
    for table in ("INNODB_SYS_TABLES", "INNODB_TABLES"):  # MariaDB's, and MySQL's
        names = f"SELECT NAME, TABLE_ID FROM information_schema.{table}"
        # There may be none of this name, or the role may not see it.
        may_answer = {ER_UNKNOWN_TABLE, ER_SPECIFIC_ACCESS_DENIED_ERROR}
        for name, number in _unless(may_answer, query, names):
            database, _, own = str(name).partition("/")
            if database in databases and own.partition("#")[0].lower() in words:
                yield f"identity {name}", str(number)


def _unless(may_answer: set[int], query: Query, sql: str) -> list[Any]:
    """Return the rows of a query; none if the server answers with one of these errors."""
    try:
        return query(sql)
    except DBAPIError as error:
        if codes(error.orig).isdisjoint(may_answer):
            raise
        return []


def _shows_identity(before: Mapping[str, str]) -> bool:
    return any(name.startswith("identity ") for name in before)


def _table(name: str) -> str:
    """Return the table that a line of a state is about, in small letters; "" for anything else."""
    kind, _, rest = name.partition(" ")
    return rest.rpartition(".")[2].lower() if kind == "table" else ""


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
