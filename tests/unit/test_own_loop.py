"""A project that says `async-driver = true` migrates on the asynchronous driver of its URL."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.commands import (
    apply_migrations,
    current_revision,
    ensure_current,
    revert_migrations,
)
from alambique.database.creation import create_missing_database, scratch_database
from alambique.database.engine import connect, migration_engine
from alambique.database.errors import DatabaseUnavailable
from alambique.history.plan import plan
from alambique.history.status import State, status
from alambique.settings import InvalidSetting, alembic_config, use_project
from alambique.upgrade.waiting import LockTimeout
from alambique.web.readiness import readiness
from alembic import command
from alembic.util import CommandError
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from support.minimal import Minimal, minimal_project
from support.servers import server_url

CREATE = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'
MODEL = 'Table("t", metadata, Column("id", Integer, primary_key=True))\n'
DRIVERS = ["asyncpg", "aiomysql", "asyncmy"]
# What is true of one driver of MySQL's is tried on the other with `--full`.
PROCESSES = ["asyncpg", pytest.param("aiomysql", marks=pytest.mark.full)]
CELLS = ["asyncpg", "aiomysql", pytest.param("asyncmy", marks=pytest.mark.full)]
OTHER = CREATE.replace('"t"', '"u"')
DROP = 'op.drop_table("t")'


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Minimal:
    made = minimal_project(tmp_path)
    path = made.root / "pyproject.toml"
    made.write("pyproject.toml", f"{path.read_text()}async-driver = true\n")
    use_project(made.root)
    made.models(MODEL)
    made.revision("a1", upgrade=CREATE, downgrade=DROP)
    return made


def of(driver: str) -> URL:
    """Return the URL of a server through a driver."""
    kind = "postgresql" if driver == "asyncpg" else "mysql"
    url = server_url(kind)
    return url.set(drivername=f"{kind}+{driver}")


@pytest.fixture(params=CELLS)
def at(made: Minimal, request: pytest.FixtureRequest) -> Iterator[URL]:
    """An empty database, through each driver."""
    with scratch_database(of(request.param)) as url:
        yield url


@pytest.fixture
def without_siblings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No synchronous driver is installed; what aiomysql is made of aside."""
    monkeypatch.setitem(sys.modules, "psycopg", None)


def tables(url: URL) -> set[str]:
    with connect(url) as connection:
        return set(sa.inspect(connection).get_table_names())


def test_there_and_back_on_the_urls_driver(at: URL, without_siblings: None) -> None:
    with connect(at) as connection:
        assert connection.dialect.driver == at.get_driver_name()
    assert len(plan(alembic_config(at)).revisions) == 1
    apply_migrations(url=at)
    assert current_revision(at) == "a1" and "t" in tables(at)
    assert status(alembic_config(at)).state is State.CURRENT
    ensure_current(at)
    apply_migrations(url=at)
    revert_migrations("base", url=at)
    assert current_revision(at) is None and "t" not in tables(at)


def test_inside_a_running_loop(at: URL) -> None:
    async def serve() -> None:
        await asyncio.to_thread(apply_migrations, url=at)
        revert_migrations("base", url=at)  # it blocks, as a synchronous driver would
        apply_migrations(url=at)

    asyncio.run(serve())
    assert current_revision(at) == "a1"


def test_a_missing_database_is_made(made: Minimal) -> None:
    for driver in DRIVERS:
        with scratch_database(of(driver)) as url:
            other = url.set(database=f"{url.database}_x")
            assert create_missing_database(other) and not create_missing_database(other)
            with connect(url) as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql(f"DROP DATABASE {other.database}")


def test_a_server_that_does_not_let_us_in(made: Minimal) -> None:
    for driver in DRIVERS:
        with pytest.raises(DatabaseUnavailable):
            apply_migrations(url=of(driver).set(host="127.0.0.1", port=1))


def test_a_failed_revision_leaves_nothing(made: Minimal) -> None:
    made.revision("b2", "a1", upgrade=f"{OTHER}\nop.execute('no SQL')")
    with scratch_database(of("asyncpg")) as url:
        with pytest.raises(CommandError, match="no SQL"):
            apply_migrations(url=url)
        assert current_revision(url) == "a1" and tables(url) == {"t", "alembic_version"}


def test_a_table_that_somebody_holds(
    made: Minimal, at: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_LOCK_TIMEOUT", "1")
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "2")
    apply_migrations(url=at)
    made.revision("b2", "a1", upgrade='op.add_column("t", sa.Column("n", sa.Integer))')
    with connect(at) as reader:
        reader.exec_driver_sql("SELECT * FROM t")
        began = time.monotonic()
        with pytest.raises(LockTimeout):
            apply_migrations(url=at)
        assert time.monotonic() - began < 20
    apply_migrations(url=at)
    assert current_revision(at) == "b2"


@pytest.mark.parametrize("driver", PROCESSES)
def test_two_at_once_are_one(made: Minimal, driver: str) -> None:
    slow = "pg_sleep(1)" if driver == "asyncpg" else "SLEEP(1)"
    made.revision("b2", "a1", upgrade=f'op.execute("SELECT {slow}")\n{OTHER}')
    with scratch_database(of(driver)) as at:
        processes = [made.upgrading(at) for _ in range(2)]
        said = [process.communicate(timeout=60) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
        assert current_revision(at) == "b2"


RESUMES = {
    "asyncpg": """
        with op.get_context().autocommit_block():
            op.execute("CREATE INDEX CONCURRENTLY ix_one ON t (id)")
            op.execute("INSERT INTO t VALUES (1)")
            {stop}
    """,
    "mysql": """
        op.execute("CREATE INDEX ix_one ON t (id)")
        op.execute("INSERT INTO t VALUES (1)")
        op.create_table("u", sa.Column("id", sa.Integer))
        {stop}
    """,
}


def test_an_interrupted_revision_goes_on(made: Minimal, at: URL) -> None:
    steps = RESUMES.get(at.get_driver_name(), RESUMES["mysql"])
    made.revision("b2", "a1", upgrade=steps.format(stop="import os; os.environ['GO_ON']"))
    with pytest.raises(KeyError):
        apply_migrations(url=at)
    assert current_revision(at) == "a1"
    os.environ["GO_ON"] = "yes"
    try:
        apply_migrations(url=at)
    finally:
        del os.environ["GO_ON"]
    assert current_revision(at) == "b2"
    with connect(at) as connection:
        assert connection.exec_driver_sql("SELECT id FROM t").scalars().all() == [1]


def test_a_downgrade_over_rows_needs_consent(
    made: Minimal, at: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alambique.upgrade.guard.is_scratch", lambda _: False)
    apply_migrations(url=at)
    with connect(at) as connection, connection.begin():
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    with pytest.raises(CommandError, match="lose="):
        revert_migrations("base", url=at)
    assert "t" in tables(at)
    place = f"{at.host}:{at.port}/{at.database}"
    revert_migrations("base", url=at, lose=f"{place}:t")
    assert "t" not in tables(at)


@pytest.mark.parametrize("driver", PROCESSES)
def test_ctrl_c_while_a_statement_runs(made: Minimal, driver: str) -> None:
    slow = "pg_sleep(60)" if driver == "asyncpg" else "SLEEP(60)"
    made.revision("b2", "a1", upgrade=f'print("now", flush=True)\nop.execute("SELECT {slow}")')
    with scratch_database(of(driver)) as at:
        running = made.upgrading(at)
        assert running.stdout is not None
        assert running.stdout.readline() == "now\n"
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
        assert running.returncode == 130, said
        assert "Traceback" not in said
        assert current_revision(at) == "a1"


def test_threads_share_the_loop(made: Minimal) -> None:
    found: list[object] = []
    with scratch_database(of("asyncpg")) as at:
        engine = migration_engine(at)

        def ask() -> None:
            with engine.connect() as connection:
                found.append(connection.scalar(sa.text("SELECT 1 FROM pg_sleep(0.2)")))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [1] * 8 and time.monotonic() - began < 5


def test_a_connection_of_their_own_loop(made: Minimal, at: URL) -> None:
    """As Alembic's cookbook has it: `await connection.run_sync(upgrade)`."""

    async def migrate() -> None:
        engine = create_async_engine(at)
        async with engine.connect() as connection:
            config = alembic_config()

            def upgrade(given: sa.Connection) -> None:
                config.attributes["connection"] = given
                command.upgrade(config, "head")

            await connection.run_sync(upgrade)
        await engine.dispose()

    asyncio.run(migrate())
    assert current_revision(at) == "a1"


def test_a_service_is_ready_on_it(made: Minimal, at: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, expected in ((at, "behind"), (at.set(port=1), "unreachable")):
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
        assert readiness()[0] == expected


def test_without_the_setting_it_is_the_sibling(tmp_path: Path) -> None:
    minimal_project(tmp_path)
    url = server_url("postgresql").set(drivername="postgresql+asyncpg")
    assert migration_engine(url).dialect.driver == "psycopg"


def test_the_setting_is_yes_or_no(made: Minimal) -> None:
    path = made.root / "pyproject.toml"
    made.write("pyproject.toml", path.read_text().replace("= true", '= "yes"'))
    with pytest.raises(InvalidSetting, match="async-driver"):
        use_project(made.root)
