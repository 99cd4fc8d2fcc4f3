"""What the whole service shares: where it lies, and which database it uses."""

from pathlib import Path

from alambique import settings
from alambique.settings import InvalidSetting, async_driver, is_sqlite_file, sync_driver
from sqlalchemy.engine import URL

__all__ = ["InvalidSetting", "async_driver", "database_url", "is_sqlite_file", "sync_driver"]

ROOT = Path(__file__).resolve().parents[1]
settings.use_project(ROOT)


def database_url(given: str | URL | None = None) -> URL:
    """Return the URL of the service's database, whatever the current directory; `given` wins.

    Raises:
        InvalidSetting: there is no URL, it cannot be read, or its driver is not installed.
    """
    return settings.migration_url(given=given) if given else settings.service_url()
