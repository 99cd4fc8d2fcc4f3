"""What an upgrade would do to the database, before it does it."""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, event

from alambique import private
from alambique.database import algorithm, locking
from alambique.database.aside import Aside
from alambique.database.changes import (
    Change,
    Copied,
    Deleted,
    Dropped,
    Emptied,
    Unknown,
    changes,
)
from alambique.database.creation import scratch_database
from alambique.database.locking import Held
from alambique.database.reactions import columns_on_update, triggers_on_update
from alambique.database.sqlite import BATCH_TABLE
from alambique.database.views import views_left_behind
from alambique.history.environment import hear
from alambique.history.failures import failure
from alambique.history.heads import refuse_forks, upgrade
from alambique.history.script import history, source_of
from alambique.history.source import operations
from alambique.history.status import connected, current_heads, pending
from alambique.names import ColumnName, TableName
from alambique.settings import sync_driver

# What a statement may have inside of which nobody can tell what it does, such as a block of code.
LOSES = re.compile(r"\b(DROP|TRUNCATE|DELETE)\b", re.IGNORECASE)
REWRITES = re.compile(r"\bALTER\s+TABLE\b.*\b(TYPE|MODIFY|CHANGE)\b", re.IGNORECASE)
NAME = r'"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|\w+'
UPDATES = re.compile(
    r"UPDATE\s+(?:(?:OR\s+\w+|ONLY|LOW_PRIORITY|IGNORE)\s+)*"
    rf"(?P<name>{NAME})(?:\s*\.\s*(?P<after_dot>{NAME}))?",
    re.IGNORECASE,
)
TABLE_COLUMNS = "SELECT name FROM pragma_table_xinfo(:name) WHERE hidden = 0"
# What SQLite is asked on the way, and changes nothing.
READS = frozenset({"SELECT", "PRAGMA", "BEGIN"})


class Risk(Enum):
    """What may be wrong with running a statement."""

    LOSES = "loses data"
    REWRITES = "rewrites a table, which nobody can write to meanwhile"


@dataclass(frozen=True)
class HeldTable:
    """A table that others wait for, and how large it is."""

    held: Held
    rows: int | None = None
    """About; None where nobody can tell."""
    size: int | None = None
    """In bytes, with its indexes."""


@dataclass(frozen=True)
class Statement:
    """A statement an upgrade would run."""

    sql: str
    """Without the semicolon at its end."""

    risk: Risk | None
    comment: str = ""
    """What Alembic says before it, such as `-- Running upgrade a -> b`."""

    fires: tuple[str, ...] = ()
    """The triggers, and the columns with ON UPDATE, that act on each row it updates."""

    waits: tuple[HeldTable, ...] = ()
    """Whom it keeps from a table while it works."""


@dataclass(frozen=True)
class Plan:
    """What an upgrade to all heads would do."""

    revisions: list[Script]
    """Those it would apply, the first one first."""

    losses: list[TableName | ColumnName]
    """The tables and columns that the statements drop."""

    statements: list[Statement]

    views: list[str] = field(default_factory=list)
    """The views that go on saying the old name of what is renamed, and are not made anew."""


def plan(config: Config) -> Plan:
    """Return what an upgrade to all heads would do; nothing is changed.

    SQLite recreates tables from what is in them, so there the upgrade runs on a copy of the file.

    Args:
        config: the command's configuration; it says which database.

    Raises:
        CommandError: the revisions do not make a history, a branch has two heads, the database is
            at a revision it lacks, or one cannot be written down as SQL (or, on SQLite, fails).
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    script = history(config)
    refuse_forks(script)
    database = current_heads(config)
    revisions = _revisions(script, pending(script, database))
    if not revisions:
        return Plan([], [], [])

    with connected(config) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        statements, losses = _run_on_a_copy(config)
    else:
        statements = _written_down(config, database)
        losses = [name for each in statements for name in _dropped(each.sql)]
    kept_by_migrations = hear(config).own_tables()
    statements = [replace(each, risk=_risk(each.sql, kept_by_migrations)) for each in statements]

    renames = _Renames(revisions)
    with connected(config) as connection:
        noted = [_with_reactions(each, renames, connection) for each in statements]
        noted = list(_with_waits(noted, renames, connection))
        views = _views_left_behind(statements, renames, connection)
    return Plan(revisions, losses, noted, views)


def _revisions(script: ScriptDirectory, ids: Iterable[str]) -> list[Script]:
    found = [script.get_revision(each) for each in ids]
    return [revision for revision in found if revision is not None]


def _dropped(sql: str) -> Iterator[TableName | ColumnName]:
    for change in changes(sql):
        if isinstance(change, Dropped):
            yield change.name


class _Renames:
    """What revisions rename, as their sources say, in a database that they have not changed yet."""

    def __init__(self, revisions: list[Script]) -> None:
        self._old: dict[TableName, TableName] = {}
        self.renamed: list[TableName | ColumnName] = []
        """What is called otherwise afterwards, by its name of now."""

        for revision in revisions:
            for operation in operations(source_of(revision), "upgrade"):
                table = self.old_table(operation.table)
                if operation.new_table is not None:
                    self._old[operation.new_table] = table
                    self.renamed.append(table)
                elif operation.new_column:
                    self.renamed.append(table.column(operation.column))

    def old_table(self, table: TableName) -> TableName:
        """Return what the database calls a table now."""
        return self._old.get(table, table)


def _with_reactions(statement: Statement, renames: _Renames, connection: Connection) -> Statement:
    """Return a statement with what acts on each row that it updates."""
    said = _updated_table(statement.sql, connection)
    if said is None:
        return statement
    table = renames.old_table(said)
    columns = [f"{column} (ON UPDATE)" for column in columns_on_update(connection, table)]
    return replace(statement, fires=(*triggers_on_update(connection, table), *columns))


def _with_waits(
    statements: Iterable[Statement], renames: _Renames, connection: Connection
) -> Iterator[Statement]:
    """Yield statements with whom they keep from the tables that are there before the plan."""
    match connection.dialect.name:
        case "postgresql":
            yield from _waiting(statements, renames, connection, locking.held, locking.size)
        case "mysql" | "mariadb":
            with algorithm.trial(connection) as trial:
                if trial is None:
                    yield from statements
                else:
                    yield from _waiting(statements, renames, connection, trial.held, algorithm.size)
        case _:  # a table that SQLite makes anew is marked so
            yield from statements


def _waiting(
    statements: Iterable[Statement],
    renames: _Renames,
    connection: Connection,
    held: Callable[[str], Iterable[Held]],
    size: Callable[[Connection, TableName], tuple[int, int] | None],
) -> Iterator[Statement]:
    """Yield statements, each asked in its turn whom it keeps from which table."""
    new: set[TableName] = set()
    for statement in statements:
        new.update(locking.made(statement.sql))
        waits = []
        for each in held(statement.sql):
            if each.table not in new:
                rows, bytes_ = size(connection, renames.old_table(each.table)) or (None, None)
                waits.append(HeldTable(each, rows, bytes_))
        yield replace(statement, waits=tuple(dict.fromkeys(waits)))


def _updated_table(sql: str, connection: Connection) -> TableName | None:
    """Return the table of an UPDATE, as the database calls it; None for any other statement."""
    found = UPDATES.match(sql)
    if found is None:
        return None
    first, second = (
        _unquoted(part, connection) if part else None for part in found.group("name", "after_dot")
    )
    assert first is not None
    return TableName(first) if second is None else TableName(second, first)


def _unquoted(name: str, connection: Connection) -> str:
    quote = name[0]
    if quote in '"`[':
        return name[1:-1].replace(quote * 2, quote)
    return name.lower() if connection.dialect.name == "postgresql" else name


def _views_left_behind(
    statements: list[Statement], renames: _Renames, connection: Connection
) -> list[str]:
    """Return the views that the renames leave behind, unless the plan makes them anew."""
    views = {view for each in renames.renamed for view in views_left_behind(connection, each)}
    made = [each.sql for each in statements if re.search(r"\bVIEW\b", each.sql, re.IGNORECASE)]
    return sorted(view for view in views if not any(view in sql for sql in made))


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
        private.print_upgrade(config, database, "heads")
    finally:
        config.output_buffer = before

    statements: list[Statement] = []
    comments: list[str] = []
    for piece in writings.pieces:
        is_comment = piece.startswith("--") and not piece.endswith(";")
        if is_comment:
            comments.append(piece)
        else:
            statements.append(Statement(piece.rstrip(";"), None, "\n\n".join(comments)))
            comments = []
    return statements


def _run_on_a_copy(config: Config) -> tuple[list[Statement], list[TableName | ColumnName]]:
    """Return the statements that an upgrade ran on a copy of a SQLite database, and its losses."""
    with _copy(config) as copy:
        ran: list[str] = []
        losses: list[TableName | ColumnName] = []

        def note(_: Connection, __: object, sql: str, *___: object) -> None:
            first_word = sql.split(maxsplit=1)[0].upper()
            if first_word not in READS:
                ran.append(sql.strip())
                losses.extend(_not_copied(copy, sql))

        event.listen(copy, "before_cursor_execute", note)
        with _given(config, copy):
            _upgrade(config)
    swapped = list(_swaps_as_one(ran))
    losses += [name for sql in swapped if BATCH_TABLE not in sql for name in _dropped(sql)]
    return [Statement(sql, None) for sql in swapped], losses


def _upgrade(config: Config) -> None:
    try:
        upgrade(config)
    except CommandError:
        raise
    except Exception as error:
        said = failure(error, history(config))
        if said is None:
            raise
        raise said from error


def _not_copied(connection: Connection, sql: str) -> Iterator[ColumnName]:
    """Yield the columns that the table does not have any more which takes another's place."""
    for change in changes(sql):
        if isinstance(change, Copied) and change.table.name.startswith(BATCH_TABLE):
            kept = set(change.columns.values())
            for column in Aside(connection).query(TABLE_COLUMNS, name=change.source.name):
                if column[0] not in kept:
                    yield change.source.column(column[0])


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


def _risk(sql: str, ours: Collection[TableName]) -> Risk | None:
    if BATCH_TABLE in sql or REWRITES.search(sql):
        return Risk.REWRITES
    return Risk.LOSES if any(_loses(change, ours) for change in changes(sql)) else None


def _loses(change: Change, ours: Collection[TableName]) -> bool:
    """Tell whether a change takes data away: not what only calls it otherwise, or is ours."""
    match change:
        case Deleted(table):
            return table not in ours
        case Dropped() | Emptied():
            return True
        case Unknown(sql):
            return LOSES.search(sql) is not None
        case _:
            return False
