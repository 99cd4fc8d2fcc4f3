"""Two databases compared, table by table: what only one of them has, as facts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Inspector

from alambique.database.engine import connect
from alambique.names import TableName

# What SQLite leaves without a name, so that two that are the same may be called otherwise there.
NAMELESS_ON_SQLITE = {"pk_constraint", "foreign_keys", "unique_constraints", "check_constraints"}

# A sequence has a name of its own in each database; that it is one is what counts.
NEXT_VALUE = re.compile(r"nextval\('.*?'::regclass\)")


@dataclass(frozen=True)
class Fact:
    """One thing that is so in a database: a column, a key, an index, ... of a table."""

    table: TableName
    part: str
    """As SQLAlchemy's inspector names it: `columns`, `indexes`, ..."""

    details: tuple[tuple[str, str], ...]
    """What the inspector says of it, by name and in the order of the names."""

    position: int | None = None
    """Of a column: its place in the table, counted from 0."""

    def anywhere(self) -> Fact:
        """Return the same fact of a column at no particular place."""
        return replace(self, position=None)

    def __str__(self) -> str:
        """Write the fact on one line."""
        details = dict(self.details)
        if self.position is not None:
            details["position"] = str(self.position)
        said = ", ".join(f"{name}={value}" for name, value in sorted(details.items()))
        return f"{self.table}: {self.part} {said}"


@dataclass(frozen=True)
class Differences:
    """What is so in one of two databases only."""

    missing: frozenset[Fact]
    """Of the first, and not of the second."""

    added: frozenset[Fact]
    """Of the second, and not of the first."""

    def __bool__(self) -> bool:
        """Tell whether the databases differ at all."""
        return bool(self.missing or self.added)

    def without_order(self) -> Differences:
        """Return what is left where the order of columns does not count."""
        missing = {fact.anywhere() for fact in self.missing}
        added = {fact.anywhere() for fact in self.added}
        return Differences(frozenset(missing - added), frozenset(added - missing))

    def lines(self) -> list[str]:
        """Return a line for each fact: `-` is what only the first has, `+` only the second."""
        marked = [(str(fact), "-") for fact in self.missing]
        marked += [(str(fact), "+") for fact in self.added]
        return [f"  {mark} {fact}" for fact, mark in sorted(marked)]


def differences(before: URL, after: URL, tables: Collection[TableName]) -> Differences:
    """Compare two databases both ways.

    Args:
        before: the one.
        after: the other, of the same kind.
        tables: the tables to look at, in both.

    Raises:
        DatabaseUnavailable: a database does not let us in.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """
    one, other = facts(before, tables), facts(after, tables)
    return Differences(one - other, other - one)


def facts(url: URL, tables: Collection[TableName]) -> frozenset[Fact]:
    """Return all that SQLAlchemy's inspector says of these tables.

    Args:
        url: the database.
        tables: those of these that it has.

    Raises:
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """
    found: set[Fact] = set()
    with connect(url) as connection:
        inspector = sa.inspect(connection)
        for schema in {table.schema for table in tables}:
            names = [table.name for table in tables if table.schema == schema]
            for part, by_table in _parts(connection, inspector, schema, names):
                for (_, name), said in by_table.items():
                    found.update(_facts(connection, TableName(name, schema), part, said))
    return frozenset(found)


# What the inspector says of one thing; each kind of thing has a type of its own there.
_Said = Mapping[str, Any]
_ByTable = Mapping[tuple[str | None, str], Any]


def _parts(
    connection: Connection, inspector: Inspector, schema: str | None, names: list[str]
) -> Iterator[tuple[str, _ByTable]]:
    """Yield, part by part, what the inspector says of tables in a schema."""
    how: dict[str, Any] = {"schema": schema, "filter_names": names}
    yield "columns", inspector.get_multi_columns(**how)
    yield "pk_constraint", inspector.get_multi_pk_constraint(**how)
    yield "foreign_keys", inspector.get_multi_foreign_keys(**how)
    yield "unique_constraints", inspector.get_multi_unique_constraints(**how)
    yield "check_constraints", inspector.get_multi_check_constraints(**how)
    yield "indexes", inspector.get_multi_indexes(**how)
    if connection.dialect.supports_comments:
        yield "table_comment", inspector.get_multi_table_comment(**how)


def _facts(
    connection: Connection, table: TableName, part: str, said: _Said | list[_Said]
) -> Iterator[Fact]:
    all_said = said if isinstance(said, list) else [said]
    for position, each in enumerate(all_said):
        details = _details(each)
        if connection.dialect.name == "sqlite" and part in NAMELESS_ON_SQLITE:
            details.pop("name", None)
        yield Fact(
            table,
            part,
            tuple(sorted(details.items())),
            position if part == "columns" else None,
        )


def _details(said: _Said) -> dict[str, str]:
    """Return what is said, as text; what says nothing (None, empty, False) is left out."""
    known = {name: value for name, value in said.items() if value not in (None, [], {}, False)}
    known.update(known.pop("dialect_options", {}))
    return {name: NEXT_VALUE.sub("nextval", str(value)) for name, value in known.items()}
