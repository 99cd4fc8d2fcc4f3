"""A small history of two kinds of trouble, moved as a public project's is."""

from pathlib import Path

import pytest

from support.minimal import Minimal
from support.moving.journey import Wish, move
from support.moving.project import Way

STOCK = """
from alembic import context
from sqlalchemy import engine_from_config

engine = engine_from_config(context.config.get_section("alembic"), prefix="sqlalchemy.")
with engine.connect() as connection:
    context.configure(connection=connection, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
"""
INI = """
[alembic]
script_location = %(here)s/migrations
path_separator = os
"""


@pytest.fixture
def project(tmp_path: Path) -> Minimal:
    made = Minimal(tmp_path / "theirs")
    made.write("alembic.ini", INI)
    made.write("migrations/env.py", STOCK)
    made.revision(
        "r1",
        None,
        'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True),'
        ' sa.Column("name", sa.String(20), nullable=False), sa.Column("n", sa.Integer))\n'
        'op.create_table("u", sa.Column("t_id", sa.Integer, sa.ForeignKey("t.id")))',
        'op.drop_table("u")\nop.drop_table("t")',
    )
    made.revision(
        "r2",
        "r1",
        'op.add_column("t", sa.Column("more", sa.Text))\n'
        'op.execute("UPDATE t SET more = upper(name)")',
        'op.drop_column("t", "more")',
    )
    return made


def moved(project: Minimal, env: str | None = None, **wished: int) -> object:
    way = Way(project.root, env=env)
    return move(way, "sqlite", Wish(rows_at=1, **wished), lambda said: None)


@pytest.mark.full
def test_a_history_is_moved_killed_and_found_equal(project: Minimal) -> None:
    outcome = moved(project, kills=2, down=1)
    assert (outcome.verdict, outcome.revisions, outcome.kills) == ("equal", 2, 2), outcome.details
    assert (outcome.rows, outcome.points, outcome.down) == (12, 2, 1)


@pytest.mark.full
def test_what_comes_out_otherwise_is_seen(project: Minimal, tmp_path: Path) -> None:
    """An env.py that does more than theirs stands for a library that does."""
    env = tmp_path / "env_of_ours.py"
    env.write_text(
        STOCK.replace("engine = ", "import sqlalchemy as sa\nengine = ")
        + """
with engine.begin() as connection:
    connection.execute(sa.text("UPDATE t SET n = 7"))
"""
    )
    outcome = moved(project, env=str(env), kills=0, down=0)
    assert outcome.verdict == "different"
    assert any(line.startswith("- t: [") for line in outcome.details)
    assert any(line.startswith("+ t: [") for line in outcome.details)


@pytest.mark.full
def test_rows_that_stock_does_not_bear_are_left_out(project: Minimal) -> None:
    project.revision("r3", "r2", 'op.execute("CREATE UNIQUE INDEX only_one ON t (1)")')
    outcome = moved(project, kills=0, down=0)
    assert outcome.verdict == "equal"
    assert outcome.points == 1 and "does not bear rows at r3" in outcome.notes[0]


@pytest.mark.full
def test_what_a_batch_of_stock_loses_is_named_with_its_revision(project: Minimal) -> None:
    project.revision(
        "r3",
        "r2",
        'op.create_table("v", sa.Column("id", sa.Integer, primary_key=True),'
        ' sa.Column("n", sa.Integer), sqlite_autoincrement=True)',
    )
    project.revision(
        "r4",
        "r3",
        'with op.batch_alter_table("v") as batch:\n'
        '    batch.alter_column("n", existing_type=sa.Integer, nullable=False)',
    )
    outcome = moved(project, kills=0, down=0)
    assert outcome.verdict == "equal", outcome.details
    kept = "keeps 1 that stock's batch loses: v: AUTOINCREMENT (at r4)"
    assert outcome.notes[-1] == kept


@pytest.mark.full
def test_what_stock_never_had_is_not_kept(project: Minimal, tmp_path: Path) -> None:
    env = tmp_path / "env_of_ours.py"
    env.write_text(
        STOCK
        + """
import sqlalchemy as sa
with engine.begin() as connection:
    connection.execute(sa.text(
        "CREATE TRIGGER IF NOT EXISTS made_up AFTER DELETE ON t BEGIN SELECT 1; END"
    ))
"""
    )
    outcome = moved(project, env=str(env), kills=0, down=0)
    assert outcome.verdict == "different"
    assert "ours has what stock never lost: trigger made_up" in outcome.notes[-1]


@pytest.mark.full
def test_rows_whose_parents_a_revision_deletes_are_left_out(project: Minimal) -> None:
    """Stock leaves them without a parent, ours refuses the revision."""
    project.revision("r3", "r2", 'op.execute("DELETE FROM t")')
    outcome = moved(project, kills=0, down=0)
    assert outcome.verdict == "equal", outcome.details
    assert "rows without a parent on the way to heads" in outcome.notes[0]
