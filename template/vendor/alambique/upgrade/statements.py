"""What a statement does, as far as that shows in its text: enough to know how to note it."""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from functools import lru_cache
from typing import Any

# A loop sends the same text again and again: what it is gets found out once.
_remembered = lru_cache(maxsize=1024)

# The first word of a statement, after blanks, comments and parentheses. What MySQL reads in /*! */
# is no comment to it: it has no first word, and so counts as unknown.
FIRST_WORD = re.compile(r"(?:\s|--[^\n]*|\#[^\n]*|/\*(?![M!]).*?\*/|\()*(\w*)", re.DOTALL)


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


class Effect(Enum):
    """What becomes of a statement that was interrupted, or of its session."""

    IN_TRANSACTION = "it is undone with the transaction it is in"
    COMMITS = "it commits what was before it, and itself; the catalog tells whether it happened"
    UNKNOWN = "it may commit on its way; nothing tells how far it came"
    OF_SESSION = "it changes nothing but the session, and is done again on replay"


# MySQL and MariaDB: what is undone with its transaction, or only reads,
IN_TRANSACTION = _words(
    "SELECT INSERT UPDATE DELETE REPLACE WITH VALUES TABLE LOAD DO HANDLER SHOW DESCRIBE DESC "
    "EXPLAIN HELP CHECKSUM"
)
# what says how the session or its transaction goes on,
OF_SESSION = _words(
    "SET USE PRAGMA SAVEPOINT RELEASE BEGIN START COMMIT ROLLBACK END LOCK UNLOCK DISCARD "
    "RESET ATTACH DETACH"
)
# and what commits by itself: the catalog shows it, or doing it again is harmless or refused.
COMMITS = _words(
    "CREATE ALTER DROP RENAME TRUNCATE COMMENT GRANT REVOKE ANALYZE OPTIMIZE REPAIR CHECK "
    "FLUSH REINDEX VACUUM CLUSTER REFRESH"
)

# Of these, what reads, as far as its first word tells.
READS = _words("SELECT VALUES TABLE SHOW DESCRIBE DESC EXPLAIN HELP CHECKSUM SET USE PRAGMA BEGIN")

# What ends a transaction by keeping it, whatever the database; on MySQL more does.
ENDS_TRANSACTION = frozenset({"COMMIT", "END"})
COMMITS_FIRST = ENDS_TRANSACTION | {"BEGIN", "START", "LOCK", "UNLOCK"}

# `SET autocommit`: from there on the driver's idea of a transaction is not the server's.
SETS_AUTOCOMMIT = re.compile(r"\bautocommit\b", re.IGNORECASE)

LOCKS_TABLES = re.compile(r"LOCK\s+TABLES\b", re.IGNORECASE)

CREATES_TEMPORARY = re.compile(
    r"""
    \b(?: CREATE \s+ (?:OR\s+REPLACE\s+)? (?:(?:GLOBAL|LOCAL)\s+)? (?:TEMPORARY|TEMP) \s+
          (?:(?:TABLE|VIEW|SEQUENCE)\s+) (?:IF\s+NOT\s+EXISTS\s+)?
        | INTO \s+ (?:TEMPORARY|TEMP) \s+ (?:TABLE\s+)?
      ) (?P<name> [^\s(]+)
    """,
    re.IGNORECASE | re.VERBOSE,
)
DROPS_TEMPORARY = re.compile(r"DROP\s+TEMPORARY\b", re.IGNORECASE)
DROPS = re.compile(
    r"^DROP\s+(?:TEMPORARY\s+)?(?:TABLE|VIEW|SEQUENCE)\s+(?:IF\s+EXISTS\s+)?(?P<names>[^;]+)",
    re.IGNORECASE,
)

# What only the session it ran in has: a variable with a value that was computed, what was prepared.
OF_SESSION_ONLY = re.compile(
    r"""
      ^(?!SET\b) .* (?: := | \bINTO\s+@ )
    | ^SET\b .* @\w+ \s* :?= .* [(]
    | ^(?:PREPARE|EXECUTE|DEALLOCATE|DECLARE|LISTEN|XA)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
# A variable of a session of MySQL's, where it is set and where it stands; `@@` is a setting.
VARIABLE_SET = re.compile(r"(?<![\w@])@(\w+)\s*:?=", re.IGNORECASE)
INTO_VARIABLES = re.compile(r"\bINTO\s+(@\w+(?:\s*,\s*@\w+)*)", re.IGNORECASE)
VARIABLE = re.compile(r"(?<![\w@`])@(\w+)")

# Text in quotes, which is no code.
LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"", re.DOTALL)

# What asks the session for what the statement before did,
ASKS_LAST = re.compile(
    r"""
      \b(?: ROW_COUNT | FOUND_ROWS | CHANGES | TOTAL_CHANGES ) \s* [(]
    | ^(?: SHOW \s+ (?:COUNT\(\*\)\s+)? (?:WARNINGS|ERRORS) | GET\s+DIAGNOSTICS ) \b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# or which key an INSERT got.
ASKS_KEY = re.compile(
    r"\b(?:LAST_INSERT_ID|LASTVAL|CURRVAL|LAST_INSERT_ROWID)\s*[(]", re.IGNORECASE
)

INDEX_BUILT_CONCURRENTLY = re.compile(
    r"""
    CREATE \s+ (?:UNIQUE\s+)? INDEX \s+ CONCURRENTLY \s+ (?:IF\s+NOT\s+EXISTS\s+)?
    (?P<name> "[^"]+" | \w+ ) \s+
    ON \s+ (?:ONLY\s+)? (?P<schema> \S+\. )?
    """,
    re.IGNORECASE | re.VERBOSE,
)

# What builds an index, or drops it, in steps: one that is interrupted leaves it invalid.
CONCURRENTLY = re.compile(r"^(?:CREATE|DROP|REINDEX)\b.*\bCONCURRENTLY\b", re.I | re.S)

# A name, in any of the ways that databases quote one.
NAME = re.compile(r"`((?:[^`]|``)+)`|\"((?:[^\"]|\"\")+)\"|([^\W\d][\w$]*)")


@_remembered
def first_word(sql: str) -> str:
    """Return the word that a statement begins with, in capitals; "" where it has none."""
    return _begin(sql)[1].upper()


@_remembered
def effect(sql: str) -> Effect:
    """Tell what a statement does where DDL commits by itself: on MySQL and MariaDB."""
    word = first_word(sql)
    if (
        creates_temporary(sql)
        or word == "DROP"
        and re.match(r"DROP\s+TEMPORARY\b", body(sql), re.I)
    ):
        return Effect.IN_TRANSACTION  # it commits nothing, though the server does not undo it
    if ";" in sql.rstrip().removesuffix(";") and word in IN_TRANSACTION:
        return Effect.UNKNOWN  # there may be a second one behind it
    if word == "BEGIN" and len(body(sql).split()) > 2:
        return Effect.UNKNOWN  # BEGIN NOT ATOMIC, a block of MariaDB's
    if word in OF_SESSION:
        return Effect.OF_SESSION
    if word in IN_TRANSACTION:
        return Effect.IN_TRANSACTION
    return Effect.COMMITS if word in COMMITS else Effect.UNKNOWN


def only_reads(sql: str) -> bool:
    """Tell whether a statement looks as if it left no trace: it may call a function that does."""
    return first_word(sql) in READS


def commits_first(sql: str) -> bool:
    """Tell whether a statement about the session commits on MySQL what was before it."""
    return first_word(sql) in COMMITS_FIRST or sets_autocommit(sql)


def sets_autocommit(sql: str) -> bool:
    """Tell whether a statement says whether each of them is a transaction of its own."""
    return first_word(sql) == "SET" and SETS_AUTOCOMMIT.search(sql) is not None


def undoes_all(sql: str) -> bool:
    """Tell whether a statement undoes its transaction, not only what came after a savepoint."""
    words = sql.upper().split()
    return first_word(sql) == "ROLLBACK" and "TO" not in words


def locks_tables(sql: str) -> bool:
    """Tell whether a statement is MySQL's LOCK TABLES, which shuts all other tables away."""
    return LOCKS_TABLES.match(body(sql)) is not None


def body(sql: str) -> str:
    """Return a statement without the blanks and comments before its first word."""
    return sql[_begin(sql).start(1) :]


@_remembered
def creates_temporary(sql: str) -> str | None:
    """Return the name of the temporary table that a statement makes; None if it makes none."""
    found = CREATES_TEMPORARY.search(sql)
    return _bare(found["name"]) if found else None


@_remembered
def dropped(sql: str) -> frozenset[str]:
    """Return the names of the tables that a statement drops."""
    found = DROPS.match(body(sql))
    return frozenset(_bare(name) for name in found["names"].split(",")) if found else frozenset()


@_remembered
def only_in_session(sql: str) -> bool:
    """Tell whether a statement leaves in its session what no other session can have."""
    return OF_SESSION_ONLY.search(LITERAL.sub("''", body(sql))) is not None


@_remembered
def variables_set(sql: str) -> frozenset[str]:
    """Return the session's variables that a statement of MySQL's sets, in small letters."""
    if "@" not in sql:
        return frozenset()
    code = LITERAL.sub("''", sql)
    listed = " ".join(INTO_VARIABLES.findall(code))
    found = VARIABLE_SET.findall(code) + VARIABLE.findall(listed)
    return frozenset(name.lower() for name in found)


@_remembered
def variables_read(sql: str) -> frozenset[str]:
    """Return the session's variables that a statement about rows reads, and does not set."""
    if "@" not in sql or first_word(sql) not in IN_TRANSACTION:
        return frozenset()
    code = LITERAL.sub("''", sql)
    return frozenset(name.lower() for name in VARIABLE.findall(code)) - variables_set(sql)


@_remembered
def asks_session(sql: str) -> bool:
    """Tell whether a statement asks its session about an earlier one."""
    return asks_about_last(sql) or ASKS_KEY.search(sql) is not None


@_remembered
def asks_about_last(sql: str) -> bool:
    """Tell whether a statement asks its session about the very one before, whoever's it was."""
    return ASKS_LAST.search(body(sql)) is not None


@_remembered
def names(sql: str) -> frozenset[str]:
    """Return every word of a statement that may be a name: whatever it changes is among them."""
    found: set[str] = set()
    for in_backticks, in_quotes, bare in NAME.findall(sql):
        if bare:
            found |= {bare, bare.lower()}
        else:
            found.add(in_backticks.replace("``", "`") or in_quotes.replace('""', '"'))
    return frozenset(found)


@_remembered
def builds_concurrently(sql: str) -> bool:
    """Tell whether a statement of PostgreSQL's may leave an index invalid."""
    return CONCURRENTLY.search(LITERAL.sub("''", body(sql))) is not None


def concurrent_index(sql: str) -> str | None:
    """Return the name of the index that a CREATE INDEX CONCURRENTLY builds, as SQL has it."""
    found = INDEX_BUILT_CONCURRENTLY.match(body(sql))
    if found is None:
        return None
    return (found["schema"] or "") + found["name"]


def digest(parameters: Any) -> str:
    """Return what tells the parameters of a statement from others."""
    if not parameters:
        return ""
    text = repr(parameters)
    if " at 0x" in text:  # a view of bytes, as SQLite takes them, shows where it lies in memory
        text = repr(_shown(parameters))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _shown(value: Any) -> Any:
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(each) for each in value]
    return value


def _begin(sql: str) -> re.Match[str]:
    found = FIRST_WORD.match(sql)
    assert found is not None  # it matches nothing at all, too
    return found


def _bare(name: str) -> str:
    """Return a name without its schema and its quotes, in small letters."""
    return name.strip().rpartition(".")[2].strip('`"').lower()
