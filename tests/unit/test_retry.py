"""A busy table is tried again, for as long as we may wait, and never one step too far."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.database import error_codes
from alambique.upgrade.retry import Waiting, counts_steps, is_busy, retry_when_busy
from alambique.upgrade.waiting import LockTimeout
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.exc import CompileError, OperationalError

from support.minimal import minimal_project

VERSION = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"


class ServerError(Exception):
    """What a driver raises, with a code as psycopg has it."""

    sqlstate: str | None = None


def refused(cause: BaseException) -> OperationalError:
    """Return what SQLAlchemy makes of a driver's error."""
    return OperationalError("ALTER TABLE t", {}, cause)


def busy() -> OperationalError:
    """Return what a locked database answers."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorname = error_codes.SQLITE_BUSY
    return refused(cause)


@pytest.fixture(autouse=True)
def pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Wait for nothing, in a project that says nothing of it; return the pauses."""
    minimal_project(tmp_path)
    clock = [0.0]
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        clock[0] += seconds

    monkeypatch.delenv("MIGRATION_LOCK_WAIT", raising=False)
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return waited


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    with sa.create_engine("sqlite://").connect() as connection:
        yield connection


def migration(connection: sa.Connection, goal: object = "head") -> MigrationContext:
    """Return what Alembic has while it upgrades to a goal."""
    return MigrationContext.configure(connection, opts={"destination_rev": goal})


def failing(times: int, error: Callable[[], BaseException] = busy) -> Iterator[int]:
    """Return an iterator that fails so many times, then works once."""
    attempts = iter(range(times + 1))

    class Attempts:
        def __iter__(self) -> Iterator[int]:
            return self

        def __next__(self) -> int:
            attempt = next(attempts)
            if attempt < times:
                raise error()
            return attempt

    return iter(Attempts())


def test_what_works_runs_once(connection: sa.Connection, pauses: list[float]) -> None:
    attempts = failing(0)
    retry_when_busy(migration(connection), lambda: print(next(attempts)))
    assert pauses == []
    with pytest.raises(StopIteration):
        next(attempts)


def test_what_is_busy_is_undone_and_tried_again(
    connection: sa.Connection, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    attempts = failing(2)

    def run() -> None:
        in_transaction.append(connection.connection.in_transaction)
        connection.connection.execute("BEGIN")
        next(attempts)

    in_transaction: list[bool] = []
    retry_when_busy(migration(connection), run)
    assert pauses == [0.5, 1.0]
    assert in_transaction == [False, False, False]
    assert len([each for each in caplog.messages if "database is locked" in each]) == 2


def test_what_stays_busy_is_given_up(
    connection: sa.Connection, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = failing(99)
    with pytest.raises(LockTimeout) as given_up:
        retry_when_busy(migration(connection), lambda: print(next(attempts)))
    assert str(given_up.value) == messages.TABLE_BUSY.format(cause="database is locked")
    assert pauses == [0.5, 1, 2, 4, 8, 8, 8, 8, 8, 8] and sum(pauses) <= 60

    pauses.clear()
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "2")
    with pytest.raises(LockTimeout):
        retry_when_busy(migration(connection), lambda: print(next(attempts)))
    assert pauses == [0.5, 1]


def test_the_time_runs_from_the_first_pause() -> None:
    waiting = Waiting()
    time.sleep(1000)
    assert waiting.next_pause() == 0.5


def test_what_is_refused_is_a_sentence(connection: sa.Connection, pauses: list[float]) -> None:
    attempts = failing(1, lambda: refused(sqlite3.OperationalError("no such table: t")))
    with pytest.raises(CommandError) as failed:
        retry_when_busy(migration(connection), lambda: print(next(attempts)))
    assert not isinstance(failed.value, LockTimeout)
    sentence = messages.STATEMENT_FAILED.format(cause="no such table: t", sql="ALTER TABLE t")
    assert str(failed.value) == sentence

    attempts = failing(1, lambda: CompileError("VARCHAR requires a length"))
    with pytest.raises(CommandError) as failed:
        retry_when_busy(migration(connection), lambda: print(next(attempts)))
    assert str(failed.value) == messages.NOT_SPOKEN.format(cause="VARCHAR requires a length")
    assert pauses == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (error_codes.LOCK_NOT_AVAILABLE, True),
        (error_codes.DEADLOCK_DETECTED, True),
        (error_codes.SERIALIZATION_FAILURE, True),
        (error_codes.UNDEFINED_TABLE, False),
        (error_codes.ER_LOCK_WAIT_TIMEOUT, True),
        (error_codes.ER_LOCK_DEADLOCK, True),
        (error_codes.ER_CHECKREAD, True),
        (error_codes.ER_TABLE_DEF_CHANGED, True),
        (error_codes.ER_NO_SUCH_TABLE, False),
    ],
)
def test_a_code_tells_what_is_busy_and_no_text(code: str | int, expected: bool) -> None:
    cause = ServerError(code, "anything") if isinstance(code, int) else ServerError("1205")
    if isinstance(code, str):
        cause.sqlstate = code
    assert is_busy(refused(cause)) is expected


@pytest.mark.parametrize(
    ("goal", "expected"), [("+1", True), ("-1", True), ("head", False), (("a1",), False)]
)
def test_some_goals_count_steps(connection: sa.Connection, goal: object, expected: bool) -> None:
    assert counts_steps(migration(connection, goal)) is expected


def test_steps_are_not_counted_where_sql_is_printed() -> None:
    opts = {"destination_rev": "+1", "as_sql": True}
    printing = MigrationContext.configure(dialect_name="sqlite", opts=opts)
    assert not counts_steps(printing)
    retry_when_busy(printing, lambda: None)


def test_a_step_that_was_made_is_not_made_twice(
    connection: sa.Connection, pauses: list[float]
) -> None:
    connection.exec_driver_sql(VERSION)
    connection.commit()
    attempts = failing(2)
    retry_when_busy(migration(connection, "+2"), lambda: print(next(attempts)))
    assert pauses == [0.5, 1]

    def one_step() -> None:
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('a1')")
        connection.commit()
        raise busy()

    with pytest.raises(LockTimeout):
        retry_when_busy(migration(connection, "+2"), one_step)
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    assert found == [("a1",)]
