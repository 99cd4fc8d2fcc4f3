"""One migrator at a time: who needs the lock, who waits for it, and what comes of one that is lost.

On each real database, in this process; many processes at the same moment are in tests/project.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import env, messages
from alambique.database.engine import migration_engine
from alambique.database.errors import DatabaseUnavailable
from alambique.settings import InvalidSetting, alembic_config
from alambique.upgrade import lease, lock
from alambique.upgrade.lease import Lease
from alambique.upgrade.lock import MigrationLock
from alambique.upgrade.session_lock import AdvisoryLock
from alambique.upgrade.waiting import LockLost, LockTimeout, Wait, lock_wait
from alembic import command
from alembic.util import CommandError
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy_utils import create_database

from support.database import drop
from support.minimal import Minimal, minimal_project
from support.servers import server_url

SERVERS = ["postgresql", "mysql"]
TABLE = 'op.create_table("t", sa.Column("n", sa.Integer))'
DROP = 'op.drop_table("t")'

# How many sessions hold the migration lock of a database.
HOLDERS = {
    "postgresql": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())",
    "mysql": "SELECT IS_USED_LOCK(concat('alembic.', database())) IS NOT NULL",
}
SESSION = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
END = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}
GIVE_BACK = {
    "postgresql": "SELECT pg_advisory_unlock_all()",
    "mysql": "SELECT RELEASE_ALL_LOCKS()",
}
LISTS_TABLES = {"postgresql": "pg_catalog.pg_class.relkind", "mysql": "SHOW FULL TABLES"}
WAIT_A_SECOND = {
    "postgresql": "SET LOCAL lock_timeout = 1000",
    "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "0.1")
    made = minimal_project(tmp_path)
    made.revision("a1", upgrade=TABLE, downgrade=DROP)
    return made


@pytest.fixture
def other(made: Minimal) -> Iterator[sqlite3.Connection]:
    """Another migrator, which holds the lock."""
    held = sqlite3.connect(made.root / "app.db-migration-lock", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    yield held
    held.close()


@pytest.fixture
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[URL]:
    """Name a database of its own on a server, which the test may have as its parameter."""
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "0.3")
    server = server_url(getattr(request, "param", "postgresql"))
    url = server.set(database=f"lock_{tmp_path.name[-30:]}_{time.monotonic_ns()}")
    create_database(url)
    yield url
    drop(url)


@pytest.fixture
def on_server(url: URL, tmp_path: Path) -> Minimal:
    """Make a project on the server."""
    return minimal_project(tmp_path, url.render_as_string(hide_password=False))


@pytest.fixture
def connected(url: URL) -> Iterator[Callable[[], sa.Connection]]:
    """Connect as migrations do, as often as it is asked for."""
    opened: list[sa.Connection] = []

    def connect() -> sa.Connection:
        opened.append(migration_engine(url).connect())
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def on_each_server(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test on each server."""
    marked: Callable[..., None] = pytest.mark.parametrize("url", SERVERS, indirect=True)(test)
    return marked


def ask(url: URL, sql: str) -> Any:
    """Ask a database as a stranger would."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.execute(sa.text(sql))
        return result.scalar() if result.returns_rows else None


def backend(url: URL) -> str:
    """Return the kind of a database."""
    return url.get_backend_name()


def has_table(url: URL) -> bool:
    """Tell whether the revision's table is there."""
    return sa.inspect(sa.create_engine(url, poolclass=sa.NullPool)).has_table("t")


def end_session(url: URL, connection: sa.Connection) -> None:
    """End a connection's session, as an operator does."""
    session = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
    session.execute(SESSION[backend(url)])
    ask(url, END[backend(url)].format(session.fetchone()[0]))


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


@on_each_server
def test_what_only_reads_makes_no_table(url: URL, on_server: Minimal) -> None:
    """It would make the one of the versions without the lock, and two at once both would."""
    on_server.revision("a1", upgrade=TABLE)
    with pytest.raises(CommandError):
        command.check(alembic_config())
    command.current(alembic_config())
    assert not sa.inspect(sa.create_engine(url, poolclass=sa.NullPool)).get_table_names()


@on_each_server
def test_a_table_that_goes_while_it_is_read_is_a_sentence(url: URL, on_server: Minimal) -> None:
    """A reader waits for nobody: it may find the tables listed, and one of them gone."""
    on_server.revision("a1", upgrade=TABLE)
    command.upgrade(alembic_config(), "head")
    dropped: list[str] = []

    def drop(_connection: sa.Connection, _cursor: Any, sql: str, *_: Any) -> None:
        is_of_one = "table_name" in sql
        if LISTS_TABLES[backend(url)] in sql and not is_of_one and not dropped:
            dropped.append(sql)
            ask(url, "DROP TABLE t")

    sa.event.listen(sa.Engine, "after_cursor_execute", drop)
    try:
        with pytest.raises(CommandError) as failed:
            command.check(alembic_config())
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", drop)
    assert str(failed.value).startswith(messages.CHANGED_MEANWHILE.partition("{")[0])


@pytest.fixture
def meanwhile(made: Minimal, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have another migrator come between what a command finds first and what it does."""
    decide = lock.decide

    def come_between(sql: str) -> None:
        def and_then(*arguments: Any) -> Any:
            found = decide(*arguments)
            monkeypatch.setattr(env, "decide", decide)
            with sqlite3.connect(made.root / "app.db") as other:
                other.executescript(sql)
            return found

        monkeypatch.setattr(env, "decide", and_then)

    return come_between


def test_who_found_nothing_to_do_does_nothing(
    made: Minimal, meanwhile: Callable[[str], None]
) -> None:
    command.upgrade(alembic_config(), "head")
    meanwhile("DELETE FROM alembic_version; DROP TABLE t")
    command.upgrade(alembic_config(), "head")
    engine = sa.create_engine(f"sqlite:///{made.root}/app.db")
    assert sa.inspect(engine).get_table_names() == ["alembic_ledger", "alembic_version"]


def test_who_waited_does_what_is_left(made: Minimal, meanwhile: Callable[[str], None]) -> None:
    made.revision("b2", "a1", upgrade='op.execute("INSERT INTO t VALUES (2)")')
    command.upgrade(alembic_config(), "a1")
    meanwhile("INSERT INTO t VALUES (1); UPDATE alembic_version SET version_num = 'b2'")
    command.upgrade(alembic_config(), "head")
    with sa.create_engine(f"sqlite:///{made.root}/app.db").connect() as connection:
        assert connection.execute(sa.text("SELECT n FROM t")).all() == [(1,)]


@pytest.mark.parametrize("goal", ["+1", "-1"])
def test_a_goal_that_counts_is_not_moved(
    made: Minimal, meanwhile: Callable[[str], None], goal: str
) -> None:
    for id, below in (("b2", "a1"), ("c3", "b2"), ("d4", "c3")):
        made.revision(id, below)
    command.upgrade(alembic_config(), "b2")
    meanwhile("UPDATE alembic_version SET version_num = 'c3'")
    said = messages.GOAL_MOVED.format(goal=goal, before="b2", now="c3")
    with pytest.raises(CommandError) as refused:
        command.upgrade(alembic_config(), goal) if goal == "+1" else command.downgrade(
            alembic_config(), goal
        )
    assert str(refused.value) == said
    with sqlite3.connect(made.root / "app.db") as found:
        assert found.execute("SELECT version_num FROM alembic_version").fetchall() == [("c3",)]


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


def test_nothing_is_committed_once_the_file_is_gone(made: Minimal) -> None:
    """Whoever removes the file lets another migrator lock a new one."""
    made.revision("b2", "a1", upgrade="import os; os.unlink('app.db-migration-lock')")
    made.revision("c3", "b2", upgrade='op.execute("INSERT INTO t VALUES (3)")')
    with sa.create_engine(f"sqlite:///{made.root}/app.db").connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        with pytest.MonkeyPatch.context() as patched:
            patched.chdir(made.root)
            with pytest.raises(LockLost, match="app.db-migration-lock"):
                command.upgrade(config, "head")
        connection.commit()  # of a caller who goes on
        version = connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        assert version.all() == [("a1",)]


@on_each_server
def test_the_lock_is_of_the_session_that_migrates(
    url: URL, on_server: Minimal, connected: Callable[[], sa.Connection]
) -> None:
    first, second = connected(), connected()
    with MigrationLock(first).held():
        assert ask(url, HOLDERS[backend(url)]) == 1
        with pytest.raises(LockTimeout, match="0.3 s"), MigrationLock(second).held():
            pass
        end_session(url, first)
        with MigrationLock(second).held():
            assert ask(url, HOLDERS[backend(url)]) == 1
    assert ask(url, HOLDERS[backend(url)]) == 0


@on_each_server
def test_a_lock_that_cannot_be_given_back_is_no_failure(
    url: URL,
    on_server: Minimal,
    connected: Callable[[], sa.Connection],
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection = connected()
    with MigrationLock(connection).held():
        end_session(url, connection)
    said = messages.LOCK_NOT_RELEASED.partition("{")[0]
    assert [each for each in caplog.messages if said in each]


@on_each_server
def test_nothing_is_committed_once_the_lock_is_gone(url: URL, on_server: Minimal) -> None:
    on_server.revision("a1", upgrade=f"op.execute({GIVE_BACK[backend(url)]!r})\n{TABLE}")
    with pytest.raises(LockLost) as lost:
        command.upgrade(alembic_config(), "head")
    assert "alembic" in str(lost.value)
    assert not has_table(url)

    on_server.revision("a1", upgrade=TABLE)
    if backend(url) == "mysql":  # it began to be applied otherwise
        ask(url, "DROP TABLE IF EXISTS alembic_journal")
    command.upgrade(alembic_config(), "head")
    assert has_table(url)


@on_each_server
def test_a_session_that_is_ended_is_a_sentence(url: URL, on_server: Minimal) -> None:
    end, said = END[backend(url)], url.render_as_string(hide_password=False)
    on_server.revision(
        "a1",
        upgrade=f"""
        session = op.get_bind().scalar(sa.text({SESSION[backend(url)]!r}))
        operator = sa.create_engine({said!r}, poolclass=sa.NullPool)
        with operator.connect() as connection:
            connection.exec_driver_sql({end!r}.format(session))
        {TABLE}
        """,
    )
    with pytest.raises(LockLost) as lost:
        command.upgrade(alembic_config(), "head")
    assert str(lost.value).startswith(messages.CONNECTION_LOST.partition("{")[0])
    assert not has_table(url)


@on_each_server
def test_a_pool_gets_its_session_back_as_it_was(url: URL, on_server: Minimal) -> None:
    on_server.revision("a1", upgrade=TABLE)
    engine = sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=1)
    idle = sa.text("SELECT @@SESSION.wait_timeout")

    with engine.connect() as connection:
        if backend(url) == "mysql":
            connection.execute(sa.text("SET SESSION wait_timeout = 77"))
            connection.commit()
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert not connection.in_transaction()
        assert backend(url) != "mysql" or connection.scalar(idle) == 77
    assert ask(url, HOLDERS[backend(url)]) == 0
    assert has_table(url)
    engine.dispose()


@on_each_server
def test_an_asynchronous_connection_may_be_given(url: URL, on_server: Minimal) -> None:
    on_server.revision("a1", upgrade=TABLE)
    driver = {"postgresql": "postgresql+psycopg", "mysql": "mysql+aiomysql"}[backend(url)]

    def upgrade(connection: sa.Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async def run() -> None:
        engine = create_async_engine(url.set(drivername=driver))
        async with engine.connect() as connection:
            await connection.run_sync(upgrade)
        await engine.dispose()

    asyncio.run(run())
    assert has_table(url)
    assert ask(url, HOLDERS[backend(url)]) == 0


@pytest.mark.parametrize("url", ["mysql"], indirect=True)
def test_a_slow_revision_keeps_its_session(url: URL, on_server: Minimal) -> None:
    on_server.revision("a1", upgrade=f"import time; time.sleep(2.5)\n{TABLE}")
    impatient = url.update_query_dict({"init_command": "SET SESSION wait_timeout = 1"})
    command.upgrade(alembic_config(impatient), "head")
    assert has_table(url)


@on_each_server
def test_a_row_is_one_migrators_at_a_time(
    url: URL, on_server: Minimal, connected: Callable[[], sa.Connection]
) -> None:
    leases = [Lease(connected()) for _ in range(8)]
    taken: list[Lease] = []

    def take(one: Lease) -> None:
        try:
            one.take(Wait())
        except LockTimeout:
            return
        taken.append(one)

    threads = [threading.Thread(target=take, args=(one,)) for one in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert taken[0].is_held()
    taken[0]._connection.connection.commit()
    taken[0].release()
    assert ask(url, "SELECT count(*) FROM alembic_lock") == 0


@on_each_server
def test_a_row_that_nobody_touches_is_removed(
    url: URL,
    on_server: Minimal,
    connected: Callable[[], sa.Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.1)
    monkeypatch.setattr(lease, "UNTOUCHED", 12)  # two seconds: its thread has to start
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "3")
    alive, waiting = Lease(connected()), Lease(connected())
    alive.take(Wait())
    with pytest.raises(LockTimeout, match="alembic_lock"):
        waiting.take(Wait())

    alive._done.set()  # as if its process were stopped
    waiting.take(Wait())
    assert waiting.is_held()
    waiting._connection.connection.commit()
    assert not alive.is_held()
    alive._connection.connection.rollback()
    waiting.release()


@on_each_server
def test_a_row_that_is_touched_cannot_be_removed_before_the_commit(
    url: URL, on_server: Minimal, connected: Callable[[], sa.Connection]
) -> None:
    """What is committed is committed by who has the lock, whatever a waiter thinks."""
    holder, waiter = connected(), connected()
    held = Lease(holder)
    held.take(Wait())
    held._done.set()
    seen = waiter.execute(lease.READ).one()
    waiter.rollback()

    assert held.is_held()
    with pytest.raises(sa.exc.DBAPIError), waiter.begin():
        waiter.execute(sa.text(WAIT_A_SECOND[backend(url)]))
        waiter.execute(lease.REMOVE, {"me": seen.me, "beat": seen.beat})
    holder.connection.commit()
    with waiter.begin():
        assert waiter.execute(lease.REMOVE, {"me": seen.me, "beat": seen.beat}).rowcount == 0
    held.release()


def test_a_session_waits_for_who_has_the_row(
    url: URL,
    on_server: Minimal,
    connected: Callable[[], sa.Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who migrates through a pooler has no session; the two kinds of lock know each other."""
    pooled, direct = Lease(connected()), AdvisoryLock(connected())
    pooled.take(Wait())
    with pytest.raises(LockTimeout, match="alembic_lock"):
        direct.take(Wait())
    assert ask(url, HOLDERS["postgresql"]) == 0

    pooled.release()
    direct.take(Wait())
    assert direct.is_held()
    direct.release()
    assert not direct.is_held()
