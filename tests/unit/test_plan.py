"""A plan is data: statements, each with its risk; SQL and Markdown are made from it."""

import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.database.creation import create_missing_database
from alambique.history.plan import Plan, Risk, Statement, plan
from alambique.history.status import connected, current_heads
from alambique.names import TableName
from alambique.settings import alembic_config
from alambique.tools import plan as command_plan
from alambique.tools.markdown import bullets, code, comment, details, risks
from alambique.tools.plan import as_sql
from alembic import command
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from support.comparison import revision_for
from support.minimal import Minimal, minimal_project

CREATE = """
op.create_table(
    "usuarios",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("nome", sa.String(50)),
)
op.create_table("produtos", sa.Column("id", sa.Integer, primary_key=True))
"""
CHANGE = """
with op.batch_alter_table("usuarios") as batch:
    batch.alter_column("nome", type_=sa.String(20), existing_type=sa.String(50))
op.drop_table("produtos")
op.execute("INSERT INTO usuarios (id, nome) VALUES (1, 'a;\\n\\nb; DROP TABLE c')")
op.execute("DELETE FROM usuarios")
"""


@pytest.fixture
def project(tmp_path: Path) -> Minimal:
    made = minimal_project(tmp_path)
    made.revision("a1", upgrade=CREATE)
    made.revision("b2", "a1", upgrade=CHANGE)
    return made


def found_risks(made: Plan) -> list[tuple[str, Risk]]:
    """Return the first two words of each risky statement, with its risk."""
    risky = [each for each in made.statements if each.risk is not None]
    return [(" ".join(each.sql.split()[:2]), each.risk) for each in risky if each.risk]


def test_sqlite_runs_it_on_a_copy(project: Minimal) -> None:
    config = alembic_config()
    made = plan(config)
    assert [each.revision for each in made.revisions] == ["a1", "b2"]
    assert made.losses == [TableName("produtos")]
    assert found_risks(made) == [
        ("CREATE TABLE", Risk.REWRITES),  # of the copy that takes the table's place
        ("DROP TABLE", Risk.LOSES),
        ("DELETE FROM", Risk.LOSES),
    ]
    (swap,) = (each.sql for each in made.statements if each.risk is Risk.REWRITES)
    assert swap.count(";\n") == 3 and swap.endswith("RENAME TO usuarios")
    assert current_heads(config) == () and "connection" not in config.attributes
    assert not (project.root / "app.db").stat().st_size


def test_the_copy_is_of_the_database_that_alembic_ini_names(
    project: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{project.root}/service.db")
    command.upgrade(alembic_config(), "a1")
    assert [each.revision for each in plan(alembic_config()).revisions] == ["b2"]
    other = alembic_config(f"sqlite:///{project.root}/other.db")
    assert len(plan(other).revisions) == 2


def test_a_given_connection_is_copied(project: Minimal) -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "a1")
        made = plan(config)
        assert [each.revision for each in made.revisions] == ["b2"]
        assert ("DROP TABLE", Risk.LOSES) in found_risks(made)
        assert config.attributes["connection"] is connection
        assert current_heads(config) == ("a1",)


def on_server(project: Minimal, url: str) -> Plan:
    """Return the plan of the second revision on a server."""
    create_missing_database(make_url(url))
    config = alembic_config(url)
    command.upgrade(config, "a1")
    made = plan(config)
    assert current_heads(config) == ("a1",) and config.output_buffer is None
    return made


def test_postgresql_writes_it_down(project: Minimal, new_database: Callable[[str], str]) -> None:
    made = on_server(project, new_database("postgresql"))
    assert [each.revision for each in made.revisions] == ["b2"]
    assert made.statements == [
        Statement("BEGIN", None),
        Statement(
            "ALTER TABLE usuarios ALTER COLUMN nome TYPE VARCHAR(20)",
            Risk.REWRITES,
            "-- Running upgrade a1 -> b2",
        ),
        Statement("DROP TABLE produtos", Risk.LOSES),
        Statement("INSERT INTO usuarios (id, nome) VALUES (1, 'a;\n\nb; DROP TABLE c')", None),
        Statement("DELETE FROM usuarios", Risk.LOSES),
        Statement(
            "UPDATE alembic_version SET version_num='b2' WHERE alembic_version.version_num = 'a1'",
            None,
        ),
        Statement("COMMIT", None),
    ]
    assert as_sql(made).startswith(
        f"-- {messages.LOSES} produtos\n\nBEGIN;\n\n-- Running upgrade a1 -> b2\n\n"
        f"-- {messages.REWRITES}\nALTER TABLE usuarios ALTER COLUMN nome TYPE VARCHAR(20);\n\n"
    )


def test_mariadb_writes_it_down(project: Minimal, new_database: Callable[[str], str]) -> None:
    url = new_database("mysql")
    assert make_url(url).get_backend_name() == "mysql"
    found = found_risks(on_server(project, url))
    assert found[0] == ("ALTER TABLE", Risk.REWRITES)
    assert [risk for _, risk in found[1:]] == [Risk.LOSES] * 2


def test_nothing_to_do_is_said(project: Minimal, capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(alembic_config(), "head")
    assert command_plan.run(Namespace(url=None, markdown=False, json=False)) == 0
    assert capsys.readouterr().out == f"{messages.NOTHING_TO_DO}\n"
    assert command_plan.run(Namespace(url=None, markdown=True, json=False)) == 0
    assert capsys.readouterr().out == f"### {messages.PLAN_EMPTY}\n"


def test_markdown_says_the_losses_first(project: Minimal) -> None:
    made = plan(alembic_config())
    lines = list(risks(made))
    assert lines[0] == f"**{messages.LOSES}** `produtos`"
    assert lines[1] == f"**{messages.LOSES}** `DROP TABLE produtos;`"
    assert lines[-1].startswith(f"**{messages.REWRITES}** `CREATE TABLE _alembic_tmp_usuarios (")

    text = comment(made, as_sql(made))
    assert text.startswith(f"### {messages.PLAN_MANY.format(count=2)}\n\n- **")
    assert "\n1. `a1` `a1`: `migrations/versions/a1.py`\n1. `b2`" in text
    assert text.endswith("```\n\n</details>\n")


def test_a_comment_fits_whatever_is_in_the_sql(project: Minimal) -> None:
    wild = [
        Statement(f"DELETE FROM t WHERE c = '````' AND n = {n}", Risk.LOSES) for n in range(2000)
    ]
    made = Plan(plan(alembic_config()).revisions, [], wild)
    text = comment(made, as_sql(made))
    assert len(text) < 65_536
    (fence,) = re.findall("^(`+)sql$", text, re.MULTILINE)
    assert len(fence) == 5 and text.count(f"\n{fence}\n") == 1
    assert messages.PLAN_CUT.format(length=len(as_sql(made))) in text
    assert f"\n- {messages.PLAN_MORE.format(count=1950)}\n" in text


def test_markdown_by_hand() -> None:
    assert code("a`b") == "`` a`b ``" and code("a") == "`a`"
    assert code("x" * 200) == f"`{'x' * 120}…`"
    assert bullets("-", []) == "" and bullets("1.", ["a", "b"]) == "1. a\n1. b"
    assert details("SELECT 1;", 9_999).count("```") == 2


WATCHED = {
    "sqlite": [
        "CREATE TRIGGER vigia AFTER UPDATE OF nome ON usuarios BEGIN SELECT 1; END",
        "CREATE TRIGGER outro AFTER INSERT ON usuarios BEGIN UPDATE usuarios SET nome = ''; END",
    ],
    "postgresql": [
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$",
        "CREATE TRIGGER vigia BEFORE UPDATE ON usuarios FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE TRIGGER outro BEFORE INSERT ON usuarios FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE TRIGGER mudo BEFORE UPDATE ON usuarios FOR EACH ROW EXECUTE FUNCTION f()",
        "ALTER TABLE usuarios DISABLE TRIGGER mudo",
    ],
    "mysql": [
        "CREATE TRIGGER vigia AFTER UPDATE ON usuarios FOR EACH ROW SET @x = 1",
        "CREATE TRIGGER outro AFTER INSERT ON usuarios FOR EACH ROW SET @x = 1",
        "ALTER TABLE usuarios ADD quando DATETIME NULL ON UPDATE CURRENT_TIMESTAMP",
    ],
}
UPDATE = """
op.rename_table("usuarios", "pessoas")
op.execute("UPDATE pessoas SET nome = 'x' WHERE nome IS NULL")
op.execute("UPDATE produtos SET id = 2")
"""


@pytest.mark.parametrize("database", WATCHED)
def test_what_an_update_fires_is_said(
    tmp_path: Path, database: str, new_database: Callable[[str], str]
) -> None:
    project = minimal_project(tmp_path)
    project.revision("a1", upgrade=CREATE)
    project.revision("b2", "a1", upgrade=UPDATE)
    url = new_database(database)
    create_missing_database(make_url(url))
    config = alembic_config(url)
    command.upgrade(config, "a1")
    with connected(config) as connection:
        for statement in WATCHED[database]:
            connection.exec_driver_sql(statement)
        connection.commit()

    made = plan(config)
    fired = {each.sql: each.fires for each in made.statements if each.fires}
    acts = ("vigia", "usuarios.quando (ON UPDATE)") if database == "mysql" else ("vigia",)
    assert fired == {"UPDATE pessoas SET nome = 'x' WHERE nome IS NULL": acts}
    assert f"-- {messages.FIRES} {', '.join(acts)}\nUPDATE pessoas" in as_sql(made)
    assert any(line.startswith(f"**{messages.FIRES}** `vigia`") for line in risks(made))


RENAMES = """
op.rename_table("usuarios", "pessoas")
op.alter_column("produtos", "nome", new_column_name="titulo", existing_type=sa.String(50))
{more}
"""
VIEWS = {
    "de_tabela": "SELECT u.id FROM usuarios u",
    "de_coluna": "SELECT id, nome AS x FROM produtos",
    "de_outra_coluna": "SELECT id FROM produtos",
}


def test_a_view_that_a_rename_breaks_is_said(
    tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    project = minimal_project(tmp_path)
    with_name = CREATE.replace('"produtos",', '"produtos", sa.Column("nome", sa.String(50)),')
    project.revision("a1", upgrade=with_name)
    project.revision("b2", "a1", upgrade=RENAMES.format(more=""))
    url = new_database("mysql")
    create_missing_database(make_url(url))
    config = alembic_config(url)
    command.upgrade(config, "a1")
    with connected(config) as connection:
        for name, query in VIEWS.items():
            connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")

    made = plan(config)
    assert made.views == ["de_coluna", "de_tabela"]
    said = messages.VIEWS_LEFT_BEHIND.format(views="de_coluna, de_tabela")
    assert as_sql(made).startswith(f"-- {said}\n")
    assert any("`de_coluna`, `de_tabela`" in line for line in risks(made))

    anew = 'op.execute("CREATE OR REPLACE VIEW de_tabela AS SELECT id FROM pessoas")'
    project.revision("b2", "a1", upgrade=RENAMES.format(more=anew))
    assert plan(config).views == ["de_coluna"]
    command.upgrade(config, "head")
    with connected(config) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM de_tabela").scalar() == 0
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql("SELECT * FROM de_coluna")


def test_a_migration_says_so_too(
    new_database: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    def models(table: str, column: str) -> sa.MetaData:
        metadata = sa.MetaData()
        key = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table(table, metadata, key, sa.Column(column, sa.String(9)))
        return metadata

    url = make_url(new_database("mysql"))
    create_missing_database(url)
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        models("a", "x").create_all(connection)
        connection.exec_driver_sql("CREATE VIEW de_x AS SELECT x FROM a")
        connection.exec_driver_sql("CREATE VIEW de_id AS SELECT id FROM a")
        said = messages.VIEWS_LEFT_BEHIND

        assert revision_for(connection, models("a", "y"), "rename=a.x:y") is not None
        assert said.format(views="de_x") in capsys.readouterr().out
        both = ["rename=a:b", "rename=b.x:y"]
        assert revision_for(connection, models("b", "y"), *both, created=[TableName("a")])
        assert said.format(views="de_id, de_x") in capsys.readouterr().out


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mysql"])
@pytest.mark.parametrize(
    ("up", "lost", "risky"),
    [
        ('name = "usuarios"\nop.drop_table(name)', ["usuarios"], 1),
        ('op.execute("DROP TABLE IF EXISTS usuarios")', ["usuarios"], 1),
        ('op.execute("ALTER TABLE usuarios DROP COLUMN nome")', ["usuarios.nome"], 1),
        (
            """
            for name in ["nome"]:
                with op.batch_alter_table("usuarios") as batch:
                    batch.drop_column(name)
            """,
            ["usuarios.nome"],
            1,
        ),
        ('op.execute("delete from usuarios")', [], 1),
        ('op.execute("UPDATE usuarios SET nome = NULL")', [], 1),
        ("op.execute(\"INSERT INTO usuarios VALUES (1, 'DROP TABLE c; DELETE FROM c')\")", [], 0),
        ('op.execute("/* DROP TABLE usuarios */ SELECT 1")', [], 0),
        ('op.drop_index("ix_nome", "usuarios")', [], 0),
    ],
)
def test_what_a_revision_drops_by_hand_is_marked(
    project: Minimal,
    new_database: Callable[[str], str],
    backend: str,
    up: str,
    lost: list[str],
    risky: int,
) -> None:
    url = new_database(backend)
    create_missing_database(make_url(url))
    for path in project.versions.glob("*.py"):
        path.unlink()
    project.revision("a1", upgrade=f"{CREATE}\nop.create_index('ix_nome', 'usuarios', ['id'])")
    project.revision("b2", "a1", upgrade=up)
    config = alembic_config(url)
    command.upgrade(config, "a1")
    made = plan(config)
    assert [str(name) for name in made.losses] == lost
    risks_of = [each.risk for each in made.statements if each.risk is not None]
    assert len(risks_of) == risky
    if "batch" not in up:
        assert risks_of == [Risk.LOSES] * risky
