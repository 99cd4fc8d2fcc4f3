"""Statements of ours, beside those of the revision that is running.

They go to the driver's connection itself. SQLAlchemy hears nothing of them, so that none begins a
transaction where Alembic is about to; and nobody takes them for the revision's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Compiled, Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement, TextClause

from alambique.database.driver_errors import wrapped
from alambique.database.watched import unwatched

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


def compiled(
    statement: ClauseElement, parameters: Mapping[str, Any] | None, dialect: Dialect
) -> tuple[str, Any]:
    """Return a statement, and its parameters if it has any, as a driver takes them.

    Args:
        statement: one of SQLAlchemy's.
        parameters: by their names; by default those that the statement has in it.
        dialect: says which driver it is.
    """
    found = _compiled(statement, dialect)
    given = found.params if parameters is None else parameters
    if not given:
        return str(found), None
    places = getattr(found, "positiontup", None)
    return str(found), dict(given) if places is None else tuple(given[name] for name in places)


# What the journal says comes with each statement of a revision: it is put into words once.
@lru_cache(maxsize=64)
def _compiled(statement: ClauseElement, dialect: Dialect) -> Compiled:
    return statement.compile(dialect=dialect)


@lru_cache(maxsize=64)
def _text(sql: str) -> TextClause:
    return sa.text(sql)


class Aside:
    """The way past SQLAlchemy, and past who watches the revision."""

    def __init__(self, connection: Connection) -> None:
        """Ask nothing yet.

        Args:
            connection: the one that the revisions run on.
        """
        self._connection = connection
        self.driver_error: type[Exception] = connection.dialect.loaded_dbapi.Error

    def query(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run SQL with parameters such as `:name`, and return its rows, if it has any.

        Without parameters, it is run as it stands: names in it may have any character.

        Raises:
            DBAPIError: the server refuses it.
        """
        if parameters:
            return self.execute(_text(sql), parameters)
        return self._run(sql, None)

    def execute(
        self, statement: ClauseElement, parameters: Parameters | None = None
    ) -> list[tuple[Any, ...]]:
        """Run a statement of SQLAlchemy's, once or once for each of several sets of parameters.

        Raises:
            DBAPIError: the server refuses it.
        """
        dialect = self._connection.dialect
        if parameters is None:
            return self._run(*compiled(statement, None, dialect))

        several = [parameters] if isinstance(parameters, Mapping) else parameters
        rows: list[tuple[Any, ...]] = []
        for each in several:
            rows += self._run(*compiled(statement, each, dialect))
        return rows

    def wrapped(self, error: Exception, sql: str | None = None) -> DBAPIError:
        """Return a driver's error as SQLAlchemy would raise it.

        Args:
            error: what the driver raised.
            sql: the statement.
        """
        return wrapped(error, self._connection.dialect, sql)

    def commit(self) -> None:
        """Commit what is open, without telling SQLAlchemy.

        Raises:
            DBAPIError: the server refuses it, or is gone.
        """
        self._end(unwatched(self._connection).commit)

    def rollback(self) -> None:
        """Undo what is open, without telling SQLAlchemy.

        Raises:
            DBAPIError: the server is gone.
        """
        self._end(unwatched(self._connection).rollback)

    def _end(self, end: Callable[[], None]) -> None:
        try:
            end()
        except self.driver_error as error:
            raise self.wrapped(error) from error

    def _run(self, sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        try:
            with closing(unwatched(self._connection).cursor()) as cursor:
                if parameters is None:
                    cursor.execute(sql)
                else:
                    cursor.execute(sql, parameters)
                return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        except self.driver_error as error:
            raise self.wrapped(error, sql) from error
