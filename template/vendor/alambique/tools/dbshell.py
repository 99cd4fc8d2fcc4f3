"""`make dbshell`: the database's own client, at the project's database."""

from __future__ import annotations

import os
import shutil
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field

from alembic.util import CommandError
from sqlalchemy.engine import URL

from alambique import messages
from alambique.settings import alembic_config, migration_url, sync_driver

# The programs of each database, the first there is; and the packages that have one.
CLIENTS = {
    "sqlite": ("sqlite3",),
    "postgresql": ("psql",),
    "mysql": ("mariadb", "mysql"),
    "mariadb": ("mariadb", "mysql"),
}
PACKAGES = {
    "sqlite": "sqlite3",
    "postgresql": "postgresql-client",
    "mysql": "mariadb-client",
    "mariadb": "mariadb-client",
}
# What of a URL's query libpq understands, whichever driver it was written for.
OF_LIBPQ = {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "options", "service"}


@dataclass(frozen=True)
class Client:
    """How a client is called, with the password where no list of processes shows it."""

    words: list[str]
    environment: dict[str, str] = field(default_factory=dict)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare no argument."""


def run(options: Namespace) -> int:
    """Become the database's own client.

    Raises:
        CommandError: none is installed.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    url = sync_driver(migration_url(alembic_config(options.url)))
    backend = url.get_backend_name()
    program = next(filter(None, map(shutil.which, CLIENTS[backend])), None)
    if program is None:
        names = " / ".join(CLIENTS[backend])
        said = messages.NO_CLIENT.format(names=names, package=PACKAGES[backend])
        raise CommandError(said)

    client = call(url)
    # In this process's place, so that Ctrl-C is the client's.
    os.execve(program, [program, *client.words], os.environ | client.environment)


def call(url: URL) -> Client:
    """Return what the client of a database is to be told.

    Args:
        url: the database, with a synchronous driver.
    """
    match url.get_backend_name():
        case "sqlite":
            return Client([url.database or ":memory:"])
        case "postgresql":
            return _psql(url)
        case _:
            return _mysql(url)


def _psql(url: URL) -> Client:
    query = {name: value for name, value in url.query.items() if name in OF_LIBPQ}
    plain = url.set(drivername="postgresql", query=query)
    shown = URL.create(
        plain.drivername, plain.username, None, plain.host, plain.port, plain.database, plain.query
    )
    password = {"PGPASSWORD": url.password} if url.password else {}
    return Client([shown.render_as_string()], password)


def _mysql(url: URL) -> Client:
    said = {
        "--host": url.host,
        "--port": url.port,
        "--user": url.username,
        "--socket": url.query.get("unix_socket"),
        "--default-character-set": url.query.get("charset"),
    }
    words = [f"{name}={value}" for name, value in said.items() if value]
    password = {"MYSQL_PWD": url.password} if url.password else {}
    return Client([*words, *([url.database] if url.database else [])], password)
