"""The first day: the tour in a terminal and piped, the diagram of the models, the doctor's checks.

Each of the doctor's checks is broken for real once, and mended by the command it shows.
"""

import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool
from sqlalchemy_utils import database_exists

from support.database import database_of
from support.example import HEAD, SECOND, in_language, write_revision
from support.messages import said
from support.project import Project, append, read, render
from support.releases import commit, first_release, project_of
from support.servers import server_url

TOUR = [".venv/bin/python", "-m", "alambique", "tour"]
DIAGRAM = [".venv/bin/python", "-m", "alambique", "diagram"]
DOCTOR = [".venv/bin/python", "-m", "alambique", "doctor"]
KEYS = {
    "pt": ("[Enter] seguir / [v] voltar / [s] sair: ", "v", "s"),
    "en": ("[Enter] go on / [b] back / [q] quit: ", "b", "q"),
}
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ALICE, BOB = (re.compile(rf"\| {name} +\| {age} ") for name, age in (("Alice", 30), ("Bob", 25)))


# make tour


class Reader:
    """Somebody who takes the tour in a terminal."""

    def __init__(self, project: Project, language: str = "pt", **env: str) -> None:
        self.prompt, self.back, _ = KEYS[language]
        self.process: Any = pexpect.spawn(
            TOUR[0],
            TOUR[1:],
            cwd=project.path,
            env=project.env | {"TERM": "xterm", "LANG": "C.UTF-8"} | env,
            encoding="utf-8",
            dimensions=(50, 100),
            timeout=60,
        )
        self.process.logfile_read = self.screen = StringIO()
        self.process.expect_exact(self.prompt)

    def type(self, key: str) -> str:
        """Press a key and Enter; return what is shown until the next question."""
        self.process.sendline(key)
        self.process.expect_exact([self.prompt, pexpect.EOF])
        return ESCAPE.sub("", str(self.process.before))

    def leave(self) -> str:
        """Wait for the end; return all that was on the screen."""
        self.process.expect(pexpect.EOF)
        self.process.close()
        return self.screen.getvalue()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """The folder where SQLite's scratch databases are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def steps(shown: str) -> list[str]:
    """Return the titles of the steps that were shown."""
    return re.findall(r"^== .*?(\d) (?:de|of) \d", shown, re.MULTILINE)


FULL = pytest.mark.full


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, pytest.param({"TERM": "dumb"}, marks=FULL)])
def test_piped_it_walks_by_itself_and_says_what_a_plain_terminal_shows(
    project: Callable[..., Project], env: dict[str, str]
) -> None:
    made = project()
    piped = made.run(*TOUR, env={"TERM": "xterm"})
    assert "\x1b" not in piped and KEYS["pt"][0] not in piped
    assert steps(piped) == list("12333")  # three revisions, one back, forward again
    reader = Reader(made, **env)
    for _ in range(5):
        reader.type("")
    screen = reader.leave()
    assert "\x1b" not in screen
    plain = screen.replace(reader.prompt, "").replace("\r", "")
    assert [*filter(str.strip, plain.split("\n"))] == [*filter(str.strip, piped.split("\n"))]


def test_who_was_back_already_is_not_taken_back(project: Callable[..., Project]) -> None:
    reader = Reader(project())
    for key in ("", reader.back, "", "", ""):
        reader.type(key)
    screen = reader.leave()
    assert "\x1b[32m" in screen and "\x1b[31m" in screen
    assert steps(ESCAPE.sub("", screen).replace("\r", "")) == list("121123")


@pytest.mark.parametrize("language", ["pt", pytest.param("en", marks=FULL)])
def test_one_walks_on_back_and_away(
    project: Callable[..., Project], scratch: Path, language: str
) -> None:
    made = project(language=language)
    before = (made.path / "app.db").read_bytes()
    reader = Reader(made, language, TMPDIR=str(scratch))
    announced = reader.screen.getvalue()
    title, file = "create usuarios", "3f1c0a5d7b21_create_usuarios.py"
    for shown in (title, file, "make upgrade to=+1"):
        assert in_language(language, shown) in announced
    assert "Alice" not in announced
    assert said(made, "TOUR_AT_START", reader.type(reader.back))
    first = reader.type("")
    name = in_language(language, "nome VARCHAR(100) NOT NULL")
    assert f"+  {name}" in first and said(made, "TOUR_ADDED", first)
    assert ALICE.search(first) and BOB.search(first)
    gone = reader.type(reader.back)
    assert f"-  {name}" in gone and said(made, "TOUR_GONE", gone)
    assert "$ make downgrade" in gone and not ALICE.search(gone)
    assert said(made, "TOUR_ADDED", reader.type(""))
    assert reader.type("what?").strip() == "what?"  # no key: asked again
    assert said(made, "TOUR_DATA", reader.type(""))
    third = reader.type("")
    assert "+  email VARCHAR(254)" in third and said(made, "TOUR_END", third)
    assert steps(ESCAPE.sub("", reader.leave()).replace("\r", "")) == list("1121123")
    assert reader.process.exitstatus == 0 and not list(scratch.iterdir())
    assert (made.path / "app.db").read_bytes() == before


ENDS: dict[str, Callable[[Any], object]] = {
    "quit": lambda process: process.sendline(KEYS["pt"][2]),
    "Ctrl-C": lambda process: process.sendintr(),
    "Ctrl-D": lambda process: process.sendeof(),
    "hang-up": lambda process: process.kill(signal.SIGHUP),
    "kill": lambda process: process.kill(signal.SIGTERM),
}


DEFAULT = {("quit", "sqlite"), ("Ctrl-C", "sqlite"), ("hang-up", "postgresql")}


@pytest.mark.parametrize(
    ("end", "database"),
    [
        pytest.param(end, database, marks=[] if (end, database) in DEFAULT else FULL)
        for end in ENDS
        for database in ("sqlite", "postgresql")
    ],
)
def test_however_it_ends_the_scratch_database_goes(
    project: Callable[..., Project], scratch: Path, database: str, end: str
) -> None:
    made = project(database=database, setup=False)
    reader = Reader(made, TMPDIR=str(scratch))
    reader.type("")
    assert scratches(made, scratch)
    # Python sees a signal that arrives just before it waits for a key only with the next key. It
    # sleeps as it waits for a server, too, but never for long.
    asleep = 0
    while asleep < 30:
        status = psutil.Process(reader.process.pid).status()
        asleep = asleep + 1 if status == psutil.STATUS_SLEEPING else 0
        time.sleep(0.02)
    ENDS[end](reader.process)
    shown = reader.leave()
    assert said(made, "TOUR_LEFT", shown) and reader.process.exitstatus == 0
    assert not scratches(made, scratch)


def scratches(made: Project, folder: Path) -> list[str]:
    """Return the scratch databases there are."""
    if "DATABASE_URL" not in made.env:
        return [path.name for path in folder.iterdir()]
    url = make_url(made.env["DATABASE_URL"])
    with create_engine(server_url("postgresql"), poolclass=NullPool).connect() as connection:
        names = connection.execute(text("SELECT datname FROM pg_database")).scalars().all()
    return [name for name in names if name.startswith(f"{url.database}_")]


@pytest.mark.parametrize(
    "answers",
    [
        {"database": "postgresql", "mode": "async", "migrations_folder": "alembic"},
        pytest.param({"database": "postgresql"}, marks=FULL),
        pytest.param({"database": "mysql", "mode": "sync"}, marks=FULL),
        pytest.param({"database": "mysql", "mode": "async"}, marks=FULL),
        pytest.param({"mode": "async"}, marks=FULL),
    ],
    ids=str,
)
def test_every_database_is_toured(project: Callable[..., Project], answers: dict[str, str]) -> None:
    made = project(setup=False, **answers)
    shown = made.make("tour")
    assert steps(shown) == list("12333")
    assert len(ALICE.findall(shown)) == len(BOB.findall(shown)) == 5
    if "DATABASE_URL" in made.env:
        assert not database_exists(database_of(made))


def test_the_owners_revisions_are_walked_too(project: Callable[..., Project]) -> None:
    made = project()
    rename = 'op.rename_table("{}", "{}")'
    there, back = rename.format("usuarios", "pessoas"), rename.format("pessoas", "usuarios")
    write_revision(made, "aaa1", there, back)
    write_revision(made, "aaa2", "op.get_bind()", revises="aaa1")
    shown = made.run(*TOUR)
    assert steps(shown) == list("1234555") and said(made, "TOUR_SAME", shown)
    assert shown.count("+pessoas") == 1 and said(made, "TOUR_GONE", shown)
    assert len(ALICE.findall(shown)) == 3
    write_revision(made, "aaa3", "pass", "raise NotImplementedError", revises="aaa2")
    failed = made.run(*TOUR, code=1)
    assert said(made, "TOUR_FAILED", failed) and "NotImplementedError" in failed


def test_two_heads_no_revision_and_other_people_are_sentences(
    project: Callable[..., Project],
) -> None:
    made = project()
    write_revision(made, "bbb1", "pass", revises=SECOND)
    assert said(made, "TWO_HEADS", made.run(*TOUR, code=1))
    write_revision(made, "bbb2", "pass", revises=(HEAD, "bbb1"))  # joined again
    joined = made.run("sh", "-c", f"{' '.join(TOUR)} <&-")  # no input at all, not even an empty one
    assert steps(joined) == list("1234555")
    for path in made.revisions():
        path.unlink()
    assert said(made, "TOUR_EMPTY", made.run(*TOUR, code=1))
    cpf = 'sa.Column("cpf", sa.String(11), nullable=False)'
    create, drop = f'op.create_table("usuarios", {cpf})', 'op.drop_table("usuarios")'
    write_revision(made, "ccc1", create, drop, revises=None)
    shown = made.run(*TOUR)
    assert said(made, "TOUR_NOBODY", shown) and steps(shown) == list("111")


def test_without_rich_one_is_told_what_to_run(project: Callable[..., Project]) -> None:
    made = project()
    made.write("hidden/rich/__init__.py", "raise ImportError('planted')")
    missing = made.python_path(made.path / "hidden")
    assert said(made, "NO_RICH", made.run(*TOUR, code=1, env=missing))
    made.run(*TOUR[:-1], "check", env=missing)


# make diagram


@pytest.mark.parametrize(
    "answers",
    [
        {"language": "pt"},
        {"language": "en", "database": "postgresql", "mode": "async"},
        pytest.param({"database": "mysql", "migrations_folder": "alembic"}, marks=FULL),
        pytest.param({"database": "mysql", "mode": "async"}, marks=FULL),
    ],
    ids=str,
)
def test_the_rendered_diagram_is_what_make_diagram_writes(
    project: Callable[..., Project], answers: dict[str, str]
) -> None:
    made = project(setup=False, **answers)
    rendered = (made.path / "docs/schema.mmd").read_bytes()
    (made.path / "docs/schema.mmd").unlink()
    url = {"sqlite": "sqlite:///x.db"} | {"mysql": "mysql+pymysql://x@127.0.0.1:1/x"}
    database = answers.get("database", "sqlite")
    made.make("diagram", env={"DATABASE_URL": url.get(database, "postgresql+psycopg://x:1/x")})
    assert (made.path / "docs/schema.mmd").read_bytes() == rendered


@pytest.mark.full
def test_a_stale_diagram_fails_the_projects_tests_until_it_is_drawn(
    project: Callable[..., Project],
) -> None:
    made = project()
    test = [".venv/bin/python", "-m", "pytest", "-q", "-k", "diagram"]
    append(made.path / "app/produtos/models.py", "    estoque: Mapped[int]")
    assert "make diagram" in made.run(*test, code=1)
    made.make("diagram")
    assert "Integer estoque" in read(made.path / "docs/schema.mmd")
    (made.path / "docs/schema.mmd").unlink()
    made.run(*test)


ELSEWHERE = """
import sqlalchemy as sa

metadata = sa.MetaData(schema="sales")
items = sa.Table("items", metadata, sa.Column("id", sa.Integer, primary_key=True))
"""


@pytest.mark.full
def test_without_the_example_there_is_none_until_it_is_drawn(
    project: Callable[..., Project],
) -> None:
    made = project(example=False)
    drawn = made.path / "docs/schema.mmd"
    assert not drawn.exists()
    made.make("diagram")
    assert read(drawn) == "erDiagram\n"
    made.write("app/models.py", ELSEWHERE)
    made.look_for_models(extra=["app.models.items"])
    made.make("diagram")
    assert read(drawn) == 'erDiagram\n  "sales.items" {\n    Integer id PK\n  }\n'


# make doctor

CHECKS = [
    *("python", "packages", "tools", "environment", "env_file", "settings", "address"),
    *("answers", "server", "database", "revisions", "models", "library", "template_version"),
]


def examine(
    made: Project, ill: str = "", command: tuple[str, ...] = (), **env: str
) -> dict[str, str]:
    """Run the doctor; these checks fail and no other. Return each check's line."""
    printed = made.run(*(command or DOCTOR), code=1 if ill else 0, env=env)
    lines = printed.splitlines()
    assert len(lines) == len(CHECKS) and "Traceback" not in printed, printed
    found = dict(zip(CHECKS, lines, strict=True))
    assert [check for check, line in found.items() if line[0] in "✗x"] == ill.split(), printed
    return found


def mend(made: Project, line: str) -> None:
    """Run the command that a line shows; of `make setup` the half that installs nothing."""
    shown = re.findall(r"`(.+?)`", line)
    assert shown, line
    ours = ".venv/bin/python -m alambique setup"
    assert ours in made.make("--dry-run", "setup")
    made.run("sh", "-c", shown[-1].replace("make setup", ours))


def test_a_project_that_is_set_up_is_well(project: Callable[..., Project]) -> None:
    made = project()
    lines = examine(made, PYTHONIOENCODING="utf-8")
    assert {line[0] for check, line in lines.items() if check != "template_version"} == {"✓"}
    for name in ("app.db", ".env"):
        (made.path / name).unlink()
    lines = examine(made, "env_file database", PYTHONIOENCODING="ascii")
    assert {line[0] for line in lines.values()} == {"+", "x", "-"}
    assert not (made.path / "app.db").exists()  # looking does not make it
    assert "make setup" in lines["database"]
    mend(made, lines["env_file"])
    examine(made)


def test_what_is_written_in_env_is_mended_by_the_line_shown(
    project: Callable[..., Project],
) -> None:
    made = project()
    env = made.path / ".env"
    well = read(env)
    env.write_text("MIGRATION_LOCK_WAITS=9")
    line = examine(made, "settings")["settings"]
    for command in re.findall(r"`(.+?)`", line):
        made.run("sh", "-c", command)
    assert (
        read(env).splitlines()[0] == "MIGRATION_LOCK_WAIT=9" and list(made.path.glob(".env*")) != []
    )
    assert {path.name for path in made.path.glob(".env*")} == {".env", ".env.example"}
    examine(made)
    env.write_bytes(b"\xff\xfe")
    mend(made, examine(made, "env_file settings address")["env_file"])
    assert read(env) == well


def test_where_the_database_stands_is_mended_by_the_line_shown(
    project: Callable[..., Project],
) -> None:
    made = project()
    made.make("downgrade", "to=-1")
    mend(made, examine(made, "revisions")["revisions"])
    write_revision(made, "ddd1", "pass", revises=SECOND)
    append(made.path / "app/produtos/models.py", "import nothing_like_it")
    lines = examine(made, "revisions models")
    assert said(made, "TWO_HEADS", lines["revisions"]) and "nothing_like_it" in lines["models"]


def test_what_pyproject_asks_for_is_compared_with_what_is_there(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project(environment="poetry")
    toml = made.path / "pyproject.toml"
    asked = read(toml).replace("rich>=14", "rich>=99").replace(">=3.11", ">=3.99")
    toml.write_text(asked.replace('"mypy', '"not-there[x]; python_version > \'3\'",\n    "mypy'))
    lines = examine(made, "python packages tools", PATH=str(tmp_path))
    assert "3.99" in lines["python"] and "make setup PYTHON=" in lines["python"]
    assert "rich>=99" in lines["packages"] and "not-there" in lines["packages"]
    assert "make setup" in lines["packages"] and "mypy" not in lines["packages"]
    assert "apt install git make" in lines["tools"] and "make setup" in lines["environment"]

    answers = made.path / ".copier-answers.yml"
    answers.write_text(read(answers).replace("environment: poetry", "environment: conda"))
    toml.write_text("not TOML")
    (made.path / ".venv").unlink()
    (made.path / ".venv").mkdir()
    assert "`make setup`" in made.make("doctor", code=2)
    command = (sys.executable, *DOCTOR[1:])
    lines = examine(made, "python", command)  # the others are not asked: who could say anything?
    assert "pyproject.toml" in lines["python"] and "line 1" in lines["python"]
    assert {line[0] for line in lines.values()} >= {"–"}
    toml.write_text('[project]\nname = "x"\n[tool.alambique]\nlanguage = "pt"\n')
    lines = examine(made, "python environment answers", command)
    assert said(made, "DOCTOR_NOT_VENV", lines["python"]) and "conda" in lines["environment"]


@pytest.mark.full
@pytest.mark.parametrize("template", [False, pytest.param(True, marks=FULL)])
def test_no_check_waits_long_for_what_does_not_answer(
    project: Callable[..., Project], template: bool
) -> None:
    made = project(database="postgresql", setup=False)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        source = f"_src_path: git://127.0.0.1:{port if template else 1}/x"
        answers = made.path / ".copier-answers.yml"
        answers.write_text(re.sub(r"_src_path: .*", source, read(answers)))
        url = f"postgresql+psycopg://ana:s3cret@127.0.0.1:{port}/loja"
        begun = time.monotonic()
        lines = examine(made, "server", DATABASE_URL=url)
        assert time.monotonic() - begun < 40
    assert said(made, "DOCTOR_SILENT", lines["server"])
    assert said(made, "DOCTOR_TEMPLATE_UNKNOWN", lines["template_version"])


def test_a_server_without_the_database_is_told_from_none(
    project: Callable[..., Project],
) -> None:
    made = project(database="postgresql", setup=False)
    there = made.env.pop("DATABASE_URL")
    shutil.copy(made.path / ".env.example", made.path / ".env")
    env = made.path / ".env"

    def say(url: str) -> None:
        env.write_text(f"DATABASE_URL={url}\n")

    say(there)
    mend(made, examine(made, "database")["database"])
    examine(made)
    say("postgresql+psycopg://ana:s3cret@127.0.0.1:1/loja")
    lines = examine(made, "server")
    assert "docker compose up --wait" in lines["server"]
    assert not [line for line in lines.values() if "s3cret" in line]
    for check in ("database", "revisions"):
        assert said(made, "DOCTOR_NOT_ASKED", lines[check])
    assert lines["models"][0] == "✓"
    say("nonsense:s3cret@x")
    lines = examine(made, "address")
    assert said(made, "URL_MALFORMED", lines["address"]) and "s3cret" not in str(lines)
    assert {line[0] for line in (lines["server"], lines["models"])} == {"–"}


def test_a_newer_template_is_a_note(tmp_path: Path) -> None:
    template = first_release(tmp_path)
    made = project_of(template, tmp_path / "mono/services/loja")
    (template / "NEWS").write_text("v1.1.0")
    commit(template, "v1.1.0")
    made.alambique("setup")
    line = examine(made)["template_version"]
    assert line[0] == "–" and "v1.1.0" in line and "make template-update" in line


@pytest.mark.full
def test_packages_that_went_come_back_by_make_setup(tmp_path: Path) -> None:
    made = Project(render(tmp_path / "loja", environment="pip")).installed()
    made.make("setup")
    uninstall = [".venv/bin/python", "-m", "pip", "uninstall", "--yes"]
    made.run(*uninstall, "rich", "sqlacodegen")
    line = made.run("make", "doctor", code=2)
    assert "rich>=14,<16, sqlacodegen>=4.0,<5" in line
    made.run(*uninstall, "python-dotenv")
    printed = made.run("make", "doctor", code=2)
    assert "`make setup`" in printed and "Traceback" not in printed
    made.make("setup")
    made.make("doctor")
