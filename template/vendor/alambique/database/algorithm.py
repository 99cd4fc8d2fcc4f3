"""Whom a statement of MySQL's or MariaDB's keeps from a table: the server is asked by trying.

A statement may say the algorithm and the lock it has to do with, and is refused if it cannot. So it
is tried on an empty copy of its table, with the gentlest first, in a scratch database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from alambique.database.creation import MayNotCreate, scratch_database
from alambique.database.engine import connect
from alambique.database.error_codes import (
    ER_ALTER_OPERATION_NOT_SUPPORTED,
    ER_ALTER_OPERATION_NOT_SUPPORTED_REASON,
    codes,
)
from alambique.database.locking import Held, Keeps, Work
from alambique.database.statement_text import Reader, statements
from alambique.names import TableName

NOT_SO = frozenset({ER_ALTER_OPERATION_NOT_SUPPORTED, ER_ALTER_OPERATION_NOT_SUPPORTED_REASON})

# From the gentlest on: how, with which lock, and whom that keeps doing what.
ATTEMPTS: list[tuple[str, str, Keeps | None, Work | None]] = [
    ("INSTANT", "DEFAULT", None, None),
    ("INPLACE", "NONE", None, None),
    ("INPLACE", "SHARED", Keeps.WRITERS, Work.BUILDS_ALONE),
    ("COPY", "SHARED", Keeps.WRITERS, Work.COPIES),
    ("COPY", "EXCLUSIVE", Keeps.EVERYBODY, Work.COPIES),
]

SIZE = text(
    "SELECT table_rows, data_length + index_length FROM information_schema.tables "
    "WHERE table_schema = database() AND table_name = :name"
)


class Trial:
    """A scratch database in which the statements of a plan are tried, one after the other."""

    def __init__(self, original: Connection, scratch: Connection) -> None:
        """Try nothing yet.

        Args:
            original: to the database whose tables are copied, without their rows.
            scratch: to an empty one.
        """
        self._original = original
        self._scratch = scratch
        self._there: set[str] = set()

    def held(self, sql: str) -> list[Held]:
        """Try a statement; return the table that it keeps others from, if it does.

        Args:
            sql: of one statement; what the server refuses for another reason says nothing.
        """
        reader = Reader(next(statements(sql), []))
        table, comma = _altered(reader)
        if table is None:
            with suppress(DBAPIError):
                self._run(sql)
            return []

        for each in (table, *_referred(reader)):
            self._copy(each)
        return list(self._tried(sql, table, comma))

    def _tried(self, sql: str, table: TableName, comma: str) -> Iterator[Held]:
        for algorithm, lock, keeps, work in ATTEMPTS:
            try:
                self._run(f"{sql}{comma} ALGORITHM={algorithm}{comma} LOCK={lock}")
            except DBAPIError as error:
                if codes(error.orig).isdisjoint(NOT_SO):
                    return
                continue
            if keeps is not None and work is not None:
                yield Held(table, keeps, work)
            return

    def _copy(self, table: TableName) -> None:
        if table.schema is not None or table.name in self._there:
            return
        self._there.add(table.name)
        quoted = self._original.dialect.identifier_preparer.quote_identifier(table.name)
        with suppress(DBAPIError):  # it is made by the plan itself
            row = self._original.exec_driver_sql(f"SHOW CREATE TABLE {quoted}").one()
            self._run("SET foreign_key_checks = 0")  # what it refers to need not be there
            self._run(str(row[1]))
        self._run("SET foreign_key_checks = 1")  # as it decides how a key is added

    def _run(self, sql: str) -> None:
        self._scratch.exec_driver_sql(sql.replace("%", "%%")).close()


@contextmanager
def trial(original: Connection) -> Iterator[Trial | None]:
    """Lend a place to try statements in; None where we may not make one.

    Args:
        original: to a database of MySQL's or MariaDB's.

    Raises:
        DatabaseUnavailable: the server does not let us in.
    """
    with ExitStack() as lent:
        try:
            url = lent.enter_context(scratch_database(original.engine.url))
        except MayNotCreate:
            yield None
            return
        yield Trial(original, lent.enter_context(connect(url)))


def size(connection: Connection, table: TableName) -> tuple[int, int] | None:
    """Return how many rows a table has, about, and how many bytes; None where it is not there.

    Args:
        connection: to MySQL or MariaDB.
        table: the table.
    """
    found = connection.execute(SIZE, {"name": table.name}).first()
    return None if found is None else (int(found[0] or 0), int(found[1] or 0))


def _referred(reader: Reader) -> Iterator[TableName]:
    """Yield the tables that new keys refer to."""
    while reader.place < len(reader.tokens):
        if reader.takes("REFERENCES"):
            table = reader.name()
            if table is not None:
                yield table
        else:
            reader.place += 1


def _altered(reader: Reader) -> tuple[TableName | None, str]:
    """Return the table that a statement alters, and what stands before its options."""
    match reader.next_word():
        case "ALTER":
            reader.takes("ONLINE")
            if reader.takes("TABLE"):
                reader.takes_if_exists()
                return reader.name(), ","
        case "CREATE" | "DROP":
            while reader.peek().word in {"FULLTEXT", "ONLINE", "SPATIAL", "UNIQUE"}:
                reader.next_word()
            if reader.takes("INDEX"):
                while reader.place < len(reader.tokens) and not reader.takes("ON"):
                    reader.place += 1
                return reader.name(), ""
    return None, ""
