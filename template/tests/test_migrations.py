"""The history holds: one line, there and back again, and it ends where the models are."""

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.engine import URL

from core.migrations import (
    alembic_config,
    apply_migrations,
    ensure_current,
    messages,
    revert_migrations,
)
from core.migrations.connection import ALEMBIC_TABLES, connect
from core.migrations.models import load_metadata
from core.migrations.tools import diagram
from core.migrations.tools.lint import unfit

HISTORY = ScriptDirectory.from_config(alembic_config())


def tables(url: URL) -> set[str]:
    """Return the tables in the database, Alembic's own left out."""
    with connect(url) as connection:
        return set(inspect(connection).get_table_names()) - ALEMBIC_TABLES


def test_the_history_has_one_head() -> None:
    assert len(HISTORY.get_heads()) <= 1


def test_up_down_and_up_again(empty_database: URL) -> None:
    apply_migrations(url=empty_database)
    at_head = tables(empty_database)
    revert_migrations("base", url=empty_database)
    assert tables(empty_database) == set()
    apply_migrations(url=empty_database)
    assert tables(empty_database) == at_head


def test_every_revision_can_be_undone(empty_database: URL) -> None:
    for revision in reversed(list(HISTORY.walk_revisions())):
        before = tables(empty_database)
        apply_migrations(revision.revision, url=empty_database)
        revert_migrations("-1", url=empty_database)
        assert tables(empty_database) == before, revision.path
        apply_migrations(revision.revision, url=empty_database)


def test_the_models_equal_the_database(database: URL) -> None:
    ensure_current(database)
    command.check(alembic_config(database))


def test_the_revisions_are_fit_for_review() -> None:
    assert not list(unfit(HISTORY))


def test_the_diagram_equals_the_models() -> None:
    if diagram.PATH.exists():
        drawn = diagram.PATH.read_text(encoding="utf-8")
        assert drawn == diagram.mermaid(load_metadata()), messages.DIAGRAM_STALE
