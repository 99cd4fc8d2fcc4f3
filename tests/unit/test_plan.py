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
from alambique.history.status import current_heads
from alambique.names import TableName
from alambique.settings import alembic_config
from alambique.tools import plan as command_plan
from alambique.tools.markdown import bullets, code, comment, details, risks
from alambique.tools.plan import as_sql
from alembic import command
from sqlalchemy.engine import make_url

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
        ("INSERT INTO", Risk.LOSES),  # the words are all there is to go by
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
        Statement(
            "INSERT INTO usuarios (id, nome) VALUES (1, 'a;\n\nb; DROP TABLE c')", Risk.LOSES
        ),
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
    assert [risk for _, risk in found[1:]] == [Risk.LOSES] * 3


def test_nothing_to_do_is_said(project: Minimal, capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(alembic_config(), "head")
    assert command_plan.run(Namespace(url=None, markdown=False)) == 0
    assert capsys.readouterr().out == f"{messages.NOTHING_TO_DO}\n"
    assert command_plan.run(Namespace(url=None, markdown=True)) == 0
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
