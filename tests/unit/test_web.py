"""Probes, the check at the start, rows as clients ask for them: each framework in process.

How a service's own API behaves, and its server, is in tests/project.
"""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.commands import apply_migrations
from alambique.settings import InvalidSetting
from alambique.web import drift, fastapi, flask, rows, serving
from alambique.web.readiness import check_at_startup, readiness
from alembic.util import CommandError
from fastapi import FastAPI
from fastapi.testclient import TestClient
from flask import Flask
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from support.minimal import Minimal, minimal_project

CREATE = 'op.create_table("usuarios", sa.Column("id", sa.Integer, primary_key=True))'


class Base(DeclarativeBase):
    """What the models of these tests inherit from."""


class Usuario(Base):
    """Somebody."""

    __tablename__ = "usuarios"

    id: Mapped[int] = mapped_column(primary_key=True)
    nome: Mapped[str]


class UsuarioIn(BaseModel):
    """What a client may say of somebody."""

    nome: str


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    """A project with a revision that its database does not have."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/app.db")
    monkeypatch.delenv("STARTUP_CHECK", raising=False)
    monkeypatch.delenv("READY_DRIFT", raising=False)
    monkeypatch.setattr(drift, "_comparisons", drift.Comparisons())
    made = minimal_project(tmp_path, url=None)
    made.revision("a1", upgrade=CREATE)
    return made


@pytest.fixture
def sessions() -> Iterator[sessionmaker[Session]]:
    """Sessions on a database in memory, with five people."""
    engine = sa.create_engine(
        "sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False}
    )
    Base.metadata.create_all(engine)
    made = sessionmaker(engine, expire_on_commit=False)
    with made.begin() as session:
        session.add_all([Usuario(nome=f"Pessoa {number}") for number in range(1, 6)])
    yield made
    engine.dispose()


# Readiness, and the check at the start


def test_a_database_is_ready_once_it_is_at_head(made: Minimal) -> None:
    assert readiness() == ("behind", messages.BEHIND.format(database="base", code="a1", count=1))
    apply_migrations()
    assert readiness() == ("ready", messages.READY.format(code="a1"))
    made.revision("b2", "a1")
    made.revision("c3", "a1")
    assert readiness()[0] == "two_heads"


def test_what_cannot_be_asked_is_not_ready(made: Minimal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/at/all.db")
    assert readiness()[0] == "unreachable"
    monkeypatch.setenv("DATABASE_URL", "not a url")
    assert readiness() == ("error", messages.URL_MALFORMED)


def test_the_services_database_is_asked_not_that_of_migrations(
    made: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_migrations()
    monkeypatch.setenv("MIGRATION_DATABASE_URL", f"sqlite:///{made.root}/other.db")
    assert readiness()[0] == "ready"


def test_a_start_is_refused_warned_about_or_let_be(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sentence = readiness()[1]
    with pytest.raises(SystemExit) as refused:
        check_at_startup()
    assert str(refused.value) == messages.NOT_STARTED.format(cause=sentence)

    monkeypatch.setenv("STARTUP_CHECK", "warn")
    with caplog.at_level(logging.WARNING):
        check_at_startup()
    assert caplog.messages == [sentence]

    monkeypatch.setenv("STARTUP_CHECK", "off")
    check_at_startup()
    assert caplog.messages == [sentence]

    monkeypatch.setenv("STARTUP_CHECK", "perhaps")
    with pytest.raises(InvalidSetting) as wrong:
        check_at_startup()
    assert str(wrong.value) == messages.NOT_A_CHECK.format(value="perhaps")


def test_the_check_may_be_said_in_dotenv(made: Minimal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARTUP_CHECK", "")  # so that what is loaded from .env is undone
    monkeypatch.delenv("STARTUP_CHECK")
    made.write(".env", "STARTUP_CHECK=off\n")
    check_at_startup()


# Drift


def adrift(made: Minimal) -> None:
    """Bring the database to the code's revision, and have it differ from the models."""
    made.models('Table("usuarios", metadata, Column("id", Integer, primary_key=True))\n')
    apply_migrations()
    engine = sa.create_engine(os.environ["DATABASE_URL"], poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE usuarios ADD COLUMN estranha INTEGER")


def logged(caplog: pytest.LogCaptureFixture, beginning: str) -> str:
    """Wait for the comparison, and return what it logged."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for message in caplog.messages:
            if message.startswith(beginning):
                return message
        time.sleep(0.05)
    raise AssertionError(f"nothing but {caplog.messages}")


DRIFT = messages.DRIFT.partition("{")[0].split("\n")[0]


def test_drift_takes_a_service_out_where_it_is_to(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    adrift(made)
    monkeypatch.setenv("MIGRATION_DATABASE_URL", f"sqlite:///{made.root}/other.db")
    monkeypatch.setenv("READY_DRIFT", "refuse")
    assert readiness()[0] == "ready", "a probe waits for no comparison"
    assert "estranha" in logged(caplog, DRIFT)
    state, sentence = readiness()
    assert (state, sentence) == ("drift", messages.READY_DRIFTED)
    assert "estranha" not in sentence, "a stranger is told of the schema"

    made.revision("b2", "a1")
    assert readiness()[0] == "behind", "what is known at once comes first"


def test_drift_may_only_be_logged(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    adrift(made)
    monkeypatch.setenv("READY_DRIFT", "warn")
    assert readiness()[0] == "ready"
    assert "estranha" in logged(caplog, DRIFT)
    assert readiness()[0] == "ready"


def test_who_asks_often_has_nothing_compared_more_often(
    made: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[None] = []
    monkeypatch.setattr(drift.Comparisons, "_compare", lambda _: begun.append(None))
    apply_migrations()
    for _ in range(3):
        readiness()
    assert begun == [], "nobody asked for it"
    monkeypatch.setenv("READY_DRIFT", "warn")
    for _ in range(9):
        assert readiness()[0] == "ready"
    assert len(begun) == 1
    monkeypatch.setattr(drift, "INTERVAL", 0.0)
    readiness()
    assert len(begun) == 2


def test_a_comparison_that_fails_is_logged_and_no_more(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    apply_migrations()
    made.models('raise LookupError("not today")\n')
    monkeypatch.setenv("READY_DRIFT", "refuse")
    assert readiness()[0] == "ready"
    assert "not today" in logged(caplog, messages.NOT_COMPARED.partition("{")[0])
    assert readiness()[0] == "ready"

    monkeypatch.setattr(drift, "PATIENCE", 0.0)
    monkeypatch.setattr(drift, "INTERVAL", 0.0)
    readiness()
    logged(caplog, messages.NOT_COMPARED.format(cause="TimeoutExpired"))


def test_a_wrong_word_about_drift_is_a_sentence(
    made: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_migrations()
    monkeypatch.setenv("READY_DRIFT", "1")
    assert readiness() == ("error", messages.NOT_A_DRIFT.format(value="1"))


# FastAPI


async def lifespan(app: FastAPI) -> list[dict[str, Any]]:
    """Start an application and end it, as a server does; return what it sends."""
    received = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(received)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    await app(scope, receive, send)
    return sent


def test_fastapi_starts_only_where_the_database_is_ready(
    made: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    async def close() -> None:
        closed.append(True)

    app = FastAPI()
    fastapi.prepare(app, closing=close)

    (failed,) = asyncio.run(lifespan(app))
    cause = messages.NOT_STARTED.format(cause=readiness()[1])
    assert failed == {"type": "lifespan.startup.failed", "message": cause}

    monkeypatch.setenv("STARTUP_CHECK", "perhaps")
    (failed,) = asyncio.run(lifespan(app))
    assert failed["message"] == messages.NOT_A_CHECK.format(value="perhaps")
    assert closed == []

    monkeypatch.setenv("STARTUP_CHECK", "off")
    sent = [message["type"] for message in asyncio.run(lifespan(app))]
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert closed == [True]


def test_fastapi_has_probes(made: Minimal) -> None:
    app = FastAPI()
    fastapi.prepare(app)
    client = TestClient(app)
    assert client.get("/health").json() == {"status": "ok"}
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "behind")
    apply_migrations()
    assert client.get("/ready").status_code == 200


def test_fastapi_answers_errors_as_json() -> None:
    app = FastAPI()
    fastapi.prepare(app)

    @app.get("/taken")
    def taken() -> None:
        raise IntegrityError("INSERT", {}, Exception("a client's secret"))

    @app.post("/usuarios")
    def create(given: UsuarioIn) -> None: ...

    client = TestClient(app)
    answer = client.get("/taken")
    assert (answer.status_code, answer.json()) == (409, {"detail": messages.CONFLICT})
    answer = client.post("/usuarios", json={"nome": ["secret"]})
    assert answer.status_code == 422 and "secret" not in answer.text
    assert set(answer.json()["detail"][0]) == {"type", "loc", "msg"}


GONE = "sqlite:////nowhere/at/all.db"


def test_fastapi_answers_503_while_the_database_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    fastapi.prepare(app)
    gone = sa.create_engine(GONE)

    @app.get("/usuarios")
    def read() -> None:
        gone.connect()

    @app.get("/mistaken")
    def mistaken() -> None:
        sa.create_engine("sqlite://").connect().exec_driver_sql("SELECT * FROM nothing")

    client = TestClient(app)
    answer = client.get("/usuarios")
    assert (answer.status_code, answer.json()) == (503, {"detail": messages.DATABASE_GONE})
    (line,) = [each.getMessage() for each in caplog.records if each.name == "alambique.web"]
    assert "GET /usuarios" in line and "unable to open" in line and "\n" not in line
    with pytest.raises(OperationalError):  # a mistake in a query is one: 500, with its traceback
        client.get("/mistaken")


def test_fastapi_reads_rows(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        assert fastapi.get_or_404(session, Usuario, 2).nome == "Pessoa 2"
        page = fastapi.listed(session, Usuario, rows.Page(limit=2, offset=4))
        items = page["items"]
        assert page["total"] == 5 and not isinstance(items, int)
        assert [usuario.nome for usuario in items] == ["Pessoa 5"]
        for missing in (0, -1, 6, 2**31, 2**63):
            with pytest.raises(Exception, match=messages.NO_ROW.format(name="Usuario", id=missing)):
                fastapi.get_or_404(session, Usuario, missing)


def test_fastapi_reads_rows_asynchronously(tmp_path: Path) -> None:
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    async def walk() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/async.db")
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine) as session:
            session.add(Usuario(nome="Alice"))
            await session.commit()
            assert (await fastapi.get_or_404_async(session, Usuario, 1)).nome == "Alice"
            page = await fastapi.listed_async(session, Usuario, rows.Page.model_validate({}))
            assert page["total"] == 1
            with pytest.raises(Exception, match="404"):
                await fastapi.get_or_404_async(session, Usuario, 2)
        await engine.dispose()

    asyncio.run(walk())


# Flask


@pytest.fixture
def app(made: Minimal, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An application with a few routes."""
    monkeypatch.setenv("STARTUP_CHECK", "off")
    app = Flask(__name__)
    flask.prepare(app, sessions)

    @app.get("/usuarios")
    def list_usuarios() -> dict[str, object]:
        total, items = flask.listed(Usuario)
        return {"total": total, "items": [usuario.nome for usuario in items]}

    @app.put("/usuarios/<int:id>")
    def update(id: int) -> str:
        usuario = flask.get_or_404(Usuario, id)
        flask.change(usuario, flask.body_as(UsuarioIn))
        flask.request_session().commit()
        return usuario.nome

    @app.get("/taken")
    def taken() -> str:
        raise IntegrityError("INSERT", {}, Exception("a client's secret"))

    return app


def test_flask_starts_only_where_the_database_is_ready(
    made: Minimal, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        flask.prepare(Flask(__name__), sessions)
    monkeypatch.setenv("STARTUP_CHECK", "perhaps")
    with pytest.raises(SystemExit) as refused:
        flask.prepare(Flask(__name__), sessions)
    assert str(refused.value) == messages.NOT_A_CHECK.format(value="perhaps")


def test_flask_has_probes(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/health").get_json() == {"status": "ok"}
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_json()["status"]) == (503, "behind")
    apply_migrations()
    assert client.get("/ready").status_code == 200


def test_flask_reads_and_changes_rows(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/usuarios?limit=2&offset=3").get_json()
    assert page == {"total": 5, "items": ["Pessoa 4", "Pessoa 5"]}
    assert client.put("/usuarios/1", json={"nome": "Alice"}).text == "Alice"
    assert client.get("/usuarios").get_json()["items"][0] == "Alice"


def test_flask_answers_errors_as_json(app: Flask) -> None:
    client = app.test_client()
    answer = client.put(f"/usuarios/{2**31}", json={"nome": "Alice"})
    sentence = messages.NO_ROW.format(name="Usuario", id=2**31)
    assert (answer.status_code, answer.get_json()) == (404, {"detail": sentence})
    answer = client.get("/taken")
    assert (answer.status_code, answer.get_json()) == (409, {"detail": messages.CONFLICT})
    for answer in (
        client.get("/usuarios?limit=secret"),
        client.put("/usuarios/1", json={"nome": ["secret"]}),
        client.put("/usuarios/1", data="secret"),
    ):
        assert answer.status_code == 422 and "secret" not in answer.text
        assert answer.get_json()["detail"][0]["msg"]
    assert client.delete("/usuarios").get_json()["detail"]


def test_flask_answers_503_while_the_database_is_gone(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    gone = sa.create_engine(GONE)

    @app.get("/gone")
    def read() -> str:
        gone.connect()
        return ""

    @app.get("/mistaken")
    def mistaken() -> str:
        sa.create_engine("sqlite://").connect().exec_driver_sql("SELECT * FROM nothing")
        return ""

    client = app.test_client()
    answer = client.get("/gone")
    assert (answer.status_code, answer.get_json()) == (503, {"detail": messages.DATABASE_GONE})
    (line,) = [each.getMessage() for each in caplog.records if each.name == "alambique.web"]
    assert "GET /gone" in line and "unable to open" in line and "\n" not in line
    app.testing = True
    with pytest.raises(OperationalError):
        client.get("/mistaken")


# The application, found and described


@pytest.fixture
def no_application() -> Iterator[None]:
    """Forget the modules of the application, before and after."""
    for name in ("app", "app.api"):
        assert name not in sys.modules
    yield
    for name in ("app", "app.api"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("dependencies", "entry"),
    [
        (["fastapi>=0.165,<1"], serving.FASTAPI_ENTRY),
        (["Flask >=3.1"], serving.FLASK_ENTRY),
        (["flask", "fastapi"], serving.FASTAPI_ENTRY),
        ([], serving.FASTAPI_ENTRY),  # both are installed here
    ],
)
@pytest.mark.usefixtures("no_application")
def test_a_missing_application_is_said_with_what_to_write(
    made: Minimal, dependencies: list[str], entry: str
) -> None:
    from alambique.settings import use_project

    made.write("pyproject.toml", f"[project]\nname = 'x'\ndependencies = {dependencies}\n")
    use_project(made.root)
    for ask in (serving.openapi, lambda: serving.serve("8000")):
        with pytest.raises(CommandError) as refused:
            ask()
        assert str(refused.value) == messages.NO_APP.format(entry=entry)
    made.write("app/__init__.py", "")
    with pytest.raises(CommandError):
        serving.load_application()


@pytest.mark.usefixtures("no_application")
def test_a_port_has_bounds(made: Minimal) -> None:
    made.write("app/api.py", "app = object()\n")
    for port in ("http", "-1", "65536", ""):
        with pytest.raises(CommandError) as refused:
            serving.serve(port)
        assert str(refused.value) == messages.NO_PORT.format(port=port)


@pytest.mark.usefixtures("no_application")
def test_fastapi_describes_its_routes(made: Minimal) -> None:
    made.write("app/api.py", "from fastapi import FastAPI\napp = FastAPI(title='Usuários')\n")
    assert serving.is_fastapi(serving.load_application())
    assert '"title": "Usuários"' in serving.openapi()
    assert serving.openapi_path() == made.root / "docs/openapi.json"


@pytest.mark.usefixtures("no_application")
def test_flask_does_not(made: Minimal) -> None:
    made.write("app/api.py", "from flask import Flask\napp = Flask('x')\n")
    assert serving.is_flask(serving.load_application())
    with pytest.raises(CommandError) as refused:
        serving.openapi()
    assert str(refused.value) == messages.OPENAPI_UNKNOWN.format(kind="Flask")
