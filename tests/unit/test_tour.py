"""The tour, without a terminal: the steps, what they change, and who lives there."""

import argparse
import io
import re
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.settings import use_project
from alambique.tools import tour
from alambique.tools.tour.schema import changes, schema_of
from alembic.util import CommandError

from support.example import in_english

# What every project's env.py does, without what the library adds to it.
ENV = """
import sqlalchemy as sa
from alembic import context
from alambique.settings import migration_url

with sa.create_engine(migration_url(context.config)).connect() as connection:
    context.configure(connection=connection, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = '''"""{title}"""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {revises!r}


def upgrade():
    {up}


def downgrade():
    {down}
'''
CREATE = (
    'op.create_table("usuarios", sa.Column("nome", sa.String(9)), sa.Column("idade", sa.Integer))'
)
DROP = 'op.drop_table("usuarios")'


def write(root: Path, revision: str, revises: str | None, up: str, down: str = "pass") -> None:
    path = root / f"migrations/versions/{revision}.py"
    title = f"title of {revision}"
    source = REVISION.format(title=title, revision=revision, revises=revises, up=up, down=down)
    path.write_text(source)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the example's two people and a column more."""
    (tmp_path / "migrations/versions").mkdir(parents=True)
    (tmp_path / "migrations/env.py").write_text(ENV)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")
    (tmp_path / "pyproject.toml").write_text('[tool.alambique]\nlanguage = "en"\n')
    write(tmp_path, "aaa1", None, CREATE, DROP)
    add = 'op.add_column("usuarios", sa.Column("email", sa.String(254)))'
    write(tmp_path, "aaa2", "aaa1", add, 'op.drop_column("usuarios", "email")')
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(tour.command, "_end_like_ctrl_c", lambda: None)
    use_project(tmp_path)
    return tmp_path


def take(root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert tour.run(argparse.Namespace(url=f"sqlite:///{root}/app.db")) == 0
    assert not (root / "app.db").exists()  # it stands beside it
    return capsys.readouterr().out


def test_the_tour_goes_to_the_end_once_back_on_the_way(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = take(root, capsys)
    assert re.findall(r"^== .*?(\d) of 2", shown, re.MULTILINE) == list("1222")
    assert shown.count("$ make downgrade") == 1 and shown.count("$ make upgrade to=+1") == 3
    assert "title of aaa1\n   aaa1.py\n" in shown
    assert "  +usuarios\n  +  nome VARCHAR(9)\n  +  idade INTEGER\n" in shown
    assert (
        "   usuarios\n     nome VARCHAR(9)\n     idade INTEGER\n  +  email VARCHAR(254)\n" in shown
    )
    assert "  -  email VARCHAR(254)\n" in shown
    assert messages.TOUR_ADDED in shown and messages.TOUR_DATA in shown
    assert len(re.findall(r"\| Alice +\| 30 ", shown)) == 4
    assert shown.endswith(f"\n{messages.TOUR_END}\n")


def test_the_two_live_where_an_english_history_has_them(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (root / "migrations/versions").iterdir():
        path.write_text(in_english(path.read_text()))
    write(root, "aaa3", "aaa2", CREATE, DROP)  # somebody's own, in an English project
    shown = take(root, capsys)
    assert messages.TOUR_ADDED in shown and messages.TOUR_DATA in shown
    assert re.search(r"\| name +\| age \|.*\n.*\n\| Alice +\| 30 ", shown)
    assert shown.count(messages.TOUR_ADDED) == 1 and "| nome" not in shown


def test_what_the_owner_made_of_the_table_is_said(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, "aaa3", "aaa2", DROP, CREATE)
    write(root, "aaa4", "aaa3", "pass")
    write(root, "aaa5", "aaa4", 'op.execute("CREATE TABLE usuarios (cpf INTEGER NOT NULL)")', DROP)
    shown = take(root, capsys)
    assert messages.TOUR_GONE.format(table="usuarios") in shown and messages.TOUR_SAME in shown
    assert messages.TOUR_NOBODY.format(table="usuarios", cause="") in shown


@pytest.mark.parametrize(
    ("up", "sentence"),
    [("raise KeyError('mine')", "KeyError: 'mine'"), ("sa.no_such", "AttributeError")],
)
def test_a_revision_that_fails_is_a_sentence(
    root: Path, capsys: pytest.CaptureFixture[str], up: str, sentence: str
) -> None:
    write(root, "aaa3", "aaa2", up)
    with pytest.raises(CommandError, match=sentence):
        take(root, capsys)


def test_no_revision_and_two_heads_are_sentences(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, "bbb1", "aaa1", "pass")
    with pytest.raises(CommandError, match="Two heads"):
        take(root, capsys)
    for path in (root / "migrations/versions").glob("*.py"):
        path.unlink()
    with pytest.raises(CommandError, match="no revision"):
        take(root, capsys)


def test_without_rich_one_is_told_what_to_run(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with pytest.raises(CommandError, match="make setup"):
        take(root, capsys)


def test_a_table_is_its_columns_keys_and_indexes() -> None:
    metadata = sa.MetaData()
    sa.Table("parent", metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table("alembic_version", metadata, sa.Column("version_num", sa.String(32)))
    sa.Table(
        "child",
        metadata,
        sa.Column("a", sa.Integer, primary_key=True),
        sa.Column("b", sa.ForeignKey("parent.id"), nullable=False, server_default="7"),
        sa.Column("c", sa.String(9)),
        sa.UniqueConstraint("b", "c"),
        sa.Index("ix_c", "c", unique=True),
        sa.Index("ix_b", "b"),
    )
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        schema = schema_of(sa.inspect(connection))
    assert schema.keys() == {"parent", "child"}
    assert [str(fact) for fact in schema["child"]] == [
        "child",
        "  a INTEGER NOT NULL",
        "  b INTEGER DEFAULT '7' NOT NULL",
        "  c VARCHAR(9)",
        "  PRIMARY KEY (a)",
        "  FOREIGN KEY (b) -> parent (id)",
        "  INDEX ix_b (b)",
        "  UNIQUE INDEX ix_c (c)",
        "  UNIQUE (b, c)",
    ]
    marks = [change.value for change, _ in changes(schema, {"child": schema["child"][:-1]})]
    assert marks == [*" " * 8, *"-" * 4]  # of child all but one stayed; parent is gone
