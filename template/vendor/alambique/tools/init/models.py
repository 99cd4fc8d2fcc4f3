"""Where the models are that an env.py imports, as `[tool.alambique]` says it."""

from __future__ import annotations

import ast
from pathlib import Path

from alambique.tools.init.machinery import names_in


def models_of(source: str, root: Path) -> list[str]:
    """Return the dotted paths for `extra-models`; none where the file does not tell.

    They are the class or the MetaData that `target_metadata` names, and the project's modules that
    env.py imports for no other reason than to have them imported.

    Args:
        source: the converted env.py.
        root: the folder that the project's packages are in.
    """
    tree = ast.parse(source)
    metadata = _target_metadata(tree)
    if metadata is None:
        return []
    imported = _imported(tree)
    owner = metadata.value if isinstance(metadata, ast.Attribute) else metadata
    if not isinstance(owner, ast.Name) or owner.id not in imported:
        return []

    read = names_in(tree)
    for_effect = [
        path for name, path in imported.items() if name not in read and _is_of(root, path)
    ]
    found = [*for_effect, imported[owner.id]]
    return [path for path in dict.fromkeys(found) if not _is_below(path, found)]


def _target_metadata(tree: ast.Module) -> ast.expr | None:
    """Return what `run_migrations` is given, or what the module says stands for it."""
    given = [
        word.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "run_migrations"
        for word in node.keywords
        if word.arg == "target_metadata"
    ]
    value = given[-1] if given else None
    if isinstance(value, ast.Name):
        assigned = [
            node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == value.id
        ]
        return assigned[-1] if assigned else value
    return value


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return the dotted path of each name that the module imports; the last import counts."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:  # `import app.models` binds `app`, and is about app.models
                found[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = alias.asname or alias.name
                found[name] = node.module if name == "*" else f"{node.module}.{alias.name}"
    return found


def _is_of(root: Path, path: str) -> bool:
    top = root / path.split(".")[0]
    return top.is_dir() or top.with_suffix(".py").is_file()


def _is_below(path: str, others: list[str]) -> bool:
    return any(path.startswith(f"{each}.") for each in others)
