"""The history holds: one line, there and back again, and it ends where the models are."""

import ast
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.engine import URL

from core.migrations import alembic_config, apply_migrations, ensure_current, revert_migrations
from core.migrations.connection import ALEMBIC_TABLES, connect

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


def test_no_revision_imports_the_application() -> None:
    for revision in HISTORY.walk_revisions():
        for node in ast.walk(ast.parse(Path(revision.path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ours = [name for name in names if name.split(".")[0] in {"app", "core"}]
            assert not ours, f"{revision.path} imports {ours}: it would change when the code does"
