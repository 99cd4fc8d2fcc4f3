"""The real servers, found by TEST_POSTGRESQL_URL and TEST_MYSQL_URL, and ports to try them on."""

import os
import socket

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

SERVERS = {
    "postgresql": "postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
    "mysql": "mysql+pymysql://root@127.0.0.1:3306/test",
}


def server_url(database: str) -> URL:
    """Return the test server's URL; skip where it does not answer, fail where CI runs."""
    url = make_url(os.environ.get(f"TEST_{database.upper()}_URL", SERVERS[database]))
    try:
        create_engine(url, poolclass=NullPool).connect().close()
    except DBAPIError as error:
        reason = f"{database} does not answer at {url}: {error.orig}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return url


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
