"""Models in files of the project that nobody imports: a comparison knows nothing of them.

Nothing is imported here, either: a file that was left out may be a script that does something. What
counts is what its text says.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alambique.settings import Project

# Folders with files that are not the application's, or that are not to be imported with it.
LEFT_OUT = frozenset({"build", "dist", "node_modules", "site-packages", "tests", "vendor", "venv"})

# What lies at the root of something else than this project: of another one, of an environment.
ROOT_FILES = ("pyproject.toml", "alembic.ini", "pyvenv.cfg")

# What a model's class says in its body, or, of SQLModel's, beside its bases.
SAYS_TABLE = "__tablename__"
IS_TABLE = "table"


@dataclass(frozen=True)
class Unseen:
    """A model that is not compared."""

    path: Path
    """Its file, from the project's root."""
    line: int
    name: str
    """Its class."""


def unseen_models(here: Project, history: Path) -> list[Unseen]:
    """Return the models whose file was not imported, once all models have been.

    Args:
        here: the project.
        history: the folder of its migrations, whose revisions may have models of their own.
    """
    imported = {
        Path(file).resolve()
        for module in list(sys.modules.values())
        if (file := getattr(module, "__file__", None))
    }
    return [
        each
        for path in _python_files(here.root, history.resolve())
        if path not in imported
        for each in _models_in(path, here.root)
    ]


def _python_files(root: Path, history: Path) -> Iterator[Path]:
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if _may_be_ours(Path(folder, name), history))
        for name in sorted(files):
            if name.endswith(".py"):
                yield Path(folder, name).resolve()


def _may_be_ours(folder: Path, history: Path) -> bool:
    if folder.name in LEFT_OUT or folder.name.startswith("."):
        return False
    is_of_another = any((folder / name).is_file() for name in ROOT_FILES)
    return not is_of_another and folder.resolve() != history


def _models_in(path: Path, root: Path) -> Iterator[Unseen]:
    try:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source) if _may_map(source) else ast.Module([], [])
    except (OSError, ValueError, SyntaxError):  # whoever imports it will say so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and _is_model(node):
            yield Unseen(path.relative_to(root), node.lineno, node.name)


def _may_map(source: str) -> bool:
    """Tell from the text alone, as most files of a project are not worth being parsed."""
    return SAYS_TABLE in source or "table=True" in source.replace(" ", "")


def _is_model(node: ast.ClassDef) -> bool:
    for word in node.keywords:
        if word.arg == IS_TABLE and isinstance(word.value, ast.Constant) and word.value.value:
            return True
    return any(_says_table(statement) for statement in node.body)


def _says_table(statement: ast.stmt) -> bool:
    """Tell whether a line names the table as text: a mixin makes the name up in a function."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return False
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    return SAYS_TABLE in names and isinstance(statement.value, ast.Constant)
