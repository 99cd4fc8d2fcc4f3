"""Names of tables and columns as values: parsed once where a person typed them, then compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Any, Protocol

# A part between dots: in quotes, which may hold dots, or plain.
PART = re.compile(r'"((?:[^"]|"")*)"|([^."]*)')


class HasTable(Protocol):
    """An operation of Alembic's that is about a table."""

    @property
    def table_name(self) -> str:
        """The table's own name."""
        ...

    @property
    def schema(self) -> str | None:
        """Its schema; None for the default one."""
        ...


class HasName(Protocol):
    """A table of SQLAlchemy's."""

    @property
    def name(self) -> Any:
        """The table's own name."""
        ...

    @property
    def schema(self) -> str | None:
        """Its schema; None for the default one."""
        ...


@total_ordering
@dataclass(frozen=True)
class TableName:
    """A table's name, with its schema unless that is the default one."""

    name: str
    schema: str | None = None

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Read `items`, `sales.items` or `"a.b".c`.

        Raises:
            ValueError: it has more than two parts, or an empty one.
        """
        parts = split(text)
        if len(parts) > 2:
            raise ValueError(text)
        return cls(parts[-1], parts[0] if len(parts) == 2 else None)

    @classmethod
    def of(cls, table: HasName) -> TableName:
        """Return the name of a table of SQLAlchemy's."""
        return cls(str(table.name), table.schema)

    @classmethod
    def of_operation(cls, operation: HasTable) -> TableName:
        """Return the name of the table that one of Alembic's operations is about."""
        return cls(str(operation.table_name), operation.schema)

    def within(self, default_schema: str | None) -> TableName:
        """Return the same table, its schema left out where it is the default one."""
        if self.schema is not None and self.schema == default_schema:
            return TableName(self.name)
        return self

    def column(self, name: str) -> ColumnName:
        """Return the name of a column of this table."""
        return ColumnName(self, name)

    def __lt__(self, other: TableName) -> bool:
        """Order by schema, the default one first, then by name."""
        return (self.schema or "", self.name) < (other.schema or "", other.name)

    def __str__(self) -> str:
        """Write the name as `parse` reads it."""
        return ".".join(quoted(part) for part in (self.schema, self.name) if part is not None)


@total_ordering
@dataclass(frozen=True)
class ColumnName:
    """A column's name, with its table."""

    table: TableName
    name: str

    @classmethod
    def parse(cls, text: str) -> ColumnName:
        """Read `items.name` or `sales.items.name`.

        Raises:
            ValueError: it has fewer than two parts or more than three, or an empty one.
        """
        parts = split(text)
        if len(parts) not in (2, 3):
            raise ValueError(text)
        schema = parts[0] if len(parts) == 3 else None
        return cls(TableName(parts[-2], schema), parts[-1])

    def __lt__(self, other: ColumnName) -> bool:
        """Order by table, then by name."""
        return (self.table, self.name) < (other.table, other.name)

    def __str__(self) -> str:
        """Write the name as `parse` reads it."""
        return f"{self.table}.{quoted(self.name)}"


def split(text: str) -> list[str]:
    """Return the parts of a dotted name, out of their quotes.

    Raises:
        ValueError: a part is empty, or a quote is not closed.
    """
    parts: list[str] = []
    position = 0

    while position <= len(text):
        found = PART.match(text, position)
        assert found is not None  # a plain part may be empty, so there is always one
        in_quotes, plain = found.groups()
        part = in_quotes.replace('""', '"') if in_quotes is not None else plain
        at_end = found.end() == len(text)
        if not part or not (at_end or text[found.end()] == "."):
            raise ValueError(text)
        parts.append(part)
        position = found.end() + 1

    return parts


def quoted(part: str) -> str:
    """Return a part of a name, in quotes if a dot or a quote in it would mislead."""
    if "." in part or '"' in part:
        return '"' + part.replace('"', '""') + '"'
    return part
