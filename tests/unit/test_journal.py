"""An interrupted revision goes on where it stopped, or is refused: never anything else.

Through `alembic upgrade` in this process, on a real MariaDB, PostgreSQL or SQLite. A revision is
stopped at chosen statements, as the ones that lost rows once were; processes that are killed at
every statement, of revisions nobody wrote, are in test_generated.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from threading import Timer
from typing import Any

import pymysql
import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.database import answers
from alambique.database.aside import Aside
from alambique.database.tables import JOURNAL_TABLE
from alambique.settings import alembic_config
from alambique.upgrade import doubt, recording
from alambique.versions import at_least
from alembic import command
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.pool import NullPool
from sqlalchemy_utils import create_database

from support.minimal import Minimal, minimal_project

START = """
op.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, old INTEGER)")
op.execute("INSERT INTO t VALUES (1, 10), (2, 20), (3, 30), (4, 40), (5, 50), (6, 60)")
"""


class Stopped(BaseException):
    """What stops a revision, as a killed process would."""


class Database:
    """A project, and the database that its revisions are tried on."""

    def __init__(self, project: Minimal, url: str) -> None:
        self.project, self.url = project, url
        self.project.revision("a1", upgrade=START)
        command.upgrade(alembic_config(url), "head")

    def revision(self, upgrade: str, more: str = "") -> None:
        """Write the revision to be interrupted."""
        self.project.revision(
            "b2", "a1", upgrade=f"bind = op.get_bind()\n{dedent(upgrade)}", more=more
        )

    def upgrade(self) -> None:
        """Run what is to be run."""
        command.upgrade(alembic_config(self.url), "head")

    def refused(self) -> str:
        """Return the sentence that the command ends in, and see that it changed nothing."""
        before = self.tables()
        with pytest.raises(CommandError) as refused:
            self.upgrade()
        assert self.tables() == before
        return str(refused.value)

    @contextmanager
    def connected(self) -> Iterator[sa.Connection]:
        """Connect as a stranger, each statement by itself."""
        engine = sa.create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            yield connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with self.connected() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def tables(self) -> dict[str, Any]:
        """Return all that is in the database: each table's columns, indexes and rows."""
        with self.connected() as connection:
            inspector = sa.inspect(connection)
            return {
                name: (
                    [column["name"] for column in inspector.get_columns(name)],
                    sorted(str(index["name"]) for index in inspector.get_indexes(name)),
                    sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {name}"))),
                )
                for name in sorted(inspector.get_table_names())
            }

    def recorded(self) -> int:
        """Return how many rows the journal has; it has none when all is well."""
        ((count,),) = self.rows(f"SELECT count(*) FROM {JOURNAL_TABLE}")
        return int(count)


def connected(made: Database) -> Any:
    """Connect to a MariaDB without SQLAlchemy, of which the library would hear."""
    url = sa.make_url(made.url)
    return pymysql.connect(
        host=url.host, user=url.username, database=url.database, port=url.port or 3306
    )


@pytest.fixture
def database(tmp_path: Path, new_database: Callable[[str], str]) -> Callable[..., Database]:
    """Make a project on a new database of a kind."""

    def make(kind: str) -> Database:
        url = new_database(kind)
        if kind != "sqlite":
            create_database(url)
        return Database(minimal_project(tmp_path, url=url), url)

    return make


@contextmanager
def stopping(before: str = "", after: str = "", times: int = 1) -> Iterator[None]:
    """Stop what runs at a statement that begins so, when it comes for the n-th time."""
    met = 0

    def stop(sql: str, at: str) -> None:
        nonlocal met
        if at and sql.lstrip().startswith(at):
            met += 1
            if met == times:
                raise Stopped(sql)

    def on_before(connection: sa.Connection, _cursor: object, sql: str, *_: object) -> None:
        try:
            stop(sql, before)
        except Stopped:
            if not at_least("2.1"):  # which does so itself, of what an event raises
                connection.invalidate()
            raise

    def on_after(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        stop(sql, after)

    event.listen(sa.Engine, "before_cursor_execute", on_before)
    event.listen(sa.Engine, "after_cursor_execute", on_after)
    try:
        with pytest.raises((Stopped, sa.exc.InvalidRequestError)):  # of a connection in a block
            yield
    finally:
        event.remove(sa.Engine, "before_cursor_execute", on_before)
        event.remove(sa.Engine, "after_cursor_execute", on_after)


# What is replayed

BACKFILL = """
op.add_column("t", sa.Column("new", sa.Integer))
for row in bind.execute(sa.text("SELECT id, old FROM t WHERE new IS NULL")):
    bind.execute(sa.text("UPDATE t SET new = :new WHERE id = :id"), {"new": row.old, "id": row.id})
    if row.id == 3:
        op.create_index("ix_new", "t", ["new"])
op.alter_column("t", "new", nullable=False, existing_type=sa.Integer)
op.drop_column("t", "old")
"""


@pytest.mark.parametrize("times", [2, 5])
def test_a_loop_over_a_query_goes_on_with_the_rows_it_had(
    database: Callable[..., Database], times: int
) -> None:
    made = database("mysql")
    made.revision(BACKFILL)
    with stopping(before="UPDATE t SET new", times=times):
        made.upgrade()
    made.upgrade()
    assert made.rows("SELECT id, new FROM t ORDER BY id") == [(n, 10 * n) for n in range(1, 7)]
    assert made.recorded() == 0


def test_a_row_that_is_busy_costs_no_other(
    database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retry replays what was committed with a DDL statement, and no more."""
    monkeypatch.setenv("MIGRATION_LOCK_TIMEOUT", "1")
    made = database("mysql")
    made.revision(BACKFILL)
    other = connected(made)
    held: list[str] = []

    def hold(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if sql.startswith("CREATE INDEX"):
            held.append(sql)
        if held == [sql]:
            other.cursor().execute("SELECT * FROM t WHERE id = 5 FOR UPDATE")
            Timer(1.4, other.rollback).start()  # after the first attempt has failed

    event.listen(sa.Engine, "after_cursor_execute", hold)
    try:
        made.upgrade()
    finally:
        event.remove(sa.Engine, "after_cursor_execute", hold)
    assert len(held) == 2  # it was met again, and answered from the records
    assert made.rows("SELECT id, new FROM t ORDER BY id") == [(n, 10 * n) for n in range(1, 7)]


def test_a_count_of_rows_is_what_it_was(database: Callable[..., Database]) -> None:
    """A loop that ends when nothing is left to change does not end before that."""
    made = database("mysql")
    made.revision(
        """
        op.add_column("t", sa.Column("new", sa.Integer))
        batch = sa.text("UPDATE t SET new = old WHERE new IS NULL LIMIT 2")
        while bind.execute(batch).rowcount > 0:
            op.execute("CREATE TABLE IF NOT EXISTS seen (n INTEGER)")
        op.drop_column("t", "old")
        """
    )
    with stopping(before="UPDATE t SET new", times=3):
        made.upgrade()
    made.upgrade()
    assert made.rows("SELECT new FROM t ORDER BY id") == [(10 * n,) for n in range(1, 7)]


ORM = """
op.create_table(
    "p",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(20), index=True),
    sa.Column("price", sa.Numeric(10, 2), index=True),
    sa.Column("day", sa.Date, index=True),
)

class Base(DeclarativeBase):
    pass

class P(Base):
    __tablename__ = "p"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20))
    price = sa.Column(sa.Numeric(10, 2))
    day = sa.Column(sa.Date)

with Session(bind=bind) as session:
    many = [P(name=f"p{n}", price=Decimal(n), day=date(2026, 1, n)) for n in range(1, 4)]
    session.add_all(many)
    session.commit()
    op.add_column("p", sa.Column("twice", sa.Numeric(10, 2)))
    for each in session.scalars(sa.select(P).order_by(P.id)):
        assert isinstance(each.price, Decimal) and isinstance(each.day, date)
        bind.execute(
            sa.text("UPDATE p SET twice = :twice WHERE id = :id"),
            {"twice": 2 * each.price, "id": each.id},
        )
returning = sa.text("INSERT INTO p (name, price) VALUES ('last', 9) RETURNING id")
last = bind.execute(returning).scalar_one()
op.create_index("ix_twice", "p", ["twice"])
bind.execute(sa.text("UPDATE p SET twice = 18 WHERE id = :id"), {"id": last})
"""
IMPORTS = """
from datetime import date
from decimal import Decimal
from sqlalchemy.orm import DeclarativeBase, Session
"""


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
@pytest.mark.parametrize("place", ["UPDATE p SET twice", "CREATE INDEX ix_twice"])
def test_the_orm_and_what_was_returned_are_replayed(
    database: Callable[..., Database], kind: str, place: str
) -> None:
    made = database(kind)
    step = ORM.replace("\n", "\n    ")
    made.revision(f"with op.get_context().autocommit_block():\n    {step}", more=IMPORTS)
    with stopping(before=place, times=2 if place.startswith("UPDATE") else 1):
        made.upgrade()
    made.upgrade()
    found = made.rows("SELECT name, price, twice FROM p ORDER BY id")
    assert [(name, int(price), int(twice)) for name, price, twice in found] == [
        ("p1", 1, 2),
        ("p2", 2, 4),
        ("p3", 3, 6),
        ("last", 9, 18),
    ]


def test_an_error_that_the_revision_expects_is_raised_again(
    database: Callable[..., Database],
) -> None:
    made = database("mysql")
    made.revision(
        """
        try:
            op.execute("DROP INDEX no_such_index ON t")
        except sa.exc.OperationalError as error:
            assert error.orig.args[0] == 1091
            op.add_column("t", sa.Column("new", sa.Integer))
        try:
            op.execute("INSERT INTO t (id, old) VALUES (1, 0)")
        except sa.exc.IntegrityError as error:
            op.execute("UPDATE t SET old = old + 1")
        op.create_index("ix_old", "t", ["old"])
        op.execute("UPDATE t SET new = old")
        """
    )
    with stopping(before="UPDATE t SET new"):
        made.upgrade()
    made.upgrade()
    assert made.rows("SELECT new FROM t ORDER BY id") == [(10 * n + 1,) for n in range(1, 7)]


# What was refused, and what went with it

SURVIVES = """
{first}
op.execute("UPDATE t SET old = old + 1 WHERE id = 2")
try:
    op.execute("{refused}")
except sa.exc.DBAPIError:
    {then}
op.execute("UPDATE t SET old = old + 1 WHERE id = 3")
"""
SNAPSHOT = """
op.execute("SET SESSION innodb_snapshot_isolation = ON")
bind.execute(sa.text("SELECT * FROM t")).all()
"""
UNDOES_ALL = [
    ("sqlite", "", "INSERT OR ROLLBACK INTO t VALUES (1, 1)"),
    ("sqlite", "", "UPDATE OR ROLLBACK t SET id = 1 WHERE id = 4"),
    ("sqlite", "", "DELETE FROM t WHERE id = 6"),
    ("mysql", SNAPSHOT, "UPDATE t SET old = old + 1 WHERE id = 1"),
]


@contextmanager
def somebody(made: Database, after: str, does: Callable[[Any], None]) -> Iterator[None]:
    """Have somebody do something once, when a statement that ends so has been carried out."""
    other = connected(made)
    met: list[str] = []

    def does_it(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if sql.endswith(after) and not met:
            met.append(sql)
            does(other)

    event.listen(sa.Engine, "after_cursor_execute", does_it)
    try:
        yield
    finally:
        event.remove(sa.Engine, "after_cursor_execute", does_it)
    assert met


@pytest.mark.parametrize("then", ["pass", "bind.commit()", "op.get_context().autocommit_block()"])
@pytest.mark.parametrize(("kind", "first", "refused"), UNDOES_ALL)
def test_a_refusal_that_undid_the_transaction_is_not_gone_over(
    database: Callable[..., Database], kind: str, first: str, refused: str, then: str
) -> None:
    """What came before it is in the database in the end, or the version is not."""
    made = database(kind)
    if "DELETE" in refused:
        with made.connected() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER keep BEFORE DELETE ON t "
                "BEGIN SELECT raise(ROLLBACK, 'this one stays'); END"
            )
    if then.endswith("block()"):
        then = f"with {then}:\n        bind.execute(sa.text('SELECT 1'))"
    made.revision(SURVIVES.format(first=first, refused=refused, then=then))

    if kind == "sqlite":
        said = made.refused()
        assert said.startswith(
            messages.TRANSACTION_UNDONE.partition("(")[0].format(step="upgrade b2")
        )
        assert refused in said
        assert made.rows("SELECT version_num FROM alembic_version") == [("a1",)]
        return

    def write(other: Any) -> None:
        other.cursor().execute("UPDATE t SET old = 100 WHERE id = 1")
        other.commit()

    with somebody(made, after="id = 2", does=write):
        made.upgrade()  # as it is a matter of time, it is tried again
    assert made.rows("SELECT old FROM t WHERE id <= 3 ORDER BY id") == [(101,), (21,), (31,)]
    assert made.recorded() == 0


def test_a_deadlock_is_not_gone_over(database: Callable[..., Database]) -> None:
    """What it undid is not recorded as done when the revision commits by itself."""
    made = database("mysql")
    then = "op.execute('ALTER TABLE t ADD COLUMN c INTEGER')"
    made.revision(
        SURVIVES.format(
            first="",
            refused="UPDATE t SET old = old + 1 WHERE id = 1",
            then=f"bind.commit(); {then}",
        )
    )

    def cross(other: Any) -> None:
        for number in 1, 4, 5, 6:  # a transaction that did more is not the one to be undone
            other.cursor().execute(f"UPDATE t SET old = 0 WHERE id = {number}")
        Timer(0.5, waits_for_it, [other]).start()

    def waits_for_it(other: Any) -> None:
        other.cursor().execute("UPDATE t SET old = 0 WHERE id = 2")
        other.rollback()

    with somebody(made, after="id = 2", does=cross):
        made.upgrade()
    assert made.rows("SELECT old FROM t WHERE id <= 3 ORDER BY id") == [(11,), (21,), (31,)]


MAPPED = """
from sqlalchemy import orm


class T(orm.declarative_base()):
    __tablename__ = "t"
    id = sa.Column(sa.Integer, primary_key=True)
    old = sa.Column(sa.Integer)
"""


def test_a_commit_of_which_nobody_heard_is_not_taken_for_nothing(
    database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is lost as the answer comes: what it kept, records too, is there."""
    made = database("mysql")
    made.revision(
        """
        with op.get_context().autocommit_block(), orm.Session(bind=bind) as session:
            for one in session.scalars(sa.select(T).order_by(T.id)).all():
                one.old = one.old + 1
            session.commit()
        """,
        more=MAPPED,
    )
    killer = connected(made)
    query = pymysql.connections.Connection.query
    updates: list[str] = []

    def lost(connection: Any, sql: str, *arguments: Any) -> Any:
        answer = query(connection, sql, *arguments)
        updates.extend([sql] if sql.startswith("UPDATE t") else [])
        if sql == "COMMIT" and len(updates) == 6:
            updates.append(sql)
            query(killer, f"KILL {connection.thread_id()}")
            query(connection, "SELECT 1")
        return answer

    monkeypatch.setattr(pymysql.connections.Connection, "query", lost)
    with pytest.raises(CommandError):
        made.upgrade()
    made.upgrade()
    assert made.rows("SELECT old FROM t ORDER BY id") == [(10 * n + 1,) for n in range(1, 7)]


@pytest.mark.parametrize("block", ["", "with op.get_context().autocommit_block():"])
@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("mysql", "KILL CONNECTION_ID()"),
        ("postgresql", "SELECT pg_terminate_backend(pg_backend_pid())"),
    ],
)
def test_no_revision_goes_on_with_another_connection(
    database: Callable[..., Database], kind: str, end: str, block: str
) -> None:
    """The lock went with the first one, and nobody watches the second."""
    made = database(kind)
    made.revision(
        f"""
        {block or "if bind:"}
            for attempt in range(2):
                try:
                    op.execute("{end}")
                except sa.exc.DBAPIError:
                    bind.rollback()
            op.execute("INSERT INTO t VALUES (9, 9)")
            op.execute("CREATE TABLE u (id INTEGER)")
        """
    )
    before = made.tables()
    with pytest.raises(CommandError):
        made.upgrade()
    after = made.tables()
    for each in before, after:
        each.pop(JOURNAL_TABLE, None)  # it may say what is in doubt
    assert after == before


def test_a_cursor_of_the_driver_is_no_way_around(database: Callable[..., Database]) -> None:
    made = database("mysql")
    made.revision(
        """
        cursor = bind.connection.cursor()
        op.add_column("t", sa.Column("new", sa.Integer))
        cursor.execute("UPDATE t SET old = old + %s WHERE id = %s", (1, 1))
        assert cursor.rowcount == 1
        op.create_index("ix_old", "t", ["old"])
        cursor.execute("SELECT old FROM t WHERE id = 1")
        assert cursor.fetchone() == (11,)
        """
    )
    with stopping(after="CREATE INDEX"):
        made.upgrade()
    made.upgrade()
    assert made.rows("SELECT old FROM t WHERE id = 1") == [(11,)]


def test_a_connection_of_the_driver_is_no_way_around(database: Callable[..., Database]) -> None:
    made = database("sqlite")
    made.revision(
        """
        with op.get_context().autocommit_block():
            bind.connection.driver_connection.execute("UPDATE t SET old = old + 1")
            op.execute("SELECT 2")
        """
    )
    with stopping(before="SELECT 2"):
        made.upgrade()
    made.upgrade()
    assert made.rows("SELECT old FROM t WHERE id = 1") == [(11,)]


def test_tables_that_are_locked_are_locked_again(database: Callable[..., Database]) -> None:
    made = database("mysql")
    made.revision(
        """
        op.execute("LOCK TABLES t WRITE")
        op.execute("UPDATE t SET old = old + 1")
        op.execute("ALTER TABLE t ADD COLUMN new INTEGER")
        op.execute("UPDATE t SET new = old")
        op.execute("UNLOCK TABLES")
        """
    )
    with stopping(before="UPDATE t SET new"):
        made.upgrade()
    made.upgrade()
    assert made.rows("SELECT old, new FROM t WHERE id = 1") == [(11, 11)]


BLOCK = """
op.add_column("t", sa.Column("new", sa.Integer))
with op.get_context().autocommit_block():
    for row in bind.execute(sa.text("SELECT id, old FROM t WHERE new IS NULL")):
        update = sa.text("UPDATE t SET new = :new WHERE id = :id")
        bind.execute(update, {"new": row.old, "id": row.id})
op.execute("UPDATE t SET old = old + 1")
"""


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_in_an_autocommit_block_each_statement_is_kept_with_its_record(
    database: Callable[..., Database], kind: str
) -> None:
    made = database(kind)
    made.revision(BLOCK)
    with stopping(before="UPDATE t SET new", times=4):
        made.upgrade()
    assert made.rows("SELECT count(*) FROM t WHERE new IS NOT NULL") == [(3,)]
    made.upgrade()
    assert made.rows("SELECT old, new FROM t ORDER BY id") == [
        (10 * n + 1, 10 * n) for n in range(1, 7)
    ]


@pytest.mark.parametrize("kind", ["postgresql", "sqlite", "mysql"])
@pytest.mark.parametrize("error", ["RuntimeError", "KeyboardInterrupt"])
def test_what_an_error_of_pythons_ended_in_a_block_goes_on(
    database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch, kind: str, error: str
) -> None:
    made = database(kind)
    made.revision(
        f"""
        with op.get_context().autocommit_block():
            op.execute("UPDATE t SET old = old + 1")
            op.add_column("t", sa.Column("new", sa.Integer))
            if os.environ["IS_FULL_MOON"]:
                raise {error}("full moon")
            op.execute("UPDATE t SET new = old")
        op.execute("UPDATE t SET old = old + 1")
        """,
        more="import os",
    )
    monkeypatch.setenv("IS_FULL_MOON", "yes")
    with pytest.raises(BaseException, match="full moon"):
        made.upgrade()
    monkeypatch.setenv("IS_FULL_MOON", "")
    made.upgrade()
    assert made.rows("SELECT old, new FROM t WHERE id = 1") == [(12, 11)]
    assert made.recorded() == 0


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
@pytest.mark.parametrize("commit", ["bind.commit()", 'op.execute("COMMIT")'])
def test_a_commit_in_the_middle_keeps_the_records_of_what_it_keeps(
    database: Callable[..., Database], kind: str, commit: str
) -> None:
    made = database(kind)
    made.revision(f'op.execute("UPDATE t SET old = old + 1")\n{commit}\nop.execute("DROP TABLE x")')
    with pytest.raises(CommandError, match="x"):
        made.upgrade()
    made.revision(f'op.execute("UPDATE t SET old = old + 1")\n{commit}\n')
    made.upgrade()
    assert made.rows("SELECT old FROM t WHERE id = 1") == [(11,)]
    assert made.recorded() == 0


def test_what_is_one_transaction_has_no_journal(database: Callable[..., Database]) -> None:
    made = database("postgresql")
    made.revision('op.add_column("t", sa.Column("new", sa.Integer))')
    made.upgrade()
    assert made.tables().keys() == {"t", "alembic_version", "alembic_ledger"}


def test_new_tables_get_their_indexes_in_one_order(database: Callable[..., Database]) -> None:
    """A set has another order in another process: the replay would find another statement."""
    made = database("sqlite")
    columns = ", ".join(f'sa.Column("c{n}", sa.Integer, index=True)' for n in (3, 1, 4, 2, 5))
    made.revision(f'op.create_table("many", {columns})')
    found: list[str] = []

    def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        found.extend(sql.split()[2:3] if sql.startswith("CREATE INDEX") else [])

    event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        made.upgrade()
    finally:
        event.remove(sa.Engine, "before_cursor_execute", note)
    assert found == [f"ix_many_c{n}" for n in range(1, 6)]


# The statement in doubt

SWAPS = [
    ("RENAME TABLE", "RENAME TABLE t TO tmp_, u TO t, tmp_ TO u"),
    ("ALTER TABLE t CHANGE", "ALTER TABLE t CHANGE a b INTEGER, CHANGE b a INTEGER"),
    ("ALTER TABLE t ADD INDEX", "ALTER TABLE t ADD INDEX (old)"),
    ("TRUNCATE", "TRUNCATE t"),
]


@pytest.mark.parametrize(("place", "sql"), SWAPS, ids=[place for place, _ in SWAPS])
def test_what_happened_is_asked_of_the_catalog(
    database: Callable[..., Database],
    caplog: pytest.LogCaptureFixture,
    place: str,
    sql: str,
) -> None:
    made = database("mysql")
    made.revision(
        f"""
        op.execute("ALTER TABLE t ADD COLUMN a INTEGER DEFAULT 1, ADD COLUMN b INTEGER DEFAULT 2")
        op.execute("CREATE TABLE u LIKE t")
        op.execute("{sql}")
        """
    )
    with stopping(after=place):
        made.upgrade()
    whole = {name: table for name, table in made.tables().items() if name in "tu"}
    caplog.set_level("INFO")
    made.upgrade()
    assert {name: table for name, table in made.tables().items() if name in "tu"} == whole
    assert any(sql in each for each in caplog.messages)


def test_another_database_is_not_asked(
    database: Callable[..., Database], new_database: Callable[[str], str]
) -> None:
    """What is called so there says nothing of what happened here."""
    made = database("mysql")
    other = sa.make_url(new_database("mysql"))
    create_database(other)
    with made.connected() as connection:
        connection.exec_driver_sql(f"CREATE PROCEDURE {other.database}.p() SELECT 2")
        assert not doubt.state(Aside(connection).query, "mysql", "DROP PROCEDURE p")
        connection.exec_driver_sql("CREATE PROCEDURE p() SELECT 1")
        assert len(doubt.state(Aside(connection).query, "mysql", "DROP PROCEDURE p")) == 1


def test_what_did_not_happen_is_done(database: Callable[..., Database]) -> None:
    """Its transaction was never committed, or the server refused it."""
    made = database("mysql")
    made.revision(
        """
        op.execute("UPDATE t SET old = 10")
        op.create_index("ux_old", "t", ["old"], unique=True)
        """
    )
    with pytest.raises(CommandError, match="Duplicate entry"):
        made.upgrade()
    made.revision(
        """
        op.execute("UPDATE t SET old = 10")
        op.execute("UPDATE t SET old = id")
        op.create_index("ux_old", "t", ["old"], unique=True)
        """
    )
    made.upgrade()
    assert made.rows("SELECT old FROM t ORDER BY id") == [(n,) for n in range(1, 7)]


CALLS = """
op.execute("CREATE TABLE u (id INTEGER PRIMARY KEY)")
op.execute("INSERT INTO u VALUES (4)")
op.execute("CREATE PROCEDURE copy() BEGIN INSERT INTO u SELECT id FROM t ORDER BY id; END")
op.execute("CALL copy()")
op.execute("DROP TABLE t")
"""


def test_an_error_that_quotes_a_value_is_an_error(database: Callable[..., Database]) -> None:
    """A duplicate key says "already exists" on some databases; rows that were not copied stay."""
    made = database("mysql")
    made.revision(CALLS)
    for _ in range(2):
        with pytest.raises(CommandError, match="Duplicate entry"):
            made.upgrade()
    assert made.rows("SELECT count(*) FROM t") == [(6,)]
    made.revision(CALLS.replace("(4)", "(40)"))
    assert messages.REVISION_EDITED.partition("{")[2][6:30] in made.refused()


def test_a_procedure_that_commits_on_its_way_is_refused(
    database: Callable[..., Database],
) -> None:
    made = database("mysql")
    made.revision(
        """
        op.execute(
            "CREATE PROCEDURE half() BEGIN UPDATE t SET old = old + 1; COMMIT; "
            "INSERT INTO t VALUES (1, 1); END"
        )
        op.execute("CALL half()")
        """
    )
    with pytest.raises(CommandError, match="Duplicate entry"):
        made.upgrade()
    assert "CALL half()" in made.refused()
    assert made.rows("SELECT old FROM t WHERE id = 1") == [(11,)]
    command.stamp(alembic_config(made.url), "b2")
    assert made.recorded() == 0


def test_a_part_that_the_server_did_is_refused(database: Callable[..., Database]) -> None:
    made = database("mysql")
    made.revision(
        """
        op.execute("CREATE TABLE u (id INTEGER)")
        op.execute("CREATE TABLE child (id INTEGER REFERENCES t (id))")
        op.execute("DROP TABLE u, t")
        """
    )
    with pytest.raises(CommandError):
        made.upgrade()
    assert made.tables().keys() >= {"t", "child"} and "u" not in made.tables()
    assert messages.LOSSES["partly"] in made.refused()


def test_an_index_that_was_not_finished_is_built_again(
    database: Callable[..., Database], caplog: pytest.LogCaptureFixture
) -> None:
    made = database("postgresql")
    block = "with op.get_context().autocommit_block():\n    "
    build = "CREATE UNIQUE INDEX CONCURRENTLY ux_old ON t (old)"
    made.revision(f'op.execute("UPDATE t SET old = 1")\n{block}op.execute("{build}")')
    with pytest.raises(CommandError, match="ux_old"):
        made.upgrade()
    assert messages.INVALID_INDEX.format(name="ux_old") in caplog.messages
    assert made.rows("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]
    with made.connected() as other:
        other.exec_driver_sql("UPDATE t SET old = id")
    made.upgrade()
    assert made.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ux_old'::regclass") == [
        (True,)
    ]


# What is refused

REFUSED = [
    ("temporary", 'op.execute("CREATE TEMPORARY TABLE x AS SELECT * FROM t")'),
    ("session", 'op.execute("SET @last = (SELECT max(id) FROM t)")'),
    ("session", 'op.execute("SELECT max(id) INTO @last FROM t")'),
    ("elsewhere", 'bind.engine.connect().execute(sa.text("SELECT 1"))'),
    ("driver", 'bind.connection.cursor().callproc("copy")'),
    ("autocommit", 'op.execute("SET autocommit = 1")'),
]


@pytest.mark.parametrize(("reason", "line"), REFUSED, ids=[line for _, line in REFUSED])
def test_what_cannot_be_replayed_is_refused(
    database: Callable[..., Database], reason: str, line: str
) -> None:
    made = database("mysql")
    with made.connected() as other:
        other.exec_driver_sql("CREATE PROCEDURE copy() BEGIN SELECT 1; END")
    made.revision(
        f'{line}\nop.add_column("t", sa.Column("new", sa.Integer))\nop.execute("SELECT 2")'
    )
    with stopping(before="SELECT 2"):
        made.upgrade()
    sentence = made.refused()
    assert messages.LOSSES[reason] in sentence and "make stamp" in sentence


def test_what_is_over_is_no_obstacle(database: Callable[..., Database]) -> None:
    """A temporary table that was dropped, a variable that is written out."""
    made = database("mysql")
    made.revision(
        """
        op.execute("SET @step = 7")
        op.execute("CREATE TEMPORARY TABLE x AS SELECT * FROM t")
        op.execute("DROP TEMPORARY TABLE x")
        op.add_column("t", sa.Column("new", sa.Integer))
        op.execute("UPDATE t SET new = @step")
        """
    )
    with stopping(before="UPDATE t SET new"):
        made.upgrade()
    made.upgrade()
    assert made.rows("SELECT DISTINCT new FROM t") == [(7,)]


def test_what_asks_for_the_statement_before_is_refused(database: Callable[..., Database]) -> None:
    made = database("mysql")
    made.revision(
        """
        op.execute("CREATE TABLE u (id INTEGER PRIMARY KEY AUTO_INCREMENT, n INTEGER)")
        op.execute("INSERT INTO u (n) VALUES (1)")
        op.execute("ALTER TABLE u ADD COLUMN of INTEGER")
        op.execute("INSERT INTO u (of) VALUES (LAST_INSERT_ID())")
        """
    )
    with stopping(before="INSERT INTO u (of)"):
        made.upgrade()
    assert messages.LOSSES["asks"] in made.refused()


def test_an_edit_is_called_one_only_if_there_was_one(database: Callable[..., Database]) -> None:
    by_chance = """
        import time
        op.execute(f"UPDATE t SET old = {time.time_ns()} % 1000")
        op.add_column("t", sa.Column("new", sa.Integer))
        op.execute("SELECT 2")
    """
    made = database("mysql")
    made.revision(by_chance)
    with stopping(before="SELECT 2"):
        made.upgrade()
    same = made.refused()
    assert "time.time_ns" not in same and same.startswith(opening("REPLAY_DIFFERS"))

    made.revision(by_chance.replace("{time.time_ns()} % 1000", "12"))
    assert made.refused().startswith(opening("REVISION_EDITED"))


def opening(name: str) -> str:
    """Return how a sentence about the revision begins."""
    text: str = getattr(messages, name)
    return text.partition("\n")[0].format(step="upgrade b2")


def test_a_parameter_that_differs_is_refused(database: Callable[..., Database]) -> None:
    made = database("mysql")
    made.revision(
        """
        import uuid
        bind.execute(sa.text("UPDATE t SET old = :n"), {"n": uuid.uuid4().int % 100_000_000})
        op.add_column("t", sa.Column("new", sa.Integer))
        op.execute("SELECT 2")
        """
    )
    with stopping(before="SELECT 2"):
        made.upgrade()
    assert made.refused().startswith(opening("REPLAY_DIFFERS"))


def test_what_had_not_run_yet_may_be_edited(database: Callable[..., Database]) -> None:
    made = database("mysql")
    steps = 'op.add_column("t", sa.Column("new", sa.Integer))\nop.execute("UPDATE t SET new = {n}")'
    made.revision(steps.format(n=1))
    with stopping(before="UPDATE t SET new"):
        made.upgrade()
    made.revision(steps.format(n=2))
    made.upgrade()
    assert made.rows("SELECT DISTINCT new FROM t") == [(2,)]


def test_less_than_was_recorded_is_refused(database: Callable[..., Database]) -> None:
    made = database("mysql")
    made.revision('op.add_column("t", sa.Column("new", sa.Integer))\nop.execute("SELECT 2")')
    with stopping(before="SELECT 2"):
        made.upgrade()
    made.revision("pass")
    assert made.refused().startswith(opening("REVISION_EDITED"))


def test_another_step_has_to_wait(database: Callable[..., Database]) -> None:
    made = database("mysql")
    made.revision('op.add_column("t", sa.Column("new", sa.Integer))\nop.execute("SELECT 2")')
    with stopping(before="SELECT 2"):
        made.upgrade()
    with pytest.raises(CommandError) as refused:
        command.downgrade(alembic_config(made.url), "base")
    asked = {"step": "upgrade b2", "asked": "downgrade a1"}
    assert str(refused.value) == messages.HALF_APPLIED.format(**asked)


def test_what_is_half_done_is_not_nothing_to_do(
    database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A downgrade that was interrupted left the version at the head."""
    monkeypatch.setattr("alambique.upgrade.guard.is_scratch", lambda url: True)
    made = database("mysql")
    down = 'op.drop_column("t", "new")\nop.execute("SELECT 2")\nop.drop_column("t", "old")'
    made.project.revision(
        "b2", "a1", upgrade='op.add_column("t", sa.Column("new", sa.Integer))', downgrade=down
    )
    made.upgrade()
    with stopping(before="SELECT 2"):
        command.downgrade(alembic_config(made.url), "-1")
    assert made.refused().startswith("`downgrade b2` was interrupted half-way")

    command.stamp(alembic_config(made.url), "b2")
    assert made.recorded() == 0
    made.upgrade()


def test_an_attempt_that_did_nothing_leaves_nothing(database: Callable[..., Database]) -> None:
    """Another step may begin: nobody has to finish what was refused at once."""
    made = database("mysql")
    made.revision('op.execute("SELECT 1")\nop.add_column("t", sa.Column("old", sa.Integer))')
    with pytest.raises(CommandError, match="Duplicate column"):
        made.upgrade()
    assert made.recorded() == 0


def test_a_failure_after_which_the_revision_went_on_is_told(
    database: Callable[..., Database],
) -> None:
    made = database("mysql")
    made.revision(
        """
        try:
            op.execute("INSERT INTO t VALUES (1, 1)")
        finally:
            op.add_column("t", sa.Column("new", sa.Integer))
            op.execute("SELECT 2")
        """
    )
    with stopping(before="SELECT 2"):
        made.upgrade()
    assert "make stamp" in made.refused()


def test_past_the_bound_it_goes_on_and_says_so(
    database: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(recording, "LIMIT", 400)
    made = database("mysql")
    made.revision(
        """
        assert len(bind.execute(sa.text("SELECT * FROM t")).all()) == 6
        op.add_column("t", sa.Column("new", sa.Integer))
        op.execute("UPDATE t SET new = old")
        op.create_index("ix_new", "t", ["new"])
        op.execute("SELECT 2")
        """
    )
    with stopping(before="SELECT 2"):
        made.upgrade()
    assert any(each.startswith("`upgrade b2` has read") for each in caplog.messages)
    assert messages.LOSSES["too much"] in made.refused()

    command.stamp(alembic_config(made.url), "b2")
    made.project.revision("c3", "b2", upgrade='op.execute("UPDATE t SET new = 1")')
    made.upgrade()


def test_a_table_without_transactions_is_refused_where_it_may_be_half_written(
    database: Callable[..., Database],
) -> None:
    made = database("mysql")
    made.revision(
        """
        op.execute("CREATE TABLE m (n INTEGER PRIMARY KEY) ENGINE = Aria TRANSACTIONAL = 0")
        op.execute("INSERT INTO m VALUES (1), (2), (1)")
        """
    )
    with pytest.raises(CommandError, match="Duplicate entry"):
        made.upgrade()
    assert len(made.rows("SELECT * FROM m")) == 2
    assert "INSERT INTO m" in made.refused()


def test_notes_of_an_older_version_are_not_guessed_at(database: Callable[..., Database]) -> None:
    made = database("mysql")
    old = "CREATE TABLE alembic_journal (step VARCHAR(80), position INTEGER, digest VARCHAR(64))"
    with made.connected() as other:
        other.exec_driver_sql("DROP TABLE alembic_journal")
        other.exec_driver_sql(old)
        other.exec_driver_sql("INSERT INTO alembic_journal VALUES ('upgrade b2', 0, 'x')")
    made.revision('op.add_column("t", sa.Column("new", sa.Integer))')
    assert made.refused() == messages.JOURNAL_OF_2_0.format(step="upgrade b2")
    with made.connected() as other:
        other.exec_driver_sql("DELETE FROM alembic_journal")
    made.upgrade()
    assert made.recorded() == 0


def test_an_answer_is_given_as_it_was() -> None:
    """Every type that a driver answers with comes back as itself; another one is not guessed."""
    import uuid
    from datetime import UTC, date, datetime, time, timedelta
    from decimal import Decimal

    row = (
        1, 2.5, "ação", None, True, b"\x00\xff", Decimal("1.50"), date(2026, 1, 2), time(3, 4),
        datetime(2026, 1, 2, tzinfo=UTC), timedelta(days=1, microseconds=2), uuid.UUID(int=7),
        {"a": [1, {"$type": ["decimal", "1"]}]}, [1, 2],
    )  # fmt: skip
    answer = answers.Answer(3, 4, [("a", 1, None, None, None, None, None)], [row])
    packed = answers.pack(answers.to_plain(answer))
    assert answers.from_plain(answers.unpack(packed)).rows == [row]

    with pytest.raises(answers.Unrecordable, match="object"):
        answers.pack(answers.to_plain(answers.Answer(rows=[(object(),)])))


def test_an_error_is_no_way_to_call_anything() -> None:
    """What is read from a table names a class: only an error's, and never another."""
    with pytest.raises(answers.Unrecordable):
        answers.Failure("subprocess", "Popen", ["true"]).error()
    with pytest.raises(answers.Unrecordable):
        answers.Failure("no.such.module", "Error", []).error()
