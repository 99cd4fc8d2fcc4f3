"""What a downgrade loses, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from alambique.names import ColumnName, TableName


@dataclass(frozen=True)
class Loss:
    """Rows of a table, or values of a column, that a downgrade loses."""

    name: TableName | ColumnName
    """As it is called in the database now."""

    rows: int


@dataclass(frozen=True)
class Untold:
    """A revision of which nobody can tell what its downgrade loses."""

    revision: str
    cause: str


@dataclass
class Losses:
    """What a downgrade loses, and of which of its revisions that is not known."""

    known: list[Loss] = field(default_factory=list)
    untold: list[Untold] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.known or self.untold)
