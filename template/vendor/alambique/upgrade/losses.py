"""What a downgrade loses, found out before it is run.

Where the database undoes DDL with its transaction, the downgrade is run in one that is undone, and
what is there afterwards is compared with what was there before: so it does not matter how a
revision says what it does. Elsewhere its statements are read, none of them carried out. Where
neither tells, that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from alambique.database.answers import Answer, Row
from alambique.database.aside import Aside
from alambique.database.capabilities import capabilities
from alambique.database.changes import (
    Change,
    Copied,
    Deleted,
    Dropped,
    Emptied,
    Retyped,
    Unknown,
    changes,
)
from alambique.database.contents import (
    Count,
    Names,
    Table,
    Tables,
    count,
    tables,
    total_writes,
    touched,
)
from alambique.database.deletions import taken_by_keys, taken_by_triggers
from alambique.database.elsewhere import heard_elsewhere
from alambique.database.error_codes import BUSY, codes
from alambique.database.retyped import Remembered, Retyping
from alambique.database.statement_text import statements
from alambique.database.watched import Statement, watched
from alambique.names import ColumnName, TableName
from alambique.upgrade.execution import OUTSIDE_TRANSACTIONS
from alambique.upgrade.server import Server
from alambique.upgrade.statements import first_word, only_reads, undoes_all

# What a trial that commits is in: what it would have kept is, until all of it is undone.
SAVEPOINT = "alambique_trial"

BEGINS = frozenset({"BEGIN", "START"})
KEEPS = frozenset({"COMMIT", "END"})
UNDOES = frozenset({"ROLLBACK", "ABORT"})
# What SQLite and PostgreSQL do outside of transactions only, and loses nothing.
OUTSIDE = frozenset({"VACUUM"})


@dataclass(frozen=True)
class Loss:
    """Rows of a table, or values of a column, that a downgrade loses."""

    name: TableName | ColumnName
    """As it is called in the database now."""

    rows: int


@dataclass(frozen=True)
class Untold:
    """A revision of which nobody can tell what its downgrade loses."""

    revision: str
    cause: str


@dataclass
class Losses:
    """What a downgrade loses, and of which of its revisions that is not known."""

    known: list[Loss] = field(default_factory=list)
    untold: list[Untold] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.known or self.untold)


class CannotTell(Exception):
    """A revision does what can be neither undone nor read."""


def losses(migration: MigrationContext, steps: Sequence[RevisionStep]) -> Losses:
    """Return what a downgrade loses; afterwards the database is as it was.

    Args:
        migration: what Alembic made of the connection, which is in no transaction.
        steps: the revisions that are undone, the newest first.

    Raises:
        DBAPIError: the server refuses the first of them, as it would when the downgrade is run; or
            a table is busy.
        CommandError: it is a kind of database that migrations do not know.
    """
    connection = migration.connection
    assert connection is not None
    can_undo = capabilities(connection.dialect.name).transactional_ddl
    try:
        return (_tried if can_undo else _read)(migration, connection, steps)
    finally:
        _undo(connection)


# Run, and undone


def _tried(
    migration: MigrationContext, connection: Connection, steps: Sequence[RevisionStep]
) -> Losses:
    _begin(connection)
    before = tables(connection)
    writes = total_writes(connection)
    trial = _Trial(connection, Names(before))

    found = Losses(untold=_walk(migration, connection, steps, trial))
    now = tables(connection, trial.names)
    doubtful = touched(connection, before, now, writes)
    counted = {key: _count(connection, table) for key, table in _left(before, now, doubtful)}
    retyped = dict(trial.retyped)

    _undo(connection)
    connection.begin()
    for key, table in before.items():
        left = now.get(key) or _namesake(before, now, table)
        is_doubtful = key in doubtful or left is not now.get(key)
        deleted = trial.deleted.get(table.name, 0)
        if left is None:
            rows = count(connection, table.name, ()).rows
            found.known += [Loss(table.name, rows)] if rows else []
        else:
            after = counted.get(key) if is_doubtful else None
            found.known += _shrunk(connection, table, left, after, deleted)

    told = {loss.name for loss in found.known}
    for column, values in _turned(connection, before, now, retyped):
        if values and told.isdisjoint({column, column.table}):
            found.known.append(Loss(column, values))
    return found


def _turned(
    connection: Connection, before: Tables, now: Tables, seen: Mapping[ColumnName, int]
) -> Iterator[tuple[ColumnName, int]]:
    """Yield columns that have another type, with how many values that changes, or may have.

    Args:
        connection: on the database as it is.
        before: the tables as they are.
        now: the tables as they will be.
        seen: what statements were seen to change; of what a block or a function did, nothing is.
    """
    yield from seen.items()
    for key, table in before.items():
        left = now[key].types if key in now else {}
        for number, name in table.columns.items():
            column = table.column(number)
            is_another = number in left and left[number] != table.types[number]
            if is_another and column not in seen:
                yield column, count(connection, table.name, [name]).values[name]


def _count(connection: Connection, table: Table) -> Count:
    return count(connection, table.name, table.columns.values())


def _left(before: Tables, now: Tables, doubtful: set[Hashable]) -> Iterator[tuple[Hashable, Table]]:
    """Yield the tables that are still there, and of which rows may have gone."""
    for key, table in before.items():
        if key in now:
            if key in doubtful:
                yield key, now[key]
        elif (namesake := _namesake(before, now, table)) is not None:
            yield key, namesake


def _namesake(before: Tables, now: Tables, table: Table) -> Table | None:
    """Return the table that was made in the place of one that is gone; None if none was."""
    for key, each in now.items():
        if each.name == table.name and key not in before:
            return each
    return None


def _shrunk(
    connection: Connection, table: Table, left: Table, after: Count | None, deleted: int
) -> Iterator[Loss]:
    """Yield what a table that is still there loses.

    Args:
        connection: on the database as it is.
        table: the table as it is.
        left: the table as it will be.
        after: what will be in it; None where no row of it was touched.
        deleted: how many rows statements took out of it.
    """
    stays = {key: _column_left(key, name, left) for key, name in table.columns.items()}
    gone = [name for key, name in table.columns.items() if stays[key] is None]
    asked = table.columns.values() if after else gone
    if not (after or gone):
        return

    there = count(connection, table.name, asked)
    lost = max(deleted, there.rows - after.rows) if after else 0
    if lost > 0:
        yield Loss(table.name, lost)
    for key, name in table.columns.items():
        will_be = stays[key]
        if will_be is None:
            lost_values = there.values[name]
        elif after is not None and lost <= 0:
            lost_values = there.values[name] - after.values[will_be]
        else:
            continue
        if lost_values > 0:
            yield Loss(table.column(key), lost_values)


def _column_left(key: Hashable, name: str, left: Table) -> str | None:
    """Return what a column will be called; None where it will be gone."""
    if key in left.columns:
        return left.columns[key]
    return name if name in left.columns.values() else None


class _Watching:
    """What both ways to find out have in common: a step that goes around them ends both."""

    def __init__(self) -> None:
        self._cannot: CannotTell | None = None
        """Raised again whatever the step does: it may have caught it."""

    def goes_besides(self, method: str) -> None:
        """Stop a step that uses the driver in a way that may commit, and shows no statement."""
        raise self.cannot(f"{method}()")

    def goes_elsewhere(self, sql: str) -> None:
        """Stop a step that goes to another connection."""
        raise self.cannot(sql)

    def has_room(self, rows: Sequence[Row]) -> bool:
        """Tell that no rows need be kept."""
        return False

    def cannot(self, sql: str) -> CannotTell:
        """Return the error about what does not tell; from here on, nothing is carried out."""
        self._cannot = CannotTell(" ".join(sql.split()))
        return self._cannot

    def require_told(self) -> None:
        """Raise what the step may have caught.

        Raises:
            CannotTell: the step did what cannot be told of, or was about to.
        """
        if self._cannot is not None:
            raise self._cannot


class _Trial(_Watching):
    """Lets the statements of a downgrade be carried out, and none of them be kept."""

    def __init__(self, connection: Connection, names: Names) -> None:
        super().__init__()
        self.names = names
        self.deleted: dict[TableName, int] = {}
        """How many rows statements took out of a table, under its first name."""
        self.retyped: dict[ColumnName, int] = {}
        """How many values of a column another type changed, under its first name."""
        self._kept_names = names.copy()
        self._kept_deleted: dict[TableName, int] = {}
        self._kept_retyped: dict[ColumnName, int] = {}
        self._retyping = Retyping(connection)
        self._is_sqlite = connection.dialect.name == "sqlite"
        self.commits_each = False
        self._aside = Aside(connection)
        self._aside.query(f"SAVEPOINT {SAVEPOINT}")

    def between_steps(self) -> None:
        """Keep what a step did, as its commit would; raise what was not to be caught in it.

        Raises:
            CannotTell: the step did what cannot be undone, or was about to.
        """
        self.require_told()
        self.keep()

    def give_up(self) -> None:
        """Undo the step that cannot be told of."""
        self.undo()

    def keep(self) -> None:
        """Do what a commit would, within the transaction that is undone."""
        self._aside.query(f"RELEASE SAVEPOINT {SAVEPOINT}")
        self._aside.query(f"SAVEPOINT {SAVEPOINT}")
        self._kept_deleted = dict(self.deleted)
        self._kept_retyped = dict(self.retyped)
        self._kept_names = self.names.copy()

    def undo(self) -> None:
        """Do what a rollback would."""
        self._aside.query(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
        self.deleted = dict(self._kept_deleted)
        self.retyped = dict(self._kept_retyped)
        self.names = self._kept_names.copy()

    @contextmanager
    def autocommit_block(self) -> Iterator[None]:
        """Do what Alembic's does, within the transaction that is undone."""
        self.keep()
        self.commits_each = True
        try:
            yield
        finally:
            self.commits_each = False

    # What the watched connection tells

    def perform(self, statement: Statement) -> Answer:
        """Have a statement carried out, unless it would end the transaction."""
        self.require_told()
        each = [first_word_of(tokens) for tokens in statements(statement.sql)]
        if len(each) > 1 and not (KEEPS | UNDOES | BEGINS).isdisjoint(each):
            raise self.cannot(statement.sql)

        word = first_word(statement.sql)
        if word in BEGINS | OUTSIDE:
            return Answer()
        if word in KEEPS:
            self.keep()
            return Answer()
        if word in UNDOES and (word == "ABORT" or undoes_all(statement.sql)):
            self.undo()
            return Answer()
        found = list(changes(statement.sql))
        remembered = [] if self._is_sqlite else self._remembered(found, statement.sql)
        answer = self._alone(statement) if self.commits_each else statement.execute(statement.sql)
        for values in remembered:
            self._note_retyped(values.column, self._retyping.lost(values))
        self._note(found, answer)
        return answer

    def _remembered(self, found: Iterable[Change], sql: str) -> list[Remembered]:
        """Put aside what is in columns that a statement gives another type, and were there."""
        columns = [each.column for each in found if isinstance(each, Retyped)]
        try:
            values = [self._retyping.remember(each) for each in columns if self.names.column(each)]
        except DBAPIError as error:
            if _is_busy(error):
                raise
            raise self.cannot(sql) from error
        return [each for each in values if each is not None]

    def _note_retyped(self, column: ColumnName, lost: int) -> None:
        first = self.names.column(column)
        if first is not None:
            self.retyped[first] = self.retyped.get(first, 0) + lost

    def _alone(self, statement: Statement) -> Answer:
        """Carry out a statement that would be a transaction of its own."""
        try:
            answer = statement.execute(statement.sql)
        except self._aside.driver_error as error:
            self.undo()
            if codes(error).isdisjoint(OUTSIDE_TRANSACTIONS):
                raise
            if any(True for _ in changes(statement.sql)):
                raise self.cannot(statement.sql) from error
            return Answer()
        self.keep()
        return answer

    def _note(self, found: Iterable[Change], answer: Answer) -> None:
        for change in found:
            if isinstance(change, Copied):
                self._note_copied(change)
            if isinstance(change, Deleted) and answer.rowcount > 0:
                table = self.names.table(change.table)
                if table is not None:
                    self.deleted[table] = self.deleted.get(table, 0) + answer.rowcount
            self.names.follow(change)

    def _note_copied(self, copied: Copied) -> None:
        """Note what a table made anew, which only SQLite needs, makes of the values."""
        if self._is_sqlite and self.names.table(copied.source) is not None:
            lost = self._retyping.lost_in_copy(copied.source, copied.table, copied.columns)
            for name, values in lost.items():
                self._note_retyped(copied.source.column(name), values)

    def commit(self, commit: Callable[[], None]) -> None:
        """Keep a transaction, as far as a trial does."""
        self.keep()

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Undo a transaction, no more than the step."""
        self.undo()


# Read, and not carried out


def _read(
    migration: MigrationContext, connection: Connection, steps: Sequence[RevisionStep]
) -> Losses:
    connection.begin()
    # A function in a query may write: here, none can.
    Aside(connection).query("START TRANSACTION READ ONLY")
    reading = _Reading()
    found = Losses(untold=_walk(migration, connection, steps, reading))

    read = [
        (revision, change) for revision, sql in reading.written(steps) for change in changes(sql)
    ]
    tally = _Tally(
        connection,
        before=tables(connection, others=_schemas(change for _, change in read)),
        untold=found.untold,
    )
    for revision, change in read:
        tally.take(revision, change)

    _undo(connection)  # what is tried from here on is in tables of ours
    tally.try_types()
    found.known = list(tally.losses())
    return found


class _Tally:
    """What statements that were read take out of a database in which none was carried out."""

    def __init__(self, connection: Connection, before: Tables, untold: list[Untold]) -> None:
        """Count nothing yet.

        Args:
            connection: to the database.
            before: its tables.
            untold: where it is said what cannot be told.
        """
        self._connection = connection
        self._before = before
        self._names = Names(before)
        self._untold = untold
        self._whole: set[TableName] = set()
        self._counts: dict[TableName | ColumnName, int] = {}
        self._counts_besides: dict[TableName | ColumnName, int] = {}
        self._retyped: dict[ColumnName, tuple[str, str]] = {}

    def take(self, revision: str, change: Change) -> None:
        """Count what a statement takes, and what the database takes besides."""
        self._take(revision, change)
        lost = _lost_by(change, self._names)
        if isinstance(change, Deleted) and isinstance(lost, TableName):
            for taken in taken_by_keys(self._connection, lost):
                self._counts_besides[taken.name] = taken.rows
            for each in taken_by_triggers(self._connection, lost):
                self._take(revision, each)
        self._names.follow(change)

    def _take(self, revision: str, change: Change) -> None:
        if isinstance(change, Unknown):
            self._untold.append(Untold(revision, " ".join(change.sql.split())))
            return
        if isinstance(change, Retyped) and (column := self._names.column(change.column)):
            self._retyped[column] = revision, change.type

        lost = _lost_by(change, self._names)
        if lost is not None:
            self._counts[lost] = _values(self._connection, self._before, lost)
            if isinstance(change, Dropped) and isinstance(lost, TableName):
                self._whole.add(lost)

    def try_types(self) -> None:
        """Count what new types do not keep of values, in tables of our own.

        Raises:
            DBAPIError: a table is busy.
        """
        for column, (revision, type_) in self._retyped.items():
            if column in self._counts:
                continue
            try:
                self._counts[column] = Retyping(self._connection).lost_in(column, type_)
            except DBAPIError as error:
                if _is_busy(error):
                    raise
                self._untold.append(Untold(revision, str(error.orig)))

    def losses(self) -> Iterator[Loss]:
        """Yield what is lost; a table that goes takes its columns with it."""
        for name, rows in (self._counts_besides | self._counts).items():
            if rows and not (isinstance(name, ColumnName) and name.table in self._whole):
                yield Loss(name, rows)


def _schemas(read: Iterable[Change]) -> set[str]:
    """Return the databases, besides the connection's own, that changes name."""
    tables_named = {_table_of(each) for each in read}
    return {table.schema for table in tables_named if table is not None and table.schema}


def _table_of(change: Change) -> TableName | None:
    """Return the table out of which a change takes something."""
    match change:
        case Dropped(ColumnName() as column) | Emptied(column) | Retyped(column):
            return column.table
        case Dropped(TableName() as table) | Deleted(table):
            return table
        case _:
            return None


def _lost_by(change: object, names: Names) -> TableName | ColumnName | None:
    match change:
        case Dropped(TableName() as table) | Deleted(table):
            return names.table(table)
        case Dropped(ColumnName() as column) | Emptied(column):
            return names.column(column)
        case _:
            return None


def _values(connection: Connection, before: Tables, name: TableName | ColumnName) -> int:
    """Return how many rows a table has, or how many have a value in a column."""
    of = name.table if isinstance(name, ColumnName) else name
    table = next(each for each in before.values() if each.name == of)
    if isinstance(name, TableName):
        return count(connection, of, ()).rows
    if name.name not in table.columns.values():
        return 0
    return count(connection, of, [name.name]).values[name.name]


class _Reading(_Watching):
    """Takes the statements of a downgrade, and lets none but queries be carried out."""

    commits_each = False

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[list[str]] = [[]]

    def written(self, steps: Sequence[RevisionStep]) -> Iterator[tuple[str, str]]:
        """Yield the statements of the steps that were read, each with its revision."""
        for step, taken in zip(steps, self._steps[:-1], strict=False):
            for sql in taken:
                yield step.revision.revision, sql

    def between_steps(self) -> None:
        """Go on to the next step; raise what was not to be caught in this one.

        Raises:
            CannotTell: the step asked for what is not there, as nothing was carried out.
        """
        self.require_told()
        self._steps.append([])

    def give_up(self) -> None:
        """Keep nothing of the step that cannot be told of."""
        self._steps[-1] = []

    def autocommit_block(self) -> AbstractContextManager[None]:
        """Do nothing about transactions."""
        return nullcontext()

    def perform(self, statement: Statement) -> Answer:
        """Answer a query as long as nothing is different from what it would read."""
        self.require_told()
        sql = statement.sql
        if only_reads(sql) and first_word(sql) not in {"SET", "USE", "BEGIN"}:
            if any(self._steps):
                raise self.cannot(sql)
            return statement.execute(sql)
        self._steps[-1].append(sql)
        return Answer(rowcount=0)

    def commit(self, commit: Callable[[], None]) -> None:
        """Keep nothing: nothing was done."""

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Undo nothing: nothing was done."""


# Both


def _walk(
    migration: MigrationContext,
    connection: Connection,
    steps: Sequence[RevisionStep],
    watcher: _Trial | _Reading,
) -> list[Untold]:
    """Have steps run, watched, up to one that cannot be told of; return it and those after it."""
    for place, step in enumerate(steps):
        try:
            with _as_a_command(migration, connection, watcher):
                step.migration_fn()
            watcher.between_steps()
        except CannotTell as cannot:
            cause = str(cannot)
        except Exception as error:
            driver_error = Aside(connection).driver_error
            raised = Aside(connection).wrapped(error) if isinstance(error, driver_error) else error
            is_busy = isinstance(raised, DBAPIError) and _is_busy(raised)
            if not place or is_busy or connection.invalidated:
                raise raised from (error if raised is not error else error.__cause__)
            cause = str(getattr(raised, "orig", None) or raised)
        else:
            continue

        watcher.give_up()
        return [Untold(each.revision.revision, cause) for each in steps[place:]]
    return []


@contextmanager
def _as_a_command(
    migration: MigrationContext, connection: Connection, watcher: _Trial | _Reading
) -> Iterator[None]:
    """Have a revision find what it finds when it is run, and everything it does watched."""

    def tell(_: Connection, sql: str) -> None:
        watcher.goes_elsewhere(sql)

    vars(migration)["autocommit_block"] = watcher.autocommit_block
    try:
        with (
            heard_elsewhere(connection, tell),
            watched(connection, watcher),
            Operations.context(migration),
        ):
            yield
    finally:
        del vars(migration)["autocommit_block"]


def _is_busy(error: DBAPIError) -> bool:
    return not codes(error.orig).isdisjoint(BUSY)


def first_word_of(tokens: Iterable[Any]) -> str:
    """Return the first word of a statement that was taken apart, in capitals."""
    return next((str(token.word) for token in tokens), "")


def _begin(connection: Connection) -> None:
    """Begin a transaction, also where the connection would commit each statement."""
    connection.begin()
    if Server(connection, transactional_ddl=True).commits_each:
        Aside(connection).query("BEGIN")


def _undo(connection: Connection) -> None:
    """Leave the connection in no transaction, whatever SQLAlchemy believes of it."""
    with suppress(SQLAlchemyError):  # it may be lost: what follows will say so
        connection.rollback()
        if not connection.invalidated:
            Aside(connection).rollback()
