"""Two heads become one line: which moves, what is written, what the database goes through."""

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.history import rebase
from alambique.history.manifest import recorded
from alambique.history.rebase import leave_squashed, lines_to_be, point
from alambique.history.script import history, oldest_first
from alambique.history.source import digest, variables
from alambique.history.status import current_heads
from alambique.settings import alembic_config
from alembic import command
from alembic.util import CommandError

from support.minimal import Minimal, minimal_project

UP = 'op.create_table("t{0}", sa.Column("id", sa.Integer, primary_key=True))'
DOWN = 'op.drop_table("t{0}")'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    made = minimal_project(tmp_path)
    made.revision("a1")
    return made


def add(project: Minimal, id: str, below: str) -> Path:
    """Write a revision that creates a table."""
    return project.revision(id, below, upgrade=UP.format(id), downgrade=DOWN.format(id))


def git(project: Minimal, *arguments: str) -> None:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *author, *arguments], cwd=project.root, check=True)


def commit(project: Minimal) -> None:
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "x")


def typed(top: str | None = None, yes: bool = False, lose: Sequence[str] = ()) -> Namespace:
    """Return what the command line makes of `rebase`."""
    return Namespace(url=None, top=top, yes=yes, lose=lose)


def line(project: Minimal) -> list[str]:
    """Return the revisions in their order; each has one above and one below at most."""
    revisions = oldest_first(history())
    assert all(not each.is_merge_point and not each.is_branch_point for each in revisions)
    return [each.revision for each in revisions]


def test_one_line_is_written_down(project: Minimal, capsys: pytest.CaptureFixture[str]) -> None:
    assert rebase.run(typed()) == 0
    assert messages.ONE_LINE in capsys.readouterr().out
    assert project.manifest.endswith("\na1\n")


def test_what_the_trunk_lacks_moves(project: Minimal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_DIR")
    theirs = add(project, "f1", "a1")
    git(project, "init", "-q", "-b", "main")
    commit(project)
    before = theirs.read_bytes()
    mine = add(project, "b1", "a1")
    add(project, "b2", "b1")
    assert lines_to_be(history(), None) == [["f1", "b2"]]
    assert rebase.run(typed()) == 0
    assert line(project) == ["a1", "f1", "b1", "b2"]
    assert theirs.read_bytes() == before
    assert "\nRevises: f1\n" in mine.read_text() and variables(mine)["down_revision"] == "f1"
    assert recorded(history())["b1"] == digest(mine)


def test_where_git_does_not_tell_one_says_which(project: Minimal) -> None:
    """1.2 let the newer one move, which is no more than a guess."""
    mine = add(project, "b1", "a1")
    add(project, "aa", "a1")
    before = mine.read_bytes()
    with pytest.raises(CommandError) as refused:
        rebase.run(typed(yes=True))
    for id in ("aa", "b1"):
        choice = messages.REBASE_CHOICE.format(top=id, path=f"migrations/versions/{id}.py")
        assert choice in str(refused.value)
    assert mine.read_bytes() == before
    with pytest.raises(CommandError, match="f00d"):
        rebase.run(typed(top="f00d"))
    assert rebase.run(typed(top="b")) == 0
    assert line(project) == ["a1", "aa", "b1"]


def test_a_revision_that_joins_does_not_move(project: Minimal) -> None:
    add(project, "b1", "a1")
    add(project, "b2", "a1")
    project.revision("c1", ("b1", "b2"))
    add(project, "d1", "a1")
    with pytest.raises(CommandError) as refused:
        rebase.run(typed(top="c1"))
    path = "migrations/versions/c1.py"
    assert str(refused.value) == messages.MERGE_MOVES.format(path=path)


def test_the_database_makes_way(project: Minimal, capsys: pytest.CaptureFixture[str]) -> None:
    mine = add(project, "b1", "a1")
    command.upgrade(alembic_config(), "head")
    add(project, "c1", "a1")
    with sa.create_engine(f"sqlite:///{project.root}/app.db").begin() as connection:
        connection.execute(sa.text("INSERT INTO tb1 VALUES (1)"))
    before = mine.read_bytes()

    consent = f"{project.root}/app.db:tb1"
    for yes in (False, True):
        with pytest.raises(CommandError) as refused:
            rebase.run(typed(top="b1", yes=yes))
        assert f"make rebase top=b1 lose={consent}" in str(refused.value)
    assert mine.read_bytes() == before and current_heads(alembic_config()) == ("b1",)

    assert rebase.run(typed(top="b1", lose=[consent])) == 0
    assert messages.REBASE_UNDOES.format(revision="b1") in capsys.readouterr().out
    assert current_heads(alembic_config()) == ("a1",)
    command.upgrade(alembic_config(), "head")


def test_what_is_applied_on_both_sides_is_only_noted(project: Minimal) -> None:
    add(project, "b1", "a1")
    add(project, "c1", "a1")
    command.upgrade(alembic_config(), "heads")
    assert rebase.run(typed(top="b1")) == 0
    assert line(project) == ["a1", "c1", "b1"]
    assert current_heads(alembic_config()) == ("b1",)


def test_what_was_not_applied_is_not_noted(project: Minimal) -> None:
    """1.2 noted the head that moved, though the database had a part of what moved only."""
    add(project, "b1", "a1")
    add(project, "c1", "a1")
    command.upgrade(alembic_config(), "heads")
    add(project, "b2", "b1")
    assert rebase.run(typed(top="b2")) == 0
    assert current_heads(alembic_config()) == ("b1",)
    command.upgrade(alembic_config(), "head")


def test_a_third_line_that_is_applied_stays_so(project: Minimal) -> None:
    """1.2 forgot it, and then made its tables again."""
    for id in ("b1", "c1", "d1"):
        add(project, id, "a1")
    command.upgrade(alembic_config(), "heads")
    assert rebase.run(typed(top="c1,d1")) == 0
    assert line(project) == ["a1", "b1", "c1", "d1"]
    assert current_heads(alembic_config()) == ("d1",)
    command.upgrade(alembic_config(), "head")


def test_of_the_other_lines_nothing_is_undone(project: Minimal) -> None:
    """1.2 went back to where the lines part, and took the trunk's table along."""
    add(project, "t1", "a1")
    add(project, "m1", "a1")
    command.upgrade(alembic_config(), "heads")
    add(project, "t2", "t1")
    with sa.create_engine(f"sqlite:///{project.root}/app.db").begin() as connection:
        connection.execute(sa.text("INSERT INTO tt1 VALUES (1)"))
    assert rebase.run(typed(top="m1", yes=True)) == 0
    assert current_heads(alembic_config()) == ("t1",)
    command.upgrade(alembic_config(), "head")
    with sa.create_engine(f"sqlite:///{project.root}/app.db").connect() as connection:
        assert connection.execute(sa.text("SELECT id FROM tt1")).scalars().all() == [1]


def test_yes_never_undoes_what_the_trunk_has(
    project: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GIT_DIR")
    theirs = add(project, "t1", "a1")
    git(project, "init", "-q", "-b", "main")
    commit(project)
    command.upgrade(alembic_config(), "head")
    add(project, "m1", "a1")
    before = theirs.read_bytes()
    with pytest.raises(CommandError) as refused:
        rebase.run(typed(top="t1", yes=True))
    assert str(refused.value) == messages.REBASE_KEEPS.format(revisions="t1", to="a1")
    assert theirs.read_bytes() == before and current_heads(alembic_config()) == ("t1",)

    command.downgrade(alembic_config(), "a1")  # the sentence's way out
    assert rebase.run(typed(top="t1", yes=True)) == 0
    assert line(project) == ["a1", "m1", "t1"]


def test_a_database_that_does_not_answer_is_no_obstacle(
    project: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    add(project, "b1", "a1")
    add(project, "c1", "a1")
    nowhere = typed(top="c1")
    nowhere.url = "postgresql+psycopg://nobody@127.0.0.1:1/x"
    assert rebase.run(nowhere) == 0
    assert "make downgrade" in capsys.readouterr().out
    assert line(project) == ["a1", "b1", "c1"]


@pytest.mark.filterwarnings("error")
def test_what_followed_a_squashed_revision_follows_the_squash(project: Minimal) -> None:
    project.revision("a1", more='replaces = (\n    "01d",\n    "02d",\n)')
    mine = add(project, "b1", "01d")
    joined = project.revision("c1", ("01d", "02d"))
    other = add(project, "d1", "a1")
    before = other.read_bytes()
    leave_squashed(alembic_config())
    assert variables(mine)["down_revision"] == "a1" == variables(joined)["down_revision"]
    assert "\nRevises: a1\n" in joined.read_text()
    assert other.read_bytes() == before
    assert set(history().get_heads()) == {"b1", "c1", "d1"}


def test_only_what_a_revision_follows_is_written(project: Minimal) -> None:
    path = add(project, "b1", "a1")
    source = path.read_text().replace(
        'down_revision = "a1"', 'down_revision: str = "a1"  # was: a0'
    )
    source = source.replace("Revises: a1", "Revises: a1\n\ndown_revision = 'x'", 1)
    path.write_bytes(source.replace("\n", "\r\n").encode())
    point(path, "f00d")
    expected = source.replace('"a1"', '"f00d"').replace("Revises: a1", "Revises: f00d")
    assert path.read_bytes() == expected.replace("\n", "\r\n").encode()


def test_a_revision_pointed_elsewhere_is_read_anew(
    project: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # as an owner's Python has it
    project.revision("b2")
    path = add(project, "c1", "a1")
    for bottom in ("a1", "b2"):
        point(path, bottom)
        os.utime(path, (1e9, 1e9))  # of one second and one size: to Python, the same
        assert history().get_revision("c1").down_revision == bottom


def test_what_a_branch_brought_to_the_trunk_is_undone(
    project: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The merge is committed, so that the trunk has both by now."""
    monkeypatch.delenv("GIT_DIR")
    git(project, "init", "-q", "-b", "main")
    commit(project)
    git(project, "switch", "-q", "-c", "feature")
    add(project, "m1", "a1")
    commit(project)
    command.upgrade(alembic_config(), "head")
    git(project, "switch", "-q", "main")
    add(project, "t1", "a1")
    commit(project)
    git(project, "merge", "-q", "--no-edit", "feature")
    assert rebase.run(typed(yes=True)) == 0
    assert line(project) == ["a1", "t1", "m1"] and current_heads(alembic_config()) == ("a1",)
