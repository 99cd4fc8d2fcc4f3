"""A generated revision is tried before it is written: up, down and up, where nobody has rows."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import cli, messages
from alambique.commands import apply_migrations, create_migration, current_revision
from alambique.database.creation import create_missing_database
from alambique.settings import migration_url
from alambique.terminal import INTERRUPTED
from alembic.util import CommandError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from support.database import DATABASES
from support.minimal import Minimal, is_said, minimal_project
from support.servers import server_url

MORE = "from sqlalchemy import JSON, CheckConstraint, Index, text\n"
NOME = 'Column("nome", String(50), nullable=False)'
PEDIDOS = 'Table("pedidos", metadata, Column("id", Integer, primary_key=True), {}{})\n'
THERE = PEDIDOS.format(NOME, "")
ITENS = THERE + 'Table("itens", metadata, Column("id", Integer, primary_key=True){})\n'
CREATE = """
op.create_table(
    "pedidos",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("nome", sa.String(50), nullable=False),
)
"""

# What the models say, the databases that refuse it, and the operation that a sentence names.
REFUSED = {
    "a CHECK of a column that is not there": (
        ITENS.format(', CheckConstraint("preco > 0", name="ck")'),
        DATABASES,
        "op.create_table('itens')",
    ),
    "a CHECK that calls what is not there": (
        PEDIDOS.format(NOME, ', CheckConstraint("nao_ha(nome) > 0", name="ck")'),
        DATABASES,
        "create_check_constraint('ck'",
    ),
    "a default that calls what is not there": (
        ITENS.format(', Column("n", Integer, server_default=text("(nao_ha())"))'),
        ["postgresql", "mysql"],
        "op.create_table('itens')",
    ),
    "an index over an expression that cannot be": (
        THERE + 'Index("ix", text("nao_ha(nome)"), _table=metadata.tables["pedidos"])\n',
        ["postgresql"],
        "'ix'",
    ),
    "two indexes of one name": (
        PEDIDOS.format(NOME, ', Index("ix", "nome")')
        + 'Table("itens", metadata, Column("nome", String(50)), Index("ix", "nome"))\n',
        ["postgresql", "sqlite"],
        "'ix'",
    ),
    "a name that is too long": (
        ITENS.format("").replace("itens", "itens" * 20),
        ["mysql"],
        "op.create_table('itensitens",
    ),
    "a key of a type without an order": (
        ITENS.format(', Column("lugar", JSON, primary_key=True)'),
        ["postgresql", "mysql"],
        "op.create_table('itens')",
    ),
}
CASES = [
    pytest.param(models, database, operation, id=f"{name}-{database}")
    for name, (models, databases, operation) in REFUSED.items()
    for database in databases
]


@pytest.fixture
def begin(tmp_path: Path, new_database: Callable[[str], str]) -> Callable[..., Minimal]:
    """Make a project with a table of its own, whose one revision was applied."""

    def project(
        database: str, models: str, language: str = "en", url: str = "", **more: str
    ) -> Minimal:
        url = url or new_database(database)
        create_missing_database(make_url(url))
        made = minimal_project(tmp_path / "loja", url=url, language=language)
        made.models(MORE + models)
        more = {"upgrade": CREATE, "downgrade": 'op.drop_table("pedidos")', **more}
        made.revision("a1", **more)
        apply_migrations()
        return made

    return project


def files(made: Minimal) -> dict[str, bytes]:
    """Return what is in the folder of revisions."""
    return {path.name: path.read_bytes() for path in made.versions.glob("*.*")}


def databases(database: str) -> set[str]:
    """Return the databases of a server."""
    names = "SELECT datname FROM pg_database" if database == "postgresql" else "SHOW DATABASES"
    with sa.create_engine(server_url(database), poolclass=NullPool).connect() as connection:
        return set(connection.execute(sa.text(names)).scalars())


@pytest.mark.parametrize(("models", "database", "operation"), CASES)
def test_what_does_not_run_is_not_written(
    begin: Callable[..., Minimal], models: str, database: str, operation: str
) -> None:
    made = begin(database, models)
    before = files(made)
    with pytest.raises(CommandError) as refused:
        create_migration("itens")
    said = str(refused.value)
    assert said.startswith(messages.DOES_NOT_RUN.partition("{")[0]), said
    assert messages.TRIED_WHERE["up"] in said and operation in said, said
    assert files(made) == before


ITENS_MORE = ITENS.format("")


@pytest.mark.parametrize("database", DATABASES)
def test_what_runs_is_written_in_silence(
    begin: Callable[..., Minimal], database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the history prints: it has said that once."""
    begin(database, ITENS_MORE, upgrade="print('loud')\n" + CREATE)
    capsys.readouterr()
    path = create_migration("itens")
    assert path is not None and "create_table('itens'" in Path(path).read_text()
    printed = capsys.readouterr()
    assert printed.err == "" and "loud" not in printed.out
    apply_migrations()


def test_a_history_of_several_heads_is_built(
    begin: Callable[..., Minimal], capsys: pytest.CaptureFixture[str]
) -> None:
    made = begin("sqlite", ITENS_MORE)
    labelled = 'branch_labels = ("outro",)'
    create = 'op.create_table("contas", sa.Column("n", sa.Integer, primary_key=True))'
    made.revision("b1", upgrade=create, downgrade='op.drop_table("contas")', more=labelled)
    made.revision("b2", "b1", upgrade="op.drop_table('contas')", downgrade=create)
    apply_migrations("heads")
    capsys.readouterr()
    for head in ("a1@head", "outro@head", "heads"):
        words = ("revision", "--autogenerate", "-m", "itens", "--head", head)
        before = files(made)
        assert made.typed(*words) == 0
        assert capsys.readouterr().err == ""
        (new,) = files(made).keys() - before.keys()
        (made.versions / new).unlink()


WRONG = REFUSED["a CHECK of a column that is not there"][0]
PRESSED = "import os\nif 'PRESSED' in os.environ:\n    raise KeyboardInterrupt\n"


@pytest.mark.parametrize("database", DATABASES)
def test_no_scratch_database_stays(
    begin: Callable[..., Minimal],
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Not after a revision that does not run, nor after Ctrl-C in the middle."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    made = begin(database, WRONG, upgrade=PRESSED + CREATE)

    def left() -> list[str]:
        name = f"{make_url(migration_url()).database}_"
        found = () if database == "sqlite" else databases(database)
        return [*(each for each in found if each.startswith(name)), *os.listdir(folder)]

    before = files(made)
    with pytest.raises(CommandError):
        create_migration("itens")
    assert left() == []
    monkeypatch.setenv("PRESSED", "1")
    assert made.typed("revision", "--autogenerate", "-m", "itens") == INTERRUPTED
    assert left() == [] and files(made) == before


@pytest.mark.parametrize("language", ["en", "pt"])
def test_each_road_refuses_in_a_sentence(
    begin: Callable[..., Minimal],
    language: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = begin("sqlite", WRONG, language)
    monkeypatch.chdir(made.root)
    before = files(made)
    for command in (
        lambda: cli.main(["migration", "-m", "itens"]),
        lambda: made.typed("revision", "--autogenerate", "-m", "itens"),
    ):
        assert command() != 0
        assert is_said(messages.DOES_NOT_RUN.partition("{")[0], capsys)
        assert files(made) == before


def test_it_is_written_untried_if_that_was_said(
    begin: Callable[..., Minimal],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = begin("sqlite", WRONG)
    monkeypatch.chdir(made.root)
    capsys.readouterr()
    assert made.typed("-x", "tried=talvez", "revision", "--autogenerate", "-m", "um") != 0
    assert is_said(messages.TRIED_UNKNOWN.format(said="talvez"), capsys)
    for write in (
        lambda: create_migration("um", tried=False),
        lambda: cli.main(["migration", "-m", "dois", "-x", "tried=no"]),
        lambda: made.typed("-x", "tried=não", "revision", "--autogenerate", "-m", "tres"),
    ):
        before = files(made)
        write()
        (new,) = files(made).keys() - before.keys()
        assert capsys.readouterr().err == ""
        (made.versions / new).unlink()


DIRECTIVES = """
from alambique.autogenerate.directives import review
from alambique.env import run_migrations
from alembic.operations import ops


def changed(migration, revision, directives):
    review(migration, revision, directives)
    for script in directives:
        {change}


run_migrations(process_revision_directives=changed)
"""


@pytest.mark.parametrize(
    ("change", "direction", "operation"),
    [
        (
            "script.downgrade_ops.ops.append(ops.ExecuteSQLOp('nonsense'))",
            "down",
            "op.execute('nonsense')",
        ),
        ("script.downgrade_ops.ops.clear()", "again", "op.create_table('itens')"),
    ],
)
@pytest.mark.parametrize("database", DATABASES)
def test_the_way_back_is_tried_too(
    begin: Callable[..., Minimal], database: str, change: str, direction: str, operation: str
) -> None:
    """And what somebody's own directives have made of it last."""
    made = begin(database, ITENS_MORE)
    made.write("migrations/env.py", DIRECTIVES.format(change=change))
    with pytest.raises(CommandError) as refused:
        create_migration("itens")
    said = str(refused.value)
    assert messages.TRIED_WHERE[direction] in said and operation in said, said


@pytest.mark.parametrize("database", DATABASES)
def test_a_history_that_cannot_be_built_is_not_its_fault(
    begin: Callable[..., Minimal],
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    needs = "import os\nif 'ROWS' not in os.environ:\n    raise RuntimeError('needs rows')\n"
    monkeypatch.setenv("ROWS", "1")
    begin(database, ITENS_MORE, upgrade=needs + CREATE)
    monkeypatch.delenv("ROWS")
    assert create_migration("itens") is not None
    why = messages.NOT_TRIED_HISTORY.format(at="a1 (a1)", cause="RuntimeError: needs rows")
    assert is_said(messages.NOT_TRIED.format(why=why), capsys)


def test_a_history_that_is_no_one_transaction_is_built_step_by_step(
    begin: Callable[..., Minimal], capsys: pytest.CaptureFixture[str]
) -> None:
    """PostgreSQL does not alter a table whose keys are yet to be looked at in the transaction."""
    made = begin("postgresql", ITENS_MORE)
    key = "ALTER TABLE pedidos ADD pai INTEGER REFERENCES pedidos DEFERRABLE INITIALLY DEFERRED"
    row = "INSERT INTO pedidos VALUES (1, 'a', 1)"
    made.revision("b2", "a1", f'op.execute("{key}")\nop.execute("{row}")')
    made.revision("c3", "b2", "op.execute('ALTER TABLE pedidos DROP pai')")
    apply_migrations()
    capsys.readouterr()
    assert create_migration("itens") is not None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("database", DATABASES)
def test_what_the_history_never_made_is_named(
    begin: Callable[..., Minimal], database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An index made by hand cannot be dropped elsewhere, and here it can."""
    begin(database, THERE)
    engine = sa.create_engine(migration_url(), poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE INDEX ix_mao ON pedidos (nome)")
    assert create_migration("sem o de fora") is not None
    printed = capsys.readouterr().err
    assert "ix_mao" in printed and messages.NOT_TRIED.partition("{")[0] in printed, printed


def test_a_view_that_nobody_can_read_is_not_in_the_way(begin: Callable[..., Minimal]) -> None:
    begin("sqlite", WRONG)
    with sa.create_engine(migration_url(), poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql("CREATE VIEW nada AS SELECT * FROM nao_ha")
    with pytest.raises(CommandError, match="preco"):
        create_migration("itens")


def test_a_schema_that_somebody_else_makes_is_there(
    begin: Callable[..., Minimal], capsys: pytest.CaptureFixture[str]
) -> None:
    made = begin("postgresql", ITENS.format(', schema="vendas"'))
    engine = sa.create_engine(migration_url(), poolclass=NullPool)
    with pytest.raises(CommandError):
        create_migration("vendas")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA vendas")
    capsys.readouterr()
    assert create_migration("vendas") is not None and files(made)
    assert capsys.readouterr().err == ""


ELSEWHERE = """
with sa.create_engine({url!r}).begin() as other:
    other.exec_driver_sql("INSERT INTO contas VALUES (1)")
"""


@pytest.mark.parametrize("database", DATABASES)
def test_a_revision_of_the_past_reaches_no_other_database(
    begin: Callable[..., Minimal],
    database: str,
    new_database: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = new_database(database)
    create_missing_database(make_url(url))
    engine = sa.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE contas (n INTEGER)")
    begin(database, ITENS_MORE, upgrade=CREATE + ELSEWHERE.format(url=url))
    assert create_migration("itens") is not None
    said = messages.NOT_TRIED_ELSEWHERE.format(sql="INSERT INTO contas VALUES (1)")
    assert is_said(said, capsys)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM contas").scalar() == 1


NOTES = """
import os
with open({path!r}, "a") as file:
    print(os.environ["DATABASE_URL"], file=file)
"""


def test_what_asks_the_environment_is_told_of_the_scratch_database(
    begin: Callable[..., Minimal], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    upgrade = NOTES.format(path=str(asked))
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.db")
    begin("sqlite", ITENS_MORE, upgrade=upgrade + CREATE)
    create_migration("itens")
    first, *others = asked.read_text().splitlines()
    assert first == os.environ["DATABASE_URL"] == "sqlite:///other.db"
    assert others and all("scratch.db" in each for each in others)


@pytest.mark.parametrize("database", ["postgresql", "mysql"])
def test_who_may_make_no_database_is_told_what_allows_it(
    begin: Callable[..., Minimal], database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server, user = server_url(database), f"u_{secrets.token_hex(4)}"
    name = f"t_{secrets.token_hex(4)}"
    make, end = ROLES[database]
    with sa.create_engine(server, isolation_level="AUTOCOMMIT").connect() as root:
        for statement in make:
            root.exec_driver_sql(statement.format(user=user, name=name))
        try:
            begin(database, ITENS_MORE, url=of(server, user, name))
            assert create_migration("itens") is not None
            printed = capsys.readouterr().err
            assert messages.NOT_TRIED.partition("{")[0] in printed, printed
            assert "CREATEDB" in printed or "GRANT ALL" in printed, printed
        finally:
            for statement in end:
                root.exec_driver_sql(statement.format(user=user, name=name))


ROLES = {
    "postgresql": (
        ["CREATE ROLE {user} LOGIN PASSWORD 's'", "CREATE DATABASE {name} OWNER {user}"],
        ["DROP DATABASE {name} WITH (FORCE)", "DROP ROLE {user}"],
    ),
    "mysql": (
        [
            "CREATE DATABASE {name}",
            "CREATE USER {user}@'%%' IDENTIFIED BY 's'",
            "GRANT ALL ON {name}.* TO {user}@'%%'",
        ],
        ["DROP DATABASE {name}", "DROP USER {user}@'%%'"],
    ),
}


def of(server: URL, user: str, name: str) -> str:
    """Return the URL of a database as somebody else."""
    mine = server.set(username=user, password="s", database=name)
    return mine.render_as_string(hide_password=False)


READS = {"BEGIN", "DESCRIBE", "PRAGMA", "ROLLBACK", "SAVEPOINT", "SELECT", "SET", "SHOW"}


@pytest.mark.parametrize("database", DATABASES)
def test_the_projects_own_database_is_left_alone(
    begin: Callable[..., Minimal], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is sent there while a revision is made only reads."""
    begin(database, ITENS_MORE)
    sent: list[str] = []

    def note(connection: sa.Connection, _: object, sql: str, *__: object) -> None:
        if connection.engine.url.database == make_url(migration_url()).database:
            sent.append(sql.split()[0].upper())

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        assert create_migration("itens") is not None
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert {*sent} <= {
        "SELECT",
        "PRAGMA",
        "BEGIN",
        "DESCRIBE",
        "SHOW",
        "SET",
        "SAVEPOINT",
        "ROLLBACK",
    }, sent
    assert current_revision() == "a1"


BY_ITSELF = """
import sqlalchemy as sa
from alambique.autogenerate.discovery import load_metadata
from alambique.settings import migration_url
from alembic import context

with sa.create_engine(migration_url(context.config)).connect() as connection:
    context.configure(connection=connection, target_metadata=load_metadata())
    with context.begin_transaction():
        context.run_migrations()
"""


def test_an_env_py_that_connects_by_itself_tries_nothing_and_says_so(
    begin: Callable[..., Minimal],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = begin("sqlite", ITENS_MORE)
    made.write("migrations/env.py", BY_ITSELF)
    monkeypatch.chdir(made.root)
    capsys.readouterr()
    assert cli.main(["migration", "-m", "itens"]) == 0
    assert is_said(messages.NOT_TRIED.format(why=messages.NOT_TRIED_ENV), capsys)
