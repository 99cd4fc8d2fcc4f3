"""One thing of a database, in its server's own words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from alambique.names import TableName


@dataclass(frozen=True)
class Fact:
    """One thing that is so in a database, small enough to be said on a line."""

    about: str
    """The table, or what else has a name of its own."""

    part: str
    """What it is: `COLUMN`, `INDEX`, ...; what a table is made with is its `TABLE`."""

    text: str
    """What the server says."""

    position: int | None = field(default=None, compare=False)
    """Of a column: its place among the table's, counted from 0."""

    name: str = field(default="", compare=False)
    """Of a column: its name, as the server writes it."""


@dataclass(frozen=True)
class Definition:
    """One thing of a database: a table, a column's sequence, a view, a comment, ..."""

    kind: str
    """As SQL names it: `TABLE`, `MATERIALIZED VIEW`, ..."""

    name: str
    """As SQL writes it, with its schema and quotes where the server says them."""

    create: str
    """The statement that makes it; "" if it is none that can be written."""

    table: TableName | None = None
    """The table that it is, or that it goes with."""

    drop: str = ""
    """The statement that takes it away; "" where it goes with its table, or may not go."""

    schema: str | None = None
    """The schema it lies in, where the database has several."""

    columns: tuple[tuple[str, str], ...] = ()
    """Of a table: the name of each column, and all that the statement says of it, in order."""

    parts: frozenset[str] = frozenset()
    """Of a table: the keys and constraints in its statement, whose order says nothing."""

    options: str = ""
    """Of a table: what the statement says besides."""

    words: str = ""
    """The statement without what says nothing, such as blanks that SQLite keeps; or ""."""

    kept: str = field(default="", compare=False)
    """The letters that the server keeps of the statement, and dumps; "" where it keeps none."""

    needs: frozenset[str] = field(default=frozenset(), compare=False)
    """What has to be there first, by `key`."""

    @property
    def key(self) -> str:
        """Return what tells it from all others."""
        return f"{self.kind} {self.name}"

    @property
    def is_table(self) -> bool:
        """Tell whether it is a table with columns of its own."""
        return bool(self.columns)

    def says_the_same(self, other: Definition) -> bool:
        """Tell whether the two make the same, to the letter where the server keeps letters."""
        one = (self.key, self.facts, self.order, self.kept)
        return one == (other.key, other.facts, other.order, other.kept)

    @property
    def order(self) -> tuple[str, ...]:
        """Return the names of the columns, as they stand."""
        return tuple(name for name, _ in self.columns)

    @cached_property
    def facts(self) -> frozenset[Fact]:
        """Return what it says, a fact for each thing that may differ by itself."""
        return frozenset(self._facts())

    def _facts(self) -> Iterator[Fact]:
        about = self.name if self.table is None else str(self.table)
        if not self.is_table:
            yield Fact(about, self.kind, self.words or self.create or self.name)
            return
        yield Fact(about, self.kind, self.options)
        for position, (name, text) in enumerate(self.columns):
            yield Fact(about, "COLUMN", text, position, name)
        for text in self.parts:
            yield Fact(about, "KEY", text)

    def __str__(self) -> str:
        """Write it as `VIEW vista`."""
        return self.key
