"""The naming convention that the declarative base writes out, read from its source.

To import the base may ask for what migrations do without, such as a driver, where SQL is printed.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache

from alambique.settings import project


def written_convention() -> dict[str, str] | None:
    """Return the convention in the body of the project's base; None where it is not plain there.

    It is plain in `metadata = MetaData(naming_convention=X)`, if X is a dictionary of texts, or
    what the module calls so, once.
    """
    base = project().base
    if base is None:
        return None
    module, _, name = base.rpartition(".")
    path = project().root.joinpath(*module.split(".")).with_suffix(".py")
    try:
        return _convention_in(path.read_text(encoding="utf-8"), name)
    except (OSError, ValueError, SyntaxError):  # who imports it says what is wrong
        return None


@lru_cache(maxsize=8)  # each revision of a command asks for it
def _convention_in(source: str, name: str) -> dict[str, str] | None:
    """Return the convention in the body of the class of this name."""
    tree = ast.parse(source)
    bodies = [
        node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name
    ]
    metadata = _bound(bodies[0], "metadata") if len(bodies) == 1 else None
    if not isinstance(metadata, ast.Call):
        return None
    said = [word.value for word in metadata.keywords if word.arg == "naming_convention"]
    if not said:
        return None
    value = _bound(tree.body, said[0].id) if isinstance(said[0], ast.Name) else said[0]
    return _texts(value)


def _bound(body: Sequence[ast.stmt], name: str) -> ast.expr | None:
    """Return what a name is bound to; None where it is not bound exactly once, or is changed."""
    found = []
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
                found.append(statement)
    if len(found) != 1 or not isinstance(found[0], ast.Assign | ast.AnnAssign):
        return None
    return found[0].value


def _texts(value: ast.expr | None) -> dict[str, str] | None:
    try:
        found = ast.literal_eval(value) if isinstance(value, ast.Dict) else None
    except ValueError:
        return None
    is_plain = found is not None and all(
        isinstance(each, str) for item in found.items() for each in item
    )
    return found if is_plain else None
