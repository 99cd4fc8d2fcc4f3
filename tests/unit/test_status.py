"""Where a database stands against the code, and which database that is."""

from argparse import Namespace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.history.script import history
from alambique.history.status import (
    State,
    current_heads,
    pending,
    replaced_by,
    status,
    unknown_revision,
)
from alambique.names import TableName
from alambique.settings import alembic_config
from alambique.tools import check
from alembic import command
from alembic.util import CommandError

from support.minimal import Minimal, minimal_project

CREATE = 'op.create_table("usuarios", sa.Column("id", sa.Integer, primary_key=True))'
MODEL = 'Table("usuarios", metadata, Column("id", Integer, primary_key=True))\n'


@pytest.fixture
def project(tmp_path: Path) -> Minimal:
    made = minimal_project(tmp_path)
    made.models(MODEL)
    made.revision("a1", upgrade=CREATE, downgrade='op.drop_table("usuarios")')
    made.revision("b2", "a1")
    return made


def test_a_database_is_behind_then_current(project: Minimal) -> None:
    config = alembic_config()
    assert current_heads(config) == ()
    found = status(config)
    assert found.state is State.BEHIND
    assert found.sentence == messages.BEHIND.format(database="base", code="b2", count=2)
    assert pending(history(), ()) == ["a1", "b2"]

    command.upgrade(config, "a1")
    assert pending(history(), current_heads(config)) == ["b2"]
    command.upgrade(config, "head")
    found = status(config)
    assert (found.state, found.sentence) == (State.CURRENT, messages.CURRENT.format(code="b2"))


def test_a_project_without_revisions_is_current(tmp_path: Path) -> None:
    minimal_project(tmp_path).models(MODEL)
    assert status(alembic_config(), compare=False).state is State.CURRENT


def test_models_that_differ_are_drift(project: Minimal) -> None:
    project.models('Table("pedidos", metadata, Column("id", Integer, primary_key=True))\n')
    command.upgrade(alembic_config(), "head")
    found = status(alembic_config())
    assert found.state is State.DRIFT
    assert "create_table('pedidos'" in found.sentence and "drop_table('usuarios'" in found.sentence
    assert status(alembic_config(), compare=False).state is State.CURRENT


def test_other_tables_are_listed_as_ignored(
    project: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    command.upgrade(alembic_config(), "head")
    with sa.create_engine(f"sqlite:///{project.root}/app.db").begin() as connection:
        connection.execute(sa.text("CREATE TABLE alheia (id INTEGER)"))
        connection.execute(sa.text('CREATE TABLE "a.b" (id INTEGER)'))
    assert status(alembic_config()).ignored == [TableName("a.b"), TableName("alheia")]
    assert check.run(Namespace(url=None, json=False)) == 0
    assert messages.IGNORED.format(tables='"a.b", alheia') in capsys.readouterr().out


def test_two_heads_are_said_before_anything_is_asked(project: Minimal) -> None:
    project.revision("c3", "a1")
    found = status(alembic_config("postgresql://nobody@127.0.0.1:1/nowhere"))
    assert found.state is State.TWO_HEADS
    assert "b2" in found.sentence and "c3" in found.sentence


def test_a_revision_nobody_knows_is_ahead(project: Minimal) -> None:
    assert unknown_revision(history(), ("a1",)) is None
    found = unknown_revision(history(), ("f00d",))
    assert found and found.state is State.AHEAD
    assert found.sentence == messages.AHEAD.format(database="f00d", code="b2")


@pytest.mark.parametrize(
    "replaces",
    [
        'replaces = ("01d", "older")',
        'replaces: tuple[str, ...] = tuple(f"0{n}d" for n in range(3))',  # as the module has it
        "replaces = ['01d']  # a list is as good",
    ],
)
def test_a_squashed_revision_is_behind_the_one_that_replaced_it(
    project: Minimal, replaces: str
) -> None:
    project.revision("a1", upgrade=CREATE, more=replaces)
    assert replaced_by(history(), "01d") == "a1"
    assert replaced_by(history(), "1") is None
    found = unknown_revision(history(), ("01d",))
    assert found and found.state is State.BEHIND
    assert found.sentence == messages.SQUASHED.format(database="01d", new="a1")


def test_what_only_mentions_a_replacement_replaces_nothing(project: Minimal) -> None:
    mention = "'''\nreplaces = (\"01d\",)\n'''"
    project.revision("a1", upgrade=CREATE, more=mention)
    assert replaced_by(history(), "01d") is None


# Which database: the commands all ask the same one.


@pytest.fixture
def elsewhere(project: Minimal, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    """A project whose alembic.ini names one database, and DATABASE_URL another, an empty one."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{project.root}/service.db")
    command.upgrade(alembic_config(), "head")
    return project


def test_the_url_in_alembic_ini_counts(elsewhere: Minimal) -> None:
    assert current_heads(alembic_config()) == ("b2",)
    assert status(alembic_config()).state is State.CURRENT
    assert check.run(Namespace(url=None, json=False)) == State.CURRENT
    assert not (elsewhere.root / "service.db").exists()


def test_a_url_given_to_the_command_wins(elsewhere: Minimal) -> None:
    other = f"sqlite:///{elsewhere.root}/other.db"
    assert current_heads(alembic_config(other)) == ()
    assert check.run(Namespace(url=other, json=False)) == State.BEHIND

    config = alembic_config()
    config.cmd_opts = Namespace(x=[f"url={other}"])
    assert status(config).state is State.BEHIND
    command.upgrade(config, "head")
    other_engine = sa.create_engine(other)
    with other_engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE usuarios"))
    assert status(config).state is State.DRIFT, "it compared another database"
    assert config.cmd_opts.x == [f"url={other}"] and not hasattr(config.cmd_opts, "cmd")


def test_a_connection_that_is_given_is_asked_and_left_as_it_was(elsewhere: Minimal) -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        assert current_heads(config) == ()
        command.upgrade(config, "head")
        assert not connection.in_transaction()
        assert current_heads(config) == ("b2",)
        assert not connection.in_transaction()

        connection.execute(sa.text("SELECT 1"))
        with pytest.raises(CommandError):
            current_heads(config)
