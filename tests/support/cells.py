"""The cells of a matrix: sets of answers, all of them or a few in which every two meet."""

import itertools
from typing import Any

from support.project import values

Cell = dict[str, Any]
FOLDERS = ["migrations", "alembic"]
KEYS = "language", "database", "mode", "example", "environment", "api", "ci", "migrations_folder"


def product(*keys: str, folders: list[str] = FOLDERS) -> list[Cell]:
    """Return every set of answers to these questions that Copier takes."""
    pools = [folders if key == "migrations_folder" else values(key) for key in keys]
    cells = [dict(zip(keys, answers, strict=True)) for answers in itertools.product(*pools)]
    return [cell for cell in cells if (cell.get("api"), cell.get("mode")) != ("flask", "async")]


def pairwise(cells: list[Cell]) -> list[Cell]:
    """Choose a few of the cells: any two answers that meet in one of all meet in one of these."""
    pairs = [set(itertools.combinations(cell.items(), 2)) for cell in cells]
    missing = set().union(*pairs)
    chosen = []
    while missing:
        best = max(range(len(cells)), key=lambda index: len(pairs[index] & missing))
        chosen.append(cells[best])
        missing -= pairs[best]
    return chosen


def name_of(cell: Cell) -> str:
    """Return a name for a cell, as pytest prints it."""
    return "-".join(map(str, cell.values()))
