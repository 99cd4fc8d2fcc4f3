"""The cells of a matrix: sets of answers, all of them or a few in which every two or three meet."""

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


def covering(cells: list[Cell], together: int) -> list[Cell]:
    """Choose a few of the cells: answers that meet in one of all meet in one of these.

    Args:
        cells: what to choose from.
        together: how many answers are looked at together, such as 2 for every pair.
    """
    meetings = [set(itertools.combinations(cell.items(), together)) for cell in cells]
    missing = set().union(*meetings)
    chosen = []
    while missing:
        best = max(range(len(cells)), key=lambda index: len(meetings[index] & missing))
        chosen.append(cells[best])
        missing -= meetings[best]
    return chosen


def name_of(cell: Cell) -> str:
    """Return a name for a cell, as pytest prints it."""
    return "-".join(map(str, cell.values()))
