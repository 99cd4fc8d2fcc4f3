"""What a statement does, as far as that shows in its text: enough to know how to note it."""

from __future__ import annotations

import hashlib
import re

# The first word of a statement, after blanks, comments and parentheses.
FIRST_WORD = re.compile(r"(?:\s|--[^\n]*|#[^\n]*|/\*.*?\*/|\()*(\w*)", re.DOTALL)

# What reads, and what begins and ends transactions: it is done again each time.
READING_WORDS = frozenset(
    {
        "SELECT",
        "SHOW",
        "DESCRIBE",
        "EXPLAIN",
        "SET",
        "USE",
        "PRAGMA",
        "SAVEPOINT",
        "RELEASE",
        "BEGIN",
        "START",
        "COMMIT",
        "ROLLBACK",
    }
)

# What changes rows, and may be undone with its transaction on every database.
WRITING_WORDS = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "WITH"})

# WITH may begin either: it writes if one of these follows.
WRITES_LATER = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)

RETURNS_ROWS = re.compile(r"\bRETURNING\b", re.IGNORECASE)

INDEX_BUILT_CONCURRENTLY = re.compile(
    r"""
    CREATE \s+ (?:UNIQUE\s+)? INDEX \s+ CONCURRENTLY \s+ (?:IF\s+NOT\s+EXISTS\s+)?
    (?P<name> "[^"]+" | \w+ ) \s+
    ON \s+ (?:ONLY\s+)? (?P<schema> \S+\. )?
    """,
    re.IGNORECASE | re.VERBOSE,
)


def first_word(sql: str) -> str:
    """Return the word that a statement begins with, in capitals; "" where it has none."""
    found = FIRST_WORD.match(sql)
    assert found is not None  # it matches nothing at all, too
    return found[1].upper()


def only_reads(sql: str) -> bool:
    """Tell whether a statement leaves no trace of its own in the database."""
    word = first_word(sql)
    if word == "WITH":
        return not WRITES_LATER.search(sql)
    return word in READING_WORDS


def writes_rows(sql: str) -> bool:
    """Tell whether a statement writes rows, in a transaction; DDL may commit by itself."""
    return first_word(sql) in WRITING_WORDS


def returns_rows(sql: str) -> bool:
    """Tell whether a statement that writes gives rows back, too."""
    return RETURNS_ROWS.search(sql) is not None


def concurrent_index(sql: str) -> str | None:
    """Return the name of the index that a CREATE INDEX CONCURRENTLY builds, as SQL has it."""
    found = INDEX_BUILT_CONCURRENTLY.match(sql.lstrip())
    if found is None:
        return None
    return (found["schema"] or "") + found["name"]


def digest(sql: str) -> str:
    """Return what tells one statement from another.

    Only of its text: parameters such as a time or a random key may differ on the next run.
    """
    return hashlib.sha256(sql.encode()).hexdigest()
