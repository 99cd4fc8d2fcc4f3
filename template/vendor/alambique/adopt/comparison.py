"""Two databases compared in their server's own words: what only one of them has, as facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import URL

from alambique import messages
from alambique.adopt.definitions import Definition, Fact, read_definitions
from alambique.names import TableName

# How many tables a line names that is about more than one.
NAMED = 3

# Stands in a line for the name of each of the tables that it is about.
ANY_TABLE = "…"


@dataclass(frozen=True)
class Differences:
    """What is so in one of two databases only."""

    missing: frozenset[Fact]
    """Of the first, and not of the second."""

    added: frozenset[Fact]
    """Of the second, and not of the first."""

    reordered: Mapping[str, tuple[str, ...]]
    """The tables whose columns stand in another order, with that of the first."""

    def __bool__(self) -> bool:
        """Tell whether the databases differ at all."""
        return bool(self.missing or self.added or self.reordered)

    def without_order(self) -> Differences:
        """Return what is left where the order of columns does not count."""
        return replace(self, reordered={})

    def lines(self) -> list[str]:
        """Return a line for each thing: `-` is what only the first has, `+` only the second.

        What is so of many tables alike is said once, with their count and the names of some.
        """
        alike: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for facts, mark in ((self.missing, "-"), (self.added, "+")):
            for fact in sorted(facts, key=_place):
                alike[_pattern(fact), mark, fact.part].append(fact.about)

        found = [
            (about[0], position, _line(mark, part, pattern, about))
            for position, ((pattern, mark, part), about) in enumerate(alike.items())
        ]
        lines = [line for _, _, line in sorted(found)]
        for table, columns in sorted(self.reordered.items()):
            lines.append(f"  {messages.REORDERED.format(table=table, columns=', '.join(columns))}")
        return lines


def differences(
    before: URL,
    after: URL,
    tables: Collection[TableName],
    concerns: Callable[[Definition], bool] | None = None,
) -> Differences:
    """Compare two databases both ways.

    Args:
        before: the one.
        after: the other, of the same kind.
        tables: the tables to look at, in both, with all that hangs on them.
        concerns: tells what else to look at; nothing by default.

    Raises:
        DatabaseUnavailable: a database does not let us in.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """

    def looked_at(found: Iterable[Definition]) -> list[Definition]:
        return [
            each
            for each in found
            if each.table in tables or (concerns is not None and concerns(each))
        ]

    return compared(looked_at(read_definitions(before)), looked_at(read_definitions(after)))


def compared(before: Collection[Definition], after: Collection[Definition]) -> Differences:
    """Compare what two databases are made of.

    Args:
        before: the one.
        after: the other.
    """
    one, other = _facts(before), _facts(after)
    orders = {each.key: each for each in after if each.is_table}
    reordered = {}
    for each in before:
        there = orders.get(each.key)
        if there is not None and _in_common(each, there) != _in_common(there, each):
            reordered[str(each.table)] = each.order
    return Differences(one - other, other - one, reordered)


def _facts(definitions: Iterable[Definition]) -> frozenset[Fact]:
    return frozenset(fact for each in definitions for fact in each.facts)


def _in_common(one: Definition, other: Definition) -> list[str]:
    """Return the columns of the one that the other has, too, in the one's order."""
    return [name for name in one.order if name in other.order]


def _place(fact: Fact) -> tuple[str, str, int, str]:
    return (fact.about, fact.part, fact.position or 0, fact.text)


def _pattern(fact: Fact) -> str:
    """Return what a fact says of whichever table it is about."""
    name = fact.about.rpartition(".")[2]
    return fact.text.replace(name, ANY_TABLE) if fact.about else fact.text


def _line(mark: str, part: str, pattern: str, about: list[str]) -> str:
    """Write what is so of these tables, which may be one only."""
    said = " ".join(pattern.split())
    if len(about) == 1:
        name = about[0].rpartition(".")[2]
        return f"  {mark} {about[0]}: {part} {said.replace(ANY_TABLE, name)}".rstrip()
    names = ", ".join(_first(about))
    text = messages.ALIKE.format(count=len(about), names=names)
    return f"  {mark} {text}: {part} {said}"


def _first(names: list[str]) -> Iterator[str]:
    yield from names[:NAMED]
    if len(names) > NAMED:
        yield ANY_TABLE
