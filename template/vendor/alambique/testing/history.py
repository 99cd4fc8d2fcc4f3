"""The history holds: no fork, there and back again, and it ends where the models are.

A service's test module takes all of it: `from alambique.testing.history import *`.
"""

from __future__ import annotations

from sqlalchemy import inspect
from sqlalchemy.engine import URL

from alambique import messages
from alambique.autogenerate.discovery import load_metadata
from alambique.commands import apply_migrations, revert_migrations
from alambique.database.engine import connect
from alambique.history.environment import hear
from alambique.history.heads import forked, forks
from alambique.history.script import history, oldest_first, without
from alambique.history.status import State, status
from alambique.settings import alembic_config
from alambique.tools.diagram import diagram_path, mermaid
from alambique.tools.lint import problems_of_revisions, problems_of_the_line

__all__ = [
    "test_every_revision_can_be_undone",
    "test_the_diagram_equals_the_models",
    "test_the_history_has_one_head",
    "test_the_models_equal_the_database",
    "test_the_revisions_are_fit_for_review",
    "test_up_down_and_up_again",
]


def test_the_history_has_one_head() -> None:
    """Two heads of one branch are two deploys that cannot both happen."""
    found = forks(history())
    assert not found, forked(found)


def test_up_down_and_up_again(empty_database: URL) -> None:
    """The whole history can be undone, leaves nothing, and applies again."""
    apply_migrations(url=empty_database)
    at_head = _tables(empty_database)
    revert_migrations("base", url=empty_database)
    assert _tables(empty_database) == set()
    apply_migrations(url=empty_database)
    assert _tables(empty_database) == at_head


def test_every_revision_can_be_undone(empty_database: URL) -> None:
    """Each revision, undone, leaves the tables that were there before it."""
    for revision in oldest_first(history()):
        before = _tables(empty_database)
        apply_migrations(revision.revision, url=empty_database)
        revert_migrations(without(revision), url=empty_database)
        assert _tables(empty_database) == before, revision.path
        apply_migrations(revision.revision, url=empty_database)


def test_the_models_equal_the_database(database: URL) -> None:
    """The models and the history say the same: no revision is missing."""
    found = status(alembic_config(database))
    assert found.state is State.CURRENT, found.sentence


def test_the_revisions_are_fit_for_review() -> None:
    """What `make lint` says of the revisions, but for what squawk says of their SQL."""
    script = history()
    assert [*problems_of_the_line(script), *problems_of_revisions(script)] == []


def test_the_diagram_equals_the_models() -> None:
    """docs/schema.mmd is what `make diagram` draws, if there is one."""
    path = diagram_path()
    if path.exists():
        drawn = path.read_text(encoding="utf-8")
        assert drawn == mermaid(load_metadata()), messages.DIAGRAM_STALE


def _tables(url: URL) -> set[str]:
    """Return the tables in the database, those of the migrations left out."""
    ours = {table.name for table in hear(alembic_config(url)).own_tables()}
    with connect(url) as connection:
        return set(inspect(connection).get_table_names()) - ours
