"""The views and triggers of a SQLite database, and whether they still work.

SQLite looks at what they name when they are used, not when a table that they name is changed. So
each is compiled, and not run, before a table is made anew and after: one that compiled and does not
any more is noted. The revision may still mend it; at its end, it is asked once more.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from alambique import messages
from alambique.database.watched import unwatched

# Where a connection keeps what its revision broke.
BROKEN = "alambique_broken_dependents"

EVENTS = frozenset({"DELETE", "INSERT", "UPDATE"})

NUMBERS = itertools.count()


@dataclass(frozen=True)
class Dependent:
    """A view or a trigger."""

    schema: str
    name: str
    statement: str
    """What compiles it when it is explained."""

    sets: str | None = None
    """The table or view of which that statement has to set every column yet."""


class Dependents:
    """The views and triggers of a database."""

    def __init__(self, connection: Connection, schema: str | None = None) -> None:
        """Read them.

        Args:
            connection: to the database; it hears of nothing that is asked here.
            schema: the database among those attached; None for the first one.
        """
        self._connection = connection
        self._schema = schema or "main"
        self._working = {each for each in self._found() if self._failure(each) is None}

    def note_broken(self) -> None:
        """Note those that worked and do not now."""
        there = set(self._found())
        broken = {each for each in self._working & there if self._failure(each) is not None}
        self._connection.info.setdefault(BROKEN, set()).update(broken)

    def _failure(self, dependent: Dependent) -> str | None:
        return failure(self._connection, dependent)

    def _found(self) -> Iterator[Dependent]:
        return dependents(self._connection, self._schema)


def refuse_broken(ctx: MigrationContext, *_: object, **__: object) -> None:
    """Refuse to commit a revision after which a view or a trigger works no more.

    Alembic calls this inside the revision's transaction, so that raising undoes the revision.

    Raises:
        CommandError: one that worked before a table was made anew does not any more.
    """
    connection = ctx.connection
    if ctx.as_sql or connection is None or ctx.dialect.name != "sqlite":
        return

    noted: set[Dependent] = connection.info.pop(BROKEN, set())
    schemas = {each.schema for each in noted}
    there = {each for schema in schemas for each in dependents(connection, schema)}
    for dependent in sorted(noted & there, key=lambda each: each.name):
        cause = failure(connection, dependent)
        if cause is not None:
            said = {"name": dependent.name, "cause": cause}
            raise CommandError(messages.REBUILD_BREAKS.format(**said))


def forget_broken(connection: Connection) -> None:
    """Forget what was noted of a revision that did not come to its end."""
    if not connection.invalidated:
        connection.info.pop(BROKEN, None)


def dependents(connection: Connection, schema: str) -> Iterator[Dependent]:
    """Yield the views and triggers of a database."""
    from alambique.database.sqlite_ddl import tokens  # no other database needs it

    quote = connection.dialect.identifier_preparer.quote_identifier
    within = quote(schema)
    for kind, name, table, sql in _query(
        connection,
        f"SELECT type, name, tbl_name, sql FROM {within}.sqlite_master"
        " WHERE type IN ('view', 'trigger') ORDER BY rowid",
    ):
        if kind == "view":
            yield Dependent(schema, name, f"SELECT * FROM {within}.{quote(name)}")
            continue

        goal = f"{within}.{quote(table)}"
        match next(token.word for token in tokens(sql)[3:] if token.word in EVENTS):
            case "INSERT":
                yield Dependent(schema, name, f"INSERT INTO {goal} DEFAULT VALUES")
            case "DELETE":
                yield Dependent(schema, name, f"DELETE FROM {goal}")
            case _:
                yield Dependent(schema, name, f"UPDATE {goal}", sets=table)


def failure(connection: Connection, dependent: Dependent) -> str | None:
    """Return why a view or a trigger does not work; None if it does."""
    statement = dependent.statement
    error_type = connection.dialect.loaded_dbapi.Error
    try:
        if dependent.sets:
            statement += f" SET {_every_column_set(connection, dependent)}"
        _compile(connection, statement)
    except error_type as error:
        return str(error)
    return None


def _compile(connection: Connection, statement: str) -> None:
    """Have a statement compiled as the database is now.

    The driver keeps what it compiled, by its text. SQLite compiles that again where the schema has
    changed, but learns so as it runs: what is explained does not run, and its program would be the
    old one, which names what has been freed. So each text is a new one; none of it is read.
    """
    with closing(unwatched(connection).cursor()) as cursor:
        cursor.execute(f"EXPLAIN {statement} /* {next(NUMBERS)} */")


def _every_column_set(connection: Connection, dependent: Dependent) -> str:
    quote = connection.dialect.identifier_preparer.quote_identifier
    columns = _query(
        connection,
        "SELECT name FROM pragma_table_xinfo(?, ?) WHERE hidden = 0",  # the others are generated
        dependent.sets,
        dependent.schema,
    )
    return ", ".join(f"{quote(name)} = {quote(name)}" for (name,) in columns)


def _query(connection: Connection, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with closing(unwatched(connection).cursor()) as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
