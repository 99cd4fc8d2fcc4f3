"""What an env.py does to reach the database and run: which lines of it, and what they say.

Alembic's templates have functions for that (offline, online, asynchronous), which people change. Of
such a function a line either is one that the library does itself, or says something to carry over
(an argument of `context.configure`, a URL), or is noted as one that cannot be carried.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
# What the names of a function stand for, as the module could say it; None where only the function
# has it, such as a connection.
Locals = dict[str, ast.expr | None]
# What has a line.
Located = ast.stmt | ast.expr | ast.keyword | ast.excepthandler

# What the library passes to context.configure, too: nothing has to be carried.
OURS: Mapping[str, object] = {
    "compare_type": True,
    "compare_server_default": True,
    "render_as_batch": True,
    "transaction_per_migration": True,
    "literal_binds": True,
    "dialect_opts": {"paramstyle": "named"},
}
# The library's own business: it connects, and knows the database.
ITS_CONNECTION = {"connection", "url", "dialect_name", "as_sql", "transactional_ddl"}

ENGINES = {"create_engine", "create_async_engine"}
ENGINES_OF_INI = {"engine_from_config", "async_engine_from_config"}
WRAPPED = {"AsyncEngine", "Engine"}
# Of an engine, how it lends connections; nothing that a connection is like.
POOLS = {"poolclass", "future", "pool_pre_ping", "pool_recycle", "pool_size", "max_overflow"}
CLOSES = {"close", "commit", "dispose", "rollback", "sync_engine", "begin", "connect"}
LOGS = {"debug", "info", "warning", "error", "exception", "print"}
RUNS = {"run", "run_until_complete", "run_sync", "get_event_loop", "new_event_loop"}
# Of a condition: what the library asks, and what may have been handed over, if it is not None.
ASKED_BY_US = ("is_offline_mode", "AsyncEngine", "isinstance(connect", "__name__")
HANDED_OVER = ("connect", "process_revision_directives", "engine")
READS = {"get", "get_section", "get_main_option", "get_x_argument", "pop"}

URL = "sqlalchemy.url"

# The line of an expression that stands like this in no file: a name in it was replaced.
NOWHERE = 0


class SeveralDatabases(Exception):
    """An env.py that migrates several databases in one run; `line` is where it begins."""

    def __init__(self, line: int) -> None:
        """Note the line."""
        super().__init__(line)
        self.line = line


@dataclass
class Said:
    """What the machinery of an env.py says, as expressions that its module understands."""

    options: dict[str, ast.expr] = field(default_factory=dict)
    """What `context.configure` is given, connected."""
    spread: list[ast.expr] = field(default_factory=list)
    """Mappings that it is given with `**`."""
    url: ast.expr | None = None
    """Where the engine gets its URL, if not from alembic.ini."""
    engine: ast.expr | None = None
    """An engine that was made elsewhere, whose URL it is."""
    statements: list[ast.stmt] = field(default_factory=list)
    """Imports and settings inside of functions, which the module has to make now."""
    functions: list[Function] = field(default_factory=list)
    """Functions inside of functions that an option names."""
    left: list[Located] = field(default_factory=list)
    """What cannot be carried."""


class Machinery:
    """The functions of an env.py that reach the database, and the lines that call them."""

    def __init__(self, tree: ast.Module) -> None:
        """Find them.

        Args:
            tree: the module.
        """
        self.tree = tree
        self.contexts = {"context"} | _aliases(tree)
        functions = {node.name: node for node in tree.body if isinstance(node, Function)}
        self.runners = {name: node for name, node in functions.items() if self._reaches(node)}
        while found := {
            name: node
            for name, node in functions.items()
            if name not in self.runners and names_in(node) & self.runners.keys()
        }:
            self.runners |= found

    @property
    def statements(self) -> list[ast.stmt]:
        """The statements of the module that are machinery, functions and their calls."""
        return [node for node in self.tree.body if self.is_machinery(node)]

    def is_machinery(self, node: ast.stmt) -> bool:
        """Tell whether a statement of the module is a runner, calls one, or is one itself."""
        if isinstance(node, Function):
            return node.name in self.runners
        if isinstance(node, ast.ClassDef):
            return False
        return self._reaches(node) or bool(names_in(node) & self.runners.keys())

    def said(self) -> Said:
        """Return what it says, offline and connected.

        Raises:
            SeveralDatabases: it runs for each of several databases.
        """
        reading = _Reading(self)
        for node in self.tree.body:
            if self.is_machinery(node) and not isinstance(node, Function):
                reading.read([node], {})
        return reading.finish()

    def is_context(self, node: ast.AST, name: str) -> bool:
        """Tell whether this is `context.<name>(...)` of Alembic's."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            return False
        return node.func.attr == name and ast.unparse(node.func.value) in (
            self.contexts | {"alembic.context"}
        )

    def _reaches(self, node: ast.AST) -> bool:
        return any(
            self.is_context(each, name)
            for each in ast.walk(node)
            for name in ("configure", "run_migrations")
        )


def names_in(*nodes: ast.AST) -> set[str]:
    """Return the names that nodes read or write."""
    return {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}


def bound_by(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module binds in it."""
    if isinstance(node, Function | ast.ClassDef):
        return {node.name}
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in each.names}
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
        elif isinstance(each, Function | ast.ClassDef):
            found.add(each.name)
    return found


def is_url_setting(node: ast.AST) -> bool:
    """Tell whether this is `config.set_main_option("sqlalchemy.url", ...)`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"set_main_option", "set_section_option"}
        and any(isinstance(each, ast.Constant) and each.value == URL for each in node.args)
    )


class _Reading:
    """One walk through the statements that run, in the order in which they would."""

    def __init__(self, machinery: Machinery) -> None:
        self.machinery = machinery
        self.said = Said()
        self.seen: set[str] = set()
        self.nested: dict[str, Function] = {}
        self.offline: dict[str, ast.expr] = {}

    def finish(self) -> Said:
        """Return what was read, with what only the offline run says among what is left."""
        for name, value in self.offline.items():
            if name in self.said.options:
                continue
            if self.said.options or self.said.spread or _is_ours(name, value):
                if not _is_ours(name, value) and name != "target_metadata":
                    self.said.left.append(value)
            else:
                self.said.options[name] = value
        for name, value in list(self.said.options.items()):
            if _is_ours(name, value):
                del self.said.options[name]
        return self.said

    def read(self, body: Iterable[ast.stmt], local: Locals) -> None:
        """Read statements.

        Args:
            body: the statements.
            local: the names of the function.
        """
        for node in body:
            self._statement(node, local)

    def _statement(self, node: ast.stmt, local: Locals) -> None:
        match node:
            case ast.Pass() | ast.Assert() | ast.Raise() | ast.Global() | ast.Nonlocal():
                pass
            case ast.Import() | ast.ImportFrom():
                self.said.statements.append(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.nested[node.name] = node
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._assign(name, value, node, local)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._assign(name, value, node, local)
            case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=key)) as target]):
                self._item(target, str(key), node.value, node, local)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._opened(item, local)
                self.read(node.body, local)
            case ast.If():
                self._if(node, local)
            case ast.Try():
                self.read([*node.body, *node.orelse, *node.finalbody], local)
                for handler in node.handlers:
                    if not all(isinstance(each, ast.Pass | ast.Raise) for each in handler.body):
                        self.said.left.append(handler)
            case ast.For() | ast.AsyncFor() | ast.While():
                raise SeveralDatabases(node.lineno)
            case ast.Return(value=None):
                pass
            case ast.Expr(value=value) | ast.Return(value=ast.expr() as value):
                self._call(value, node, local)
            case _:
                self.said.left.append(node)

    def _assign(self, name: str, value: ast.expr, node: ast.stmt, local: Locals) -> None:
        if isinstance(value, ast.Await):
            value = value.value
        engine = self._engine(value, local)
        if not engine and not self._connection(value, local) and _is_asked_of(value, local):
            self.said.left.append(node)
        local[name] = None if engine else _inlined(value, local)

    def _item(
        self,
        target: ast.Subscript,
        key: str,
        value: ast.expr,
        node: ast.stmt,
        local: Locals,
    ) -> None:
        """Read `configuration["sqlalchemy.url"] = ...`, or an option put into a mapping."""
        if key in {URL, "url"}:
            self._url(value, node, local)
        elif key == "process_revision_directives":
            self._option(key, value, node, local)
        else:
            self.said.left.append(node)

    def _opened(self, item: ast.withitem, local: Locals) -> None:
        """Read what a `with` opens: a connection, a transaction."""
        opened = item.context_expr
        if isinstance(item.optional_vars, ast.Name):
            local[item.optional_vars.id] = None
        if self.machinery.is_context(opened, "begin_transaction"):
            return
        if not self._connection(opened, local):
            self.said.left.append(opened)

    def _if(self, node: ast.If, local: Locals) -> None:
        """Read both branches; a condition is left unless the library asks it itself."""
        if all(isinstance(each, ast.Raise | ast.Pass) for each in node.body) and not node.orelse:
            return  # a check that something is set: without a URL, the library says so, too
        if not _is_asked_by_us(node.test):
            self.said.left.append(node.test)
        self.read(node.body, local)
        self.read(node.orelse, local)

    def _call(self, value: ast.expr, node: ast.stmt, local: Locals) -> None:
        while isinstance(value, ast.Await):
            value = value.value
        if isinstance(value, ast.Constant):  # a docstring
            return
        if not isinstance(value, ast.Call):
            self.said.left.append(node)
        elif self.machinery.is_context(value, "configure"):
            self._configure(value, local)
        elif self.machinery.is_context(value, "run_migrations"):
            if value.args or value.keywords:
                self.said.left.append(node)
        elif is_url_setting(value):
            self.said.statements.append(ast.Expr(_inlined(value, local) or value))
        elif runners := self._runners(value):
            for name in runners:
                self._run(name)
        elif _called(value) not in CLOSES | LOGS | RUNS:
            self.said.left.append(node)

    def _runners(self, value: ast.Call) -> list[str]:
        """Return the runners that a call runs, or hands on to be run."""
        called = [ast.unparse(value.func)]
        if _called(value) in RUNS:
            called += [
                _called(each) if isinstance(each, ast.Call) else ast.unparse(each)
                for each in value.args
            ]
        return [name for name in called if name in self.machinery.runners]

    def _run(self, name: str) -> None:
        if name in self.seen:
            return
        self.seen.add(name)
        node = self.machinery.runners[name]
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        self.read(node.body, dict.fromkeys((each.arg for each in arguments), None))

    def _configure(self, call: ast.Call, local: Locals) -> None:
        is_offline = any(word.arg == "url" for word in call.keywords)
        for word in call.keywords:
            if word.arg == "url" and self.said.url is None:
                self._url(word.value, call, local)
            elif word.arg is None:
                self._spread(word.value, local)
            elif word.arg not in ITS_CONNECTION:
                self._option(word.arg, word.value, word, local, is_offline)
        self.said.left += [
            each for each in call.args if ast.unparse(each) not in local | {"connection": None}
        ]

    def _spread(self, value: ast.expr, local: Locals) -> None:
        inlined = _inlined(value, local)
        if inlined is None:
            self.said.left.append(value)
        elif ast.dump(inlined) not in map(ast.dump, self.said.spread):
            self.said.spread.append(inlined)

    def _option(
        self,
        name: str,
        value: ast.expr,
        node: Located,
        local: Locals,
        is_offline: bool = False,
    ) -> None:
        inlined = self._hoisted(value, local)
        if inlined is None:
            if name not in OURS:
                self.said.left.append(node)
        elif is_offline:
            self.offline[name] = inlined
        elif not (name == "process_revision_directives" and self._is_known(inlined)):
            self.said.options[name] = inlined

    def _hoisted(self, value: ast.expr, local: Locals) -> ast.expr | None:
        """Return an expression the module understands, with the functions that it names."""
        inlined = _inlined(value, local)
        if inlined is None:
            return None
        for name in names_in(inlined) & self.nested.keys():
            function = self.nested[name]
            own = {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)}
            if names_in(function) & local.keys() - own:
                return None
            if function not in self.said.functions and not _drops_empty(function):
                self.said.functions.append(function)
        return inlined

    def _is_known(self, value: ast.expr) -> bool:
        """Tell whether this is the recipe that writes no revision when nothing changed."""
        if not isinstance(value, ast.Name):
            return False
        functions = {
            node.name: node for node in self.machinery.tree.body if isinstance(node, Function)
        } | self.nested
        return value.id in functions and _drops_empty(functions[value.id])

    def _url(self, value: ast.expr, node: Located, local: Locals) -> None:
        inlined = _inlined(value, local)
        if inlined is None:
            self.said.left.append(node)
        elif not _is_of_ini(inlined):
            self.said.url = inlined

    def _connection(self, value: ast.expr, local: Locals) -> bool:
        """Read `engine.connect()`; tell whether it is that."""
        if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)):
            return False
        if value.func.attr not in {"connect", "begin"}:
            return False
        engine = value.func.value
        if not self._engine(engine, local):
            inlined = _inlined(engine, local)
            if inlined is not None and not isinstance(inlined, ast.Constant):
                self.said.engine = inlined
        return True

    def _engine(self, value: ast.expr, local: Locals) -> bool:
        """Read what makes an engine; tell whether it does."""
        if isinstance(value, ast.Await):
            value = value.value
        if not isinstance(value, ast.Call):
            return False
        called = _called(value)
        if called in WRAPPED:
            return any(self._engine(each, local) for each in value.args)
        if called not in ENGINES | ENGINES_OF_INI:
            return False

        first = value.args[0] if value.args else None
        if called in ENGINES and first is not None:
            self._url(first, value, local)
        elif isinstance(first, ast.Dict):
            for key, item in zip(first.keys, first.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in {URL, "url"}:
                    self._url(item, value, local)
        for word in value.keywords:
            if word.arg == "url":
                self._url(word.value, value, local)
            elif word.arg not in POOLS | {"prefix", "configuration"}:
                self.said.left.append(word)
        return True


def _inlined(value: ast.expr, local: Locals) -> ast.expr | None:
    """Return an expression with each local name replaced by what it stands for.

    None where one stands for something that only the function has, such as a connection.
    """
    names = names_in(value) & local.keys()
    if any(local[name] is None for name in names):
        return None
    if not names:
        return value

    class Inline(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return local.get(node.id) or node

    inlined: ast.expr = Inline().visit(ast.parse(ast.unparse(value), mode="eval").body)
    for node in ast.walk(inlined):
        if isinstance(node, ast.expr):
            node.lineno = NOWHERE
    return inlined


def _is_asked_of(value: ast.expr, local: Locals) -> bool:
    """Tell whether something is asked of what only the function has: a connection, an engine."""
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)):
        return False
    asked = value.func.value
    return isinstance(asked, ast.Name) and asked.id in local and local[asked.id] is None


def _is_asked_by_us(condition: ast.expr) -> bool:
    """Tell whether the library asks the same: is this offline, and what was handed over?"""
    asks = ast.unparse(condition)
    if any(word in asks for word in ASKED_BY_US):
        return True
    return "None" in asks and any(word in asks for word in HANDED_OVER)


def _is_ours(name: str, value: ast.expr) -> bool:
    if name not in OURS:
        return False
    try:
        return bool(ast.literal_eval(value) == OURS[name])
    except ValueError:
        return False


def _is_of_ini(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and _called(value) in READS and URL in ast.unparse(value)


def _called(call: ast.Call) -> str:
    """Return the last name of what a call calls."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else ast.unparse(func)


def _drops_empty(function: Function) -> bool:
    """Tell whether a hook of revisions does nothing but empty the list where nothing changed."""
    effects = list(_effects(function.body))
    if not effects or not any("is_empty" in ast.unparse(node) for node in ast.walk(function)):
        return False
    directives = function.args.args[-1].arg if function.args.args else ""
    return all(_empties(each, directives) for each in effects)


def _effects(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that do something, in whatever condition they stand."""
    for node in body:
        match node:
            case ast.If() | ast.For():
                yield from _effects([*node.body, *node.orelse])
            case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Pass() | ast.Break():
                pass
            case ast.Return() | ast.Assign(targets=[ast.Name()]):
                pass
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Expr(value=ast.Call() as call) if _called(call) in LOGS:
                pass
            case _:
                yield node


def _empties(node: ast.stmt, directives: str) -> bool:
    return ast.unparse(node) in {
        f"{directives}[:] = []",
        f"{directives}.clear()",
        f"del {directives}[:]",
    }


def _aliases(tree: ast.Module) -> set[str]:
    """Return the names that Alembic's context is imported under."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "alembic"
        for alias in node.names
        if alias.name == "context"
    }
