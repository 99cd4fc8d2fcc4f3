"""A project with an API, as its owner and its clients meet it; and its tests, kept apart.

The generated tests run on every database; the server is the one `make run` starts, asked over HTTP.
"""

import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.database import query
from support.messages import said
from support.project import ROOT, Project, read
from support.releases import changed

FULL = pytest.mark.full
APIS: dict[str, dict[str, Any]] = {
    "fastapi": {"api": "fastapi"},
    "fastapi-async": {"api": "fastapi", "mode": "async"},
    "flask": {"api": "flask"},
}
# Each API once and each database once; with --full, each API on each database.
DATABASES = {
    "sqlite": {"fastapi"},
    "postgresql": {"fastapi-async"},
    "mysql": {"flask"},
}
CELLS = [
    pytest.param(
        {"database": database} | answers,
        marks=() if name in default else FULL,
        id=f"{database}-{name}",
    )
    for database, default in DATABASES.items()
    for name, answers in APIS.items()
]
ALICE = {"nome": "Alice", "idade": 30, "email": "alice@example.org"}


def on_sqlite(*default: str) -> pytest.MarkDecorator:
    """Give a test each API in turn; without --full, only these."""
    cells = [
        pytest.param(answers, marks=() if name in default else FULL, id=name)
        for name, answers in APIS.items()
    ]
    return pytest.mark.parametrize("api", cells)


def refused(printed: str, made: Project, name: str) -> bool:
    """Tell whether a start was refused with this sentence, and without a traceback."""
    return said(made, name, printed) and "Traceback" not in printed


class Server:
    """A server of a project, asked over HTTP."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: Any = None, method: str | None = None) -> tuple[int, Any]:
        """Send a request; return the status and the JSON of the answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.root + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def ready(self) -> tuple[int, str]:
        """Ask /ready; return the status and the state."""
        status, answer = self.ask("/ready")
        assert answer["detail"] and "Traceback" not in answer["detail"]
        return status, answer["status"]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(made: Project, **env: str) -> Iterator[Server]:
    """Start a project's server by `make run`, wait until it answers, and end it afterwards."""
    port = free_port()
    log = made.path / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "run", f"port={port}"],
            cwd=made.path,
            env=made.env | env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server, deadline = Server(port), time.monotonic() + 60
    try:
        while True:
            try:
                assert server.ask("/health") == (200, {"status": "ok"})
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, read(log)
                time.sleep(0.1)
        yield server
    finally:
        # To make alone, which passes it on: uvicorn's reloader waits for itself when a second one
        # comes in the midst of the first.
        process.terminate()
        process.wait(40)


@pytest.mark.parametrize("answers", CELLS)
def test_the_tests_of_a_project_pass(
    project: Callable[..., Project], answers: dict[str, str]
) -> None:
    made = project(**answers)
    assert not (made.path / "docs/openapi.json").exists()
    if answers["api"] == "fastapi":
        made.make("openapi")
    printed = made.make("test", "coverage=1")
    assert re.search(r"\d\d passed", printed) and not re.search(r"\d (failed|skipped)", printed)
    covered = re.search(r"^TOTAL.* (\d+)%$", printed, re.MULTILINE)  # as GitLab is told to look
    assert covered and int(covered[1]) >= 85 and "CoverageWarning" not in printed
    assert (made.path / "coverage.xml").exists()


@pytest.mark.full
@pytest.mark.parametrize("mode", ["sync", pytest.param("async", marks=FULL)])
def test_the_description_is_written_and_held_up_to_date(
    project: Callable[..., Project], mode: str
) -> None:
    made = project(api="fastapi", mode=mode)
    made.make("openapi")
    first = (made.path / "docs/openapi.json").read_bytes()
    document = json.loads(first)
    assert document["openapi"].startswith("3.")
    paths = {"/health", "/ready", "/usuarios", "/usuarios/{id}", "/produtos", "/produtos/{id}"}
    assert set(document["paths"]) == paths
    for name in re.findall(r'"\$ref": "#/components/schemas/(\w+)"', first.decode()):
        assert name in document["components"]["schemas"]
    with (made.path / "app/api.py").open("a") as entry:
        entry.write('\n\n@app.get("/new")\ndef new() -> None: ...\n')
    probes = [".venv/bin/python", "-m", "pytest", "tests/test_probes.py", "-k", "description"]
    assert said(made, "OPENAPI_STALE", made.run(*probes, code=1))


@on_sqlite()
def test_without_the_example_there_are_the_probes(
    project: Callable[..., Project], api: dict[str, str]
) -> None:
    made = project(example=False, **api)
    made.make("test")
    source = "from app.api import app; client = {}; print(client.get('/ready').status_code)"
    client = "app.test_client()" if api["api"] == "flask" else "TestClient(app)"
    testing = "" if api["api"] == "flask" else "from fastapi.testclient import TestClient;"
    assert made.python(testing + source.format(client)).split()[-1] == "200"


@on_sqlite("fastapi-async")
def test_a_server_from_its_start_to_its_end(
    project: Callable[..., Project], api: dict[str, str]
) -> None:
    made = project(**api)
    made.env.pop("STARTUP_CHECK", None)  # whatever this machine says
    made.alembic("downgrade", "-1")
    printed = made.make("run", f"port={free_port()}", code=2, timeout=120)
    assert refused(printed, made, "NOT_STARTED")
    # A server of production, which knows nothing of `make run`.
    served = {
        "fastapi": ["uvicorn", "app.api:app", "--port", str(free_port())],
        "flask": ["flask", "--app", "app.api", "run", "--port", str(free_port())],
    }
    printed = made.run(
        str(made.path / ".venv/bin/python"), "-m", *served[api["api"]], code=None, timeout=60
    )
    assert refused(printed, made, "NOT_STARTED") and "Running on" not in printed
    with running(made, STARTUP_CHECK="warn") as server:
        assert said(made, "BEHIND", read(made.path / "server.log"))
        assert server.ready() == (503, "behind")
        made.alembic("upgrade", "head")
        assert server.ready() == (200, "ready")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: server.ask("/usuarios", ALICE), range(8)))
        assert sorted(status for status, _ in answers) == [201] + [409] * 7
        # Eight clients who read, then write, at once: each waits its turn, on SQLite, too.
        alice = next(answer for status, answer in answers if status == 201)
        path = f"/usuarios/{alice['id']}"
        with ThreadPoolExecutor(8) as pool:
            bodies = [ALICE | {"idade": age} for age in range(40)]
            answers = list(pool.map(lambda body: server.ask(path, body, "PUT"), bodies))
        assert {status for status, _ in answers} == {200}
        (made.path / "app.db").unlink()
        (made.path / "app.db").mkdir()
        assert server.ready() == (503, "unreachable")
        assert server.ask("/health") == (200, {"status": "ok"})
    assert "Traceback" not in read(made.path / "server.log")
    assert refused(made.make("run", "port=http", code=2), made, "NO_PORT")


@pytest.mark.parametrize("database", ["postgresql", pytest.param("mysql", marks=FULL)])
def test_a_server_that_never_answers_is_unreachable_in_seconds(
    project: Callable[..., Project], database: str
) -> None:
    made = project(database=database, api="flask", setup=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        driver = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}[database]
        port = silent.getsockname()[1]
        made.env["DATABASE_URL"] = f"{driver}://ana:s3nha@127.0.0.1:{port}/loja"
        ask = "import core; from alambique.web.readiness import readiness; print(readiness())"
        printed = made.python(ask, timeout=40)
    assert "unreachable" in printed and "s3nha" not in printed


@on_sqlite("flask")
def test_two_heads_are_not_ready(project: Callable[..., Project], api: dict[str, str]) -> None:
    made = project(**api)
    source = read(made.revisions()[-1]).replace("c27a51e8d943", "0123456789ab")
    made.write("migrations/versions/other.py", source)
    printed = made.python("from alambique.web.readiness import readiness; print(readiness())")
    assert "two_heads" in printed and said(made, "TWO_HEADS", printed)


RAISING = """
from sqlalchemy import text
from core.database import engine
from app.api import app
{setup}
assert client.get("/broken").status_code == 500
assert {engine}.pool.checkedout() == 0, {engine}.pool.status()
"""
FASTAPI = """
from fastapi.testclient import TestClient
from core.api import RequestSession

@app.get("/broken")
{async_}def broken(session: RequestSession) -> None:
    {await_}session.execute(text("SELECT 1"))
    raise RuntimeError("broken")

client = TestClient(app, raise_server_exceptions=False)
"""
FLASK = """
from core.api import request_session

@app.get("/broken")
def broken() -> str:
    request_session().execute(text("SELECT 1"))
    raise RuntimeError("broken")

client = app.test_client()
"""


@on_sqlite("fastapi-async", "flask")
def test_a_route_that_raises_gives_its_connection_back(
    project: Callable[..., Project], api: dict[str, str]
) -> None:
    made = project(**api)
    words = (
        {"async_": "async ", "await_": "await "}
        if "mode" in api
        else dict.fromkeys(("async_", "await_"), "")
    )
    setup = FLASK if api["api"] == "flask" else FASTAPI.format(**words)
    made.python(
        RAISING.format(setup=setup, engine="engine.sync_engine" if words["async_"] else "engine")
    )


@pytest.mark.full
@pytest.mark.parametrize("answers", [{"api": "fastapi"}, {"api": "flask"}])
def test_an_api_that_is_wanted_later_says_what_to_write(
    tmp_path: Path, answers: dict[str, str]
) -> None:
    loja = changed(tmp_path, **answers)
    loja.alambique("setup")
    assert (
        not (loja.path / "app/api.py").exists() and not (loja.path / "tests/test_api.py").exists()
    )
    loja.make("test")
    printed = loja.make("run", code=2)
    assert refused(printed, loja, "NO_APP")
    lines = re.search(r"^from (?:.|\n)+?^prepare\(app\)$", printed, re.MULTILINE)
    assert lines
    loja.write("app/api.py", lines[0] + "\n")
    loja.python("import app.api", env={"STARTUP_CHECK": "refuse"})


def test_what_is_the_templates_imports_nothing_of_yours() -> None:
    patterns = "template/core/*", "variants/*/core/*", "**/test_probes.*", "template/vendor/**/*.py"
    found = [path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()]
    assert len(found) > 50
    for path in found:
        assert not re.search(r"^\s*(from|import) app\b", read(path), re.MULTILINE), path


# Tests that do not meet each other

APART = """
import pytest
from sqlalchemy import func, select, text

from app.usuarios.models import Usuario
from core.database import SessionLocal


{async_}def people() -> int:
    {async_}with SessionLocal() as session:
        return {await_}session.scalar(select(func.count()).select_from(Usuario)) or 0


{async_}def by_session(session) -> None:
    session.add(Usuario(nome="Alice", idade=30))
    {await_}session.commit()


{async_}def by_itself(session) -> None:
    {async_}with SessionLocal.begin() as own:
        own.add(Usuario(nome="Bob", idade=25))


{async_}def nested(session) -> None:
    {async_}with SessionLocal() as own:
        {async_}with own.begin_nested():
            own.add(Usuario(nome="Carla", idade=41))
        {await_}own.commit()


{async_}def after_a_failure(session) -> None:
    {async_}with SessionLocal() as own:
        with pytest.raises(Exception):
            {await_}own.execute(text("INSERT INTO usuarios (nome) VALUES (NULL)"))
        {await_}own.rollback()
        own.add(Usuario(nome="Davi", idade=7))
        {await_}own.commit()


WAYS = [by_session, by_itself, nested, after_a_failure]


@pytest.mark.parametrize("way", WAYS * 2)
{async_}def test_alone(way, session) -> None:
    assert {await_}people() == 0
    {await_}way(session)
    assert {await_}people() == 1
"""
COUNTED = """
import pytest
from sqlalchemy import event

from app.usuarios.models import Usuario

SEEN = {{"connect": 0, "statement": 0, "commit": 0}}


@pytest.fixture(scope="session", autouse=True)
def counted(scratch_engine):
    engine = getattr(scratch_engine, "sync_engine", scratch_engine)

    def count(what):
        def note(*_):
            SEEN[what] += 1
        return note

    event.listen(engine, "connect", count("connect"))
    event.listen(engine, "commit", count("commit"))
    event.listen(engine, "before_cursor_execute", count("statement"))


@pytest.mark.parametrize("number", range(200))
{async_}def test_commits(number, session) -> None:
    session.add(Usuario(nome="Alice", idade=30, email="alice@example.org"))
    {await_}session.commit()


def test_zz() -> None:
    print("SEEN", SEEN)
"""


# What the tests of 1.1.0 bring along: a fixture of the same name, with an engine of its own.
OLDER = {
    "sync": """
import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from app.usuarios.models import Usuario


@pytest.fixture
def session(database):
    engine = create_engine(database)
    with engine.connect() as connection, connection.begin() as transaction:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()
    engine.dispose()


def test_a_person_is_stored(session) -> None:
    session.add(Usuario(nome="Alice", idade=30))
    session.commit()
    assert session.scalars(select(Usuario)).one().nome == "Alice"
""",
    "async": """
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app.usuarios.models import Usuario
from core import async_driver


@pytest_asyncio.fixture
async def session(database):
    engine = create_async_engine(async_driver(database))
    async with engine.connect() as connection, connection.begin() as transaction:
        async with AsyncSession(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        await transaction.rollback()
    await engine.dispose()


async def test_a_person_is_stored(session) -> None:
    session.add(Usuario(nome="Alice", idade=30))
    await session.commit()
    assert (await session.scalars(select(Usuario))).one().nome == "Alice"
""",
}
NAMES = "test_apart.py", "test_counted.py", "test_older.py"


def in_mode(source: str, mode: str) -> str:
    """Return the source of a test, as it is written in this mode."""
    words = {"async_": "async ", "await_": "await "}
    return source.format(**(words if mode == "async" else dict.fromkeys(words, "")))


@pytest.mark.full
@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(
    "database", ["sqlite", *(pytest.param(name, marks=FULL) for name in ("postgresql", "mysql"))]
)
def test_no_test_sees_what_another_committed(
    project: Callable[..., Project], database: str, mode: str
) -> None:
    made = project(database=database, mode=mode)
    made.write("tests/test_apart.py", in_mode(APART, mode))
    made.write("tests/test_counted.py", in_mode(COUNTED, mode))
    made.write("tests/test_older.py", OLDER[mode])
    printed = made.run(".venv/bin/python", "-m", "pytest", "-s", *(f"tests/{n}" for n in NAMES))
    assert "210 passed" in printed
    seen = json.loads(re.findall(r"SEEN (.*)", printed)[0].replace("'", '"'))
    assert seen["commit"] == 0
    assert seen["connect"] <= (201 if mode == "async" and database != "sqlite" else 1)
    assert seen["statement"] <= 5 * 201  # BEGIN, SAVEPOINT, INSERT, RELEASE
    assert query(made, "SELECT count(*) FROM usuarios") == [(0,)], "not the project's own database"
