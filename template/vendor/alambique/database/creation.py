"""Making and dropping whole databases: a project's own, and scratch ones beside it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

from alambique.database.errors import unavailable_as_sentence
from alambique.settings import is_sqlite_file, sync_driver


def create_missing_database(url: URL) -> bool:
    """Create the database the URL names unless it is there; return whether it was created.

    Raises:
        DatabaseUnavailable: the server does not let us in, or does not let us create.
    """
    from sqlalchemy_utils import database_exists

    with unavailable_as_sentence(url):
        if database_exists(sync_driver(url)):
            return False
        if is_sqlite_file(url):
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        _create(url)
        return True


@contextmanager
def scratch_database(beside: URL) -> Iterator[URL]:
    """Lend an empty database beside another, on the same server, and drop it afterwards.

    Args:
        beside: the database to stand beside.

    Raises:
        DatabaseUnavailable: the server does not let us in, or does not let us create.
    """
    from sqlalchemy_utils import drop_database

    if beside.get_backend_name() == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield beside.set(database=str(Path(folder) / "scratch.db"))
        return

    scratch = beside.set(database=f"{beside.database}_{secrets.token_hex(4)}")
    with unavailable_as_sentence(beside):
        _create(scratch)
    try:
        yield scratch
    finally:
        drop_database(sync_driver(scratch))


def _create(url: URL) -> None:
    from sqlalchemy_utils import create_database

    is_mysql = url.get_backend_name() in {"mysql", "mariadb"}
    encoding = "utf8mb4" if is_mysql else "utf8"
    # template0: nobody can be connected to it, so that two set-ups at once do not meet there.
    create_database(sync_driver(url), encoding, template="template0")
