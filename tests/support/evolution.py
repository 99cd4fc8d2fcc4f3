"""A project and a database to change at will: models as text, and commands that cost a fork."""

import ast
import atexit
import os
import secrets
import shutil
import sys
import tempfile
import textwrap
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, cast

from sqlalchemy import Inspector, create_engine, inspect, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.pool import NullPool

from support.consent import give_up_everything
from support.project import Project, read, render
from support.servers import server_url

for library in ("alembic.config", "alembic.autogenerate.api", "dotenv", "mako.template", "psycopg"):
    import_module(library)  # once, for all the forks

RUFF, BOTH = "hooks = ruff", "hooks = ruff, history"
OF_THE_PROJECT = {"alambique", "app", "core"}
DIALECTS = "import sqlalchemy as sa\nfrom sqlalchemy.dialects import mysql, postgresql, sqlite\n"
HEADER = f"""
from sqlalchemy import *
from sqlalchemy.types import *

from core.database import Base, engine

{DIALECTS}
metadata = Base.metadata
name = engine.dialect.name.replace("mariadb", "mysql")
"""


class Service(Project):
    """A project without a revision of its own, on an empty database."""

    migrations = "migrations"

    def __init__(self, path: Path, database: str, url: URL) -> None:
        super().__init__(path)
        self.database, self.url = database, url
        self.env["DATABASE_URL"] = url.render_as_string(hide_password=False)

    def formatted(self) -> "Service":
        """Have revisions formatted, as every project does: it costs two processes each."""
        section = "[post_write_hooks]\n"
        text = read(self.path / "alembic.ini").replace(section, f"{section}{RUFF}\n")
        self.write("alembic.ini", text)
        return self

    def models(self, source: str) -> None:
        """Make these the models: Core tables in `metadata`, or classes of `Base`."""
        self.write("app/loja/models.py", HEADER + source)

    def create_all(self, source: str) -> None:
        """Create what `source` maps, as SQLAlchemy itself would."""
        self.fork(_create_all, HEADER + source)

    def alembic(self, *arguments: str, **options: Any) -> str:
        """Run alembic in a fork."""
        return self.fork(_alembic, *arguments, **options)

    def alambique(self, *arguments: str, **options: Any) -> str:
        """Run a target of the library in a fork."""
        return self.fork(_alambique, *arguments, **options)

    def check(self, code: int | None = None) -> str:
        """Run `alambique check` in a fork: the differences, as operations."""
        return self.alambique("check", code=code)

    def differences(self) -> list[str]:
        """Return what autogenerate would write, an operation an item, on one line each."""
        lines = [line for line in self.check().splitlines() if line.startswith("    ")]
        calls = ast.parse(textwrap.dedent("\n".join(lines))).body
        return [ast.unparse(call) for call in calls if not isinstance(call, ast.Pass)]

    def operations(self) -> dict[tuple[str, str], list[str]]:
        """Return the differences by schema and table: each operation's kind and what it names."""
        found: dict[tuple[str, str], list[str]] = {}
        for line in self.differences():
            call = cast("ast.Call", cast("ast.Expr", ast.parse(line).body[0]).value)
            texts = [_name(argument) for argument in call.args]
            named = {each.arg: _name(each.value) for each in call.keywords}
            kind = cast("ast.Attribute", call.func).attr
            if kind in {"create_table", "drop_table", "create_table_comment"}:
                table, part = texts[0], ""
            elif kind in {"add_column", "alter_column", "drop_column"}:
                table, part = texts[:2]
            else:
                part, table = texts[0], named.get("table_name") or texts[1]
            schema = named.get("schema") or named.get("source_schema") or ""
            found.setdefault((schema, table), []).append(f"{kind} {part}".strip())
        return found

    def migrate(self, *said: str, code: int = 0, **options: Any) -> str:
        """Write a revision, apply it, and return its text (or what was printed, if refused)."""
        before = self.revisions()
        x = [option for each in said for option in ("-x", each)]
        printed = self.alembic(*x, "revision", "--autogenerate", "-m", "muda", code=code, **options)
        new = [path for path in self.revisions() if path not in before]
        if code or not new:
            assert not new, new
            return printed
        self.alembic("upgrade", "head")
        return new[0].read_text(encoding="utf-8")

    def fork(
        self, target: Callable[..., None], *arguments: str, code: int | None = 0, answers: str = ""
    ) -> str:
        """Run `target` in the project, in a fork: a new process that need not import SQLAlchemy."""
        with tempfile.TemporaryDirectory() as folder:
            log, stdin = Path(folder, "out"), Path(folder, "in")
            log.touch()
            stdin.write_text(answers)
            child = os.fork()
            if not child:
                _inside(self.path, self.env, stdin, log, target, arguments)
            exit_code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            printed = log.read_text(encoding="utf-8")
        assert code is None or exit_code == code, f"{target.__name__}: {exit_code}\n{printed}"
        return printed

    def engine(self) -> Engine:
        """Return an engine on the database, without a pool: nothing stays open."""
        return create_engine(self.url, poolclass=NullPool)

    def sql(self, *statements: str) -> list[Any]:
        """Run SQL as a stranger would, and return the rows of the last statement."""
        rows: list[Any] = []
        with self.engine().begin() as connection:
            for statement in statements:
                result = connection.execute(text(statement))
                rows = [tuple(row) for row in result] if result.returns_rows else []
        return rows

    def inspector(self) -> Inspector:
        """Return an inspector of the database as it now is."""
        return inspect(self.engine())

    def shape(self, schema: str | None = None) -> dict[str, Any]:
        """Return the database's own tables, without names that a database makes up."""
        inspector = self.inspector()
        return {
            table: {
                "columns": sorted(  # a column that comes back comes last
                    (each["name"], str(each["type"]), each["nullable"], str(each["default"]))
                    for each in inspector.get_columns(table, schema)
                ),
                "indexes": sorted(
                    (str(each["name"]), tuple(each["column_names"]), bool(each["unique"]))
                    for each in inspector.get_indexes(table, schema)
                ),
                "unique": sorted(
                    (str(each["name"]), tuple(each["column_names"]))
                    for each in inspector.get_unique_constraints(table, schema)
                ),
                "keys": sorted(
                    (
                        *each["constrained_columns"],
                        each["referred_table"],
                        *each["referred_columns"],
                    )
                    for each in inspector.get_foreign_keys(table, schema)
                ),
            }
            for table in inspector.get_table_names(schema)
            if not table.startswith("alembic_")
        }


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Call):  # sa.Column("nome", ...), op.f("nome")
        return _name(node.args[0]) if node.args else ""
    return str(node.value) if isinstance(node, ast.Constant) and node.value else ""


def _inside(
    folder: Path,
    env: dict[str, str],
    stdin: Path,
    log: Path,
    target: Callable[..., None],
    arguments: Sequence[str],
) -> NoReturn:
    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(stdin, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    _forget_the_library_of_the_template()
    sys.path[:0] = [str(folder), str(folder / "vendor")]
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    code: Any = 1
    try:
        target(*arguments)
        code = 0
    except SystemExit as end:
        code = end.code or 0
        if isinstance(code, str):
            print(code)
            code = 1
    except BaseException:
        traceback.print_exc(limit=-4)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _alembic(*arguments: str) -> None:
    from alembic.config import main

    give_up_everything()
    main(list(arguments), prog="alembic")


def _forget_the_library_of_the_template() -> None:
    """Let the fork import the project's own copy: tests/unit reads the one in the template."""
    plugin = sys.modules.get("alambique.autogenerate.plugin")
    if plugin is not None:
        plugin.PLUGIN.remove()  # Alembic takes one of each name
    for name in [each for each in sys.modules if each.split(".")[0] in OF_THE_PROJECT]:
        del sys.modules[name]


def _alambique(*arguments: str) -> None:
    from alambique.cli import main

    sys.argv = ["alambique", *arguments]
    sys.exit(main())


def _create_all(source: str) -> None:
    found: dict[str, Any] = {}
    exec(source, found)
    found["metadata"].create_all(create_engine(os.environ["DATABASE_URL"], poolclass=NullPool))


@cache
def rendered(language: str = "en", database: str = "sqlite") -> Path:
    """Render a project without the example, once for each test process."""
    folder = Path(tempfile.mkdtemp(prefix="alambique-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = render(folder / "loja", language=language, database=database, example=False)
    (path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    ini = path / "alembic.ini"
    assert f"\n{BOTH}\n" in read(ini)
    ini.write_text(read(ini).replace(f"\n{BOTH}\n", "\n"))  # see Service.formatted
    return path


@cache
def _server_database(database: str) -> URL:
    server = server_url(database)
    url = server.set(database=f"t_{secrets.token_hex(6)}")
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def run(*statements: str) -> None:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    force = " WITH (FORCE)" if database == "postgresql" else ""
    run(f"CREATE DATABASE {url.database}")
    atexit.register(run, f"DROP DATABASE IF EXISTS {url.database}{force}")
    if database == "mysql":
        atexit.register(run, f"DROP DATABASE IF EXISTS {url.database}_outro")
    return url


def _emptied(database: str) -> URL:
    url = _server_database(database)
    with create_engine(url, poolclass=NullPool).begin() as connection:
        if database == "mysql":
            for name in (url.database, f"{url.database}_outro"):
                connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
            connection.execute(text(f"CREATE DATABASE {url.database} CHARACTER SET utf8mb4"))
            return url
        for schema in inspect(connection).get_schema_names():
            if schema != "information_schema":
                connection.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))
        connection.execute(text("CREATE SCHEMA public"))
    return url


def new_service(folder: Path, database: str, language: str = "en") -> Service:
    """Return a project of its own, on a database that is empty."""
    path = folder / f"loja_{secrets.token_hex(3)}"
    shutil.copytree(rendered(language), path, symlinks=True)
    if database == "sqlite":
        return Service(path, database, make_url(f"sqlite:///{path / 'app.db'}"))
    return Service(path, database, _emptied(database))
