"""Which operation of a revision raised an error, as its source says it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb

# What is shown of a statement that a revision runs as it is.
SHOWN = 60


def raised_by(error: BaseException, path: Path) -> str:
    """Return the operation that raised an error, with the names it says first.

    Args:
        error: what was raised as the revision ran.
        path: the revision's source.

    Returns:
        Such as "op.create_table('usuarios')"; of a block also what is in it; the name of the file
        where no line of it is to blame.
    """
    lines = [
        frame.lineno
        for frame in extract_tb(error.__traceback__)
        if Path(frame.filename) == path and frame.lineno
    ]
    if not lines:
        return path.name
    module = ast.parse(path.read_text(encoding="utf-8"))
    around = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Expr | ast.With)
        and node.lineno <= lines[-1] <= (node.end_lineno or node.lineno)
    ]
    if not around:
        return path.name
    return _shown(max(around, key=lambda node: node.lineno))


def _shown(node: ast.Expr | ast.With) -> str:
    if isinstance(node, ast.Expr):
        return _call(node.value)
    inside = [_call(each.value) for each in node.body if isinstance(each, ast.Expr)]
    return f"{_call(node.items[0].context_expr)}: {', '.join(inside)}"


def _call(node: ast.expr) -> str:
    """Return a call with the names that it begins with."""
    if not isinstance(node, ast.Call):
        return ast.unparse(node)
    # The columns of a new table say nothing of where it failed; that of an add_column does.
    is_table = ast.unparse(node.func).endswith(".create_table")
    names = _names(node.args[:1] if is_table else node.args[:2])
    return f"{ast.unparse(node.func)}({', '.join(repr(each) for each in names)})"


def _names(arguments: Sequence[ast.expr]) -> list[str]:
    found: list[str] = []
    for each in arguments:
        inner = each
        if isinstance(each, ast.Call) and ast.unparse(each.func).endswith((".f", ".Column")):
            inner = each.args[0]  # of op.f("ix_a"), and of the column that is added
        if not isinstance(inner, ast.Constant) or not isinstance(inner.value, str):
            break
        text = " ".join(inner.value.split())
        found.append(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
    return found
