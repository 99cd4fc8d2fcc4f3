"""A downgrade loses nothing that nobody gave up, whichever door it comes through."""

from __future__ import annotations

import io
import secrets
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
import sqlalchemy as sa
from alambique import apply_migrations, messages, revert_migrations
from alambique.database.creation import create_missing_database, is_scratch, scratch_database
from alambique.history.status import current_heads
from alambique.settings import alembic_config
from alambique.tools import downgrade
from alambique.upgrade.journal import half_done
from alembic import command
from alembic.config import CommandLine
from alembic.util import CommandError
from sqlalchemy.engine import make_url

from support.database import DATABASES
from support.minimal import Minimal, minimal_project

COLUMNS = 'sa.Column("id", sa.Integer, primary_key=True), sa.Column("nome", sa.String(9))'


def table(name: str, schema: str | None = None) -> str:
    """Return the line of a revision that creates a table."""
    return f"op.create_table({name!r}, {COLUMNS}, schema={schema!r})"


@pytest.fixture
def project(tmp_path: Path) -> Minimal:
    return minimal_project(tmp_path)


class Database:
    """A project's database, with what a test asks of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.config = alembic_config(url)
        parsed = make_url(url)
        self.name = f"{parsed.host}:{parsed.port}/{parsed.database}"
        if parsed.get_backend_name() == "sqlite":
            self.name = str(parsed.database)

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        """Run SQL as a stranger would, and return the rows of the last statement."""
        with sa.create_engine(self.url, poolclass=sa.NullPool).begin() as connection:
            for each in statements:
                result = connection.exec_driver_sql(each)
            return [tuple(row) for row in result] if result.returns_rows else []

    def fill(self, *tables: str) -> None:
        """Put two rows in each table, one of them with a name."""
        for each in tables:
            self.run(f"INSERT INTO {each} (id, nome) VALUES (1, 'um'), (2, NULL)")

    def lost(self, to: str = "-1") -> list[str]:
        """Return what a refused downgrade asks consent for; none where it was not refused."""
        before = current_heads(self.config)
        try:
            command.downgrade(self.config, to)
        except CommandError as refused:
            assert current_heads(self.config) == before
            said = str(refused)
            start = f"lose=[{self.name + ':'!r}"[:-1]
            assert start in said, said
            return said.partition(start)[2].rpartition("']")[0].split(",")
        return []


@pytest.fixture(params=DATABASES)
def database(
    request: pytest.FixtureRequest, project: Minimal, new_database: Callable[[str], str]
) -> Database:
    url = new_database(request.param)
    create_missing_database(make_url(url))
    return Database(url)


@pytest.fixture
def mariadb(project: Minimal, new_database: Callable[[str], str]) -> Database:
    url = new_database("mysql")
    create_missing_database(make_url(url))
    return Database(url)


@pytest.fixture
def lite(project: Minimal) -> Database:
    return Database(f"sqlite:///{project.root}/app.db")


# What is lost, whatever a revision says it with


@pytest.mark.parametrize(
    ("down", "lost"),
    [
        ('op.drop_table("usuarios")', ["usuarios"]),
        ('name = "usuarios"\nop.drop_table(name)', ["usuarios"]),
        ('op.execute("DROP TABLE IF EXISTS usuarios")', ["usuarios"]),
        ('op.execute(sa.text("drop table usuarios"))', ["usuarios"]),
        ('op.get_bind().execute(sa.schema.DropTable(sa.table("usuarios")))', ["usuarios"]),
        ('op.execute("DELETE FROM usuarios")', ["usuarios"]),
        ('op.execute("DELETE FROM usuarios WHERE id = 1")', ["usuarios"]),
        ('op.execute(sa.delete(sa.table("usuarios")))', ["usuarios"]),
        ('op.execute("UPDATE usuarios SET nome = NULL")', ["usuarios.nome"]),
        ('for name in ["nome"]:\n    op.drop_column("usuarios", name)', ["usuarios.nome"]),
        ('op.execute("ALTER TABLE usuarios DROP COLUMN nome")', ["usuarios.nome"]),
        ('op.rename_table("usuarios", "u")\nop.drop_table("u")', ["usuarios"]),
        (
            """
            op.alter_column(
                "usuarios", "nome", new_column_name="n", existing_type=sa.String(9)
            )
            op.execute("ALTER TABLE usuarios DROP COLUMN n")
            """,
            ["usuarios.nome"],
        ),
        (
            """
            with op.batch_alter_table("usuarios") as batch:
                batch.drop_column("nome")
            """,
            ["usuarios.nome"],
        ),
        ('op.drop_table("usuarios")\nop.drop_table("vazia")', ["usuarios"]),
    ],
)
def test_what_is_lost_is_asked_about(
    database: Database, project: Minimal, down: str, lost: list[str]
) -> None:
    project.revision("a1", upgrade=f"{table('usuarios')}\n{table('vazia')}")
    project.revision("b2", "a1", downgrade=down)
    command.upgrade(database.config, "head")
    database.fill("usuarios")
    assert database.lost() == lost
    assert database.run("SELECT id, nome FROM usuarios ORDER BY id") == [(1, "um"), (2, None)]

    database.config.attributes["lose"] = [f"{database.name}:{','.join(lost)}"]
    command.downgrade(database.config, "-1")
    assert current_heads(database.config) == ("a1",)


@pytest.mark.parametrize(
    "down",
    [
        'op.drop_table("vazia")',
        'op.execute("DELETE FROM vazia")',
        'op.drop_column("usuarios", "nada")',
        'op.rename_table("usuarios", "pessoas")',
        """
        with op.batch_alter_table("usuarios") as batch:
            batch.alter_column("nome", new_column_name="apelido", existing_type=sa.String(9))
            batch.drop_column("nada")
        """,
        """
        op.rename_table("usuarios", "u")
        with op.batch_alter_table("u") as batch:
            batch.alter_column("nome", new_column_name="apelido", existing_type=sa.String(9))
        op.rename_table("u", "pessoas")
        """,
        """
        op.add_column("usuarios", sa.Column("cidade", sa.String(9)))
        op.execute("UPDATE usuarios SET cidade = 'Natal'")
        """,
        'op.create_index("ix", "usuarios", ["nome"])\nop.drop_index("ix", "usuarios")',
        """
        op.create_table("nova", sa.Column("id", sa.Integer))
        op.execute("INSERT INTO nova VALUES (1)")
        op.execute("DELETE FROM nova")
        op.drop_table("nova")
        """,
    ],
)
def test_what_loses_no_row_asks_nothing(database: Database, project: Minimal, down: str) -> None:
    nada = ', sa.Column("nada", sa.String(9))'
    project.revision("a1", upgrade=f"{table('usuarios')[:-14]}{nada})\n{table('vazia')}")
    project.revision("b2", "a1", downgrade=down)
    command.upgrade(database.config, "head")
    database.fill("usuarios")
    assert database.lost() == []
    assert current_heads(database.config) == ("a1",)


def test_a_schema_is_looked_into(project: Minimal, new_database: Callable[[str], str]) -> None:
    url = new_database("postgresql")
    create_missing_database(make_url(url))
    database = Database(url)
    project.revision(
        "a1",
        upgrade=f"""
        op.execute("CREATE SCHEMA vendas")
        {table("itens")}
        {table("itens", "vendas")}
        {table("a.b", "vendas")}
        """,
        downgrade="""
        op.drop_table("itens", schema="vendas")
        op.execute("DROP SCHEMA vendas CASCADE")
        """,
    )
    command.upgrade(database.config, "head")
    database.fill("itens", "vendas.itens", 'vendas."a.b"')
    assert database.lost() == ['vendas."a.b"', "vendas.itens"]


def test_an_attached_database_is_looked_into(project: Minimal) -> None:
    project.revision(
        "a1",
        upgrade=f"{table('itens')}\n{table('itens', 'vendas')}",
        downgrade='op.drop_table("itens", schema="vendas")',
    )
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql(f"ATTACH '{project.root}/vendas.db' AS vendas")
        connection.commit()
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.exec_driver_sql("INSERT INTO vendas.itens (id) VALUES (1)")
        connection.commit()
        with pytest.raises(CommandError, match=r"lose=\[':memory::vendas\.itens'\]"):
            command.downgrade(config, "base")
        config.attributes["lose"] = ":memory::vendas.itens"
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names(schema="vendas") == []


def test_several_revisions_are_one_question(database: Database, project: Minimal) -> None:
    """The first renames what the second drops, and is at its own level in the middle."""
    project.revision("a1", upgrade=table("velha"), downgrade='op.drop_table("velha")')
    project.revision(
        "b2",
        "a1",
        upgrade='op.add_column("velha", sa.Column("nada", sa.Integer))',
        downgrade='op.execute("UPDATE velha SET nome = NULL")',
    )
    project.revision(
        "c3",
        "b2",
        upgrade='op.rename_table("velha", "nova")',
        downgrade='op.rename_table("nova", "velha")',
    )
    command.upgrade(database.config, "head")
    database.fill("nova")
    assert database.lost("-1") == []
    command.upgrade(database.config, "head")
    assert database.lost("-2") == ["nova.nome"]
    assert database.lost("base") == ["nova"]


def test_another_database_of_the_server_is_looked_into(
    project: Minimal, new_database: Callable[[str], str]
) -> None:
    database, other = (Database(new_database("mysql")) for _ in range(2))
    schema = make_url(other.url).database
    for each in (database, other):
        create_missing_database(make_url(each.url))
    project.revision("a1", upgrade=table("itens", schema))
    project.revision("b2", "a1", downgrade=f'op.drop_table("itens", schema="{schema}")')
    command.upgrade(database.config, "head")
    other.fill("itens")
    assert database.lost() == [f"{schema}.itens"]


WITH_ITS_ROWS = """
op.execute("CREATE TABLE pedidos (id INTEGER NOT NULL PRIMARY KEY)")
op.execute(
    "CREATE TABLE itens (id INTEGER NOT NULL PRIMARY KEY, pedido INTEGER,"
    " FOREIGN KEY (pedido) REFERENCES pedidos (id) ON DELETE CASCADE)"
)
op.execute(
    "CREATE TABLE notas (id INTEGER NOT NULL PRIMARY KEY, item INTEGER,"
    " FOREIGN KEY (item) REFERENCES itens (id) ON DELETE CASCADE)"
)
op.execute(
    "CREATE TABLE avisos (id INTEGER NOT NULL PRIMARY KEY, item INTEGER,"
    " FOREIGN KEY (item) REFERENCES itens (id) ON DELETE SET NULL)"
)
"""


@pytest.mark.parametrize(
    ("rows", "lost"),
    [
        (
            [
                "pedidos VALUES (1)",
                "itens VALUES (1, 1), (2, NULL)",
                "notas VALUES (1, 1)",
                "avisos VALUES (1, 1)",
            ],
            {"pedidos", "itens", "notas", "avisos.item"},
        ),
        (["pedidos VALUES (1)", "itens VALUES (1, NULL)", "notas VALUES (1, 1)"], {"pedidos"}),
        (["itens VALUES (1, NULL)", "notas VALUES (1, 1)"], set()),
    ],
)
def test_what_goes_with_deleted_rows_is_asked_about(
    database: Database, project: Minimal, rows: list[str], lost: set[str]
) -> None:
    project.revision("a1", upgrade=WITH_ITS_ROWS)
    project.revision("b2", "a1", downgrade='op.execute("DELETE FROM pedidos")')
    command.upgrade(database.config, "head")
    for each in rows:
        database.run(f"INSERT INTO {each}")

    if database.url.startswith("sqlite"):
        lost = lost & {"pedidos"}  # no key acts there while migrations run
    assert set(database.lost()) == lost


def test_tables_that_refer_to_each_other_are_counted_once(
    project: Minimal, mariadb: Database
) -> None:
    project.revision(
        "a1",
        upgrade="""
        op.execute(
            "CREATE TABLE grupos (id INT PRIMARY KEY, acima INT,"
            " FOREIGN KEY (acima) REFERENCES grupos (id) ON DELETE CASCADE)"
        )
        """,
        downgrade='op.execute("DELETE FROM grupos")',
    )
    command.upgrade(mariadb.config, "head")
    mariadb.run("INSERT INTO grupos VALUES (1, NULL), (2, 1)")

    assert mariadb.lost() == ["grupos"]


@pytest.mark.parametrize(
    ("does", "lost"),
    [
        ("DELETE FROM notas WHERE pedido = OLD.id", ["pedidos", "notas"]),
        ("INSERT INTO notas (id) VALUES (OLD.id + 10)", ["pedidos"]),
        ("BEGIN DELETE FROM notas; END", ["pedidos", "@b2"]),
    ],
)
def test_what_a_trigger_takes_is_asked_about(
    project: Minimal, mariadb: Database, does: str, lost: list[str]
) -> None:
    project.revision(
        "a1",
        upgrade=f"""
        op.execute("CREATE TABLE pedidos (id INT PRIMARY KEY)")
        op.execute("CREATE TABLE notas (id INT PRIMARY KEY, pedido INT)")
        op.execute("CREATE TRIGGER g AFTER DELETE ON pedidos FOR EACH ROW {does}")
        """,
    )
    project.revision("b2", "a1", downgrade='op.execute("DELETE FROM pedidos")')
    command.upgrade(mariadb.config, "head")
    mariadb.run("INSERT INTO pedidos VALUES (1)")
    mariadb.run("INSERT INTO notas VALUES (1, 1)")

    assert mariadb.lost() == lost


# Where nobody can tell


SECOND = """
other = sa.create_engine(op.get_bind().engine.url, poolclass=sa.NullPool)
with other.begin() as connection:
    connection.execute(sa.text("DELETE FROM usuarios"))
"""


@pytest.mark.parametrize(
    ("database", "down"),
    [
        ("postgresql", SECOND),
        ("sqlite", 'op.get_bind().connection.executescript("DROP TABLE usuarios")'),
        ("postgresql", 'op.execute("DELETE FROM usuarios; COMMIT; DROP TABLE usuarios")'),
        ("mysql", 'op.execute("CALL empty_all()")'),
        ("mysql", SECOND),
        ("mysql", 'op.execute("BEGIN NOT ATOMIC DELETE FROM usuarios; END")'),
        (
            "mysql",
            """
            op.execute("ALTER TABLE usuarios ADD COLUMN c INT")
            if "c" in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("usuarios")}:
                op.execute("DROP TABLE usuarios")
            """,
        ),
    ],
    indirect=["database"],
)
def test_what_nobody_can_tell_is_asked_about(
    project: Minimal, database: Database, down: str
) -> None:
    project.revision("a1", upgrade=table("usuarios"))
    project.revision("b2", "a1", downgrade=down)
    command.upgrade(database.config, "head")
    database.fill("usuarios")
    assert database.lost() == ["@b2"]
    assert database.run("SELECT count(*) FROM usuarios") == [(2,)]


def test_what_undoes_a_rehearsal_is_asked_about(project: Minimal, lite: Database) -> None:
    """What came after it would be kept, and what came before it is not known."""
    project.revision("a1", upgrade=table("usuarios"))
    project.revision(
        "b2",
        "a1",
        downgrade="""
        try:
            op.execute("INSERT OR ROLLBACK INTO usuarios (id) VALUES (1)")
        except sa.exc.DBAPIError:
            op.execute("DELETE FROM usuarios")
        """,
    )
    project.revision("c3", "b2", downgrade='op.drop_column("usuarios", "nome")')
    command.upgrade(lite.config, "head")
    lite.fill("usuarios")
    assert lite.lost("base") == ["@c3", "@b2", "@a1"]
    assert lite.run("SELECT id, nome FROM usuarios ORDER BY id") == [(1, "um"), (2, None)]


@pytest.mark.parametrize(
    "down",
    [
        "SELECT setval('numbers', 1)",
        "DO $$ BEGIN PERFORM setval('numbers', 1, false); END $$",
    ],
)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_sequence_stands_where_it_stood(project: Minimal, database: Database, down: str) -> None:
    """No transaction undoes `setval`, and a number that comes again is refused by a key."""
    project.revision("a1", upgrade=f"{table('usuarios')}\nop.execute('CREATE SEQUENCE numbers')")
    project.revision(
        "b2", "a1", downgrade=f'op.execute("{down}")\nop.execute("DELETE FROM usuarios")'
    )
    command.upgrade(database.config, "head")
    database.fill("usuarios")
    database.run("SELECT setval('numbers', 50)")

    assert database.lost() == ["usuarios"]
    assert database.run("SELECT nextval('numbers')") == [(51,)]


def test_a_query_that_comes_first_is_answered(project: Minimal, mariadb: Database) -> None:
    """Where DDL commits, what a revision reads before it writes is as it will be."""
    project.revision("a1", upgrade=table("usuarios"))
    project.revision(
        "b2",
        "a1",
        downgrade="""
        for name in sa.inspect(op.get_bind()).get_table_names():
            if name != "alembic_version" and not name.startswith("alembic"):
                op.execute(f"DELETE FROM {name}")
        """,
    )
    command.upgrade(mariadb.config, "head")
    mariadb.fill("usuarios")
    assert mariadb.lost() == ["usuarios"]


@pytest.mark.parametrize(
    "down",
    [
        """
        with op.get_context().autocommit_block():
            op.execute("DROP INDEX CONCURRENTLY ix")
            op.execute("DELETE FROM usuarios WHERE id = 1")
        """,
        """
        op.execute("DELETE FROM usuarios WHERE id = 1")
        op.get_bind().commit()
        op.execute("DELETE FROM usuarios WHERE id = 3")
        """,
        """
        op.execute("DELETE FROM usuarios WHERE id = 1")
        op.execute("COMMIT")
        op.execute("DELETE FROM usuarios WHERE id = 2")
        op.execute("ROLLBACK")
        """,
    ],
)
def test_a_revision_that_commits_is_tried_without(
    project: Minimal, new_database: Callable[[str], str], down: str
) -> None:
    url = new_database("postgresql")
    create_missing_database(make_url(url))
    database = Database(url)
    up = f"{table('usuarios')}\nop.create_index('ix', 'usuarios', ['nome'])"
    project.revision("a1", upgrade=up)
    project.revision("b2", "a1", downgrade=down)
    command.upgrade(database.config, "head")
    database.fill("usuarios")
    with pytest.raises(CommandError, match=r"usuarios: 1 row\(s\)"):
        command.downgrade(database.config, "-1")
    assert database.run("SELECT count(*) FROM usuarios") == [(2,)]
    assert database.run("SELECT count(*) FROM pg_indexes WHERE indexname = 'ix'") == [(1,)]


def test_a_revision_that_fails_says_why(lite: Database, project: Minimal) -> None:
    project.revision("a1", upgrade=table("usuarios"), downgrade='op.execute("nonsense")')
    project.revision("b2", "a1", downgrade='op.drop_table("usuarios")')
    project.revision("c3", "b2", downgrade='op.execute("rubbish")')
    command.upgrade(lite.config, "head")
    with pytest.raises(CommandError, match="rubbish"):
        command.downgrade(lite.config, "-1")
    command.stamp(lite.config, "b2")
    lite.fill("usuarios")
    assert lite.lost("base") == ["usuarios", "@a1"]


def test_an_interrupted_downgrade_does_not_ask_again(project: Minimal, mariadb: Database) -> None:
    project.revision("a1", upgrade=table("usuarios"))
    broken = 'op.drop_table("usuarios")\nop.execute("DELETE FROM cidades")'
    project.revision("b2", "a1", downgrade=broken)
    command.upgrade(mariadb.config, "head")
    mariadb.fill("usuarios")
    assert mariadb.lost() == ["usuarios"]
    assert half_done(sa.create_engine(mariadb.url, poolclass=sa.NullPool).connect()) is None

    mariadb.config.attributes["lose"] = f"{mariadb.name}:usuarios"
    with pytest.raises(CommandError, match="cidades"):
        command.downgrade(mariadb.config, "-1")
    mariadb.run("CREATE TABLE cidades (id int)", "INSERT INTO cidades VALUES (1)")
    del mariadb.config.attributes["lose"]
    command.downgrade(mariadb.config, "-1")
    assert mariadb.run("SELECT * FROM cidades") == []


# Every door


@pytest.fixture
def at_risk(database: Database, project: Minimal) -> Database:
    """A database of which the next downgrade loses a table."""
    project.revision("a1", upgrade=table("usuarios"), downgrade='op.drop_table("usuarios")')
    command.upgrade(database.config, "head")
    database.fill("usuarios")
    return database


def alembic(database: Database, *arguments: str) -> None:
    """Run Alembic's own command, in this process."""
    ini = f"{Path(alembic_config().config_file_name or '')}"
    CommandLine(prog="alembic").main(["-c", ini, "-x", f"url={database.url}", *arguments])


def test_alembic_in_a_pipe_refuses(
    at_risk: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = Path(alembic_config().config_file_name or "").with_name("answers")
    waiting.write_text(10 * "y\n")
    monkeypatch.setattr("sys.stdin", waiting.open())
    for given in ("", "other:5432/loja:usuarios", f"{at_risk.name}:cidades", "yes", "usuarios"):
        consent = ["-x", f"lose={given}"] if given else []
        with pytest.raises(SystemExit):
            alembic(at_risk, *consent, "downgrade", "base")
        said = caplog.text
        caplog.clear()
        assert f"-x lose={at_risk.name}:usuarios downgrade base" in said
        elsewhere = messages.CONSENT_ELSEWHERE.format(said=given)
        assert (elsewhere in said) == (given in {"other:5432/loja:usuarios", "yes", "usuarios"})
        assert at_risk.run("SELECT count(*) FROM usuarios") == [(2,)]
        assert current_heads(at_risk.config) == ("a1",)

    alembic(at_risk, "-x", f"lose={at_risk.name}:usuarios", "downgrade", "base")
    assert current_heads(at_risk.config) == ()


@pytest.mark.parametrize("answer", ["y", "n"])
def test_alembic_in_a_terminal_asks(at_risk: Database, project: Minimal, answer: str) -> None:
    arguments = ["-m", "alembic", "-x", f"url={at_risk.url}", "downgrade", "base"]
    typed = pexpect.spawn(sys.executable, arguments, cwd=str(project.root), timeout=60)
    typed.expect_exact("usuarios: 2 row(s)")
    typed.expect_exact(messages.CONFIRM.strip())
    typed.sendline(answer)
    typed.expect(pexpect.EOF)
    typed.close()
    assert (typed.exitstatus == 0) == (answer == "y")
    assert current_heads(at_risk.config) == (() if answer == "y" else ("a1",))


@pytest.mark.parametrize("isolation", [None, "AUTOCOMMIT"])
def test_a_connection_of_the_callers_is_guarded(at_risk: Database, isolation: str | None) -> None:
    engine = sa.create_engine(at_risk.url, poolclass=sa.NullPool)
    if isolation:
        engine = engine.execution_options(isolation_level=isolation)
    with engine.connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        with pytest.raises(CommandError, match="usuarios: 2 row"):
            command.downgrade(config, "base")
        assert not connection.in_transaction()
    assert at_risk.run("SELECT count(*) FROM usuarios") == [(2,)]


def test_python_takes_the_same_consent(at_risk: Database) -> None:
    with pytest.raises(CommandError) as refused:
        revert_migrations(url=at_risk.url)
    consent = f"{at_risk.name}:usuarios"
    assert f"revert_migrations('-1', lose=[{consent!r}])" in str(refused.value)
    with pytest.raises(CommandError):
        revert_migrations(url=at_risk.url, lose="elsewhere/loja:usuarios")
    assert current_heads(at_risk.config) == ("a1",)
    revert_migrations(url=at_risk.url, lose=consent)
    assert current_heads(at_risk.config) == ()


def test_make_downgrade_takes_no_yes_for_it(
    at_risk: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    def typed(*lose: str) -> Namespace:
        return Namespace(url=at_risk.url, to="-1", yes=True, lose=list(lose))

    with pytest.raises(CommandError) as refused:
        downgrade.run(typed())
    consent = f"{at_risk.name}:usuarios"
    assert f"make downgrade to=-1 lose={consent}" in str(refused.value)
    assert downgrade.run(typed(consent)) == 0
    assert current_heads(at_risk.config) == ()
    assert downgrade.run(typed()) == 0
    assert messages.NOTHING_TO_UNDO in capsys.readouterr().out


def test_a_scratch_database_is_nobodys(at_risk: Database) -> None:
    with scratch_database(beside=make_url(at_risk.url)) as url:
        apply_migrations(url=url)
        with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
            connection.exec_driver_sql("INSERT INTO usuarios (id) VALUES (1)")
        revert_migrations("base", url=url)
        apply_migrations(url=url)
        assert is_scratch(url)
    assert not is_scratch(url) and not is_scratch(make_url(at_risk.url))


# Elsewhere nothing is held while one reads.
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_busy_table_is_waited_for_no_longer(
    at_risk: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_LOCK_TIMEOUT", "0.2")
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "1")
    with sa.create_engine(at_risk.url, poolclass=sa.NullPool).connect() as reader:
        reader.exec_driver_sql("SELECT * FROM usuarios")
        with pytest.raises(CommandError) as refused:
            command.downgrade(at_risk.config, "base")
    assert "lock timeout" in str(refused.value)
    assert current_heads(at_risk.config) == ("a1",)


# What another type makes of a value

PRICES = """
op.create_table(
    "itens", sa.Column("id", sa.Integer, primary_key=True), sa.Column("preco", {type})
)
"""
RETYPE = """
with op.batch_alter_table("itens") as batch:
    batch.alter_column("preco", existing_type={old}, type_={new})
"""


@pytest.mark.parametrize(
    ("old", "new", "values", "lost"),
    [
        ("sa.Numeric(10, 4)", "sa.Numeric(10, 2)", "(1, 1.2345), (2, 1.23), (3, NULL)", 1),
        ("sa.Numeric(10, 2)", "sa.Numeric(12, 4)", "(1, 1.25), (2, 1.23), (3, NULL)", 0),
        ("sa.Numeric(38, 20)", "sa.Numeric(38, 18)", "(1, 1234567890.12345678901234567891)", 1),
        ("sa.Double()", "sa.Integer()", "(1, 1.5), (2, 2.0), (3, 3.0)", 1),
        ("sa.String(20)", "sa.String(10)", "(1, 'abc'), (2, ''), (3, NULL)", 0),
        ("sa.Integer()", "sa.String(10)", "(1, 7), (2, -1), (3, NULL)", 0),
        ("sa.DateTime()", "sa.Date()", "(1, '2020-01-02 03:04:05'), (2, NULL)", 1),
    ],
)
def test_values_that_another_type_changes_are_asked_about(
    database: Database, project: Minimal, old: str, new: str, values: str, lost: int
) -> None:
    project.revision("a1", upgrade=PRICES.format(type=old))
    project.revision("b2", "a1", downgrade=RETYPE.format(old=old, new=new))
    command.upgrade(database.config, "head")
    database.run(f"INSERT INTO itens (id, preco) VALUES {values}")
    there = database.run("SELECT id, preco FROM itens ORDER BY id")

    # SQLite keeps what it is given: a type there has no scale and no length.
    lite = database.url.startswith("sqlite") and "Numeric" in old
    asked = ["itens.preco"] if lost and not lite else []
    assert database.lost() == asked
    if asked:
        assert database.run("SELECT id, preco FROM itens ORDER BY id") == there
        with pytest.raises(CommandError, match=rf"itens\.preco: {lost} "):
            command.downgrade(database.config, "-1")
        database.config.attributes["lose"] = f"{database.name}:itens.preco"
        command.downgrade(database.config, "-1")
    assert current_heads(database.config) == ("a1",)


def test_what_cannot_be_brought_back_is_told_by_how_many_values_are_left(
    project: Minimal, new_database: Callable[[str], str]
) -> None:
    url = new_database("postgresql")
    create_missing_database(make_url(url))
    database = Database(url)
    project.revision("a1", upgrade=PRICES.format(type="sa.Integer()"))
    to = 'op.execute("ALTER TABLE itens ALTER preco SET DATA TYPE timestamp USING {}")'
    project.revision("b2", "a1", downgrade=to.format("to_timestamp(preco / 10)"))
    command.upgrade(database.config, "head")
    database.run("INSERT INTO itens VALUES (1, 11), (2, 12), (3, 21), (4, NULL)")
    assert database.lost() == ["itens.preco"]
    database.run("DELETE FROM itens WHERE id = 2")
    assert database.lost() == []


TWICE = {
    "postgresql": "ALTER TABLE itens ALTER preco TYPE numeric(9, 1), ALTER peso TYPE numeric(9, 1)",
    "mysql": "ALTER TABLE itens MODIFY preco NUMERIC(9, 1), MODIFY peso NUMERIC(9, 1)",
}


@pytest.mark.parametrize("database", list(TWICE), indirect=True)
def test_several_types_in_one_statement_are_told_apart(
    database: Database, project: Minimal
) -> None:
    kind = make_url(database.url).get_backend_name()
    create = PRICES.format(type="sa.Numeric(9, 2)")
    more = 'op.add_column("itens", sa.Column("peso", sa.Numeric(9, 2)))'
    project.revision("a1", upgrade=f"{create}\n{more}")
    project.revision("b2", "a1", downgrade=f'op.execute("{TWICE[kind]}")')
    command.upgrade(database.config, "head")
    database.run("INSERT INTO itens (id, preco, peso) VALUES (1, 1.5, 1.55), (2, 2.5, 2.55)")
    assert database.lost() == ["itens.peso"]


BESIDES = {
    "by no name of ours": "ALTER TABLE ITENS ALTER COLUMN PRECO TYPE integer",
    "in a block": "DO $$ BEGIN ALTER TABLE itens ALTER preco TYPE integer; END $$",
}


@pytest.mark.parametrize("sql", BESIDES.values(), ids=list(BESIDES))
def test_a_type_that_changes_unseen_is_asked_about(
    project: Minimal, new_database: Callable[[str], str], sql: str
) -> None:
    url = new_database("postgresql")
    create_missing_database(make_url(url))
    database = Database(url)
    project.revision("a1", upgrade=PRICES.format(type="sa.Numeric(10, 2)"))
    project.revision("b2", "a1", downgrade=f"op.execute({sql!r})")
    command.upgrade(database.config, "head")
    database.run("INSERT INTO itens VALUES (1, 1.25), (2, NULL)")
    assert database.lost() == ["itens.preco"]


def test_a_type_in_another_database_of_the_server_is_looked_at(
    project: Minimal, new_database: Callable[[str], str]
) -> None:
    database, other = (Database(new_database("mysql")) for _ in range(2))
    schema = make_url(other.url).database
    for each in (database, other):
        create_missing_database(make_url(each.url))
    project.revision("a1", upgrade=table("itens", schema))
    down = f"ALTER TABLE `{schema}`.itens MODIFY nome INTEGER"
    project.revision("b2", "a1", downgrade=f"op.execute({down!r})")
    command.upgrade(database.config, "head")
    other.run("INSERT INTO itens VALUES (1, '007')")
    assert database.lost() == [f"{schema}.itens.nome"]


FORBIDDEN = {
    "postgresql": [
        "CREATE ROLE {user} LOGIN",
        "ALTER DATABASE {database} OWNER TO {user}",
        "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC, {user}",
        "ALTER SCHEMA public OWNER TO {user}",
    ],
    "mysql": [
        "CREATE USER {user}@'%%' IDENTIFIED BY 's'",
        "GRANT ALL ON {database}.* TO {user}@'%%'",
        "REVOKE CREATE TEMPORARY TABLES ON {database}.* FROM {user}@'%%'",
    ],
}


@pytest.mark.parametrize("database", list(FORBIDDEN), indirect=True)
def test_where_nothing_can_be_tried_it_is_asked_about(database: Database, project: Minimal) -> None:
    url, user = make_url(database.url), f"u_{secrets.token_hex(4)}"
    project.revision("a1", upgrade=PRICES.format(type="sa.Numeric(10, 2)"))
    project.revision(
        "b2", "a1", downgrade=RETYPE.format(old="sa.Numeric(10, 2)", new="sa.Integer()")
    )
    database.run(
        *(
            each.format(user=user, database=url.database)
            for each in FORBIDDEN[url.get_backend_name()]
        )
    )
    theirs = url.set(username=user, password="s")
    limited = Database(theirs.render_as_string(hide_password=False))
    try:
        command.upgrade(limited.config, "head")
        limited.run("INSERT INTO itens VALUES (1, 1.25)")
        assert limited.lost() == ["@b2"]
    finally:
        if url.get_backend_name() == "mysql":
            database.run(f"DROP USER {user}")
        else:
            database.run(f"REASSIGN OWNED BY {user} TO postgres", f"DROP OWNED BY {user}")
            database.run(f"DROP ROLE {user}")
