"""What the journal makes of a statement, and how an interrupted revision goes on.

On SQLite, in AUTOCOMMIT: there each statement commits itself, as DDL does on MariaDB. Killed
processes and the servers themselves are in tests/project.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.database import error_codes
from alambique.database.engine import migration_engine
from alambique.settings import alembic_config
from alambique.upgrade import statements
from alambique.upgrade.journal import JOURNAL, Journal, is_already_done
from alembic import command
from alembic.util import CommandError
from sqlalchemy.engine import make_url

from support.minimal import Minimal, minimal_project

# What a statement begins with, and what it then is: does it read only, does it write rows?
KINDS = [
    ("SELECT 1", "SELECT", True, False),
    ("  select 1", "SELECT", True, False),
    ("-- why\nUPDATE t SET n = 1", "UPDATE", False, True),
    ("# why\nDELETE FROM t", "DELETE", False, True),
    ("/* two\nlines */ INSERT INTO t VALUES (1)", "INSERT", False, True),
    ("((SELECT 1))", "SELECT", True, False),
    ("CREATE TABLE t (n INT)", "CREATE", False, False),
    ("ALTER TABLE t ADD n INT", "ALTER", False, False),
    ("WITH one AS (SELECT 1) SELECT * FROM one", "WITH", True, True),
    ("WITH one AS (SELECT 1) INSERT INTO t SELECT * FROM one", "WITH", False, True),
    ("SAVEPOINT sa_1", "SAVEPOINT", True, False),
    ("", "", False, False),
    ("'", "", False, False),
]


@pytest.mark.parametrize(("sql", "word", "only_reads", "writes_rows"), KINDS)
def test_a_statement_is_known_by_its_first_word(
    sql: str, word: str, only_reads: bool, writes_rows: bool
) -> None:
    assert statements.first_word(sql) == word
    assert statements.only_reads(sql) is only_reads
    assert statements.writes_rows(sql) is writes_rows


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (n)", "i"),
        ("\n create unique index concurrently if not exists i on only t (n)", "i"),
        ('CREATE INDEX CONCURRENTLY "I i" ON vendas.t (n)', 'vendas."I i"'),
        ("CREATE INDEX i ON t (n)", None),
        ("DROP INDEX CONCURRENTLY i", None),
    ],
)
def test_an_index_built_concurrently_is_named(sql: str, name: str | None) -> None:
    assert statements.concurrent_index(sql) == name


def test_rows_that_come_back_are_seen() -> None:
    assert statements.returns_rows("INSERT INTO t VALUES (1) returning n")
    assert not statements.returns_rows("INSERT INTO returnings VALUES (1)")


def test_what_is_already_done_is_known_by_its_code_or_in_words() -> None:
    assert is_already_done(Exception(error_codes.ER_DUP_FIELDNAME, "Duplicate column"))
    assert is_already_done(Exception("table t already exists"))  # SQLite has one code for all
    assert not is_already_done(Exception(error_codes.ER_LOCK_DEADLOCK, "Deadlock found"))


# An interrupted step

CREATE = "CREATE TABLE t (n INTEGER)"
FILL = "INSERT INTO t VALUES (1)"
ADD = "ALTER TABLE t ADD m INTEGER"
BROKEN = "ALTER TABLE missing ADD m INTEGER"
STEP = "upgrade a1"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    """A connection on which each statement commits itself."""
    minimal_project(tmp_path)
    engine = migration_engine(make_url(f"sqlite:///{tmp_path}/app.db"))
    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def run(connection: sa.Connection, *sql: str, step: str = STEP) -> None:
    """Run a step of these statements, as a new command would."""
    with Journal(connection, transactional_ddl=False).watching(step):
        for each in sql:
            connection.exec_driver_sql(each)


def interrupt(connection: sa.Connection, *sql: str) -> None:
    """Run a step that ends with a statement which is refused."""
    with pytest.raises(sa.exc.OperationalError, match="missing"):
        run(connection, *sql, BROKEN)


def noted(connection: sa.Connection) -> list[tuple[int, bool]]:
    """Return the notes: the position of each, and whether it is done."""
    rows = connection.execute(sa.select(JOURNAL).order_by(JOURNAL.c.position))
    return [(row.position, row.done) for row in rows]


def numbers(connection: sa.Connection) -> list[int]:
    """Return what is in the table."""
    return [row.n for row in connection.exec_driver_sql("SELECT n FROM t")]


def test_a_step_leaves_no_notes(connection: sa.Connection) -> None:
    run(connection, CREATE, FILL, "SELECT n FROM t")
    assert noted(connection) == []


def test_a_step_goes_on_where_it_stopped(
    connection: sa.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    interrupt(connection, CREATE, FILL)
    assert noted(connection) == [(0, True), (1, True)]

    caplog.set_level("INFO")
    run(connection, CREATE, "SELECT n FROM t", FILL, ADD)
    assert noted(connection) == [] and numbers(connection) == [1]
    for sql in (CREATE, FILL):
        assert messages.SKIPPED.format(sql=sql) in caplog.messages


def test_a_step_may_be_interrupted_again(connection: sa.Connection) -> None:
    interrupt(connection, CREATE)
    interrupt(connection, CREATE, FILL)
    assert noted(connection) == [(0, True), (1, True)]
    run(connection, CREATE, FILL)
    assert numbers(connection) == [1]


def test_the_last_ddl_of_a_killed_process_is_in_doubt(
    connection: sa.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    interrupt(connection, CREATE, ADD)
    connection.execute(JOURNAL.update().values(done=False))  # as a killed process leaves it
    caplog.set_level("INFO")
    run(connection, CREATE, ADD, FILL.replace("(1)", "(1, 2)"))
    assert numbers(connection) == [1]
    assert any("duplicate column" in each for each in caplog.messages)


def test_a_statement_in_doubt_that_is_refused_was_not_done(connection: sa.Connection) -> None:
    interrupt(connection, CREATE, ADD)
    connection.execute(JOURNAL.update().values(done=False))
    connection.exec_driver_sql("DROP TABLE t")
    connection.exec_driver_sql("CREATE VIEW t AS SELECT 1 AS n")
    with pytest.raises(sa.exc.OperationalError, match="view"):
        run(connection, CREATE, ADD)
    assert noted(connection) == [(0, True)]
    run(connection, CREATE, "DROP VIEW t", CREATE.replace("t (", "u ("))


def test_an_edited_step_is_refused(connection: sa.Connection) -> None:
    interrupt(connection, CREATE, FILL)
    with pytest.raises(CommandError) as refused:
        run(connection, CREATE, ADD)
    assert str(refused.value) == messages.REVISION_EDITED.format(step=STEP, sql=ADD)
    with pytest.raises(CommandError) as refused:
        run(connection, CREATE)
    assert str(refused.value) == messages.REVISION_EDITED.format(step=STEP, sql="-")
    run(connection, CREATE, FILL)


def test_another_step_has_to_wait(connection: sa.Connection) -> None:
    interrupt(connection, CREATE)
    with pytest.raises(CommandError) as refused:
        run(connection, "DROP TABLE t", step="downgrade a1")
    sentence = messages.HALF_APPLIED.format(step=STEP, asked="downgrade a1")
    assert str(refused.value) == sentence
    assert numbers(connection) == []


def test_rows_that_came_back_are_lost(connection: sa.Connection) -> None:
    returning = f"{FILL} RETURNING n"
    interrupt(connection, CREATE)
    note = {"position": 1, "digest": statements.digest(returning), "done": True, "step": STEP}
    connection.execute(JOURNAL.insert(), note)
    with pytest.raises(CommandError) as refused:
        run(connection, CREATE, returning)
    assert str(refused.value) == messages.RETURNING_LOST.format(step=STEP, sql=returning)


# A command of Alembic's

IN_BLOCKS = """
with op.get_context().autocommit_block():
    op.create_table("t", sa.Column("n", sa.Integer))
    op.execute("INSERT INTO t VALUES (1)")
    op.execute("ALTER TABLE {table} ADD m INTEGER")
"""


@pytest.fixture
def project(tmp_path: Path) -> Minimal:
    return minimal_project(tmp_path)


def tables(project: Minimal) -> set[str]:
    """Return the tables of the project's database."""
    engine = sa.create_engine(f"sqlite:///{project.root}/app.db", poolclass=sa.NullPool)
    return set(sa.inspect(engine).get_table_names())


def count(project: Minimal, table: str) -> int:
    """Return how many rows a table of the project's database has."""
    engine = sa.create_engine(f"sqlite:///{project.root}/app.db", poolclass=sa.NullPool)
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def test_only_what_cannot_be_undone_has_a_journal(project: Minimal) -> None:
    project.revision("a1", upgrade='op.create_table("t", sa.Column("n", sa.Integer))')
    command.upgrade(alembic_config(), "head")
    assert tables(project) == {"alembic_version", "t"}
    project.revision("b2", "a1", upgrade="with op.get_context().autocommit_block():\n    pass")
    command.upgrade(alembic_config(), "head")
    assert tables(project) == {"alembic_version", "alembic_journal", "t"}


def test_an_interrupted_revision_is_finished_by_the_same_command(project: Minimal) -> None:
    project.revision("a1", upgrade=IN_BLOCKS.format(table="missing"))
    with pytest.raises(CommandError):
        command.upgrade(alembic_config(), "head")
    assert count(project, "alembic_journal") == 2
    project.revision("a1", upgrade=IN_BLOCKS.format(table="t"))
    command.upgrade(alembic_config(), "head")
    assert count(project, "t") == 1 and count(project, "alembic_journal") == 0


def test_a_stamp_forgets_what_was_interrupted(project: Minimal) -> None:
    project.revision("a1", upgrade=IN_BLOCKS.format(table="missing"))
    with pytest.raises(CommandError):
        command.upgrade(alembic_config(), "head")
    command.stamp(alembic_config(), "head")
    assert count(project, "alembic_journal") == 0
