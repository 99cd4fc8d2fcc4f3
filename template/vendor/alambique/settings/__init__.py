"""What a project says of itself: its folder, `[tool.alambique]`, the environment, the database."""

from alambique.settings.configuration import alembic_config
from alambique.settings.environment import load_environment, seconds, variable
from alambique.settings.errors import InvalidSetting
from alambique.settings.folder import (
    Project,
    forget_project,
    nearest_root,
    project,
    shown,
    use_project,
)
from alambique.settings.url import (
    Source,
    async_driver,
    is_sqlite_file,
    migration_url,
    resolve_migration_url,
    service_url,
    sync_driver,
)

__all__ = [
    "InvalidSetting",
    "Project",
    "Source",
    "alembic_config",
    "async_driver",
    "forget_project",
    "is_sqlite_file",
    "load_environment",
    "migration_url",
    "nearest_root",
    "project",
    "resolve_migration_url",
    "seconds",
    "service_url",
    "shown",
    "sync_driver",
    "use_project",
    "variable",
]
