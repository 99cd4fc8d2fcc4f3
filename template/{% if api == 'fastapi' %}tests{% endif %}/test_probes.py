"""The probes tell the truth about the database, and a process starts only where it should."""

import pytest
from alembic.script import ScriptDirectory
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.engine import URL

from core.api import prepare
from core.migrations import alembic_config, apply_migrations, messages
from core.migrations.connection import connect
from core.readiness import check_at_startup
from core.serve import DESCRIPTION, openapi

HEADS = ScriptDirectory.from_config(alembic_config()).get_heads()


@pytest.fixture
def client() -> TestClient:
    """A client of an application that has the probes and nothing else."""
    app = FastAPI()
    prepare(app)
    return TestClient(app)


def use(url: URL, patch: pytest.MonkeyPatch) -> None:
    """Make this the service's database."""
    patch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))


def nowhere(url: URL) -> URL:
    """Return the URL of a database of the same kind that nobody can reach."""
    missing = url.set(database="/nowhere/at/all.db")
    return missing if url.get_backend_name() == "sqlite" else url.set(host="127.0.0.1", port=1)


def state(client: TestClient) -> tuple[int, str]:
    """Ask /ready; return the code and the state it answers."""
    answer = client.get("/ready")
    return answer.status_code, answer.json()["status"]


def test_ready_at_head(client: TestClient, database: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    use(database, monkeypatch)
    assert state(client) == (200, "ready")


@pytest.mark.skipif(not HEADS, reason="there is no revision yet")
def test_behind_until_the_upgrade(
    client: TestClient, empty_database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(empty_database, monkeypatch)
    assert state(client) == (503, "behind")
    apply_migrations(url=empty_database)
    assert state(client) == (200, "ready")


def test_ahead_of_this_code(
    client: TestClient, empty_database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(empty_database, monkeypatch)
    with connect(empty_database) as connection, connection.begin():
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('ffffffffffff')"))
    assert state(client) == (503, "ahead")


def test_alive_though_the_database_is_not(
    client: TestClient, database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(nowhere(database), monkeypatch)
    assert state(client) == (503, "unreachable")
    assert client.get("/health").json() == {"status": "ok"}


def test_the_start_is_refused_or_warned_about(
    database: URL, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use(nowhere(database), monkeypatch)
    monkeypatch.setenv("STARTUP_CHECK", "warn")
    check_at_startup()
    assert caplog.messages
    monkeypatch.setenv("STARTUP_CHECK", "refuse")
    with pytest.raises(SystemExit, match="STARTUP_CHECK=warn"):
        check_at_startup()
    use(database, monkeypatch)
    check_at_startup()
    monkeypatch.setenv("STARTUP_CHECK", "perhaps")
    with pytest.raises(SystemExit, match="perhaps"):
        check_at_startup()


@pytest.mark.skipif(not DESCRIPTION.exists(), reason="nobody ran `make openapi`")
def test_the_description_of_the_routes_is_up_to_date() -> None:
    assert DESCRIPTION.read_text(encoding="utf-8") == openapi(), messages.OPENAPI_STALE
