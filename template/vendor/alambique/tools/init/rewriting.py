"""An env.py with its machinery taken out, and one call in its place."""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from io import StringIO
from textwrap import dedent

from alambique.tools.init.machinery import (
    NOWHERE,
    Function,
    Machinery,
    Said,
    bound_by,
    is_url_setting,
    names_in,
)

# Packages of which an import does nothing but bring names.
PLAIN = {"sqlalchemy", "alembic", "sqlmodel", *sys.stdlib_module_names} - {"__future__"}
# What makes a helper of the machinery, when it is assigned to a name.
HELPERS = {
    "context.config",
    "asyncio.get_event_loop",
    "asyncio.new_event_loop",
    "logging.getLogger",
}

CALL = "from alambique.env import run_migrations"
CONTEXT = "from alembic import context"
ENTER_IMPORT = "from alambique.web.flask_application import enter_application"
ENTER = "enter_application()"
# What stands in alembic.ini's section is heard by every command; `%` begins something there.
URL_SET = """\
url = make_url({expression}).render_as_string(hide_password=False)
context.config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
"""
WIDTH = 88


@dataclass(frozen=True)
class Left:
    """A line of the old file that says something the new one does not."""

    line: int
    source: str


@dataclass(frozen=True)
class Rewritten:
    """The new file, and what it could not carry over."""

    source: str
    left: list[Left]


def is_converted(source: str) -> bool:
    """Tell whether an env.py calls the library already.

    Raises:
        SyntaxError: it is no Python.
    """
    return any(
        isinstance(node, ast.ImportFrom) and node.module == "alambique.env"
        for node in ast.walk(ast.parse(source))
    )


def rewritten(source: str) -> Rewritten:
    """Return an env.py with one call of the library's in the place of its machinery.

    Every other line stays as it is: imports, settings, functions that an option names. An import of
    Python's own or of SQLAlchemy's goes if only the machinery used it.

    Args:
        source: the file.

    Raises:
        SyntaxError: it is no Python.
        SeveralDatabases: it migrates several databases in one run.
    """
    tree = ast.parse(source)
    machinery = Machinery(tree)
    said = machinery.said()
    removed = machinery.statements
    kept = [node for node in tree.body if node not in removed]
    asking = _asking_flask(kept)
    entry = _first_run(kept, asking)

    imports, added = _added(said, kept, source)
    if asking:
        imports.append(ENTER_IMPORT)
        if entry is None:
            added.insert(0, ENTER)

    read_by_added = names_in(*ast.parse("\n".join(added)).body)
    unused = _unused(kept, removed, read_by_added)
    used = names_in(*(node for node in kept if node not in unused)) | read_by_added
    if "context" in used and not _binds(kept, "context", but=unused):
        imports.append(CONTEXT)

    lines = source.splitlines() or [""]
    gone = _lines_of([*removed, *unused], lines) | _stock_comments(source)
    _place(imports, lines, gone, [each for each in kept if each not in unused])
    if entry is not None:
        lines[entry.lineno - 1] = f"{ENTER}\n{lines[entry.lineno - 1]}"

    body = "\n".join(line for number, line in enumerate(lines, 1) if number not in gone)
    before = source.splitlines()
    left = [Left(node.lineno, before[node.lineno - 1].strip()) for node in said.left]
    return Rewritten(
        _spaced("\n\n".join([body, *added])), sorted(set(left), key=lambda each: each.line)
    )


def text_of(value: ast.expr, source: str) -> str:
    """Return an expression as it stands in the source, if it does."""
    there = None if value.lineno == NOWHERE else ast.get_source_segment(source, value)
    return there if there is not None and "\n" not in there else ast.unparse(value)


def call_of(name: str, words: Sequence[str]) -> str:
    """Return a call, on one line if it is short enough."""
    one_line = f"{name}({', '.join(words)})"
    if len(one_line) <= WIDTH:
        return one_line
    return "\n".join([f"{name}(", *(f"    {word}," for word in words), ")"])


def _added(said: Said, kept: Sequence[ast.stmt], source: str) -> tuple[list[str], list[str]]:
    """Return what the new file imports, and the paragraphs it ends with, the call last."""
    imports = [CALL]
    added = [ast.unparse(node) for node in said.statements]
    added += [_function_text(node, source) for node in said.functions]
    options = {
        name: text_of(value, source)
        for name, value in said.options.items()
        if not (name == "target_metadata" and _is_none(value, kept))
    }
    if (url := _url(said, kept)) is not None:
        imports.append("from sqlalchemy.engine import make_url")
        added.append(URL_SET.format(expression=text_of(url, source)))
    words = [f"{name}={text}" for name, text in options.items()]
    words += [f"**{text_of(mapping, source)}" for mapping in said.spread]
    added.append(call_of("run_migrations", words))
    return imports, added


def _url(said: Said, kept: Sequence[ast.stmt]) -> ast.expr | None:
    """Return where the database's URL comes from, if no line that stays says it."""
    if said.url is not None or said.engine is None:
        return said.url
    stays = [*kept, *said.statements]
    if any(is_url_setting(node) for each in stays for node in ast.walk(each)):
        return None
    url = ast.Attribute(said.engine, "url", ast.Load())
    url.lineno = NOWHERE
    return url


def _is_none(value: ast.expr, kept: Sequence[ast.stmt]) -> bool:
    """Tell whether an option is None, or a name of the module for it: as if it were not said."""
    if isinstance(value, ast.Constant):
        return value.value is None
    found = [
        node.value
        for node in kept
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == ast.unparse(value)
    ]
    return bool(found) and all(
        isinstance(each, ast.Constant) and each.value is None for each in found
    )


def _asking_flask(kept: Sequence[ast.stmt]) -> set[str]:
    """Return the names that stand for Flask's application, or for a function that asks it.

    There are none where nothing asks it, or the file itself sees to there being one: not only
    `flask db` runs it now.
    """
    if not any("current_app" in bound_by(node) for node in kept if not isinstance(node, ast.Try)):
        return set()
    asking = {"current_app"}
    functions = [node for node in kept if isinstance(node, Function)]
    while more := {
        node.name for node in functions if node.name not in asking and names_in(node) & asking
    }:
        asking |= more
    return asking


def _first_run(kept: Sequence[ast.stmt], names: set[str]) -> ast.stmt | None:
    """Return the first statement that does something with one of these names as the file runs."""
    for node in kept:
        is_run = not isinstance(node, ast.Import | ast.ImportFrom | Function | ast.ClassDef)
        if is_run and names_in(node) & names:
            return node
    return None


def _unused(
    kept: Sequence[ast.stmt], removed: Sequence[ast.stmt], also_read: set[str]
) -> list[ast.stmt]:
    """Return what served the machinery alone: imports that bring names, helpers, `config`."""
    found: list[ast.stmt] = []
    served = names_in(*removed) | {"config"}
    while True:
        stays = [node for node in kept if node not in found]
        more = [
            node
            for node in stays
            if _only_brings_names(node)
            and bound_by(node) & served
            and not bound_by(node) & also_read
            and not bound_by(node) & names_in(*(each for each in stays if each is not node))
        ]
        if not more:
            return found
        found += more
        served |= names_in(*more)


def _only_brings_names(node: ast.stmt) -> bool:
    """Tell whether nothing but names is lost with a statement."""
    match node:
        case ast.Import(names=names):
            return all(alias.name.split(".")[0] in PLAIN for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            return module.split(".")[0] in PLAIN
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return not node.decorator_list
        case ast.Assign(targets=[ast.Name()], value=value):
            return ast.unparse(value).split("(")[0] in HELPERS
    return False


def _binds(kept: Iterable[ast.stmt], name: str, but: Sequence[ast.stmt]) -> bool:
    return any(name in bound_by(node) for node in kept if node not in but)


def _place(imports: list[str], lines: list[str], gone: set[int], stays: list[ast.stmt]) -> None:
    """Put imports before Alembic's, where they sort, or after the last one at the top."""
    text = "\n".join(imports)
    found = [node for node in stays if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in found:
        if isinstance(node, ast.ImportFrom) and node.module == "alembic":
            lines[node.lineno - 1] = f"{text}\n{lines[node.lineno - 1]}"
            return
    if found:
        last = found[-1].end_lineno or 1
    else:
        last = (stays[0].end_lineno or 1) if stays and _is_docstring(stays[0]) else 0
    if last:
        lines[last - 1] += f"\n{text}"
    else:
        lines.insert(0, text)
        shifted = {number + 1 for number in gone}
        gone.clear()
        gone.update(shifted)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _lines_of(nodes: Iterable[ast.stmt], lines: Sequence[str]) -> set[int]:
    """Return the numbers of the lines of statements, with the comments right above them."""
    found: set[int] = set()
    for node in nodes:
        decorators = [each.lineno for each in getattr(node, "decorator_list", [])]
        start = min([node.lineno, *decorators])
        while start > 1 and lines[start - 2].startswith("#") and not _is_import(node):
            start -= 1
        found |= set(range(start, (node.end_lineno or node.lineno) + 1))
    return found


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _stock_comments(source: str) -> set[int]:
    """Return the lines that are comments of Alembic's own templates."""
    stock = set()
    for template in (resources.files("alembic") / "templates").iterdir():
        file = template / "env.py"
        if file.is_file():
            lines = file.read_text(encoding="utf-8").splitlines()
            stock |= {line.strip() for line in lines if line.startswith("#")}
    return {
        token.start[0]
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT and token.start[1] == 0 and token.string.strip() in stock
    }


def _function_text(node: Function, source: str) -> str:
    """Return the source of a function inside of another, moved to the left."""
    start = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return dedent("\n".join(source.splitlines()[start - 1 : node.end_lineno]))


def _spaced(text: str) -> str:
    """Return text with blank lines as one writes them: two around functions, one in imports."""
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\n{4,}", "\n\n\n", text)
    text = re.sub(
        r"^((?:from|import) .*)\n{3}(?=from |import )", r"\1\n\n", text, flags=re.MULTILINE
    )
    # After the indented end of a function, and before its beginning.
    text = re.sub(r"^(    .*\S)\n\n(?=[^\s#)\]}])", r"\1\n\n\n", text, flags=re.MULTILINE)
    text = re.sub(r"([^\n])\n\n(?=(?:def|async def|@|class) ?\w)", r"\1\n\n\n", text)
    return text.strip("\n") + "\n"
