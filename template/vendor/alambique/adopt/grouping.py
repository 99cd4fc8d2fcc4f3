"""Which tables go into one module of models: those that foreign keys hold together.

Tables that no key holds to any other are one module where their names begin alike. A module of more
tables than one can read is a package, which imports its files: they refer to each other in circles,
so that none of them would do alone.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from alembic.util import CommandError

from alambique import messages
from alambique.adopt.splitting import FEW, References, apart, prefix
from alambique.adopt.words import singular
from alambique.names import TableName
from alambique.text import ascii_only

# Tables in one file, at most, before it is a package of several.
READABLE = 30


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


def files(
    path: Path,
    tables: Collection[TableName],
    references: References,
    together: Mapping[TableName, TableName],
) -> dict[Path, list[TableName]]:
    """Return the files of a module: itself, or, of too many tables, those of a package.

    Args:
        path: the module's file.
        tables: its tables.
        references: what refers to what.
        together: tables that stay in one file with another one.
    """
    if len(tables) <= READABLE:
        return {path: sorted(tables)}

    found: dict[Path, list[TableName]] = {}
    for name, part in apart(tables, references, together).items():
        file = path.with_suffix("") / f"{module_name(name)}.py"
        while file in found:
            file = file.with_stem(f"{file.stem}_")
        found[file] = part
    return found if len(found) > 1 else {path: sorted(tables)}


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
    for group in sorted(_with_lone_tables_together(groups(references))):
        ours = [table for table in group if table in references]
        named_after = max(ours, key=lambda table: referred[table])
        if not any(referred[table] for table in ours) and len(ours) > 1:
            named_after = _named_like_all(ours)
        found[_free_name(named_after, taken=found)] = group
    return found


def _with_lone_tables_together(groups: Iterable[list[TableName]]) -> Iterator[list[TableName]]:
    """Yield groups, those of one table as one group where their names begin alike."""
    alone: dict[tuple[str | None, str], list[TableName]] = defaultdict(list)
    for group in groups:
        if len(group) > 1:
            yield group
        else:
            alone[group[0].schema, singular(prefix(group[0]))].extend(group)

    for group in alone.values():
        if len(group) < FEW:
            yield from ([table] for table in group)
        else:
            yield sorted(group)


def _named_like_all(tables: Sequence[TableName]) -> TableName:
    """Return a name that stands for tables whose names begin alike; else that of the first."""
    first = tables[0]
    begin = prefix(first)
    alike = begin and all(singular(prefix(table)) == singular(begin) for table in tables)
    return TableName(begin, first.schema) if alike else first


def _free_name(table: TableName, taken: Collection[str]) -> str:
    """Return a module's name for a table that no other group has."""
    name = module_name(table.name)
    while name in taken:
        name = f"{module_name(table.schema)}_{name}" if table.schema else f"{name}_"
    return name
