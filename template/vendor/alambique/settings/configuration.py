"""Alembic's configuration of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alambique.settings.folder import project

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import URL


def alembic_config(url: str | URL | None = None) -> Config:
    """Return the project's Alembic configuration, read from its alembic.ini.

    Args:
        url: the database to work on; by default the one that `migration_url` finds.

    Raises:
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    from alembic.config import Config

    config = Config(project().root / "alembic.ini")
    if url is not None:
        config.attributes["url"] = url
    return config
