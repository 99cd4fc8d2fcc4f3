"""Tables that are too many for one file, as files that one can read.

They go apart by schema, then by the words that their names begin with, and last by what refers to
what. The same tables always go apart in the same way.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping

from alambique.adopt.words import singular
from alambique.names import TableName

References = Mapping[TableName, Collection[TableName]]
"""For each table to be mapped, the tables that it refers to."""

# Tables in one file, at most; a model of ten columns takes some twenty lines.
MOST = 25

# Fewer tables than these are no reason for a file of their own.
FEW = 3

# The words of a table's name: `order_items`, `OrderItems`, `HTTPLog`.
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def apart(
    tables: Collection[TableName],
    references: References,
    together: Mapping[TableName, TableName],
) -> dict[str, list[TableName]]:
    """Return tables as parts of at most about MOST, each by the name of a table or a prefix.

    Args:
        tables: the tables.
        references: what refers to what, of all of them.
        together: tables that stay with another one.
    """
    stays = {
        table: other
        for table, other in together.items()
        if table in tables and other in tables and other not in together
    }
    found: dict[str, list[TableName]] = {}
    for name, part in _by_schema(sorted(set(tables) - set(stays)), references):
        found[_free(name, found)] = part

    part_of = {table: part for part in found.values() for table in part}
    for table, other in stays.items():
        part_of[other].append(table)
    return {name: sorted(part) for name, part in found.items()}


def prefix(table: TableName, words: int = 1) -> str:
    """Return the words that the name of a table begins with."""
    return "_".join(WORD.findall(table.name)[:words]).lower()


def _by_schema(
    tables: list[TableName], references: References
) -> Iterator[tuple[str, list[TableName]]]:
    schemas: dict[str | None, list[TableName]] = defaultdict(list)
    for table in tables:
        schemas[table.schema].append(table)

    for schema, part in sorted(schemas.items(), key=lambda each: each[0] or ""):
        if len(schemas) > 1 and schema is not None and len(part) <= MOST:
            yield schema, part
        else:
            yield from _by_prefix(part, references, words=1)


def _by_prefix(
    tables: list[TableName], references: References, words: int
) -> Iterator[tuple[str, list[TableName]]]:
    """Yield tables whose names begin alike; those that few others are like, by references.

    `users` and `user_roles` begin alike: it is one word.
    """
    alike: dict[str, list[TableName]] = defaultdict(list)
    for table in tables:
        alike[singular(prefix(table, words))].append(table)

    rest: list[TableName] = []
    for _, part in sorted(alike.items()):
        begins = Counter(prefix(table, words) for table in part)
        name = max(sorted(begins), key=lambda begin: begins[begin])
        is_whole_name = all(prefix(table, words + 1) in begins for table in part)
        if len(part) < FEW:
            rest.extend(part)
        elif len(part) <= MOST:
            yield name, part
        elif is_whole_name:
            yield from _by_reference(part, references)
        else:
            yield from _by_prefix(part, references, words + 1)
    yield from _by_reference(rest, references)


def _by_reference(
    tables: list[TableName], references: References
) -> Iterator[tuple[str, list[TableName]]]:
    """Yield tables with those that refer to them, the ones that most refer to first."""
    neighbours = _neighbours(tables, references)
    referred = Counter(
        other for table in tables for other in references.get(table, ()) if other != table
    )
    left = sorted(tables, key=lambda table: (-referred[table], table))
    lonely: list[TableName] = []
    while left:
        part = _around(left[0], neighbours, set(left))
        left = [table for table in left if table not in part]
        if len(part) < FEW:
            lonely.extend(part)
        else:
            yield part[0].name, part

    lonely.sort()
    for start in range(0, len(lonely), MOST):
        part = lonely[start : start + MOST]
        yield max(part, key=lambda table: referred[table]).name, part


def _around(
    first: TableName, neighbours: References, free: Collection[TableName]
) -> list[TableName]:
    """Return a table with the free ones next to it, then those next to them, until it is enough."""
    part = [first]
    for table in part:  # which grows
        for other in sorted(neighbours[table]):
            if other in free and other not in part and len(part) < MOST:
                part.append(other)
    return part


def _neighbours(tables: list[TableName], references: References) -> dict[TableName, set[TableName]]:
    found: dict[TableName, set[TableName]] = {table: set() for table in tables}
    for table in tables:
        for other in references.get(table, ()):
            if other in found and other != table:
                found[table].add(other)
                found[other].add(table)
    return found


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
