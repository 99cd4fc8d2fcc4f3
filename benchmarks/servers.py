"""Databases of our own on the servers that the tests use too."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy_utils import create_database, drop_database

from benchmarks.projects import choices

SERVERS = {
    "postgresql": "postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
    "mysql": "mysql+pymysql://root@127.0.0.1:3306/test",
}


def server_url(database: str) -> URL:
    """Return the URL of the test server of this kind."""
    return make_url(os.environ.get(f"TEST_{database.upper()}_URL", SERVERS[database]))


def unavailable(database: str) -> str | None:
    """Say why this server cannot be measured here, if it cannot."""
    if database not in choices("database"):
        return f"the template does not offer database={database}"
    url = server_url(database)
    try:
        create_engine(url, poolclass=NullPool).connect().close()
    except (ModuleNotFoundError, DBAPIError) as error:
        return f"{url} does not answer ({type(error).__name__})"
    return None


@contextmanager
def new_database(database: str) -> Iterator[URL]:
    """Lend an empty database on a server, and drop it afterwards."""
    url = server_url(database).set(database=f"alambique_bench_{secrets.token_hex(4)}")
    _create(url)
    try:
        yield url
    finally:
        drop_database(url)


def empty(url: URL) -> None:
    """Make a server's database anew."""
    drop_database(url)
    _create(url)


def _create(url: URL) -> None:
    create_database(url, "utf8mb4" if url.get_backend_name() == "mysql" else "utf8")
