"""What statements that were read take out of a database in which none was carried out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from alambique.database.changes import Change, Deleted, Dropped, Emptied, Retyped, Unknown
from alambique.database.contents import Names, Tables, count
from alambique.database.deletions import taken_by_keys, taken_by_triggers
from alambique.database.retyped import Retyping
from alambique.names import ColumnName, TableName
from alambique.upgrade.loss import Loss, Untold
from alambique.upgrade.retry import is_busy


class Tally:
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
                if is_busy(error):
                    raise
                self._untold.append(Untold(revision, str(error.orig)))

    def losses(self) -> Iterator[Loss]:
        """Yield what is lost; a table that goes takes its columns with it."""
        for name, rows in (self._counts_besides | self._counts).items():
            if rows and not (isinstance(name, ColumnName) and name.table in self._whole):
                yield Loss(name, rows)


def schemas(read: Iterable[Change]) -> set[str]:
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
