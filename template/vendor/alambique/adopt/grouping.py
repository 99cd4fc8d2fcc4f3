"""Which tables go into one module of models: those that foreign keys hold together."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from alembic.util import CommandError

from alambique import messages
from alambique.names import TableName
from alambique.text import ascii_only

References = Mapping[TableName, Collection[TableName]]
"""For each table to be mapped, the tables that it refers to."""


def modules(references: References, folder: Path, name: str | None) -> dict[Path, list[TableName]]:
    """Return the modules of models to write, each with its tables and those they refer to.

    Args:
        references: the tables to map.
        folder: the package in which each module gets a folder of its own.
        name: the one module for all of them; by default each group has one, called like the table
            that most others refer to.

    Raises:
        CommandError: the name is none for a module.
    """
    if name is None:
        return {_path(folder, module): group for module, group in _by_group(references).items()}

    if not name.isidentifier():
        raise CommandError(messages.NO_MODULE_NAME.format(name=name))
    everything = set(references).union(*references.values())
    return {_path(folder, name): sorted(everything)}


def groups(references: References) -> Iterator[list[TableName]]:
    """Yield the tables that foreign keys hold together, those they refer to with them."""
    neighbours: dict[TableName, set[TableName]] = {}
    for table, others in references.items():
        neighbours.setdefault(table, set()).update(others)
        for other in others:
            neighbours.setdefault(other, set()).add(table)

    while neighbours:
        group: set[TableName] = set()
        waiting = [next(iter(neighbours))]
        while waiting:
            table = waiting.pop()
            if table not in group:
                group.add(table)
                waiting.extend(neighbours.pop(table))
        yield sorted(group)


def module_name(table: str) -> str:
    """Return a table's name as one that a folder, and Python, can carry."""
    name = re.sub(r"\W+", "_", ascii_only(table)).strip("_").lower()
    if keyword.iskeyword(name):
        return f"{name}_"
    return name if name.isidentifier() else f"t_{name}"


def _path(folder: Path, module: str) -> Path:
    return folder / module / "models.py"


def _by_group(references: References) -> dict[str, list[TableName]]:
    """Return each group by the name of its module."""
    referred = Counter(
        other for table, others in references.items() for other in others if other != table
    )
    found: dict[str, list[TableName]] = {}
    for group in groups(references):
        ours = [table for table in group if table in references]
        most_referred = max(ours, key=lambda table: referred[table])
        found[_free_name(most_referred, taken=found)] = group
    return found


def _free_name(table: TableName, taken: Collection[str]) -> str:
    """Return a module's name for a table that no other group has."""
    name = module_name(table.name)
    while name in taken:
        name = f"{module_name(table.schema)}_{name}" if table.schema else f"{name}_"
    return name
