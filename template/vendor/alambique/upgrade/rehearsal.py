"""A downgrade run in a transaction that is undone, and what was missing at its end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from alambique.database.answers import Answer
from alambique.database.aside import Aside
from alambique.database.changes import Change, Copied, Deleted, Retyped, changes
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
from alambique.database.error_codes import codes
from alambique.database.retyped import Remembered, Retyping
from alambique.database.sequences import sequences_put_back
from alambique.database.statement_text import statements
from alambique.database.watched import Statement
from alambique.names import ColumnName, TableName
from alambique.upgrade.execution import OUTSIDE_TRANSACTIONS
from alambique.upgrade.loss import Loss, Losses
from alambique.upgrade.retry import is_busy
from alambique.upgrade.server import Server
from alambique.upgrade.statements import first_word, undoes_all
from alambique.upgrade.watching import Watching, begin, undo_all, walk

# What a rehearsal that commits is in: what it would have kept is, until all of it is undone.
SAVEPOINT = "alambique_trial"

BEGINS = frozenset({"BEGIN", "START"})
KEEPS = frozenset({"COMMIT", "END"})
UNDOES = frozenset({"ROLLBACK", "ABORT"})
# What SQLite and PostgreSQL do outside of transactions only, and loses nothing.
OUTSIDE = frozenset({"VACUUM"})


def rehearsed(
    migration: MigrationContext, connection: Connection, steps: Sequence[RevisionStep]
) -> Losses:
    """Return what a downgrade loses, by what is missing after it was run and before it is undone.

    Args:
        migration: what Alembic made of the connection.
        connection: the same connection, in no transaction.
        steps: the revisions that are undone, the newest first.

    Raises:
        DBAPIError: the server refuses the first step, or a table is busy.
    """
    with sequences_put_back(connection):
        begin(connection)
        before = tables(connection)
        writes = total_writes(connection)
        rehearsal = Rehearsal(connection, Names(before))

        found = Losses(untold=walk(migration, connection, steps, rehearsal))
        now = tables(connection, rehearsal.names)
        doubtful = touched(connection, before, now, writes)
        counted = {key: _count(connection, table) for key, table in _left(before, now, doubtful)}
        retyped = dict(rehearsal.retyped)
        undo_all(connection)

    connection.begin()
    for key, table in before.items():
        left = now.get(key) or _namesake(before, now, table)
        is_doubtful = key in doubtful or left is not now.get(key)
        deleted = rehearsal.deleted.get(table.name, 0)
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


class Rehearsal(Watching):
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
        self._server = Server(connection, transactional_ddl=True)
        self._was_undone = False
        """Did the database undo the transaction that all of this is in?"""
        self._aside = Aside(connection)
        self._aside.query(f"SAVEPOINT {SAVEPOINT}")

    def between_steps(self) -> None:
        """Keep what a step did, as its commit would; raise what was not to be caught in it.

        Raises:
            CannotTell: the step did what cannot be undone, or was about to.
        """
        self.keep()

    def give_up(self) -> bool:
        """Undo the step that cannot be told of; return whether what came before it is kept."""
        if self._was_undone:
            return False
        self.undo()
        return True

    def keep(self) -> None:
        """Do what a commit would, within the transaction that is undone.

        Raises:
            CannotTell: what came before is not known, or gone.
        """
        self.require_told()
        self._aside.query(f"RELEASE SAVEPOINT {SAVEPOINT}")
        self._aside.query(f"SAVEPOINT {SAVEPOINT}")
        self._kept_deleted = dict(self.deleted)
        self._kept_retyped = dict(self.retyped)
        self._kept_names = self.names.copy()

    def undo(self) -> None:
        """Do what a rollback would, unless the database has done it."""
        if self._was_undone:
            return
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
        each = [_first_word_of(tokens) for tokens in statements(statement.sql)]
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
        answer = self._alone(statement) if self.commits_each else self._execute(statement)
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
            if is_busy(error):
                raise
            raise self.cannot(sql) from error
        return [each for each in values if each is not None]

    def _note_retyped(self, column: ColumnName, lost: int) -> None:
        first = self.names.column(column)
        if first is not None:
            self.retyped[first] = self.retyped.get(first, 0) + lost

    def _execute(self, statement: Statement) -> Answer:
        """Carry out a statement; what follows is not, if its refusal undid the transaction.

        On SQLite that is what `OR ROLLBACK`, `raise(ROLLBACK, ...)` and a full disk do: what came
        before it would be missing from what is found, and what follows would be kept.
        """
        try:
            return statement.execute(statement.sql)
        except self._aside.driver_error:
            if self._server.is_in_transaction is False:
                self._was_undone = True
                self.cannot(statement.sql)
            raise

    def _alone(self, statement: Statement) -> Answer:
        """Carry out a statement that would be a transaction of its own."""
        try:
            answer = self._execute(statement)
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
        """Keep a transaction, as far as a rehearsal does."""
        self.keep()

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Undo a transaction, no more than the step."""
        self.undo()


def _first_word_of(tokens: Iterable[Any]) -> str:
    """Return the first word of a statement that was taken apart, in capitals."""
    return next((str(token.word) for token in tokens), "")
