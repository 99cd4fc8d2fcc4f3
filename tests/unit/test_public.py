"""The names a service calls: `from alambique import ...`."""

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import alambique
import pytest
import sqlalchemy as sa
from alambique import (
    NotCurrent,
    apply_migrations,
    create_migration,
    current_revision,
    ensure_current,
    messages,
    pending_revisions,
    revert_migrations,
)
from alambique.settings import InvalidSetting
from alembic.util import CommandError

from support.minimal import Minimal, minimal_project

VENDOR = Path(alambique.__file__).parents[1]
TABLE = 'Table("usuarios", metadata, Column("id", Integer, primary_key=True){more})\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return minimal_project(tmp_path / "loja")


def test_the_whole_cycle_from_any_directory(project: Minimal) -> None:
    project.models(TABLE.format(more=""))
    assert current_revision() is None and pending_revisions() == []
    ensure_current()
    path = create_migration("create usuarios")
    assert path is not None and Path(path).parent == project.versions
    (revision,) = pending_revisions()
    with pytest.raises(NotCurrent) as behind:
        ensure_current()
    assert str(behind.value) == messages.BEHIND.format(database="base", code=revision, count=1)

    apply_migrations()
    assert current_revision() == revision and pending_revisions() == []
    ensure_current()
    assert create_migration("nothing") is None
    revert_migrations()
    assert current_revision() is None


def test_an_empty_revision_asks_no_database(project: Minimal) -> None:
    path = create_migration(
        "by hand", autogenerate=False, url="postgresql+psycopg://x@127.0.0.1:1/x"
    )
    assert path is not None and "pass" in Path(path).read_text()


@pytest.mark.parametrize("name", ["consent", "said"])
def test_a_loss_needs_consent(project: Minimal, name: str) -> None:
    project.revision(
        "a1",
        upgrade='op.create_table("usuarios", sa.Column("id", sa.Integer, primary_key=True), '
        'sa.Column("nome", sa.String(9)))',
        downgrade='op.drop_table("usuarios")',
    )
    project.models(TABLE.format(more=""))
    apply_migrations()
    with pytest.raises(CommandError, match=r"drop=usuarios\.nome"):
        create_migration("drop nome")
    if name == "consent":
        path = create_migration("drop nome", consent=["drop=usuarios.nome"])
    else:
        path = create_migration("drop nome", said=["drop=usuarios.nome"])
    assert path is not None and "drop_column" in Path(path).read_text()


def test_another_database_may_be_given(project: Minimal, tmp_path: Path) -> None:
    project.revision("a1")
    other = f"sqlite:///{tmp_path}/other.db"
    apply_migrations(url=other)
    assert current_revision(other) == "a1" and current_revision() is None
    assert current_revision(sa.make_url(other)) == "a1"
    ensure_current(other)
    revert_migrations("base", url=other)
    assert pending_revisions(other) == ["a1"]


def test_what_is_wrong_is_raised_as_it_is_documented(project: Minimal) -> None:
    project.revision("a1")
    with pytest.raises(CommandError):
        apply_migrations("f00d")
    with pytest.raises(InvalidSetting):
        current_revision("no url")
    with pytest.raises(CommandError):
        current_revision("postgresql+psycopg://nobody@127.0.0.1:1/x")


def test_it_runs_beside_an_event_loop(project: Minimal) -> None:
    project.revision("a1")

    async def start() -> str | None:
        await asyncio.to_thread(apply_migrations)
        await asyncio.to_thread(ensure_current)
        return await asyncio.to_thread(current_revision)

    assert asyncio.run(start()) == "a1"


def test_loggers_stay_as_they_are(project: Minimal) -> None:
    mine = logging.getLogger("mine")
    before = (mine.disabled, mine.level, list(logging.root.handlers), logging.root.level)
    project.revision("a1")
    apply_migrations()
    assert (mine.disabled, mine.level, list(logging.root.handlers), logging.root.level) == before


def test_importing_it_does_not_import_alembic() -> None:
    read = "import sys, alambique; assert 'alembic' not in sys.modules; alambique.NotCurrent"
    subprocess.run([sys.executable, "-c", read], check=True, env={"PYTHONPATH": str(VENDOR)})


def test_its_names_are_those_it_says() -> None:
    assert all(callable(getattr(alambique, name)) for name in alambique.__all__)
    assert alambique.__version__ == "2.0.0"
    with pytest.raises(AttributeError):
        _ = alambique.nothing  # type: ignore[attr-defined]
    for name in alambique.__all__:
        documented = getattr(alambique, name).__doc__
        assert documented and (name == "NotCurrent" or "Raises:" in documented)
