"""The page "In production": each of its blocks is run, or carried out as far as one machine can.

The roles are made by the page's own SQL, under names of the test's own: a server has one of each.
"""

from __future__ import annotations

import re
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy_utils import create_database

from support.example import REVISION
from support.pooler import pgbouncer
from support.project import ROOT, Project, read, render

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVE = [".venv/bin/python", "-c", "print('served')"]
VARIABLE = re.compile(r"\"((?:MIGRAT|STARTUP_|READY_|DATABASE_URL)\w*)\"")


def blocks(tree: Path, kind: str) -> list[str]:
    """Return the blocks of one kind that the page shows."""
    found = BLOCK.findall(read(tree / "docs/production.md"))
    assert {kind for kind, _ in found} <= {"sql", "dotenv", "yaml", "ini", "console"}
    return [body for each, body in found if each == kind]


def containers(node: Any) -> Iterator[dict[str, str]]:
    """Yield the environment of each container that a document of Compose or Kubernetes starts."""
    if isinstance(node, list):
        for each in node:
            yield from containers(each)
    elif isinstance(node, dict) and "image" in node:
        said = node.get("environment") or {each["name"]: each["value"] for each in node["env"]}
        yield {name: str(value) for name, value in said.items()}
    elif isinstance(node, dict):
        for each in node.values():
            yield from containers(each)


class Roles:
    """The roles of the page on a server, and a database that they use."""

    PASSWORDS = {"app_migrations": "one", "app_service": "another", "former_owner": "former"}

    def __init__(self, tree: Path, url: URL) -> None:
        self.url = url
        self.mark = secrets.token_hex(4)
        self.page = [self.here(body) for body in blocks(tree, "sql")]
        create_database(url)

    def here(self, text: str) -> str:
        """Return a text with the names of the page as they are here."""
        text = re.sub(r"\b(app|former)_(?=[a-z])", rf"\g<1>{self.mark}_", text)
        return text.replace(" app.*", f" {self.url.database}.*")

    def run(self, statements: str) -> None:
        """Run statements as an administrator."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements.split(";\n"):
                if statement.strip():
                    connection.exec_driver_sql(statement.replace("%", "%%"))

    def url_of(self, role: str) -> URL:
        """Return the URL of one of the roles."""
        return self.url.set(username=self.here(role), password=self.PASSWORDS[role])

    def ask(self, role: str, statement: str) -> list[Any]:
        """Run a statement as one of the roles."""
        engine = sa.create_engine(self.url_of(role), poolclass=sa.NullPool)
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    def drop(self) -> None:
        for role in map(self.here, self.PASSWORDS):
            if self.url.get_backend_name() == "mysql":
                self.run(f"DROP USER IF EXISTS {role}")
            else:
                with suppress(DBAPIError):  # not every test has them all
                    self.run(f"DROP OWNED BY {role} CASCADE;\nDROP ROLE {role}")


@pytest.fixture
def made(project: Callable[..., Project]) -> Iterator[Callable[[str], tuple[Project, Roles]]]:
    """Make a project, an empty database, and no role yet."""
    roles: list[Roles] = []

    def make(database: str) -> tuple[Project, Roles]:
        found = project(database=database, example=False, api="fastapi", setup=False)
        add(found, "a1", None, NOTES)
        roles.append(Roles(found.path, make_url(found.env["DATABASE_URL"])))
        return found, roles[-1]

    yield make
    for each in roles:
        each.drop()


NOTES = """op.create_table(
        "notes", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String(20))
    )"""


def add(made: Project, revision: str, revises: str | None, upgrade: str) -> None:
    """Write a revision that cannot be undone."""
    text = REVISION.format(id=revision, revises=revises, upgrade=upgrade, downgrade="pass")
    made.write(f"migrations/versions/{revision}.py", text)


def as_the_page_says(made: Project, roles: Roles) -> dict[str, str]:
    """Return the environment with the two URLs of the page, to the server of the tests."""
    (said,) = blocks(made.path, "dotenv")
    found = {}
    for line in said.splitlines():
        name, _, url = line.partition("=")
        role = make_url(url).username or ""
        found[name] = roles.url_of(role).render_as_string(hide_password=False)
    return made.env | found


@pytest.mark.parametrize("database", ["postgresql", "mysql"])
def test_two_roles(made: Callable[[str], tuple[Project, Roles]], database: str) -> None:
    project, roles = made(database)
    roles.run(roles.page[0])
    env = as_the_page_says(project, roles)
    project.alambique("upgrade", env=env)
    roles.ask("app_service", "INSERT INTO notes (text) VALUES ('one')")
    assert roles.ask("app_service", "SELECT text FROM notes") == [("one",)]
    assert roles.ask("app_service", "SELECT version_num FROM alembic_version") == [("a1",)]
    refused = ("ALTER TABLE notes ADD x INT", "DROP TABLE notes", "CREATE TABLE x (i INT)")
    for statement in refused:
        with pytest.raises(DBAPIError):
            roles.ask("app_service", statement)

    only_service = env | {"MIGRATION_DATABASE_URL": ""}
    add(project, "b2", "a1", 'op.add_column("notes", sa.Column("more", sa.Integer))')
    printed = project.alambique("upgrade", env=only_service, code=1)
    assert "Traceback" not in printed, printed
    project.alambique("upgrade", env=env)
    assert roles.ask("app_service", "SELECT more FROM notes") == [(None,)]


def test_tables_that_were_there_get_another_owner(
    made: Callable[[str], tuple[Project, Roles]],
) -> None:
    project, roles = made("postgresql")
    roles.run(
        roles.here("CREATE ROLE former_owner LOGIN; GRANT CREATE ON SCHEMA public TO former_owner")
    )
    roles.ask("former_owner", "CREATE TABLE old (id SERIAL PRIMARY KEY, text VARCHAR(9))")
    for block in roles.page:
        roles.run(block)

    roles.ask("app_service", "INSERT INTO old (text) VALUES ('one')")
    add(project, "b2", "a1", 'op.add_column("old", sa.Column("more", sa.Integer))')
    project.alambique("upgrade", env=as_the_page_says(project, roles))
    assert roles.ask("app_service", "SELECT text, more FROM old") == [("one", None)]


@pytest.mark.parametrize("at_once", [8, pytest.param(20, marks=pytest.mark.full)])
def test_the_service_works_through_a_pooler_while_many_migrate(
    made: Callable[[str], tuple[Project, Roles]],
    at_once: int,
    record_property: Callable[[str, int], None],
) -> None:
    """What the service wrote before, meanwhile and afterwards is all there."""
    project, roles = made("postgresql")
    roles.run(roles.page[0])
    env = as_the_page_says(project, roles)
    project.alambique("upgrade", env=env)
    for number in range(5):
        before = f"r{number - 1}" if number else "a1"
        column = f'op.add_column("notes", sa.Column("c{number}", sa.Integer))'
        add(project, f"r{number}", before, column)

    with pgbouncer(role=roles.here("app_service")) as through:
        pooled = through.set(database=roles.url.database)
        engine = sa.create_engine(pooled, poolclass=sa.NullPool)
        service = Writing(engine)
        with service:
            migrators = [
                subprocess.Popen(
                    [project.interpreter, "-m", "alambique", "upgrade"],
                    cwd=project.path,
                    env=env,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
                for _ in range(at_once)
            ]
            printed = [each.communicate(timeout=120)[0] for each in migrators]
    assert [each.returncode for each in migrators] == [0] * at_once, printed
    written = roles.ask("app_service", "SELECT text FROM notes ORDER BY id")
    assert [text for (text,) in written] == service.texts
    assert len(service.texts) > 10
    done = "SELECT revision FROM alembic_ledger ORDER BY id"
    steps = [revision for (revision,) in roles.ask("app_migrations", done)]
    assert steps == ["a1", "r0", "r1", "r2", "r3", "r4"]
    record_property("processes raced", at_once)
    record_property("rows compared", len(written))


class Writing:
    """A service that writes a row after the other, until it is told to end."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.texts: list[str] = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._ends.is_set():
            text = f"n{len(self.texts)}"
            with self.engine.begin() as connection:
                connection.execute(sa.text("INSERT INTO notes (text) VALUES (:t)"), {"t": text})
            self.texts.append(text)


@pytest.mark.parametrize("language", ["en", "pt"])
def test_what_containers_are_told_does_what_the_page_says(
    project: Callable[..., Project], language: str
) -> None:
    made = project(language=language, example=False, setup=False)
    add(made, "a1", None, NOTES)
    tree = made.path
    documents = [yaml.safe_load(body) for body in blocks(tree, "yaml")]
    assert [each.get("kind", "Compose") for each in documents] == ["Compose", "Job", "Deployment"]

    told = [env for document in documents for env in containers(document)]
    assert [env["MIGRATE"] for env in told] == ["only", "never", "only", "only", "never"]
    for env in told:
        for file in tree.glob("app.db*"):
            file.unlink()
        printed = made.alambique("entrypoint", *SERVE, env=made.env | env)
        migrates = env["MIGRATE"] == "only"
        assert ("served" in printed) is not migrates
        assert (tree / "app.db").exists() is migrates

    (job,) = [each for each in documents if each.get("kind") == "Job"]
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("api", ["none", "fastapi", "flask"])
def test_the_unit_starts_what_is_there(tmp_path: Path, api: str) -> None:
    tree = render(tmp_path / "loja", api=api)
    (said,) = blocks(tree, "ini")
    unit = ConfigParser()
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(said)
    service = unit["Service"]
    assert service["ExecStartPre"] == "/srv/app/.venv/bin/alambique upgrade"
    program, *words = service["ExecStart"].removeprefix("/srv/app/.venv/bin/").split()
    asked = words[0].partition(":")[0]
    there = tree / asked if asked.endswith(".py") else tree / f"{asked.replace('.', '/')}.py"
    assert there.is_file()
    assert program == "python" or program in read(tree / "pyproject.toml")


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_commands_run(project: Callable[..., Project], language: str) -> None:
    made = project(language=language)
    for body in blocks(made.path, "console"):
        made.run("sh", "-ec", body)


@pytest.mark.parametrize("language", ["en", "pt"])
def test_whatever_can_be_set_is_in_the_table(tmp_path: Path, language: str) -> None:
    tree = render(tmp_path / "loja", language=language, database="postgresql", api="fastapi")
    page = read(tree / "docs/production.md")
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    library = ROOT / "template" / "vendor" / "alambique"
    sources = [read(path) for path in library.rglob("*.py") if "messages" not in path.parts]
    known = {name for source in sources for name in VARIABLE.findall(source)}
    assert known - table == set(), "say it in the table of docs/production.md"
    assert table - known - {"STARTUP_CHECK"} == set(), "nothing reads it any more"
