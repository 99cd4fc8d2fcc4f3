"""A driver's connection of which every statement passes by somebody before it is carried out.

Below SQLAlchemy, so that nothing goes around it: text, Core, the ORM, and a revision's own use of
the driver's cursor. Both classes are what PEP 249 says a connection and a cursor are, and hand
anything else on to those of the driver.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import event
from sqlalchemy.engine import Connection

from alambique import messages, private
from alambique.database.answers import Answer, Row
from alambique.database.driver_errors import wrapped

# What a driver adds to PEP 249 that reads or writes rows: nobody could note or repeat it.
BESIDES_CURSOR = frozenset(
    {
        "callproc",
        "copy",
        "copy_expert",
        "copy_from",
        "copy_to",
        "executescript",
        "nextset",
        "stream",
    }
)
BESIDES_CONNECTION = frozenset(
    {"executescript", "pipeline", "query", "tpc_begin", "tpc_commit", "tpc_rollback", "transaction"}
)

# How many rows are taken from a driver's cursor at once.
ROWS_AT_ONCE = 10_000


class Statement:
    """A statement on its way to the server."""

    def __init__(self, sql: str, parameters: Any, execute: Callable[[str], Answer]) -> None:
        """Execute nothing yet.

        Args:
            sql: its text.
            parameters: what the driver fills in, in one of the forms that PEP 249 knows.
            execute: has the server carry it out, as it is or amended, and returns its answer.
        """
        self.sql = sql
        self.parameters = parameters
        self.execute = execute


class Watcher(Protocol):
    """Who lets statements pass, or answers in the server's place."""

    def perform(self, statement: Statement) -> Answer:
        """Have a statement carried out, or not; return its answer or raise its error."""

    def commit(self, commit: Callable[[], None]) -> None:
        """Have a transaction committed."""

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Have a transaction undone."""

    def goes_besides(self, method: str) -> None:
        """Hear that a method is used which is not watched."""

    def has_room(self, rows: Sequence[Row]) -> bool:
        """Tell whether more rows of an answer may be kept than these."""


class WatchedConnection:
    """A connection of a driver, watched."""

    def __init__(self, real: Any, watcher: Watcher) -> None:
        """Stand in front of a connection.

        Args:
            real: the driver's connection.
            watcher: hears of everything.
        """
        vars(self).update(real=real, watcher=watcher)

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        """Return a watched cursor."""
        return WatchedCursor(self, self.real.cursor(*arguments, **options))

    def execute(self, sql: Any, *parameters: Any) -> Any:
        """Do what some drivers do for short: execute on a cursor, and return it."""
        cursor = self.cursor()
        cursor.execute(sql, *parameters)
        return cursor

    def executemany(self, sql: Any, parameters: Any) -> Any:
        """Do what some drivers do for short: execute on a cursor, and return it."""
        cursor = self.cursor()
        cursor.executemany(sql, parameters)
        return cursor

    def commit(self) -> None:
        """Commit."""
        self.watcher.commit(self.real.commit)

    def rollback(self) -> None:
        """Roll back."""
        self.watcher.rollback(self.real.rollback)

    def __getattr__(self, name: str) -> Any:
        if name in BESIDES_CONNECTION:
            self.watcher.goes_besides(name)
        return getattr(self.real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):
            vars(self)[name] = value
        else:
            setattr(self.real, name, value)


class WatchedCursor:
    """A cursor of a driver, watched; it holds the answer, whoever gave it."""

    def __init__(self, connection: WatchedConnection, real: Any) -> None:
        """Stand in front of a cursor."""
        self.connection = connection
        self.arraysize = 1
        self._real = real
        self._answer: Answer | None = Answer()
        """None where the driver's cursor was used in a way that is not watched: ask it itself."""
        self._rows: deque[Row] = deque()
        self._has_more = False

    def execute(self, sql: Any, parameters: Any = None, **options: Any) -> Any:
        """Have a statement carried out.

        Returns:
            What the driver's cursor does: itself, or how many rows it was about.
        """
        arguments = [] if parameters is None else [parameters]
        return self._perform(
            sql, parameters, lambda text: self._real.execute(text, *arguments, **options)
        )

    def executemany(self, sql: Any, parameters: Any, **options: Any) -> Any:
        """Have a statement carried out for each of several sets of parameters."""
        given = list(parameters)
        return self._perform(
            sql, given, lambda text: self._real.executemany(text, given, **options)
        )

    @property
    def description(self) -> Any:
        """The columns of the rows."""
        return (self._answer or self._real).description

    @property
    def rowcount(self) -> int:
        """How many rows the statement was about."""
        return (self._answer or self._real).rowcount

    @property
    def lastrowid(self) -> Any:
        """The key that an INSERT got."""
        return (self._answer or self._real).lastrowid

    def fetchone(self) -> Row | None:
        """Return the next row; None when there is none."""
        if self._rows:
            return self._rows.popleft()
        row: Row | None = self._real.fetchone() if self._has_more else None
        return row

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """Return the next rows."""
        wanted = size or self.arraysize
        rows = [self._rows.popleft() for _ in range(min(wanted, len(self._rows)))]
        if self._has_more and len(rows) < wanted:
            rows += self._real.fetchmany(wanted - len(rows))
        return rows

    def fetchall(self) -> list[Row]:
        """Return all rows that are left."""
        rows = list(self._rows)
        self._rows.clear()
        if self._has_more:
            rows += self._real.fetchall()
        return rows

    def close(self) -> None:
        """Close."""
        self._real.close()

    def __iter__(self) -> Iterator[Row]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> WatchedCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name in BESIDES_CURSOR:
            self.connection.watcher.goes_besides(name)
            self._answer = None
            self._has_more = True
        return getattr(self._real, name)

    def _perform(self, sql: Any, parameters: Any, execute: Callable[[str], Any]) -> Any:
        returned: list[Any] = []
        self._has_more = False

        def carry_out(text: str) -> Answer:
            returned.append(execute(text if isinstance(sql, str) else sql))
            return self._read()

        text = sql if isinstance(sql, str) else str(sql)
        self._answer = self.connection.watcher.perform(Statement(text, parameters, carry_out))
        self._rows = deque(self._answer.rows or ())

        if not returned:  # replayed
            return (self._answer or self._real).rowcount
        return self if returned[0] is self._real else returned[0]

    def _read(self) -> Answer:
        """Return what the driver's cursor says, with its rows as far as they may be kept."""
        real = self._real
        rows: list[Row] | None = None
        if real.description is not None:
            rows = []
            has_room = self.connection.watcher.has_room
            while fetched := real.fetchmany(ROWS_AT_ONCE):
                rows += fetched
                if not has_room(rows):
                    self._has_more = True
                    break

        # A cursor need not have a key to tell: PEP 249 leaves it to the driver.
        return Answer(real.rowcount, getattr(real, "lastrowid", None), real.description, rows)


def unwatched(connection: Connection) -> Any:
    """Return the driver's connection under one of SQLAlchemy's, for statements of our own."""
    found = connection.connection.dbapi_connection
    return found.real if isinstance(found, WatchedConnection) else found


@contextmanager
def watched(connection: Connection, watcher: Watcher) -> Iterator[WatchedConnection]:
    """Have every statement on a connection pass by somebody, until the block ends.

    SQLAlchemy connects anew where a connection was lost and somebody goes on: nobody watches that
    one, and what was the first one's, such as a lock, is gone. So nothing goes over it.

    Args:
        connection: the connection, which goes to one of its driver's now.
        watcher: hears of everything.
    """
    pooled: Any = connection.connection
    real = pooled.dbapi_connection
    stand_in = WatchedConnection(real, watcher)

    def require_watched(_connection: Connection, _cursor: object, sql: str, *_: object) -> None:
        if pooled.dbapi_connection is not stand_in:
            error = connection.dialect.loaded_dbapi.OperationalError(messages.CONNECTED_ANEW)
            raise wrapped(error, connection.dialect, sql, is_lost=True)

    private.stand_before(pooled, stand_in)
    event.listen(connection, "before_cursor_execute", require_watched)
    try:
        yield stand_in
    finally:
        event.remove(connection, "before_cursor_execute", require_watched)
        if pooled.dbapi_connection is stand_in:  # it is None where the connection was lost
            private.stand_before(pooled, real)
