"""What the whole service shares: where it lies, and which database it uses."""

import os
from pathlib import Path

from dotenv import dotenv_values, load_dotenv
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from core.migrations import messages

ROOT = Path(__file__).resolve().parents[1]
# Migrations always use the synchronous driver: no event loop to start, none to disturb.
SYNC_DRIVERS = {"aiosqlite": "pysqlite", "aiomysql": "pymysql", "asyncmy": "pymysql"}
SYNC_DRIVERS |= {"asyncpg": "psycopg"}
ASYNC_DRIVERS = {"pysqlite": "aiosqlite", "pymysql": "aiomysql"}


class InvalidSetting(SystemExit):
    """A setting is missing or malformed: the program ends with the sentence that says so."""


def database_url(given: str | URL | None = None) -> URL:
    """Return the URL of the database to use, whatever the current directory.

    Args:
        given: a URL that wins over DATABASE_URL, from `-x url=`, alembic.ini or Python.

    Returns:
        `given`, else DATABASE_URL from the environment, else from `.env`, else the file that
        `.env.example` names where the project is on SQLite. A relative SQLite path counts from the
        project's root.

    Raises:
        InvalidSetting: there is no URL, or SQLAlchemy cannot read it.
    """
    load_dotenv(ROOT / ".env", interpolate=False)
    text = given or os.environ.get("DATABASE_URL") or _sqlite_default()
    if not text:
        raise InvalidSetting(messages.URL_MISSING)
    try:
        url = make_url(text)
        url.get_dialect()
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise InvalidSetting(messages.DRIVER_MISSING.format(url=url, cause=error)) from None
    except (ArgumentError, ValueError):
        raise InvalidSetting(messages.URL_MALFORMED) from None
    if is_sqlite_file(url):
        url = url.set(database=str(ROOT / str(url.database)))
    return url


def _sqlite_default() -> str | None:
    example = dotenv_values(ROOT / ".env.example").get("DATABASE_URL") or ""
    return example if example.startswith("sqlite") else None


def is_sqlite_file(url: URL) -> bool:
    """Tell whether the URL names a SQLite database by its path: not `:memory:`, not `file:`."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return False
    return url.database != ":memory:" and not url.database.startswith("file:")


def sync_driver(url: URL) -> URL:
    """Return the same database through its synchronous driver."""
    driver = SYNC_DRIVERS.get(url.get_driver_name())
    return url.set(drivername=f"{url.get_backend_name()}+{driver}") if driver else url


def async_driver(url: URL) -> URL:
    """Return the same database through its asynchronous driver."""
    driver = ASYNC_DRIVERS.get(url.get_driver_name())
    return url.set(drivername=f"{url.get_backend_name()}+{driver}") if driver else url
