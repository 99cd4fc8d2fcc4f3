"""What a database looks like, as facts that are compared before they are written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from sqlalchemy import Inspector

from alambique.database.tables import ALEMBIC_TABLES


@dataclass(frozen=True)
class TableFact:
    """There is such a table."""

    name: str

    def __str__(self) -> str:
        """Write the name; what the table has is indented below it."""
        return self.name


@dataclass(frozen=True)
class ColumnFact:
    """A table has this column."""

    name: str
    type: str
    default: str | None
    nullable: bool

    def __str__(self) -> str:
        """Write it much as SQL does."""
        default = f" DEFAULT {self.default}" if self.default else ""
        required = "" if self.nullable else " NOT NULL"
        return f"  {self.name} {self.type}{default}{required}"


@dataclass(frozen=True)
class KeyFact:
    """A table has this primary key, index or unique constraint."""

    kind: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        """Write it much as SQL does."""
        return f"  {self.kind} {_in_parentheses(self.columns)}"


@dataclass(frozen=True)
class ForeignKeyFact:
    """A table has this foreign key."""

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]

    def __str__(self) -> str:
        """Write it with an arrow to the parent."""
        parent = f"{self.parent} {_in_parentheses(self.parent_columns)}"
        return f"  FOREIGN KEY {_in_parentheses(self.columns)} -> {parent}"


Fact = TableFact | ColumnFact | KeyFact | ForeignKeyFact
Schema = dict[str, list[Fact]]


class Change(Enum):
    """What became of a fact; the value is the mark it is shown with."""

    WENT = "-"
    CAME = "+"
    STAYED = " "


def schema_of(inspector: Inspector) -> Schema:
    """Return what each table of the default schema looks like, Alembic's own left out."""
    names = set(inspector.get_table_names()) - ALEMBIC_TABLES
    return {name: list(_facts(inspector, name)) for name in names}


def changes(before: Schema, after: Schema) -> Iterator[tuple[Change, Fact]]:
    """Yield every fact of the tables that differ, with what became of it, table by table."""
    for name in sorted(before.keys() | after.keys()):
        was = before.get(name, [])
        now = after.get(name, [])
        if was != now:
            yield from _changes_of_table(was, now)


def _changes_of_table(was: list[Fact], now: list[Fact]) -> Iterator[tuple[Change, Fact]]:
    opcodes = SequenceMatcher(None, was, now).get_opcodes()
    for tag, was_from, was_to, now_from, now_to in opcodes:
        if tag == "equal":
            yield from ((Change.STAYED, fact) for fact in was[was_from:was_to])
        else:
            yield from ((Change.WENT, fact) for fact in was[was_from:was_to])
            yield from ((Change.CAME, fact) for fact in now[now_from:now_to])


def _facts(inspector: Inspector, table: str) -> Iterator[Fact]:
    """Yield what there is to say of a table, its columns first."""
    yield TableFact(table)

    for column in inspector.get_columns(table):
        yield ColumnFact(
            name=column["name"],
            type=str(column["type"]),
            default=column["default"],
            nullable=column["nullable"],
        )
    if columns := inspector.get_pk_constraint(table)["constrained_columns"]:
        yield KeyFact("PRIMARY KEY", tuple(columns))
    for key in inspector.get_foreign_keys(table):
        yield ForeignKeyFact(
            columns=tuple(key["constrained_columns"]),
            parent=key["referred_table"],
            parent_columns=tuple(key["referred_columns"]),
        )

    indexes = {str(index["name"]): index for index in inspector.get_indexes(table)}
    for name, index in sorted(indexes.items()):
        kind = "UNIQUE INDEX" if index["unique"] else "INDEX"
        # In the place of a column, an expression is None.
        yield KeyFact(f"{kind} {name}", tuple(str(column) for column in index["column_names"]))
    for unique in inspector.get_unique_constraints(table):
        if unique["name"] not in indexes:  # as MySQL tells it twice
            yield KeyFact("UNIQUE", tuple(unique["column_names"]))


def _in_parentheses(columns: Sequence[str]) -> str:
    return f"({', '.join(columns)})"
