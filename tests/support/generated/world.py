"""What a generated history has made so far: tables, their columns, and the rows they hold.

Every table has `id`, `a` (a number) and `b` (a text), never NULL and never renamed or dropped, so
that any move can work on any table. What moves change are the columns beside them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


class Unfit(Exception):
    """No table is there that a move could work on."""


@dataclass
class Table:
    """A table with explicit ids."""

    name: str
    ids: list[int]
    numbers: list[str] = field(default_factory=list)
    """Columns beside the first three; numbers, and they may be NULL."""
    is_pinned: bool = False
    """A view, a key, a trigger or a procedure names it: it keeps its name and its columns."""
    has_key: bool = True
    """`id` is its primary key: others may refer to it."""
    is_strict: bool = False
    """A column beside the first three must be given: it takes no new rows."""

    def more(self, count: int) -> list[int]:
        """Take this many new rows, and return their ids."""
        first = max(self.ids, default=0) + 1
        new = list(range(first, first + count))
        self.ids += new
        return new


class World:
    """A database's tables, and the dice that decide what happens to them."""

    def __init__(self, database: str, dice: random.Random) -> None:
        self.database = database
        self.dice = dice
        self.tables: list[Table] = []
        self.later: list[str] = []
        """What a move left for the next revision to do."""
        self._names = 0

    def fresh(self, prefix: str) -> str:
        """Return a name that nothing has had yet."""
        self._names += 1
        return f"{prefix}{self._names}"

    def table(
        self,
        free: bool = False,
        takes_rows: bool = False,
        fits: Callable[[Table], bool] = lambda table: True,
    ) -> Table:
        """Return one of the tables.

        Args:
            free: nothing else names it.
            takes_rows: `id`, `a` and `b` are all that a row needs.
            fits: what else is asked of it.

        Raises:
            Unfit: there is none.
        """
        found = [
            table
            for table in self.tables
            if not (free and table.is_pinned) and not (takes_rows and table.is_strict)
            if fits(table)
        ]
        if not found:
            raise Unfit
        return self.dice.choice(found)

    def forget(self, table: Table) -> None:
        """Take note that a table was dropped."""
        self.tables.remove(table)


def code(template: str, **said: object) -> str:
    """Return a move's source: `<name>` stands for what is said of it."""
    for name, value in said.items():
        template = template.replace(f"<{name}>", str(value))
    return template.strip()


@dataclass(frozen=True)
class Move:
    """A few statements that belong together, as somebody would write them in a revision."""

    name: str
    write: Callable[[World], str]
    databases: frozenset[str]
    in_autocommit: bool
    """It may stand in an `autocommit_block`."""
    is_wild: bool
    """It does something else each time it runs."""


MOVES: dict[str, Move] = {}
EVERYWHERE = "mysql postgresql sqlite"


def move(
    databases: str = EVERYWHERE, *, in_autocommit: bool = True, wild: bool = False
) -> Callable[[Callable[[World], str]], Callable[[World], str]]:
    """Register a function that writes a move."""

    def register(write: Callable[[World], str]) -> Callable[[World], str]:
        name = write.__name__
        assert name not in MOVES, name
        MOVES[name] = Move(name, write, frozenset(databases.split()), in_autocommit, wild)
        return write

    return register
