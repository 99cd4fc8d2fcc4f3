"""The lock of a SQLite file, and who needs it; the servers' locks are in tests/project."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.database.errors import DatabaseUnavailable
from alambique.settings import InvalidSetting, alembic_config
from alambique.upgrade.lock import LockTimeout, lock_wait
from alembic import command

from support.minimal import Minimal, minimal_project


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "0.1")
    made = minimal_project(tmp_path)
    made.revision("a1", upgrade='op.create_table("t", sa.Column("n", sa.Integer))')
    return made


@pytest.fixture
def other(made: Minimal) -> Iterator[sqlite3.Connection]:
    """Another migrator, which holds the lock."""
    held = sqlite3.connect(made.root / "app.db-migration-lock", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    yield held
    held.close()


def test_another_migrator_is_waited_for(made: Minimal, other: sqlite3.Connection) -> None:
    with pytest.raises(LockTimeout, match="0.1 s"):
        command.upgrade(alembic_config(), "head")
    other.close()  # as the end of its process does
    command.upgrade(alembic_config(), "head")


def test_what_has_nothing_to_write_takes_no_lock(made: Minimal) -> None:
    command.upgrade(alembic_config(), "head")
    held = sqlite3.connect(made.root / "app.db-migration-lock", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    command.upgrade(alembic_config(), "head")
    command.current(alembic_config())
    with pytest.raises(LockTimeout):
        command.stamp(alembic_config(), "base")
    with pytest.raises(LockTimeout):
        command.stamp(alembic_config(), "head", purge=True)
    held.close()


def test_a_lock_that_cannot_be_made_is_told(made: Minimal) -> None:
    (made.root / "app.db-migration-lock").mkdir()
    with pytest.raises(DatabaseUnavailable, match="app.db-migration-lock"):
        command.upgrade(alembic_config(), "head")


def test_a_database_in_memory_has_nobody_else(made: Minimal) -> None:
    with sa.create_engine("sqlite://", poolclass=sa.StaticPool).connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    assert not list(made.root.glob("*-migration-lock"))


def test_the_wait_is_a_number_of_seconds(made: Minimal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "1.5")
    assert lock_wait() == 1.5
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "")
    assert lock_wait() == 60
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "long")
    with pytest.raises(InvalidSetting, match="MIGRATION_LOCK_WAIT"):
        lock_wait()
