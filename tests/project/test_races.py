"""Two deploys at once are one deploy, and nobody waits for ever.

Promise 5 on real databases: up to twenty `upgrade head` start at the same moment, the one that
holds the lock is killed, a reader holds the table. Every exit code is 0, each revision is applied
once; and whoever may not wait any longer says so in a sentence and leaves nothing half done.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from support.database import DATABASES, database_of, empty, query, rows_in, snapshot
from support.history import (
    MODES,
    TEN,
    Run,
    eventually,
    gate,
    held,
    service,
    wait_at_the_gate,
    write_revisions,
)
from support.messages import said
from support.project import Project
from support.races import arena, races

# What names the session that holds the lock, and what an operator ends it with.
HOLDER = {
    "postgresql": "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())",
    "mysql": "SELECT IS_USED_LOCK(concat('alembic.', database()))",
}
# A service's mode has no part in migrations but the driver that its URL names.
ROUNDS = {"sync": 5, "async": 2}
END = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}

ADULTS = """
op.add_column("usuarios", sa.Column("adulto", sa.Integer))
op.execute("UPDATE usuarios SET adulto = 1")
op.execute(auditoria.insert().values(passo="sobe 11"))
"""
NEWS = """
op.create_table("novas{n}", sa.Column("id", sa.Integer, primary_key=True))
"""
BIRTHDAY = """
op.execute("UPDATE usuarios SET anos = anos + 1")
op.execute(auditoria.insert().values(passo="sobe 11"))
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a race every mode and number of processes, or with the default options one of each."""
    full = metafunc.config.getoption("--full")
    if "mode" in metafunc.fixturenames:
        metafunc.parametrize("mode", MODES if full else MODES[:1])
    if "processes" in metafunc.fixturenames:
        metafunc.parametrize("processes", [2, 8, 20] if full else [8])


@contextmanager
def locked(project: Project) -> Iterator[None]:
    """Hold the migration lock from outside, by the names DESIGN.md gives it."""
    url = database_of(project)
    take = {
        "sqlite": "BEGIN EXCLUSIVE",
        "postgresql": "SELECT pg_advisory_lock(hashtext('alembic'))",
        "mysql": f"SELECT GET_LOCK('alembic.{url.database}', 0)",
    }
    if url.get_backend_name() == "sqlite":
        url = url.set(database=f"{url.database}-migration-lock")
    with create_engine(url, poolclass=NullPool).connect() as connection:
        connection.execute(text(take[url.get_backend_name()]))
        yield


@pytest.mark.parametrize("start", ["empty", pytest.param("middle", marks=pytest.mark.full)])
@pytest.mark.parametrize("database", DATABASES)
def test_upgrades_at_the_same_moment_apply_each_revision_once(
    project: Callable[..., Project],
    full: bool,
    record_property: Callable[[str, int], None],
    database: str,
    mode: str,
    start: str,
    processes: int,
) -> None:
    made = service(project, database, mode)
    ids = write_revisions(made, TEN)
    Run(made, "upgrade", "head").end()
    whole = snapshot(made)
    assert len(whole["auditoria"]["rows"]) == len(TEN)

    pending = ids if start == "empty" else ids[5:]
    rounds = ROUNDS[mode] if full else 1
    for _ in range(rounds):
        empty(made)
        if start == "middle":
            Run(made, "upgrade", ids[4]).end()
        barrier = Run.machine.Barrier(processes)
        runs = [Run(made, "upgrade", "head", start=barrier) for _ in range(processes)]
        output = "".join([run.end() for run in runs])
        assert re.findall(r"Running upgrade \S* -> (\w+)", output) == pending
        assert snapshot(made) == whole
    record_property("races run", rounds)
    record_property("processes raced", rounds * processes)
    record_property("rows compared", rounds * rows_in(whole))


@pytest.mark.parametrize("database", DATABASES)
def test_when_the_holder_of_the_lock_is_killed_the_others_go_on(
    project: Callable[..., Project], database: str, mode: str
) -> None:
    made = service(project, database, mode)
    door = (f"op.execute(auditoria.insert().values(passo='porta'))\n{wait_at_the_gate(made)}", "")
    ids = write_revisions(made, [*TEN[:5], door, *TEN[5:]])
    holder = Run(made, "upgrade", "head")
    eventually(lambda: "at the gate" in holder.output)
    others = [Run(made, "upgrade", "head") for _ in range(3)]
    time.sleep(1)
    assert all(run.process.is_alive() for run in others)
    assert not any("Running upgrade" in run.output for run in others)
    holder.kill()
    eventually(lambda: any("Running upgrade" in run.output for run in others))
    gate(made).touch()
    output = "".join([run.end() for run in others])
    assert re.findall(r"Running upgrade \S* -> (\w+)", output) == ids[5:]
    killed = snapshot(made)
    empty(made)
    Run(made, "upgrade", "head").end()
    assert snapshot(made) == killed


@pytest.mark.parametrize("database", DATABASES)
def test_what_comes_of_a_race_is_what_an_order_would_have_done(
    full: bool,
    tmp_path: Path,
    record_property: Callable[[str, int], None],
    database: str,
) -> None:
    """Upgrades, downgrades, stamps and readers, as they come; a thousand are for `make soak`."""
    wrong: list[str] = []
    with arena(database, tmp_path) as place:
        rounds = 20 if full else 4
        counted = races(place, rounds, 12, wrong.append)
    assert not wrong, "\n".join(wrong)
    record_property("races run", counted["races"])
    record_property("processes raced", counted["processes"])


@pytest.mark.parametrize("database", list(HOLDER))
def test_when_the_holders_session_is_ended_it_commits_nothing_more(
    project: Callable[..., Project], database: str
) -> None:
    made = service(project, database)
    door = (f"op.execute(auditoria.insert().values(passo='porta'))\n{wait_at_the_gate(made)}", "")
    write_revisions(made, [*TEN[:5], door, *TEN[5:]])
    holder = Run(made, "upgrade", "head")
    eventually(lambda: "at the gate" in holder.output)
    [(session,)] = query(made, HOLDER[database])
    query(made, END[database].format(session))

    other = Run(made, "upgrade", "head")
    eventually(lambda: "at the gate" in other.output)
    gate(made).touch()
    assert said(made, "CONNECTION_LOST", holder.fail())
    other.end()
    ended = snapshot(made)
    empty(made)
    Run(made, "upgrade", "head").end()
    assert snapshot(made) == ended


@pytest.mark.full
@pytest.mark.parametrize("database", DATABASES)
def test_a_migration_waits_for_a_reader_in_short_turns(
    project: Callable[..., Project], database: str, mode: str
) -> None:
    made = service(project, database, mode)
    ids = write_revisions(made, TEN)
    Run(made, "upgrade", "head").end()
    whole = snapshot(made)

    empty(made)
    Run(made, "upgrade", ids[4]).end()
    with held(made, "SELECT * FROM usuarios"):
        run = Run(made, "upgrade", "head", MIGRATION_LOCK_TIMEOUT="1")
        eventually(lambda: said(made, "TABLE_RETRY", run.output))
        assert run.process.is_alive()
    run.end()
    assert snapshot(made) == whole


@pytest.mark.full
def test_the_wait_begins_when_there_is_somebody_to_wait_for(
    project: Callable[..., Project],
) -> None:
    """A migration that worked for longer than MIGRATION_LOCK_WAIT has all of it left."""
    made = service(project, "postgresql")
    write_revisions(made, [*TEN[:6], (wait_at_the_gate(made) + ADULTS, "")])
    run = Run(made, "upgrade", "head", MIGRATION_LOCK_TIMEOUT="1", MIGRATION_LOCK_WAIT="5")
    eventually(lambda: "at the gate" in run.output)
    time.sleep(5)
    with held(made, "SELECT * FROM usuarios"):
        gate(made).touch()
        eventually(lambda: said(made, "TABLE_RETRY", run.output))
    run.end()


@pytest.mark.full
def test_so_many_steps_more_are_never_one_too_many(project: Callable[..., Project]) -> None:
    """After the first of `+2` the same words would mean another goal: it stops and says so."""
    made = service(project, "postgresql")
    ids = write_revisions(made, [*TEN[:6], (NEWS.format(n=1), ""), (ADULTS, ""), (NEWS, "")])
    Run(made, "upgrade", ids[5]).end()
    with held(made, "SELECT * FROM usuarios"):
        run = Run(made, "upgrade", "+2", MIGRATION_LOCK_TIMEOUT="1")
        eventually(lambda: said(made, "TABLE_RETRY", run.output))
    assert said(made, "TABLE_BUSY", run.fail())
    assert query(made, "SELECT version_num FROM alembic_version") == [(ids[6],)]
    Run(made, "upgrade", "+1").end()
    assert query(made, "SELECT version_num FROM alembic_version") == [(ids[7],)]


READ, WRITE = "SELECT * FROM usuarios", "UPDATE usuarios SET anos = anos + 100"
BUSY = [
    ("sqlite", WRITE),
    ("postgresql", READ),
    ("mysql", READ),
    pytest.param("sqlite", READ, marks=pytest.mark.full),
    pytest.param("postgresql", WRITE, marks=pytest.mark.full),
    pytest.param("mysql", WRITE, marks=pytest.mark.full),
]


@pytest.mark.parametrize(("database", "sql"), BUSY)
def test_a_table_that_stays_busy_ends_in_a_sentence_and_nothing_half_done(
    project: Callable[..., Project], database: str, sql: str
) -> None:
    made = service(project, database)
    last = write_revisions(made, TEN)[-1]
    change = ADULTS if sql.startswith("SELECT") else BIRTHDAY
    Run(made, "upgrade", "head").end()
    before = snapshot(made)
    write_revisions(made, [(change, "")], after=last)

    with held(made, sql):
        began = time.monotonic()
        run = Run(made, "upgrade", "head", MIGRATION_LOCK_TIMEOUT="1", MIGRATION_LOCK_WAIT="1")
        assert said(made, "TABLE_BUSY", run.fail())
        assert 1 < time.monotonic() - began < 45
    assert snapshot(made) == before
    Run(made, "upgrade", "head").end()
    assert "('sobe 11',)" in snapshot(made)["auditoria"]["rows"]


@pytest.mark.parametrize("database", DATABASES)
def test_the_lock_is_taken_only_when_there_is_something_to_do(
    project: Callable[..., Project], database: str, mode: str
) -> None:
    made = service(project, database, mode)
    last = write_revisions(made, TEN)[-1]
    Run(made, "upgrade", "head").end()
    before = snapshot(made)
    with locked(made):
        for command in (["upgrade", "head"], ["current"], ["downgrade", last], ["history"]):
            Run(made, *command).end(within=45)
        write_revisions(made, [(BIRTHDAY, "")], after=last)
        began = time.monotonic()
        for command in (["upgrade", "head"], ["downgrade", "-1"], ["stamp", "base"]):
            run = Run(made, *command, MIGRATION_LOCK_WAIT="0.5")
            assert said(made, "LOCK_TIMEOUT", run.fail())
        assert 1.5 < time.monotonic() - began < 45
        assert snapshot(made) == before
    Run(made, "upgrade", "head").end()
