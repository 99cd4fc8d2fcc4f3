"""Revisions that nobody wrote: valid, random, and the same again from the same seed.

A history is made of moves, each a few statements as they stand in revisions of real projects. They
read no clock and throw no dice (but for the `wild` ones), so that what an uninterrupted run leaves
is what any run must leave.
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from support.generated import orm, reading, rows, server, tables, transactions, wild  # noqa: F401
from support.generated.world import MOVES, Table, Unfit, World
from support.minimal import Minimal

MORE = """
import os


def move(name):
    os.environ["MOVE"] = name
    if os.environ.get("RAISE_AT") == name:
        raise RuntimeError(f"raised before {name}")


def execute(sql, **values):
    return op.get_bind().execute(sa.text(sql), values)


def note(what, number):
    values = {"what": what, "number": number}
    op.get_bind().execute(
        sa.text("INSERT INTO diario (what, number) VALUES (:what, :number)"), values
    )

"""

FIRST = """
op.create_table(
    "diario",
    sa.Column("gk0", sa.Integer, primary_key=True),
    sa.Column("what", sa.String(80), nullable=False),
    sa.Column("number", sa.BigInteger),
)
"""

BLOCK = "with op.get_context().autocommit_block():\n"


@dataclass(frozen=True)
class Revision:
    """A revision's id and the lines of its upgrade()."""

    id: str
    upgrade: str


@dataclass(frozen=True)
class History:
    """A few revisions for one kind of database."""

    database: str
    seed: int
    revisions: Sequence[Revision]
    moves: Sequence[str]
    """What it does, by the names of the moves, each with its place."""

    def write(self, project: Minimal) -> None:
        """Put the revisions into a project."""
        below = None
        for revision in self.revisions:
            project.revision(revision.id, below, revision.upgrade, more=MORE)
            below = revision.id

    @property
    def source(self) -> str:
        """The revisions' upgrades, to be read."""
        return "\n\n".join(f"# {each.id}\n{each.upgrade}" for each in self.revisions)


def generate(database: str, seed: int, only: Iterable[str] = ()) -> History:
    """Make a history: the first revision creates and fills tables, the others change them.

    Args:
        database: mysql, postgresql or sqlite.
        seed: the same seed makes the same history; some are wild (see `is_wild`).
        only: exactly these moves, in this order, in a second revision; "+block" after a name
            puts it in an autocommit block.
    """
    dice = random.Random(f"{database} {seed}")
    world = World(database, dice)
    chosen: list[str] = []

    revisions = [Revision("r1", _first(world))]
    if only:
        body = "\n\n".join(_placed(world, name, chosen) for name in only)
        revisions.append(Revision("r2", f"bind = op.get_bind()\n\n{body}"))
        if world.later:
            revisions.append(Revision("r3", _later(world)))
    else:
        for number in range(2, 2 + dice.randint(1, 2)):
            revisions.append(Revision(f"r{number}", _next(world, chosen, is_wild(seed))))

    return History(database, seed, revisions, chosen)


def is_wild(seed: int) -> bool:
    """Tell whether a seed's history does something else each time it runs."""
    return seed % 5 == 0


def _first(world: World) -> str:
    """Return the revision that everything begins with."""
    parts = ["bind = op.get_bind()", FIRST.strip()]
    for _ in range(world.dice.randint(2, 3)):
        table = Table(world.fresh("t"), [])
        table.more(world.dice.randint(5, 9))
        world.tables.append(table)
        parts.append(tables.created_and_filled(table))
    parts.append(MOVES["add_column_and_fill"].write(world))
    return "\n\n".join(parts)


def _next(world: World, chosen: list[str], with_wild: bool) -> str:
    """Return a revision of a few moves."""
    usable = [
        each.name
        for each in MOVES.values()
        if world.database in each.databases and (with_wild or not each.is_wild)
    ]
    wilds = [name for name in usable if MOVES[name].is_wild]
    parts = [_later(world)]
    count = world.dice.randint(2, 5)
    often = 0.3 if world.database == "mysql" else 0.6  # elsewhere, the rest is one transaction
    if wilds:
        parts.append(_placed(world, world.dice.choice(wilds), chosen, often))

    while len(parts) <= count:
        try:
            parts.append(_placed(world, world.dice.choice(usable), chosen, often))
        except Unfit:
            continue
    return "\n\n".join(parts)


def _later(world: World) -> str:
    """Return how a revision begins: with what was left for it."""
    parts = ["bind = op.get_bind()", *world.later]
    world.later = []
    return "\n\n".join(parts)


def _placed(world: World, name: str, chosen: list[str], often: float = 0.0) -> str:
    """Return a move's source, perhaps in an autocommit block, after a line that names it.

    Args:
        world: what is there.
        name: of the move; "+block" after it puts it in an autocommit block.
        chosen: the moves so far; this one is added.
        often: how often a move that may is put in such a block.
    """
    name, _, block = name.partition("+")
    source = MOVES[name].write(world)
    if block or (MOVES[name].in_autocommit and world.dice.random() < often):
        source = BLOCK + textwrap.indent(source, "    ")

    place = f"{name}:{len(chosen) + 1}"
    chosen.append(place)
    return f'move("{place}")\n{source}'
