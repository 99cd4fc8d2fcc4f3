"""What the source of a revision says, read without running it."""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory

from alambique.history.script import oldest_first, source_of
from alambique.names import TableName

# The operations that make, take away or rename what holds data, with the arguments that stand
# first in each: `op.drop_column("users", "email")` names a table, then a column.
ARGUMENTS = {
    "create_table": ("table_name",),
    "drop_table": ("table_name",),
    "rename_table": ("old_table_name", "new_table_name"),
    "drop_column": ("table_name", "column_name"),
    "alter_column": ("table_name", "column_name"),
    "batch_alter_table": ("table_name", "schema"),
}
# The same inside `with op.batch_alter_table("users") as batch:`, which named the table.
ARGUMENTS_IN_BATCH = {
    "drop_column": ("column_name",),
    "alter_column": ("column_name",),
}

ADOPTED = "adopted"
"""What a revision sets to True that writes down a database which was there before it."""


@dataclass(frozen=True)
class Operation:
    """One call of a revision, as far as its source says it in plain strings.

    A name that the source works out while it runs, in a loop say, is "" here.
    """

    name: str
    """As Alembic calls it: `create_table`, `drop_column`, ..."""

    table: TableName
    column: str = ""
    new_table: TableName | None = None
    """What `rename_table` calls the table from then on."""

    new_column: str = ""
    """What `alter_column` calls the column from then on, if it renames it."""


def operations(path: Path, function: str) -> Iterator[Operation]:
    """Yield the operations on tables and columns that a function of a revision names.

    Args:
        path: the revision's source.
        function: `upgrade` or `downgrade`.

    Returns:
        Those of ARGUMENTS, in the order of the source.

    Raises:
        SyntaxError: the source is no Python.
    """
    yield from _read(path).operations.get(function, ())


def created_tables(script: ScriptDirectory) -> set[TableName]:
    """Return the tables that exist after the whole history has run, read from its source.

    Raises:
        CommandError: the revisions do not make a history.
        SyntaxError: a revision is no Python.
    """
    tables: set[TableName] = set()
    for revision in oldest_first(script):
        tables |= _created_in_sql(source_of(revision))
        for operation in operations(source_of(revision), "upgrade"):
            if operation.name == "create_table":
                tables.add(operation.table)
            elif operation.name == "drop_table":
                tables.discard(operation.table)
            elif operation.name == "rename_table":
                tables.discard(operation.table)
                tables.update({operation.new_table} if operation.new_table else ())
    return {table for table in tables if table.name}


def is_adopted(path: Path) -> bool:
    """Tell whether a revision writes down what a database had before it.

    Raises:
        SyntaxError: the source is no Python.
    """
    return variables(path).get(ADOPTED) is True


def _created_in_sql(path: Path) -> set[TableName]:
    """Return the tables that a revision says it makes by statements of SQL."""
    said = variables(path).get("creates", ())
    return {TableName.parse(each) for each in said} if isinstance(said, tuple) else set()


def variables(path: Path) -> Mapping[str, object]:
    """Return the variables that a revision sets at its top to plain values.

    Unlike Alembic's own reading, this works where a revision follows one that is not there.

    Raises:
        SyntaxError: the source is no Python.
    """
    return _read(path).variables


def variables_in(source: str) -> Mapping[str, object]:
    """Return what `variables` does, of a revision's text.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it has a null byte.
    """
    return _variables(ast.parse(source))


def with_variable(source: str, name: str, value: object) -> str:
    """Return a revision's source with another value for a variable at its top.

    The comment beside the value stays. A variable that is not there is added at the end.

    Raises:
        SyntaxError: the source is no Python.
    """
    written = _written(value)
    assigned = _assignments(ast.parse(source)).get(name)
    if assigned is None:
        return f"{source.rstrip()}\n\n{name} = {written}\n"

    assert assigned.end_lineno is not None and assigned.end_col_offset is not None
    lines = [line.encode() for line in source.split("\n")]  # columns are counted in bytes
    before = lines[assigned.lineno - 1][: assigned.col_offset]
    after = lines[assigned.end_lineno - 1][assigned.end_col_offset :]
    lines[assigned.lineno - 1 : assigned.end_lineno] = [before + written.encode() + after]
    return b"\n".join(lines).decode()


def docstring_lines(source: str) -> range:
    """Return which lines of a revision's source its docstring takes, counted from 0.

    Raises:
        SyntaxError: the source is no Python.
    """
    module = ast.parse(source)
    if ast.get_docstring(module, clean=False) is None:
        return range(0)
    docstring = module.body[0]
    return range(docstring.lineno - 1, docstring.end_lineno or docstring.lineno)


def comments(path: Path) -> Iterator[str]:
    """Yield the comments of a revision, with the # they begin with.

    Raises:
        SyntaxError: the source is no Python.
    """
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def digest(path: Path) -> str:
    """Return 16 digits for what a revision does, whatever its layout and docstring.

    Raises:
        SyntaxError: the source is no Python.
    """
    module = ast.parse(_text(path), filename=str(path))
    if ast.get_docstring(module) is not None:
        del module.body[0]
    return hashlib.sha256("\n".join(_words(module)).encode()).hexdigest()[:16]


class _Reader:
    """Reads operations, with the values that the revision gave names to at its top."""

    def __init__(self, variables: Mapping[str, object]) -> None:
        self.variables = variables

    def inside(
        self, nodes: Iterable[ast.AST], batches: Mapping[str, TableName]
    ) -> Iterator[Operation]:
        """Yield the operations in these nodes; `batches` are the tables by their `as` names."""
        for node in nodes:
            if isinstance(node, ast.With):
                yield from self.inside(node.body, {**batches, **self.opened(node)})
            elif operation := self.operation(node, batches):
                yield operation
            else:
                yield from self.inside(ast.iter_child_nodes(node), batches)

    def opened(self, node: ast.With) -> dict[str, TableName]:
        """Return the tables that a `with op.batch_alter_table(...) as name` opens, by that name."""
        tables: dict[str, TableName] = {}
        for item in node.items:
            call = _call(item.context_expr)
            if call is None or call.name != "batch_alter_table":
                continue
            if isinstance(item.optional_vars, ast.Name):
                said = self.arguments(call.node, ARGUMENTS[call.name])
                tables[item.optional_vars.id] = _table(said, "table_name")
        return tables

    def operation(self, node: ast.AST, batches: Mapping[str, TableName]) -> Operation | None:
        """Return the operation that a node is, if it is one of those that count here."""
        call = _call(node)
        if call is None or call.name not in ARGUMENTS:
            return None

        batch = batches.get(call.owner)
        names = ARGUMENTS if batch is None else ARGUMENTS_IN_BATCH
        said = self.arguments(call.node, names.get(call.name, ()))

        if call.name == "rename_table":
            old, new = _table(said, "old_table_name"), _table(said, "new_table_name")
            return Operation(call.name, old, new_table=new)
        return Operation(
            call.name,
            batch or _table(said, "table_name"),
            column=said.get("column_name", ""),
            new_column=said.get("new_column_name", ""),
        )

    def arguments(self, call: ast.Call, names: tuple[str, ...]) -> dict[str, str]:
        """Return the arguments of a call that are plain strings, the first ones by these names."""
        given: list[tuple[str | None, ast.expr]] = list(zip(names, call.args, strict=False))
        given += [(keyword.arg, keyword.value) for keyword in call.keywords]
        return {name: text for name, node in given if name and (text := self.text(node))}

    def text(self, node: ast.expr) -> str:
        """Return the string that an expression is, or that a variable at the top holds; else ""."""
        value = self.variables.get(node.id) if isinstance(node, ast.Name) else _literal(node)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class _Call:
    """A call of a method: `owner.name(...)`."""

    owner: str
    name: str
    node: ast.Call


def _call(node: ast.AST) -> _Call | None:
    """Return the call of a method that a node is, if it is one."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
    return _Call(owner, node.func.attr, node)


def _table(said: Mapping[str, str], argument: str) -> TableName:
    return TableName(said.get(argument, ""), said.get("schema"))


@dataclass(frozen=True)
class _Source:
    """What one source says."""

    variables: Mapping[str, object]
    operations: Mapping[str, tuple[Operation, ...]]
    """By the function that they are in."""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _read(path: Path) -> _Source:
    return _understood(_text(path), str(path))


# A command asks several times, and the first revision of a large database takes a second.
@functools.lru_cache(maxsize=4096)
def _understood(source: str, path: str) -> _Source:
    module = ast.parse(source, filename=path)
    variables = _variables(module)
    reader = _Reader(variables)
    operations = {
        node.name: tuple(reader.inside(node.body, batches={}))
        for node in module.body
        if isinstance(node, ast.FunctionDef)
    }
    return _Source(variables, operations)


def _assignments(module: ast.Module) -> dict[str, ast.expr]:
    """Return what is assigned to plain names at the top of a module; the last one counts."""
    found: dict[str, ast.expr] = {}
    for node in module.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        found |= {target.id: value for target in targets if isinstance(target, ast.Name)}
    return found


def _variables(module: ast.Module) -> dict[str, object]:
    return {name: _literal(node) for name, node in _assignments(module).items()}


def _literal(node: ast.expr) -> object:
    """Return the plain value an expression is; None for one that has to be worked out."""
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value


def _written(value: object) -> str:
    """Write a value as ruff would: strings in double quotes."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        parts = ", ".join(_written(each) for each in value)
        return f"({parts},)" if len(value) == 1 else f"({parts})"
    return repr(value)


def _words(module: ast.Module) -> Iterator[str]:
    # Not ast.dump(), which each Python writes differently.
    for node in ast.walk(module):
        parts = [value for _, value in ast.iter_fields(node)]
        plain = [each for each in parts if not isinstance(each, (ast.AST, list, type(None)))]
        yield f"{type(node).__name__} {plain}"
