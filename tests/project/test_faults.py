"""A migration is whole or it never happened, and an interrupted one goes on: kill -9 and worse.

Promise 4 on real databases: processes are killed with SIGKILL between any two statements, servers
hang up, revisions fail half-way, the disk is full, the file is read-only. Each time the next
`upgrade head` ends where an uninterrupted one does: same schema, same data, same version.
"""

import signal
from collections.abc import Callable

import pytest

from support.database import DATABASES, empty, query, rows_in, snapshot
from support.files import write_anew
from support.history import MODES, TEN, Run, kills, service, write_revisions
from support.messages import said
from support.project import Project

CLIENTES = """
op.create_table("clientes", sa.Column("id", sa.Integer, primary_key=True))
op.execute("INSERT INTO clientes (id) VALUES (1)")
op.add_column("clientes", sa.Column("visitas", sa.Integer, server_default="1", nullable=False))
op.execute("UPDATE clientes SET visitas = visitas + 1")
# here
op.execute("UPDATE clientes SET visitas = visitas + 1")
op.create_index("ix_clientes_visitas", "clientes", ["visitas"])
op.execute(auditoria.insert().values(passo="sobe 11"))
"""
FAMILY = """
op.create_table("usuarios", sa.Column("id", sa.Integer, primary_key=True))
for table, action in [("cartas", "CASCADE"), ("notas", "SET NULL")]:
    op.create_table(
        table,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("usuario_id", sa.Integer, sa.ForeignKey("usuarios.id", ondelete=action)),
    )
"""
UNIQUE_EMAIL = """
with op.batch_alter_table("usuarios") as batch:
    batch.add_column(sa.Column("email", sa.String(100)))
    batch.create_unique_constraint("uq_usuarios_email", ["email"])
"""
# The service's own engine: it enforces foreign keys.
SERVICE = """
from core.database import engine
connection = engine.connect()
for sql in {statements!r}:
    connection.exec_driver_sql(sql)
connection.commit()
"""
NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
THOUSAND = [
    f"INSERT INTO usuarios (id) {NUMBERS} SELECT i FROM n",
    f"INSERT INTO cartas (id, usuario_id) {NUMBERS} SELECT i, i FROM n",
    f"INSERT INTO notas (id, usuario_id) {NUMBERS} SELECT i, i FROM n",
]
# One of how many statements a process is killed at: a service's mode has no part in migrations but
# the driver that its URL names.
EVERY = {"sync": 1, "async": 4}
FAILURES = {
    "raise ValueError('no meio')": "ValueError: no meio",
    "op.execute('UPDATE nada SET x = 1')": "UPDATE nada SET x = 1",
}
HANG_UP = {
    "postgresql": "SELECT pg_terminate_backend(pg_backend_pid())",
    "mysql": "KILL CONNECTION_ID()",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test every mode, or with the default options the first one."""
    if "mode" in metafunc.fixturenames:
        full = metafunc.config.getoption("--full")
        metafunc.parametrize("mode", MODES if full else MODES[:1])


@pytest.mark.parametrize("position", [pytest.param("before", marks=pytest.mark.full), "after"])
@pytest.mark.parametrize("database", DATABASES)
def test_an_upgrade_killed_at_any_statement_resumes(
    project: Callable[..., Project],
    full: bool,
    record_property: Callable[[str, int], None],
    database: str,
    mode: str,
    position: str,
) -> None:
    made = service(project, database, mode)
    write_revisions(made, TEN)
    places = kills(full, made, position, "upgrade", "head", every=EVERY[mode])
    whole = snapshot(made)
    assert len(whole["auditoria"]["rows"]) == len(TEN)
    for kill in places:
        empty(made)
        Run(made, "upgrade", "head", kill=kill).end(-signal.SIGKILL)
        Run(made, "upgrade", "head").end()
        assert snapshot(made) == whole, kill
    record_property("processes killed", len(places))
    record_property("rows compared", len(places) * rows_in(whole))


@pytest.mark.parametrize("database", DATABASES)
def test_a_downgrade_killed_in_the_middle_resumes(
    project: Callable[..., Project],
    full: bool,
    record_property: Callable[[str, int], None],
    database: str,
    mode: str,
) -> None:
    made = service(project, database, mode)
    first, *_ = write_revisions(made, TEN)
    Run(made, "upgrade", "head").end()
    places = kills(full, made, "after", "downgrade", first, every=3 * EVERY[mode])
    down = snapshot(made)
    assert len(down["auditoria"]["rows"]) == 2 * len(TEN) - 1
    for kill in places:
        empty(made)
        Run(made, "upgrade", "head").end()
        Run(made, "downgrade", first, kill=kill).end(-signal.SIGKILL)
        Run(made, "downgrade", first).end()
        assert snapshot(made) == down, kill
    Run(made, "upgrade", "head").end()
    record_property("processes killed", len(places))
    record_property("rows compared", len(places) * rows_in(down))


@pytest.mark.parametrize("database", DATABASES)
def test_a_revision_that_fails_leaves_nothing_or_resumes_once_mended(
    project: Callable[..., Project], database: str
) -> None:
    made = service(project, database)
    last = write_revisions(made, TEN)[-1]
    Run(made, "upgrade", "head").end()
    before = snapshot(made)
    write_revisions(made, [(CLIENTES, "")], after=last)
    Run(made, "upgrade", "head").end()
    whole = snapshot(made)

    empty(made)
    file = made.revisions()[-1]
    good = file.read_text()
    for failure, cause in FAILURES.items():
        write_anew(file, good.replace("# here", failure))
        for _ in range(2):
            assert cause in Run(made, "upgrade", "head").fail()
            assert database == "mysql" or snapshot(made) == before
    write_anew(file, good)
    Run(made, "upgrade", "head").end()
    assert snapshot(made) == whole


def test_a_type_the_database_has_no_word_for_is_a_sentence(project: Callable[..., Project]) -> None:
    made = service(project, "mysql")
    column = 'op.create_table("t", sa.Column("nome", sa.String))'
    write_revisions(made, [(column, "")])
    output = Run(made, "upgrade", "head").fail()
    assert said(made, "NOT_SPOKEN", output) and "requires a length" in output
    for target in ("plan", "sql"):
        output = made.make(target, code=2)
        assert said(made, "NOT_SPOKEN", output) and "Traceback" not in output


@pytest.mark.parametrize("database", ["postgresql", "mysql"])
def test_a_connection_the_server_drops_loses_nothing(
    project: Callable[..., Project], database: str
) -> None:
    made = service(project, database)
    write_revisions(made, TEN)
    Run(made, "upgrade", "head").end()
    whole = snapshot(made)

    empty(made)
    file = made.revisions()[6]
    good = file.read_text()
    hang_up = f"    op.execute({HANG_UP[database]!r})\n    op.create_index("
    write_anew(file, good.replace("    op.create_index(", hang_up))
    output = Run(made, "upgrade", "head").fail()
    assert HANG_UP[database] in output and said(made, "CONNECTION_LOST", output)
    write_anew(file, good)
    Run(made, "upgrade", "head").end()
    assert snapshot(made) == whole


def isolated(project: Project, *commands: str) -> str:
    """Run shell commands in the project as root of mounts of its own; skip where none may."""
    shell = ["unshare", "--map-root-user", "--mount", "sh", "-ec"]
    try:
        project.run(*shell, "mount -t tmpfs none tests")
    except (AssertionError, FileNotFoundError) as error:
        pytest.skip(f"this machine lets us mount nothing: {error}")
    return project.run(*shell, "\n".join(commands))


def test_a_full_disk_ends_in_a_sentence_and_leaves_whole_revisions(
    project: Callable[..., Project], full: bool
) -> None:
    made = service(project, "sqlite")
    ids = write_revisions(made, TEN)
    wholes = {}
    for id in ids:
        Run(made, "upgrade", id).end()
        wholes[id] = snapshot(made)
    versions = set()
    for kilobytes in range(16, 76, 4) if full else [32, 52]:
        empty(made)
        output = isolated(
            made,
            f"mkdir -p disk && mount -t tmpfs -o size={kilobytes}k none disk",
            "! DATABASE_URL=sqlite:///disk/app.db .venv/bin/alembic upgrade head",
            "cp disk/app.db app.db",
        )
        assert "database or disk is full" in output and said(made, "STATEMENT_FAILED", output)
        found = snapshot(made)
        rows = found.get("alembic_version", {}).get("rows")  # none: the disk was too small
        version = query(made, "SELECT version_num FROM alembic_version")[0][0] if rows else ""
        assert found == wholes[version] if rows else found.keys() <= {"alembic_version"}
        Run(made, "upgrade", "head").end()
        assert snapshot(made) == wholes[ids[-1]]
        versions.add(version)
    assert len(versions) > 1


def test_a_read_only_place_ends_in_a_sentence_and_changes_nothing(
    project: Callable[..., Project],
) -> None:
    made = service(project, "sqlite")
    ids = write_revisions(made, TEN)
    (made.path / "disk").mkdir()
    url = {"DATABASE_URL": f"sqlite:///{made.path}/disk/app.db"}
    Run(made, "upgrade", ids[1], **url).end()
    before = (made.path / "disk/app.db").read_bytes()
    for place, migrated_here, sentence in [
        ("disk/app.db", True, "STATEMENT_FAILED"),
        ("disk", True, "STATEMENT_FAILED"),
        ("disk", False, "CANNOT_CONNECT"),
    ]:
        if not migrated_here:
            (made.path / "disk/app.db-migration-lock").unlink()
        output = isolated(
            made,
            f"mount --bind {place} {place} && mount -o remount,ro,bind {place}",
            f"! DATABASE_URL={url['DATABASE_URL']} .venv/bin/alembic upgrade head",
        )
        assert said(made, sentence, output)
        assert (made.path / "disk/app.db").read_bytes() == before


def test_recreating_a_table_on_sqlite_keeps_the_rows_that_hang_on_it(
    project: Callable[..., Project],
) -> None:
    made = service(project, "sqlite")
    _, head = write_revisions(made, [(FAMILY, ""), (UNIQUE_EMAIL, "")])
    Run(made, "upgrade", "+1").end()
    made.python(SERVICE.format(statements=THOUSAND))
    children = "SELECT count(*), count(usuario_id), sum(usuario_id) FROM {table}"
    before = [query(made, children.format(table=table)) for table in ("cartas", "notas")]
    assert before == [[(1000, 1000, 500500)]] * 2
    Run(made, "upgrade", head).end()
    assert [query(made, children.format(table=table)) for table in ("cartas", "notas")] == before
    assert query(made, "SELECT count(*), count(email) FROM usuarios") == [(1000, 0)]
    made.python(SERVICE.format(statements=["DELETE FROM usuarios WHERE id <= 10"]))
    assert query(made, children.format(table="cartas"))[0][0] == 990
    assert query(made, children.format(table="notas"))[0][:2] == (1000, 990)
