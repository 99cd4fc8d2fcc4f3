"""Which database: the one place where that is decided, for every command and for the service."""

from __future__ import annotations

import re
from configparser import InterpolationError
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

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
    "psycopg_async": "psycopg",
}
ASYNC_DRIVERS = {"pysqlite": "aiosqlite", "pymysql": "aiomysql"}

# What only an asynchronous driver takes in a URL, as the synchronous one calls it. None: it is left
# out, since it is
OF_ITS_LOOP = None  # about how that driver works inside,
OF_ITS_CACHE = None  # about the statements it prepares: migrations prepare none through a pooler,
OF_QUERIES = None  # a limit to the service's queries, which would cut off a long ALTER TABLE,
NO_TEXT = None  # or an object of Python's, which no URL can hold.

IN_SYNC_WORDS: dict[str, dict[str, str | None]] = {
    "asyncpg": {
        "ssl": "sslmode",
        "timeout": "connect_timeout",
        "async_fallback": OF_ITS_LOOP,
        "loop": OF_ITS_LOOP,
        "direct_tls": OF_ITS_LOOP,
        "prepared_statement_cache_size": OF_ITS_CACHE,
        "prepared_statement_name_func": OF_ITS_CACHE,
        "statement_cache_size": OF_ITS_CACHE,
        "max_cached_statement_lifetime": OF_ITS_CACHE,
        "max_cacheable_statement_size": OF_ITS_CACHE,
        "command_timeout": OF_QUERIES,
        "server_settings": NO_TEXT,
        "connection_class": NO_TEXT,
        "record_class": NO_TEXT,
    },
    "aiomysql": {
        "echo": OF_ITS_LOOP,
        "loop": OF_ITS_LOOP,
        "auth_plugin": OF_ITS_LOOP,
        "ssl": NO_TEXT,
    },
    "asyncmy": {
        "echo": OF_ITS_LOOP,
        "loop": OF_ITS_LOOP,
        "auth_plugin": OF_ITS_LOOP,
        "ssl": NO_TEXT,
    },
    "aiosqlite": {"iter_chunk_size": OF_ITS_LOOP, "loop": OF_ITS_LOOP},
}

# Before the first + of a URL.
KINDS = {"mariadb", "mysql", "postgres", "postgresql", "sqlite"}

# Drivers that only work on an event loop, and need a sibling for anything else.
ON_A_LOOP = {"asyncpg", "aiomysql", "asyncmy"}
LIMITS_TO_QUERIES = {"command_timeout"}

# What a URL's query says that is nobody's secret; whatever else it says, it may be one.
NO_SECRETS = {
    "application_name",
    "cache",
    "charset",
    "collation",
    "command_timeout",
    "connect_timeout",
    "host",
    "mode",
    "port",
    "prepared_statement_cache_size",
    "ssl",
    "sslmode",
    "target_session_attrs",
    "timeout",
    "unix_socket",
    "uri",
}
MASK = "***"


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
    url = _in_the_environment(FOR_THE_SERVICE).url
    _require_driver(url)
    return url


def is_sqlite_file(url: URL) -> bool:
    """Tell whether the URL names a SQLite database by its path: not `:memory:`, not `file:`."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return False
    return url.database != ":memory:" and not url.database.startswith("file:")


def migration_driver(url: URL) -> URL:
    """Return the same database through the driver that migrations use, in that driver's words.

    It is the synchronous one, or the URL's own where `[tool.alambique]` says `async-driver = true`.
    aiosqlite is the built-in driver with a thread around it, psycopg either kind: of these,
    migrations use the synchronous side all the same.

    Raises:
        InvalidSetting: `[tool.alambique]` is malformed.
    """
    if not has_own_loop(url):
        return sync_driver(url)
    return url.difference_update_query(LIMITS_TO_QUERIES)


def has_own_loop(url: URL) -> bool:
    """Tell whether migrations are to use a driver that works on an event loop only."""
    return project().async_driver and url.get_driver_name() in ON_A_LOOP


def sync_driver(url: URL) -> URL:
    """Return the same database through its synchronous driver, in that driver's words."""
    words = IN_SYNC_WORDS.get(url.get_driver_name(), {})
    query = {words.get(name, name): value for name, value in url.query.items()}
    kept = {name: value for name, value in query.items() if name is not None}
    return _with_driver(url.set(query=kept), SYNC_DRIVERS)


def async_driver(url: URL) -> URL:
    """Return the same database through its asynchronous driver."""
    return _with_driver(url, ASYNC_DRIVERS)


def shown_url(url: URL) -> str:
    """Return a URL as a person may see it: what is secret in it, or may be, is masked."""
    said = []
    for name, value in url.query.items():
        values = [value] if isinstance(value, str) else value
        said += [f"{quote_plus(name)}={_shown_value(name, each)}" for each in values]
    shown = url.set(query={}).render_as_string(hide_password=True)
    return f"{shown}?{'&'.join(said)}" if said else shown


def without_secrets(text: str, url: URL) -> str:
    """Return what a driver said of a URL, with whatever is masked in it masked here, too."""
    values = [url.password or ""]
    for name, value in url.query.items():
        if name not in NO_SECRETS:
            values += [value] if isinstance(value, str) else value
    spelt = {each for value in values if value for each in (value, quote(value), quote_plus(value))}

    for secret in sorted(spelt, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    return text


def _shown_value(name: str, value: str) -> str:
    return quote_plus(value, safe=":/") if name in NO_SECRETS else MASK


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


def _require_driver(url: URL) -> None:
    """Refuse a driver that is not installed, naming its synchronous sibling if that one is."""
    missing = _missing_driver(url)
    if missing is None:
        return
    said = messages.DRIVER_MISSING.format(url=shown_url(url), cause=missing)
    sibling = sync_driver(url)
    if sibling.drivername != url.drivername and _missing_driver(sibling) is None:
        said += messages.DRIVER_SIBLING.format(driver=sibling.drivername)
    raise InvalidSetting(said)


def _missing_driver(url: URL) -> ImportError | None:
    """Return what importing a URL's driver says where it is not installed."""
    try:
        url.get_dialect().import_dbapi()
    except ImportError as error:
        return error
    return None


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
        kind, plus, driver = url.drivername.partition("+")
        if kind == "postgres":  # as many providers write it
            url = url.set(drivername=f"postgresql{plus}{driver}")
        url.get_dialect()
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        if kind not in KINDS:
            raise InvalidSetting(messages.DATABASE_UNKNOWN.format(name=kind)) from None
        shown = shown_url(url)
        raise InvalidSetting(messages.DRIVER_MISSING.format(url=shown, cause=error)) from None
    except (ArgumentError, ValueError):
        raise InvalidSetting(messages.URL_MALFORMED) from None

    if is_sqlite_file(url):
        return url.set(database=str(project().root / str(url.database)))
    return url
