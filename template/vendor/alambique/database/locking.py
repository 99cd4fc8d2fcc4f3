"""Whom a statement of PostgreSQL's keeps from a table for as long as it works.

What takes a lock for a moment only, such as a new column without a value, is not said: it may have
to wait for the table, and nobody for it. https://www.postgresql.org/docs/current/explicit-locking.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Connection, text

from alambique.database.statement_text import Reader, Token, statements
from alambique.names import TableName


class Keeps(Enum):
    """Whom it keeps waiting."""

    WRITERS = "writers"
    EVERYBODY = "everybody"


class Work(Enum):
    """What it does meanwhile, which takes the longer the more rows there are."""

    BUILDS = "builds an index"
    BUILDS_ALONE = "builds an index that there is no gentler way to build"
    CHECKS = "looks at every row"
    REFERS = "looks at every row that refers to another table"
    REQUIRES = "looks for a NULL in every row"
    COPIES = "makes the table anew"


@dataclass(frozen=True)
class Held:
    """A table that a statement keeps others from."""

    table: TableName
    keeps: Keeps
    work: Work


# What makes a value for each row as a column is added: the table is made anew.
SERIAL = frozenset({"BIGSERIAL", "SERIAL", "SERIAL2", "SERIAL4", "SERIAL8", "SMALLSERIAL"})
VOLATILE = frozenset({"CLOCK_TIMESTAMP", "GEN_RANDOM_UUID", "NEXTVAL", "RANDOM", "TIMEOFDAY"})

# What has an index built while everybody waits, unless it is made of one that is there.
KEYS = frozenset({"PRIMARY", "UNIQUE"})

SIZE = text(
    "SELECT CAST(greatest(reltuples, 0) AS bigint), pg_total_relation_size(oid) "
    "FROM pg_class WHERE oid = to_regclass(:name)"
)


def held(sql: str) -> Iterator[Held]:
    """Yield the tables that a text of SQL keeps others from while it works.

    Args:
        sql: of one statement or of several.
    """
    for tokens in statements(sql):
        reader = Reader(tokens)
        match reader.next_word():
            case "CREATE":
                yield from _create(reader)
            case "ALTER":
                yield from _alter(reader)
            case "REINDEX":
                yield from _reindex(reader)
            case "CLUSTER":
                yield from _whole(reader, Keeps.EVERYBODY, Work.COPIES)
            case "VACUUM" if reader.has("FULL"):
                yield from _whole(reader, Keeps.EVERYBODY, Work.COPIES)
            case "REFRESH" if not reader.has("CONCURRENTLY"):
                yield from _whole(reader, Keeps.EVERYBODY, Work.COPIES)


def made(sql: str) -> Iterator[TableName]:
    """Yield the tables that a text of SQL creates: nobody waits for those yet."""
    for tokens in statements(sql):
        reader = Reader(tokens)
        if reader.takes("CREATE"):
            reader.takes("UNLOGGED")
            if reader.takes("TABLE"):
                _go_past_if_not_exists(reader)
                name = reader.name()
                if name is not None:
                    yield name


def size(connection: Connection, table: TableName) -> tuple[int, int] | None:
    """Return how many rows a table has, about, and how many bytes; None where it is not there.

    Args:
        connection: to PostgreSQL.
        table: the table.
    """
    quote = connection.dialect.identifier_preparer.quote
    name = ".".join(quote(part) for part in (table.schema, table.name) if part)
    found = connection.execute(SIZE, {"name": name}).first()
    return None if found is None else (int(found[0]), int(found[1]))


def _create(reader: Reader) -> Iterator[Held]:
    reader.takes("UNIQUE")
    if not reader.takes("INDEX") or reader.takes("CONCURRENTLY"):
        return
    _go_past_if_not_exists(reader)
    if not reader.takes("ON"):  # it may have no name
        reader.name()
        reader.takes("ON")
    reader.takes("ONLY")
    table = reader.name()
    if table is not None:
        yield Held(table, Keeps.WRITERS, Work.BUILDS)


def _alter(reader: Reader) -> Iterator[Held]:
    if not reader.takes("TABLE"):
        return
    reader.takes_if_exists()
    reader.takes("ONLY")
    table = reader.name()
    if table is None:
        return
    for clause in reader.clauses():
        yield from _clause(Reader(clause), table)


def _clause(reader: Reader, table: TableName) -> Iterator[Held]:
    """Yield what one clause of an ALTER TABLE does."""
    match reader.next_word():
        case "ADD":
            yield from _add(reader, table)
        case "ALTER":
            reader.takes("COLUMN")
            reader.plain()
            if reader.takes("SET") and reader.takes("NOT"):  # another type is a risk of its own
                yield Held(table, Keeps.EVERYBODY, Work.REQUIRES)
        case "VALIDATE":
            return  # that is what it is for: it keeps nobody
        case "SET" if reader.peek().word in {"ACCESS", "LOGGED", "TABLESPACE", "UNLOGGED"}:
            yield Held(table, Keeps.EVERYBODY, Work.COPIES)


def _add(reader: Reader, table: TableName) -> Iterator[Held]:
    """Yield what an ADD of an ALTER TABLE does."""
    if reader.takes("CONSTRAINT"):
        reader.plain()
    is_later = reader.has("VALID")  # NOT VALID: what is there is looked at another day
    word = reader.peek().word
    if word == "EXCLUDE" or (word in KEYS and not reader.has("USING")):
        yield Held(table, Keeps.EVERYBODY, Work.BUILDS)
    elif word == "CHECK" and not is_later:
        yield Held(table, Keeps.EVERYBODY, Work.CHECKS)
    elif word == "FOREIGN" and not is_later:
        yield Held(table, Keeps.WRITERS, Work.REFERS)
    elif word not in {*KEYS, "CHECK", "FOREIGN"} and _makes_values(reader.tokens):
        yield Held(table, Keeps.EVERYBODY, Work.COPIES)


def _makes_values(column: list[Token]) -> bool:
    """Tell whether a new column has a value of its own for each row."""
    words = {token.word for token in column}
    if not words.isdisjoint(SERIAL) or {"GENERATED", "IDENTITY"} <= words:
        return True
    is_stored = {"GENERATED", "STORED"} <= words
    return is_stored or ("DEFAULT" in words and not words.isdisjoint(VOLATILE))


def _reindex(reader: Reader) -> Iterator[Held]:
    if reader.has("CONCURRENTLY") or not reader.takes("TABLE"):
        return
    table = reader.name()
    if table is not None:
        yield Held(table, Keeps.WRITERS, Work.BUILDS)


def _whole(reader: Reader, keeps: Keeps, work: Work) -> Iterator[Held]:
    """Yield the table that stands last among the words of a statement, or in VACUUM's brackets."""
    while reader.peek().word in {"ANALYZE", "FREEZE", "FULL", "MATERIALIZED", "VERBOSE", "VIEW"}:
        reader.next_word()
    if reader.takes("("):
        while reader.place < len(reader.tokens) and not reader.takes(")"):
            reader.place += 1
    table = reader.name()
    if table is not None:
        yield Held(table, keeps, work)


def _go_past_if_not_exists(reader: Reader) -> None:
    if reader.takes("IF"):
        reader.takes("NOT")
        reader.takes("EXISTS")
