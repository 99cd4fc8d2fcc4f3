"""What an upgrade would do to the database, before it does it."""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, event

from alambique.database.creation import scratch_database
from alambique.database.sqlite import BATCH_TABLE
from alambique.history.script import history, source_of
from alambique.history.source import operations
from alambique.history.status import connected, current_heads, pending
from alambique.names import ColumnName, TableName
from alambique.settings import sync_driver

# SQL that a revision may also say in its own words: so the words are all there is to go by.
LOSES = re.compile(r"\b(DROP\s+(TABLE|COLUMN|SCHEMA)|TRUNCATE|DELETE\s+FROM)\b", re.IGNORECASE)
REWRITES = re.compile(r"\bALTER\s+TABLE\b.*\b(TYPE|MODIFY|CHANGE)\b", re.IGNORECASE)
# What SQLite is asked on the way, and changes nothing.
READS = frozenset({"SELECT", "PRAGMA", "BEGIN"})


class Risk(Enum):
    """What may be wrong with running a statement."""

    LOSES = "loses data"
    REWRITES = "rewrites a table, which nobody can write to meanwhile"


@dataclass(frozen=True)
class Statement:
    """A statement an upgrade would run."""

    sql: str
    """Without the semicolon at its end."""

    risk: Risk | None
    comment: str = ""
    """What Alembic says before it, such as `-- Running upgrade a -> b`."""


@dataclass(frozen=True)
class Plan:
    """What an upgrade to head would do."""

    revisions: list[Script]
    """Those it would apply, the first one first."""

    losses: list[TableName | ColumnName]
    """The tables and columns that these revisions drop, as their sources say."""

    statements: list[Statement]


def plan(config: Config) -> Plan:
    """Return what an upgrade to head would do; nothing is changed.

    SQLite recreates tables from what is in them, so there the upgrade runs on a copy of the file.

    Args:
        config: the command's configuration; it says which database.

    Raises:
        CommandError: the revisions do not make a history, the database is at one it lacks, or a
            revision cannot be written down as SQL (or, on SQLite, fails).
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
        SyntaxError: a revision is no Python.
    """
    script = history(config)
    database = current_heads(config)
    revisions = _revisions(script, pending(script, database))
    if not revisions:
        return Plan([], [], [])

    with connected(config) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
    statements = _run_on_a_copy(config) if is_sqlite else _written_down(config, database)
    return Plan(revisions, list(_losses(revisions)), statements)


def _revisions(script: ScriptDirectory, ids: Iterable[str]) -> list[Script]:
    found = [script.get_revision(each) for each in ids]
    return [revision for revision in found if revision is not None]


def _losses(revisions: list[Script]) -> Iterator[TableName | ColumnName]:
    for revision in revisions:
        for operation in operations(source_of(revision), "upgrade"):
            if operation.name == "drop_table":
                yield operation.table
            elif operation.name == "drop_column":
                yield operation.table.column(operation.column)


class _Writings(io.StringIO):
    """Takes what Alembic writes offline, piece by piece: a call for each statement or comment."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        """Take one piece."""
        self.pieces.append(text.strip())
        return len(text)


def _written_down(config: Config, database: tuple[str, ...]) -> list[Statement]:
    """Return the statements that Alembic writes offline, from where the database is."""
    writings = _Writings()
    before = config.output_buffer
    config.output_buffer = writings
    try:
        command.upgrade(config, ":".join([*database, "head"]), sql=True)
    finally:
        config.output_buffer = before

    statements: list[Statement] = []
    comments: list[str] = []
    for piece in writings.pieces:
        is_comment = piece.startswith("--") and not piece.endswith(";")
        if is_comment:
            comments.append(piece)
        else:
            statements.append(_statement(piece.rstrip(";"), "\n\n".join(comments)))
            comments = []
    return statements


def _run_on_a_copy(config: Config) -> list[Statement]:
    """Return the statements that an upgrade ran on a copy of a SQLite database."""
    with _copy(config) as copy:
        ran: list[str] = []

        def note(_: Connection, __: object, sql: str, *___: object) -> None:
            first_word = sql.split(maxsplit=1)[0].upper()
            if first_word not in READS:
                ran.append(sql.strip())

        event.listen(copy, "before_cursor_execute", note)
        with _given(config, copy):
            command.upgrade(config, "head")
    return [_statement(sql) for sql in _swaps_as_one(ran)]


@contextmanager
def _copy(config: Config) -> Iterator[Connection]:
    """Lend a connection to a copy of a SQLite database, which is deleted afterwards."""
    with connected(config) as connection:
        original: Any = connection.connection.driver_connection
        with scratch_database(connection.engine.url) as scratch:
            with closing(sqlite3.connect(str(scratch.database))) as copy:
                original.backup(copy)
            engine = sa.create_engine(sync_driver(scratch), poolclass=sa.NullPool)
            with engine.connect() as copied:
                yield copied


@contextmanager
def _given(config: Config, connection: Connection) -> Iterator[None]:
    """Have the commands that are run meanwhile work on this connection."""
    before = dict(config.attributes)
    config.attributes["connection"] = connection
    try:
        yield
    finally:
        config.attributes.clear()
        config.attributes.update(before)


def _swaps_as_one(statements: Iterable[str]) -> Iterator[str]:
    """Yield the statements, those that recreate a table as one.

    They are four, of which the DROP alone would look like a loss.
    """
    swap: list[str] = []
    for sql in statements:
        swap.append(sql)
        is_under_way = BATCH_TABLE in sql if len(swap) == 1 else "RENAME TO" not in sql
        if not is_under_way:
            yield ";\n".join(swap)
            swap = []
    if swap:
        yield ";\n".join(swap)


def _statement(sql: str, comment: str = "") -> Statement:
    return Statement(sql, _risk(sql), comment)


def _risk(sql: str) -> Risk | None:
    if BATCH_TABLE in sql or REWRITES.search(sql):
        return Risk.REWRITES
    if LOSES.search(sql):
        return Risk.LOSES
    return None
