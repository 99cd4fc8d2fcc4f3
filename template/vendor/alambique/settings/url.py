"""Which database: the one place where that is decided, for every command and for the service."""

from __future__ import annotations

from configparser import InterpolationError
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from alambique import messages
from alambique.settings.environment import given_variable, load_environment, read_dotenv
from alambique.settings.errors import InvalidSetting
from alambique.settings.folder import project

if TYPE_CHECKING:
    from alembic.config import Config

# A direct connection, as a role that may alter tables; then the service's own.
FOR_MIGRATIONS = ("MIGRATION_DATABASE_URL", "DATABASE_URL")
FOR_THE_SERVICE = ("DATABASE_URL",)

# Migrations use the synchronous driver: no event loop to start, none to disturb.
SYNC_DRIVERS = {
    "aiosqlite": "pysqlite",
    "aiomysql": "pymysql",
    "asyncmy": "pymysql",
    "asyncpg": "psycopg",
}
ASYNC_DRIVERS = {"pysqlite": "aiosqlite", "pymysql": "aiomysql"}


class Source(Enum):
    """Where a database's URL was said."""

    GIVEN = "given"
    """With the command: `-x url=`, `--url`, or from Python."""
    INI = "alembic.ini"
    ENVIRONMENT = "environment"
    DOTENV = ".env"
    EXAMPLE = ".env.example"
    """The file of SQLite that a project uses where nobody said anything."""


@dataclass(frozen=True)
class Resolved:
    """A database's URL, and where it was said."""

    url: URL
    source: Source
    variable: str | None = None
    """The variable that holds it, where one does."""


def migration_url(config: Config | None = None, given: str | URL | None = None) -> URL:
    """Return the URL of the database that migrations work on.

    The first there is: `given`; `-x url=`; `config.attributes["url"]`; `sqlalchemy.url` in
    alembic.ini; MIGRATION_DATABASE_URL and DATABASE_URL in the environment; the same two in `.env`;
    on SQLite, the file that `.env.example` names. A relative path of SQLite counts from the
    project's root.

    Args:
        config: the command's configuration; the project's own by default.
        given: a URL that wins over all others.

    Raises:
        InvalidSetting: there is no URL, it cannot be read, or its driver is not installed.
    """
    return resolve_migration_url(config, given).url


def resolve_migration_url(config: Config | None = None, given: str | URL | None = None) -> Resolved:
    """Return what `migration_url` returns, and where it was said.

    Raises:
        InvalidSetting: there is no URL, it cannot be read, or its driver is not installed.
    """
    if config is None:
        from alambique.settings.configuration import alembic_config

        config = alembic_config()

    asked = given or _on_the_command_line(config) or config.attributes.get("url")
    if asked:
        return Resolved(_read(asked), Source.GIVEN)
    if in_ini := _in_ini(config):
        return Resolved(_read(in_ini), Source.INI)
    return _in_the_environment(FOR_MIGRATIONS)


def service_url() -> URL:
    """Return the URL of the database that the service works on.

    The first there is: DATABASE_URL in the environment, in `.env`; on SQLite, the file that
    `.env.example` names. A relative path of SQLite counts from the project's root.

    Raises:
        InvalidSetting: there is no URL, it cannot be read, or its driver is not installed.
    """
    return _in_the_environment(FOR_THE_SERVICE).url


def is_sqlite_file(url: URL) -> bool:
    """Tell whether the URL names a SQLite database by its path: not `:memory:`, not `file:`."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return False
    return url.database != ":memory:" and not url.database.startswith("file:")


def sync_driver(url: URL) -> URL:
    """Return the same database through its synchronous driver."""
    return _with_driver(url, SYNC_DRIVERS)


def async_driver(url: URL) -> URL:
    """Return the same database through its asynchronous driver."""
    return _with_driver(url, ASYNC_DRIVERS)


def _with_driver(url: URL, drivers: dict[str, str]) -> URL:
    driver = drivers.get(url.get_driver_name())
    return url.set(drivername=f"{url.get_backend_name()}+{driver}") if driver else url


def _on_the_command_line(config: Config) -> str | None:
    """Return what was typed as `-x url=...`, as Alembic's own commands take it."""
    options = vars(config.cmd_opts) if config.cmd_opts else {}
    for option in options.get("x") or []:
        name, _, value = str(option).partition("=")
        if name == "url" and value:
            return value
    return None


def _in_ini(config: Config) -> str | None:
    try:
        return config.get_main_option("sqlalchemy.url")
    except InterpolationError:  # its own text would quote the password
        raise InvalidSetting(messages.URL_IN_INI_MALFORMED) from None


def _in_the_environment(names: tuple[str, ...]) -> Resolved:
    for name in names:
        if value := given_variable(name):
            return Resolved(_read(value), Source.ENVIRONMENT, name)

    load_environment()
    in_dotenv = read_dotenv(project().root / ".env")
    for name in names:
        if value := in_dotenv.get(name):
            return Resolved(_read(value), Source.DOTENV, name)

    example = read_dotenv(project().root / ".env.example").get("DATABASE_URL") or ""
    if example.startswith("sqlite"):
        return Resolved(_read(example), Source.EXAMPLE, "DATABASE_URL")
    raise InvalidSetting(messages.URL_MISSING)


def _read(text: str | URL) -> URL:
    try:
        url = make_url(text)
        if url.drivername == "postgres":  # as many providers write it
            url = url.set(drivername="postgresql")
        url.get_dialect()
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise InvalidSetting(messages.DRIVER_MISSING.format(url=url, cause=error)) from None
    except (ArgumentError, ValueError):
        raise InvalidSetting(messages.URL_MALFORMED) from None

    if is_sqlite_file(url):
        return url.set(database=str(project().root / str(url.database)))
    return url
