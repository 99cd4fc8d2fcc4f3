"""Models written with SQLModel: all in one metadata, with types of its own."""

from pathlib import Path

from alambique import cli, create_migration
from alambique.commands import apply_migrations, revert_migrations
from alambique.settings import use_project

from support.minimal import minimal_project

MODELS = """
from sqlmodel import Field, SQLModel


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=40)


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
    team_id: int | None = Field(default=None, foreign_key="team.id")
"""


def test_a_revision_is_written_without_its_types(tmp_path: Path) -> None:
    made = minimal_project(tmp_path)
    made.write(f"{made.package}/models.py", MODELS)
    made.write("pyproject.toml", f'[tool.alambique]\nmodels = ["{made.package}"]\n')
    use_project(tmp_path)

    written = create_migration("first")
    assert written is not None
    source = Path(written).read_text(encoding="utf-8")
    assert "sqlmodel" not in source
    assert "sa.Column('name', sa.String(length=40), nullable=False)" in source

    apply_migrations()
    assert create_migration("again") is None
    revert_migrations("base")
    apply_migrations()
    assert cli.main(["check", "--url", f"sqlite:///{tmp_path}/app.db"]) == 0
