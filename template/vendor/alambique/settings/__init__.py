"""What a project says of itself: its folder, `[tool.alambique]`, the environment, the database."""

from alambique.settings.configuration import alembic_config, bind_of, use_history
from alambique.settings.environment import load_environment, seconds, variable
from alambique.settings.errors import InvalidSetting
from alambique.settings.folder import (
    Project,
    forget_project,
    nearest_root,
    project,
    root_of,
    shown,
    use_bind,
    use_project,
)
from alambique.settings.url import (
    Source,
    async_driver,
    has_own_loop,
    is_sqlite_file,
    migration_driver,
    migration_url,
    resolve_migration_url,
    service_url,
    shown_url,
    sync_driver,
    without_secrets,
)

__all__ = [
    "InvalidSetting",
    "Project",
    "Source",
    "alembic_config",
    "async_driver",
    "bind_of",
    "forget_project",
    "has_own_loop",
    "is_sqlite_file",
    "load_environment",
    "migration_driver",
    "migration_url",
    "nearest_root",
    "project",
    "resolve_migration_url",
    "root_of",
    "seconds",
    "service_url",
    "shown",
    "shown_url",
    "sync_driver",
    "use_bind",
    "use_history",
    "use_project",
    "variable",
    "without_secrets",
]
