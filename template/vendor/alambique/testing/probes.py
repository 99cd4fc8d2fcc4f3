"""The probes tell the truth about the database, and a process starts only where it should.

The same for every framework: `probes_fastapi` and `probes_flask` bring the fixture `client`.
"""

from __future__ import annotations

import json
from typing import Protocol

import pytest
from sqlalchemy import Column, MetaData, String, Table
from sqlalchemy.engine import URL

from alambique.commands import apply_migrations
from alambique.database.engine import connect
from alambique.history.environment import hear
from alambique.history.script import history
from alambique.settings import InvalidSetting, alembic_config
from alambique.web.readiness import check_at_startup

__all__ = [
    "test_ahead_of_this_code",
    "test_alive_though_the_database_is_not",
    "test_behind_until_the_upgrade",
    "test_ready_at_head",
    "test_the_start_is_refused_or_warned_about",
]


class Answer(Protocol):
    """What a request brought, whichever framework answered."""

    @property
    def status_code(self) -> int:
        """The status of HTTP."""
        ...

    @property
    def text(self) -> str:
        """The body."""
        ...


class Client(Protocol):
    """The test client of a framework, on an application that has the probes."""

    def get(self, path: str, /) -> Answer:
        """Send a request."""
        ...


def test_ready_at_head(client: Client, database: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database at head is ready."""
    _use(database, monkeypatch)
    assert _ready(client) == (200, "ready")


def test_behind_until_the_upgrade(
    client: Client, empty_database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database is behind as long as a revision is missing in it."""
    has_revisions = bool(history().get_heads())
    _use(empty_database, monkeypatch)
    assert _ready(client) == ((503, "behind") if has_revisions else (200, "ready"))
    apply_migrations(url=empty_database)
    assert _ready(client) == (200, "ready")


def test_ahead_of_this_code(
    client: Client, empty_database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database with a revision that this code does not know is ahead."""
    _use(empty_database, monkeypatch)
    table = hear(alembic_config(empty_database)).version_table
    column = Column("version_num", String(32), nullable=False)
    versions = Table(table.name, MetaData(), column, schema=table.schema)
    with connect(empty_database) as connection, connection.begin():
        versions.create(connection)
        connection.execute(versions.insert().values(version_num="ffffffffffff"))
    assert _ready(client) == (503, "ahead")


def test_alive_though_the_database_is_not(
    client: Client, database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its database a service is not ready, and alive all the same."""
    _use(_nowhere(database), monkeypatch)
    assert _ready(client) == (503, "unreachable")
    assert json.loads(client.get("/health").text) == {"status": "ok"}


def test_the_start_is_refused_or_warned_about(
    database: URL, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """STARTUP_CHECK says what becomes of a process whose database is not ready."""
    _use(_nowhere(database), monkeypatch)
    monkeypatch.setenv("STARTUP_CHECK", "warn")
    check_at_startup()
    assert caplog.messages

    monkeypatch.setenv("STARTUP_CHECK", "refuse")
    with pytest.raises(SystemExit, match="STARTUP_CHECK=warn"):
        check_at_startup()

    _use(database, monkeypatch)
    check_at_startup()

    monkeypatch.setenv("STARTUP_CHECK", "perhaps")
    with pytest.raises(InvalidSetting, match="perhaps"):
        check_at_startup()


def _ready(client: Client) -> tuple[int, str]:
    """Ask /ready; return the code and the state it answers."""
    answer = client.get("/ready")
    return answer.status_code, json.loads(answer.text)["status"]


def _use(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this the service's database."""
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))


def _nowhere(url: URL) -> URL:
    """Return the URL of a database of the same kind that nobody can reach."""
    if url.get_backend_name() == "sqlite":
        return url.set(database="/nowhere/at/all.db")
    return url.set(host="127.0.0.1", port=1)
