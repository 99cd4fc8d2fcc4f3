"""Whose file is whose: what the README says, and what copier.yml does."""

import re
from pathlib import Path
from typing import Any

import jinja2

from support.cells import Cell
from support.project import SETTINGS, read

# Seeds that only projects of an earlier version have: nothing renders them any more.
SEEDS_OF_BEFORE = {"core/policy.py"}


def ownership(tree: Path) -> tuple[set[str], set[str]]:
    """Return the template's paths and yours, as the table in README.md names them.

    Up to 1.2 what is the template's were the files it replaced, from 2.0 on it is what is sealed.
    """
    cells = [
        line.split("|")[1] for line in read(tree / "README.md").splitlines() if line[:1] == "|"
    ]
    named = [set(re.findall("`(.+?)`", cell)) for cell in cells if "`" in cell]
    return named[0], named[-1] | SEEDS_OF_BEFORE


def within(name: str) -> Any:
    """Return a test for paths: is this file that path, or in that folder?"""
    return lambda owned: name == owned or (owned.endswith("/") and name.startswith(owned))


def excluded_on_update(cell: Cell) -> set[str]:
    """Return what copier.yml leaves alone on an update only, as the README writes it."""
    found = set(SEEDS_OF_BEFORE)
    for text in SETTINGS["_exclude"]:
        pattern = jinja2.Template(text)
        on_copy, on_update = (
            pattern.render(cell, _copier_operation=operation) for operation in ("copy", "update")
        )
        if on_copy != on_update:
            found.add(on_update.strip("/"))
    if cell["api"] == "none":  # a project may have had an API: its tests are left alone, too
        found.remove("tests/test_api.py")
    return {path if Path(path).suffix else f"{path}/" for path in found}
