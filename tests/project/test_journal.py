"""What was done before an interruption is not done again, where the database cannot undo it.

MariaDB and MySQL commit with each DDL statement, every database does in an `autocommit_block`: a
journal of the statements makes up for it. These tests stop a revision at chosen places and look at
what the next run does; test_faults.py stops it everywhere.
"""

import signal
from collections.abc import Callable
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event

from support.database import DATABASES, empty, query, snapshot
from support.history import (
    Run,
    eventually,
    gate,
    held,
    interrupt,
    kills,
    service,
    wait_at_the_gate,
    write_revisions,
)
from support.messages import said
from support.project import Project

START = """
op.create_table("auditoria", sa.Column("passo", sa.String(20), nullable=False))
op.create_table(
    "usuarios",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("nome", sa.String(50)),
    sa.Column("pontos", sa.Integer, server_default="1", nullable=False),
)
op.bulk_insert(usuarios, [{"id": n, "nome": "Ana"} for n in range(1, 6)])
"""
# Committed: the first three statements; the fourth goes with the killed process.
FIRST_HALF = """
op.execute("UPDATE usuarios SET pontos = pontos * 3")
op.add_column("usuarios", sa.Column("email", sa.String(50)))
op.create_index("ix_usuarios_email", "usuarios", ["email"])
op.execute("UPDATE usuarios SET pontos = pontos + 1")
"""
SECOND_HALF = """
op.execute("UPDATE usuarios SET email = 'a@exemplo.com'")
op.drop_column("usuarios", "nome")
op.execute(auditoria.insert().values(passo="dois"))
"""
UNDO = """
op.execute("DELETE FROM auditoria")
op.add_column("usuarios", sa.Column("nome", sa.String(50)))
op.drop_index("ix_usuarios_email", "usuarios")
op.execute("UPDATE usuarios SET pontos = pontos - 1")
op.drop_column("usuarios", "email")
"""
CONCURRENTLY = """
op.execute("UPDATE usuarios SET pontos = pontos * 3")
op.add_column("usuarios", sa.Column("email", sa.String(50)))
with op.get_context().autocommit_block():
    op.create_index("ix_pontos", "usuarios", ["pontos"], postgresql_concurrently=True)
    op.execute("UPDATE usuarios SET pontos = pontos + 1")
    op.create_index("ix_email", "usuarios", ["email"], unique=True, postgresql_concurrently=True)
op.execute("UPDATE usuarios SET pontos = pontos * 2")
op.create_index("ix_nome", "usuarios", ["nome"])
op.execute(auditoria.insert().values(passo="dois"))
"""
# CREATE INDEX CONCURRENTLY waits at its end for every transaction that began to read before.
OLD_SNAPSHOT = ["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT * FROM auditoria"]
PENDING = "SELECT count(*) FROM alembic_journal"
BEFORE_A_BLOCK = """
op.execute("UPDATE usuarios SET pontos = pontos * 3")
op.add_column("usuarios", sa.Column("email", sa.String(50)))
op.get_bind().scalar(sa.text("SELECT 1"))
with op.get_context().autocommit_block():
"""
INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test every database, or with the default options the one it matters most on."""
    if "database" in metafunc.fixturenames:
        full = metafunc.config.getoption("--full")
        metafunc.parametrize("database", DATABASES if full else ["postgresql"])


def two(project: Callable[..., Project], database: str = "mysql", second: str = "") -> Any:
    """Return a project of two revisions, the second stopped at a gate, and its whole snapshot."""
    made = service(project, database)
    second = second or FIRST_HALF + wait_at_the_gate(made) + SECOND_HALF
    write_revisions(made, [(START, ""), (second, UNDO)])
    gate(made).touch()
    Run(made, "upgrade", "head").end()
    whole = snapshot(made)
    gate(made).unlink()
    empty(made)
    return made, whole


def test_alembic_and_sqlalchemy_keep_what_the_journal_leans_on(
    project: Callable[..., Project],
) -> None:
    """`fn` gives the steps, `migration_fn` runs before the version, True stands in."""
    made = service(project, "sqlite")
    ids = write_revisions(made, [("op.execute('CREATE TABLE never (id INTEGER)')", "")] * 2)
    script = ScriptDirectory(str(made.path / "migrations"))
    engine = create_engine("sqlite://")
    done: list[str] = []

    def stand_in(_cursor: object, sql: str, *_: object) -> bool | None:
        done.append(sql.split()[0])
        return True if sql.startswith("CREATE TABLE never") else None

    def upgrade(heads: Any, _context: MigrationContext) -> Any:
        return script._upgrade_revs("head", heads)

    def wrapped(heads: Any, context: MigrationContext) -> Any:
        for step in upgrade(heads, context):
            assert isinstance(step, RevisionStep) and step.is_upgrade
            assert step.revision.path == str(made.revisions()[ids.index(step.revision.revision)])
            run = step.migration_fn
            step.migration_fn = lambda run=run: (done.append("begin"), run(), done.append("end"))
            yield step

    event.listen(engine, "do_execute", stand_in)
    with engine.connect() as connection:
        options = {"fn": wrapped, "script": script, "transaction_per_migration": True}
        context = MigrationContext.configure(connection, opts=options)
        with Operations.context(context), context.begin_transaction():
            context.run_migrations()
        assert context.get_current_heads() == (ids[-1],)
    first = ["begin", "CREATE", "end", "INSERT", "begin", "CREATE", "end", "UPDATE"]
    assert [
        word for word in done[done.index("begin") :] if word not in {"PRAGMA", "SELECT"}
    ] == first


def test_a_revision_finished_by_hand_is_stamped_and_forgotten(
    project: Callable[..., Project],
) -> None:
    made, whole = two(project)
    interrupt(made, "upgrade", "head")
    for sql in (
        "UPDATE usuarios SET pontos = pontos + 1, email = 'a@exemplo.com'",
        "ALTER TABLE usuarios DROP COLUMN nome",
        "INSERT INTO auditoria VALUES ('dois')",
    ):
        query(made, sql)
    Run(made, "stamp", "head").end()
    assert snapshot(made) == whole
    Run(made, "downgrade", "-1").end()


def test_a_statement_in_doubt_that_fails_after_all_may_be_mended(
    project: Callable[..., Project],
) -> None:
    """Killed while the statement waits for the table, which then turns out to have duplicates."""
    unique = 'op.create_unique_constraint("uq_usuarios_nome", "usuarios", ["nome"])'
    made = service(project, "mysql")
    write_revisions(made, [(START, ""), (unique, "")])
    Run(made, "upgrade", "+1").end()
    with held(made, "SELECT * FROM usuarios"):
        run = Run(made, "upgrade", "head", MIGRATION_LOCK_TIMEOUT="60")
        waiting = "SELECT count(*) FROM information_schema.processlist WHERE state LIKE '%lock'"
        eventually(lambda: query(made, f"{waiting} AND info LIKE '%uq_usuarios_nome%'")[0][0] == 1)
        run.kill()
    assert query(made, PENDING) == [(1,)]
    assert "Duplicate entry" in Run(made, "upgrade", "head").fail()
    file = made.revisions()[-1]
    mend = 'op.execute("UPDATE usuarios SET nome = concat(nome, id)")'
    made.write(str(file), file.read_text().replace(unique, f"{mend}\n    {unique}"))
    Run(made, "upgrade", "head").end()
    assert query(made, "SELECT count(DISTINCT nome) FROM usuarios") == [(5,)]


def test_what_a_transaction_committed_with_its_note_is_not_in_doubt(
    project: Callable[..., Project],
) -> None:
    """Run again inside a transaction, it would fail and take all that follows with it."""
    made = service(project, "postgresql")
    gate_in_block = wait_at_the_gate(made).replace("\n", "\n    ")
    write_revisions(made, [(START, ""), (BEFORE_A_BLOCK + gate_in_block, "")])
    interrupt(made, "upgrade", "head")
    assert query(made, PENDING) == [(1,)]  # a batch, with the commit before the block
    Run(made, "upgrade", "head").end()
    assert query(made, "SELECT DISTINCT pontos, email FROM usuarios") == [(3, None)]


@pytest.mark.parametrize("position", ["before", "after"])
def test_an_autocommit_block_killed_at_any_statement_resumes(
    project: Callable[..., Project],
    full: bool,
    record_property: Callable[[str, int], None],
    database: str,
    position: str,
) -> None:
    made, whole = two(project, database, CONCURRENTLY)
    Run(made, "upgrade", "+1").end()
    places = kills(full, made, position, "upgrade", "head")
    for kill in places:
        empty(made)
        Run(made, "upgrade", "+1").end()
        Run(made, "upgrade", "head", kill=kill).end(-signal.SIGKILL)
        Run(made, "upgrade", "head").end()
        assert snapshot(made) == whole, kill
    record_property("processes killed", len(places))


def test_an_index_left_invalid_by_a_kill_is_named_and_built_again(
    project: Callable[..., Project],
) -> None:
    made, whole = two(project, "postgresql", CONCURRENTLY)
    Run(made, "upgrade", "+1").end()
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with held(made, *OLD_SNAPSHOT):
        run = Run(made, "upgrade", "head", MIGRATION_PATIENCE="2")
        # Killed while it waits for the reader; its server process gives up after two seconds.
        eventually(lambda: query(made, INVALID) == [("ix_pontos",)])
        run.kill()
        eventually(lambda: query(made, others) == [(2,)])
    assert query(made, INVALID) == [("ix_pontos",)]
    output = Run(made, "upgrade", "head").end()
    assert said(made, "INVALID_INDEX", output) and "ix_pontos" in output
    assert query(made, INVALID) == []
    assert snapshot(made) == whole


def test_an_index_that_waits_for_a_reader_says_so_and_is_built_once(
    project: Callable[..., Project],
) -> None:
    made, whole = two(project, "postgresql", CONCURRENTLY)
    Run(made, "upgrade", "+1").end()
    with held(made, *OLD_SNAPSHOT):
        run = Run(made, "upgrade", "head", MIGRATION_LOCK_TIMEOUT="1")
        eventually(lambda: said(made, "WAITS_FOR", run.output))
    output = run.end()
    assert not said(made, "TABLE_RETRY", output) and not said(made, "INVALID_INDEX", output)
    assert snapshot(made) == whole


def test_an_index_that_has_waited_long_enough_is_tried_again(
    project: Callable[..., Project],
) -> None:
    made, whole = two(project, "postgresql", CONCURRENTLY)
    Run(made, "upgrade", "+1").end()
    with held(made, *OLD_SNAPSHOT):
        run = Run(made, "upgrade", "head", MIGRATION_PATIENCE="1")
        eventually(lambda: said(made, "TABLE_RETRY", run.output))
    assert said(made, "INVALID_INDEX", run.end())
    assert snapshot(made) == whole
