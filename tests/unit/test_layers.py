"""Each part of the library imports only what lies below it, and nothing imports in a circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "template/vendor/alambique"
MODULES = sorted(LIBRARY.rglob("*.py"))

BASE = {"messages", "names", "private", "versions", "settings", "terminal", "logs", "text"}
BASE |= {"formatting"}
BELOW_HISTORY = BASE | {"database", "autogenerate"}
BELOW_COMMANDS = BELOW_HISTORY | {"history"}
# What each part may import besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "messages": set(),
    "names": {"messages"},
    "versions": {"messages", "settings"},
    "private": {"versions"},
    "text": set(),
    "settings": {"messages"},
    "terminal": {"messages"},
    "logs": {"messages", "settings", "terminal"},
    "formatting": {"messages", "settings"},
    "database": BASE,
    "upgrade": BASE | {"database"},
    "autogenerate": BASE | {"database"},
    "history": BELOW_HISTORY,
    "commands": BELOW_COMMANDS,
    "adopt": BELOW_COMMANDS | {"commands"},
    "web": BELOW_COMMANDS | {"commands"},
    "env": BELOW_COMMANDS | {"upgrade"},
    "tools": BELOW_COMMANDS | {"commands", "adopt", "web", "alambique"},
    "testing": BELOW_COMMANDS | {"commands", "tools", "web", "alambique"},
    "cli": BASE | {"alambique"},
    "__main__": {"cli"},
    # The version, and the public names, each imported when it is asked for.
    "alambique": {"commands", "history", "versions"},
}


def dotted(path: Path) -> str:
    """Return the name a module is imported under."""
    parts = path.relative_to(LIBRARY.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path): path for path in MODULES}


def part(module: str) -> str:
    """Return the part of the library that a module is, or is in."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "alambique"


def imports(path: Path, typing: bool) -> Iterator[str]:
    """Yield the modules of the library that one imports, at its top or in a function.

    Args:
        path: the module.
        typing: also what only a type checker sees.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    unseen: set[ast.AST] = set()
    for node in ast.walk(tree):
        is_typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if isinstance(node, ast.If) and is_typing and not typing:
            unseen.update(inner for each in node.body for inner in ast.walk(each))
        if node in unseen:
            continue

        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in NAMES:
                    yield inner
                elif node.module in NAMES:
                    yield node.module


def test_each_part_has_its_place() -> None:
    assert {part(name) for name in NAMES} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_go_downward(path: Path) -> None:
    here = part(dotted(path))
    found = {part(name) for name in imports(path, typing=True)} - {here}
    assert found <= MAY_IMPORT[here], f"{here} must not import {found - MAY_IMPORT[here]}"


def test_nothing_imports_in_a_circle() -> None:
    graph = {name: set(imports(path, typing=False)) for name, path in NAMES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_parts_have_no_circle_either() -> None:
    graph = {here: below - {"alambique"} for here, below in MAY_IMPORT.items()}
    TopologicalSorter(graph).prepare()
