"""Who keeps nobody waiting may wait, what was cut off leaves nothing, who is in the way is said.

On real servers, with real sessions in the way.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent
from threading import Timer
from typing import Any

import alambique
import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.database.sessions import InTheWay, Session
from alambique.settings import alembic_config
from alambique.upgrade import lookout, waiting
from alambique.upgrade.patience import patience
from alambique.upgrade.waiting import LockTimeout
from alembic import command
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.pool import NullPool
from sqlalchemy_utils import create_database

from support.minimal import Minimal, minimal_project

START = {
    "postgresql": """
        CREATE TABLE t (id INTEGER PRIMARY KEY, old INTEGER, CONSTRAINT few CHECK (old < 100));
        ALTER TABLE t ADD CONSTRAINT many CHECK (old > 0) NOT VALID;
        CREATE INDEX ix_old ON t (old);
        INSERT INTO t SELECT n, n FROM generate_series(1, 9) n;
        CREATE TABLE elsewhere (id INTEGER);
        CREATE TABLE parted (id INTEGER, body TEXT) PARTITION BY LIST (id);
        CREATE TABLE first_part PARTITION OF parted FOR VALUES IN (1);
        CREATE INDEX ix_parted ON parted (id);
        CREATE TYPE colour AS ENUM ('red');
    """,
    "mysql": """
        CREATE TABLE t (id INTEGER PRIMARY KEY, old INTEGER);
        INSERT INTO t VALUES (1, 1), (2, 2), (3, 3);
    """,
    "sqlite": "",
}

# A transaction that looks at nothing of ours: who builds an index concurrently waits at its end for
# everybody who may see what was before it.
OLD_SNAPSHOT = [
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SELECT 'segredo', id FROM elsewhere WHERE id > 4711",
]
BUILDS_TOO = ["LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE"]
READS = ["SELECT * FROM t"]

BUILD = "CREATE INDEX CONCURRENTLY ix_new ON t (old)"
INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1"
VALID = "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid = to_regclass('ix_new')"


class Database:
    """A project, and a database with a table that somebody is at."""

    def __init__(self, project: Minimal, url: str) -> None:
        self.project, self.url = project, url
        self.engine = sa.create_engine(url, poolclass=NullPool)
        with self.engine.connect() as connection:
            for statement in START[connection.dialect.name].split(";\n"):
                if statement.strip():
                    connection.exec_driver_sql(statement)
            connection.commit()

    def revision(self, *sql: str, in_block: bool = False, more: str = "") -> None:
        """Write the revision: statements, each by itself if they are in a block."""
        lines = "\n".join(f"op.execute({each!r})" for each in sql) + f"\n{more}"
        if in_block:
            lines = f"with op.get_context().autocommit_block():\n{indent(lines, '    ')}"
        self.project.revision("a1", upgrade=lines)

    def upgrade(self) -> None:
        """Run it."""
        command.upgrade(alembic_config(self.url), "head")

    @contextmanager
    def held(self, *sql: str, seconds: float = 30) -> Iterator[int]:
        """Have another session's transaction open; yield the session's number."""
        connection = self.engine.connect()
        mine = "pg_backend_pid()" if connection.dialect.name == "postgresql" else "connection_id()"
        number = connection.exec_driver_sql(f"SELECT {mine}").scalar_one()
        connection.rollback()
        for statement in sql:
            connection.exec_driver_sql(statement).close()
        end = Timer(seconds, connection.rollback)
        end.start()
        try:
            yield int(number)
        finally:
            end.cancel()
            end.join()
            connection.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def run(self, sql: str) -> None:
        """Run a statement, by itself."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(sql)


@pytest.fixture
def database(
    tmp_path: Path, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Database]:
    """Make a project on a new database of a kind, where everything is short."""
    monkeypatch.setenv("MIGRATION_LOCK_TIMEOUT", "0.4")
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "0.1")

    def make(kind: str, language: str = "en") -> Database:
        url = new_database(kind)
        create_database(url)
        return Database(minimal_project(tmp_path, url=url, language=language), url)

    return make


@contextmanager
def counting(begin: str) -> Iterator[list[str]]:
    """Count the statements that begin so."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if sql.startswith(begin):
            found.append(sql)

    event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(sa.Engine, "before_cursor_execute", note)


# How long a statement may wait


def test_an_index_is_not_undone_because_somebody_reads(
    database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait of a statement that keeps nobody is not that for a busy table."""
    made = database("postgresql")
    made.revision(BUILD, in_block=True)
    with made.held(*OLD_SNAPSHOT, seconds=1.5), counting("CREATE INDEX") as built:
        made.upgrade()
    assert len(built) == 1
    assert made.rows(VALID) == [(1,)]


PATIENT = [
    BUILD,
    "DROP INDEX CONCURRENTLY ix_old",
    "REINDEX TABLE CONCURRENTLY t",
    "VACUUM t",
    "ANALYZE t",
    "ALTER TABLE t VALIDATE CONSTRAINT many",
]


@pytest.mark.parametrize("sql", PATIENT)
def test_what_keeps_nobody_has_patience(database: Callable[..., Database], sql: str) -> None:
    made = database("postgresql")
    made.revision(sql, in_block=True)
    with made.held(*BUILDS_TOO, seconds=0.9), counting(sql) as sent:
        made.upgrade()
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("sql", "may_wait"),
    [
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a ON b (c)", True),
        ("-- why\ncreate index concurrently on b (c) where d = ';'", True),
        ("REINDEX (VERBOSE, CONCURRENTLY) INDEX a", True),
        ("REINDEX (CONCURRENTLY false) INDEX a", False),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", True),
        ("REFRESH MATERIALIZED VIEW v", False),
        ("VACUUM (FULL) t", False),
        ("VACUUM (ANALYZE) t", True),
        ("ALTER TYPE s.colour ADD VALUE IF NOT EXISTS 'blue'", True),
        ('ALTER TABLE ONLY "Odd name".t VALIDATE CONSTRAINT "Odd one";', True),
        ("ALTER TABLE t VALIDATE CONSTRAINT a, ADD COLUMN b INT", False),
        ("ALTER TABLE t VALIDATE CONSTRAINT a; ALTER TABLE t ADD COLUMN b INT", False),
        ("ALTER TYPE colour ADD VALUE 'blue'; ALTER TABLE t ADD COLUMN b INT", False),
        ("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY", True),
        ("ALTER TABLE p DETACH PARTITION p1", False),
        ("CREATE INDEX concurrently_built ON t (a)", False),
        ("CREATE INDEX a ON t (b)", False),
        ("ALTER TABLE t ADD COLUMN concurrently INT", False),
    ],
)
def test_what_a_statement_locks_shows_in_its_text(
    database: Callable[..., Database], sql: str, may_wait: bool
) -> None:
    assert patience(sql) == (3600 if may_wait else None)


@pytest.mark.parametrize(
    "sql",
    [
        ["ALTER TABLE t ADD COLUMN new INTEGER"],
        ["CREATE INDEX ix_new ON t (old)"],
        # Here it is not its own lock that others wait for.
        ["ALTER TABLE t DROP CONSTRAINT few", "ALTER TABLE elsewhere VALIDATE CONSTRAINT positive"],
        ["UPDATE t SET old = 5", "ALTER TABLE elsewhere VALIDATE CONSTRAINT positive"],
    ],
    ids=lambda sql: sql[0],
)
def test_what_others_queue_behind_has_none(
    database: Callable[..., Database], sql: list[str]
) -> None:
    made = database("postgresql")
    made.run("ALTER TABLE elsewhere ADD CONSTRAINT positive CHECK (id > 0) NOT VALID")
    made.revision(*sql)
    table = "elsewhere" if len(sql) > 1 else "t"
    with made.held(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"):
        began = time.monotonic()
        with pytest.raises(LockTimeout):
            made.upgrade()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("own", ["300ms", "400ms"])
def test_what_a_revision_says_of_its_wait_counts(
    database: Callable[..., Database], own: str
) -> None:
    """Also where it says what we would have said."""
    made = database("postgresql")
    made.revision(f"SET lock_timeout = '{own}'", BUILD, in_block=True)
    with made.held(*BUILDS_TOO):
        began = time.monotonic()
        with pytest.raises(LockTimeout):
            made.upgrade()
    assert time.monotonic() - began < 5


def test_the_next_statement_waits_as_before(database: Callable[..., Database]) -> None:
    made = database("postgresql")
    look = "SELECT setting, source FROM pg_settings WHERE name = 'lock_timeout'"
    made.revision(
        "ALTER TABLE t VALIDATE CONSTRAINT many",
        more=f"assert op.get_bind().exec_driver_sql({look!r}).one() == ('400', 'client')\n"
        f"with op.get_context().autocommit_block():\n    op.execute({BUILD!r})\n"
        f"    assert op.get_bind().exec_driver_sql({look!r}).one() == ('400', 'client')\n",
    )
    made.upgrade()


def test_a_given_connection_has_the_same_patience(database: Callable[..., Database]) -> None:
    made = database("postgresql")
    made.revision(BUILD, in_block=True)
    config = alembic_config(made.url)
    with made.engine.connect() as given, made.held(*BUILDS_TOO, seconds=0.9):
        config.attributes["connection"] = given
        with counting(BUILD) as built:
            command.upgrade(config, "head")
        assert given.exec_driver_sql("SHOW lock_timeout").scalar() == "0"
    assert len(built) == 1


def test_patience_has_an_end(
    database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_PATIENCE", "0.3")
    made = database("postgresql")
    made.revision(BUILD, in_block=True)
    with made.held(*OLD_SNAPSHOT), pytest.raises(LockTimeout, match="MIGRATION_PATIENCE"):
        made.upgrade()


# What was cut off


@pytest.mark.parametrize(
    "sql",
    [
        BUILD,
        "CREATE INDEX CONCURRENTLY ON t (old)",
        "REINDEX TABLE CONCURRENTLY t",
        "REINDEX INDEX CONCURRENTLY ix_old",
        "REINDEX TABLE CONCURRENTLY parted",
    ],
)
def test_what_is_cut_off_leaves_no_invalid_index(
    database: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    sql: str,
) -> None:
    """At once, while the transaction is still open, and also where others lie about."""
    monkeypatch.setenv("MIGRATION_PATIENCE", "0.3")
    made = database("postgresql")
    made.run("UPDATE t SET old = 1")
    with pytest.raises(sa.exc.IntegrityError):
        made.run("CREATE UNIQUE INDEX CONCURRENTLY somebodys ON t (old)")
    made.revision(sql, in_block=True)
    with made.held(*OLD_SNAPSHOT):
        with pytest.raises(LockTimeout):
            made.upgrade()
        assert made.rows(INVALID) == [("somebodys",)]
    assert "is dropped" in caplog.text
    made.upgrade()
    assert made.rows(INVALID) == [("somebodys",)]


def test_what_cannot_be_dropped_at_once_is_dropped_by_the_next_run(
    database: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MIGRATION_PATIENCE", "0.3")
    made = database("postgresql")
    made.revision(BUILD, in_block=True)
    with made.held(*OLD_SNAPSHOT, *READS):
        with pytest.raises(LockTimeout):
            made.upgrade()
        assert made.rows(INVALID) == [("ix_new",)]
        assert "could not be dropped now" in caplog.text
    made.upgrade()
    assert made.rows(INVALID) == []
    assert made.rows(VALID) == [(1,)]


def test_an_index_that_is_half_dropped_is_dropped(
    database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_PATIENCE", "0.3")
    made = database("postgresql")
    made.revision("ANALYZE t", "DROP INDEX CONCURRENTLY ix_old", in_block=True)
    with made.held(*READS):
        with pytest.raises(LockTimeout):
            made.upgrade()
        assert made.rows(INVALID) == [("ix_old",)]
    made.upgrade()
    assert made.rows("SELECT to_regclass('ix_old') IS NULL") == [(True,)]


@pytest.mark.parametrize("may_exist", ["", "IF NOT EXISTS "])
def test_an_invalid_index_of_somebody_elses_is_refused(
    database: Callable[..., Database], may_exist: str
) -> None:
    """It may be being built: it is not dropped, and does not count as there."""
    made = database("postgresql")
    made.run("UPDATE t SET old = 1")
    with pytest.raises(sa.exc.IntegrityError):
        made.run("CREATE UNIQUE INDEX CONCURRENTLY ix_new ON t (old)")
    made.revision(f"CREATE INDEX CONCURRENTLY {may_exist}ix_new ON t (old)", in_block=True)
    with pytest.raises(CommandError) as refused:
        made.upgrade()
    assert str(refused.value) == messages.INDEX_IS_INVALID.format(name="ix_new")
    assert made.rows(INVALID) == [("ix_new",)]
    made.run("DROP INDEX CONCURRENTLY ix_new")
    made.upgrade()
    assert made.rows(VALID) == [(1,)]


def test_ctrl_c_leaves_no_invalid_index(database: Callable[..., Database]) -> None:
    made = database("postgresql")
    made.revision(BUILD, in_block=True)
    with made.held(*OLD_SNAPSHOT):
        running = upgrade_elsewhere(made)
        eventually(lambda: made.rows(INVALID) == [("ix_new",)])
        running.send_signal(signal.SIGINT)
        _, printed = running.communicate(timeout=20)
        assert running.returncode == 130, printed
        assert "Traceback" not in printed
        assert made.rows(INVALID) == []
    made.upgrade()
    assert made.rows(VALID) == [(1,)]


def test_whoever_was_killed_does_not_keep_the_next_one(
    database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session ends, though it is patient, and what it left is built anew."""
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "20")
    made = database("postgresql")
    made.revision(BUILD, in_block=True)
    with made.held(*OLD_SNAPSHOT, seconds=60):
        running = upgrade_elsewhere(made)
        eventually(lambda: made.rows(INVALID) == [("ix_new",)])
        running.kill()
        running.communicate()
        left = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%%'"
        eventually(lambda: made.rows(f"{left} AND datname = current_database()") == [(0,)])
    made.upgrade()
    assert made.rows(INVALID) == []
    assert made.rows(VALID) == [(1,)]


# Who is in the way

IN_THE_WAY = [
    ("postgresql", "ALTER TABLE t ADD COLUMN new INTEGER", READS, "en"),
    ("postgresql", "UPDATE t SET old = 2 WHERE id = 1", ["SELECT * FROM t FOR UPDATE"], "pt"),
    ("mysql", "ALTER TABLE t ADD COLUMN new INTEGER", READS, "pt"),
    ("mysql", "UPDATE t SET old = 2 WHERE id = 1", ["SELECT * FROM t FOR UPDATE"], "en"),
]


@pytest.mark.parametrize(("kind", "sql", "theirs", "language"), IN_THE_WAY)
def test_who_is_in_the_way_is_named_by_a_retry_and_at_the_end(
    database: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    sql: str,
    theirs: list[str],
    language: str,
) -> None:
    monkeypatch.setenv("MIGRATION_LOCK_TIMEOUT", "1")
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "0.6")
    made = database(kind, language)
    made.revision(sql)
    with made.held(*theirs) as number, pytest.raises(LockTimeout) as given_up:
        made.upgrade()
    user = sa.make_url(made.url).username
    session = {"en": f"session {number} ({user}, ", "pt": f"sessão {number} ({user}, "}[language]
    assert session in str(given_up.value)
    (again,) = [each for each in caplog.messages if session in each]
    assert "0.5 s" in again


def test_while_an_index_waits_it_says_for_whom(
    database: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(lookout, "PATIENCE", 1.0)
    made = database("postgresql")
    made.revision(BUILD, in_block=True)
    with made.held(*OLD_SNAPSHOT, seconds=4) as number:
        made.upgrade()
    said = next(each for each in caplog.messages if each.startswith("Waiting for"))
    assert f"s already: {BUILD} [waiting for old snapshots]. In the way: session {number} " in said
    assert "(postgres, ?), in a transaction since 20" in said
    assert said.endswith("idle after `SELECT ?, id FROM elsewhere WHERE id > ?`")


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_nobody_is_named_where_it_only_takes_long(
    database: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    monkeypatch.setattr(lookout, "PATIENCE", 0.2)
    made = database(kind)
    made.revision("SELECT pg_sleep(1.2)" if kind == "postgresql" else "DO sleep(1.2)")
    with made.held(*READS):
        made.upgrade()
    assert "session" not in caplog.text


LONG = {
    "postgresql": "SELECT pg_sleep(1.2)",
    "mysql": "DO sleep(1.2)",
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 8000000)"
    " SELECT max(x) FROM n",
}


@pytest.mark.parametrize("kind", LONG)
def test_what_takes_long_is_said_with_how_long(
    database: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    monkeypatch.setattr(lookout, "AT_WORK", 0.3)
    made = database(kind)
    made.revision(LONG[kind])
    made.upgrade()
    said = [each for each in caplog.messages if each.startswith("At work for")]
    assert said and all(f" s: {LONG[kind][:20]}" in each for each in said)


SLOW_INDEX = [
    "CREATE FUNCTION slow(INTEGER) RETURNS INTEGER LANGUAGE plpgsql IMMUTABLE AS"
    " 'BEGIN PERFORM pg_sleep(0.2); RETURN $1; END'",
    "CREATE INDEX ix_slow ON t (slow(old))",
]


def test_how_far_an_index_is_comes_from_the_server(
    database: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(lookout, "AT_WORK", 0.6)
    monkeypatch.setattr(lookout, "PATIENCE", 0.2)
    made = database("postgresql")
    made.revision(*SLOW_INDEX)
    made.upgrade()
    said = [each for each in caplog.messages if "CREATE INDEX ix_slow" in each]
    assert said and all("[building index: scanning table, " in each for each in said), said


def test_what_cannot_be_put_in_one_order_with_others_is_tried_again(
    database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where transactions are serializable, a server says so with 40001, as late as at the end."""
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "5")
    made = database("postgresql")
    made.run("CREATE SEQUENCE attempts")  # which no rollback takes back
    made.revision(
        "CREATE TABLE made (id int)",
        "DO $$ BEGIN IF nextval('attempts') = 1 THEN "
        "RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001'; END IF; END $$",
    )
    made.upgrade()
    assert made.rows("SELECT last_value FROM attempts") == [(2,)]
    assert made.rows("SELECT count(*) FROM made") == [(0,)]


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_nothing_is_left_of_who_looks(database: Callable[..., Database], kind: str) -> None:
    """Neither a thread nor a session; and where nothing takes long, there was none."""
    made = database(kind)
    made.revision("SELECT 1")
    before = threading.active_count()
    connected: list[object] = []

    def note(_dialect: object, _record: object, *_: object) -> None:
        connected.append(threading.current_thread())

    event.listen(sa.Engine, "do_connect", note)
    try:
        made.upgrade()
        assert connected == [threading.main_thread()]
        made.project.revision("b2", "a1", upgrade="import time\nop.execute('SELECT 1')")
        with made.held(*READS):
            made.project.revision("b2", "a1", upgrade="op.execute('DROP TABLE t')")
            with pytest.raises(LockTimeout):
                made.upgrade()
    finally:
        event.remove(sa.Engine, "do_connect", note)
    assert len(set(connected)) > 1
    assert threading.active_count() == before
    theirs = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend'",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = database()",
    }
    eventually(lambda: made.rows(theirs[kind]) == [(1,)])


def test_who_cannot_look_fails_nothing(
    database: Callable[..., Database], caplog: pytest.LogCaptureFixture
) -> None:
    """The URL of a given connection need not lead anywhere."""
    made = database("postgresql")
    made.revision("ALTER TABLE t ADD COLUMN new INTEGER")
    dialect = made.engine.dialect
    arguments, named = dialect.create_connect_args(made.engine.url)
    nowhere = sa.create_engine(
        "postgresql+psycopg://nobody@127.0.0.1:1/nowhere",
        creator=lambda: dialect.connect(*arguments, **named),
        poolclass=NullPool,
    )
    config = alembic_config(made.url)
    with nowhere.connect() as given, made.held(*READS):
        config.attributes["connection"] = given
        with pytest.raises(LockTimeout) as given_up:
            command.upgrade(config, "head")
    assert "session" not in str(given_up.value)


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_who_has_the_migration_lock_is_named(
    database: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "0.3")
    made = database(kind)
    made.revision("SELECT 1")
    take = {
        "postgresql": "SELECT pg_advisory_lock(hashtext('alembic'))",
        "mysql": "SELECT GET_LOCK(concat('alembic.', database()), 0)",
    }
    with made.held(take[kind]) as number, pytest.raises(LockTimeout) as given_up:
        made.upgrade()
    user = sa.make_url(made.url).username
    assert f"; session {number} ({user}, " in str(given_up.value)
    (said,) = [each for each in caplog.messages if each.startswith("Another migration is under")]
    assert f"; session {number} ({user}, " in said


def test_no_value_of_a_statement_is_shown() -> None:
    from alambique.database.sessions import _without_values

    shown = [
        (
            "SELECT * FROM t1 WHERE a = 'João''s' AND b = 12.5",
            "SELECT * FROM t1 WHERE a = ? AND b = ?",
        ),
        ("ALTER ROLE ana PASSWORD 'segr", "ALTER ROLE ana PASSWORD ?"),
        (r"SELECT E'it\'s', 'segredo' FROM t", "SELECT E?"),
        ("DO $x$ segredo $x$", "DO ?"),
        ('SELECT "Name"\n  FROM t', 'SELECT "Name" FROM t'),
    ]
    for sql, expected in shown:
        assert _without_values(sql, "postgresql") == expected
    assert _without_values('SELECT "segredo", 0xAF', "mysql") == "SELECT ?, ?"
    assert len(_without_values("SELECT " + "a, " * 100, "mysql") or "") == 101


def test_many_in_the_way_are_counted() -> None:
    one = Session("7", None, None, None, False, None)
    prepared = Session("0", None, None, None, False, None)
    assert str(InTheWay([one] * 5)).endswith("; and 2 more")
    assert "pg_prepared_xacts" in str(InTheWay([prepared]))


def upgrade_elsewhere(made: Database) -> subprocess.Popen[str]:
    """Run it in another process."""
    library = Path(alambique.__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=made.project.root,
        env=os.environ | {"PYTHONPATH": str(library)},
        stderr=subprocess.PIPE,
        text=True,
    )


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
