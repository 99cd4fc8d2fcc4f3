"""Making and dropping whole databases: a project's own, and scratch ones beside it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from alambique import messages
from alambique.database.engine import migration_engine
from alambique.database.error_codes import NOT_ALLOWED, codes
from alambique.database.errors import DatabaseUnavailable, opening
from alambique.settings import has_own_loop, is_sqlite_file, shown_url, sync_driver
from alambique.text import literal

# The scratch databases that this process has made and not dropped yet.
_scratch: set[tuple[str, str | None, int | None, str | None]] = set()


class MayNotCreate(DatabaseUnavailable):
    """Who we are on the server may not make databases there."""


def create_missing_database(url: URL) -> bool:
    """Create the database the URL names unless it is there; return whether it was created.

    Raises:
        DatabaseUnavailable: the server does not let us in, or does not let us create.
    """
    with opening(url):
        if _exists(url):
            return False
        if is_sqlite_file(url):
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        _create(url, named=str(url.database))
        return True


@contextmanager
def scratch_database(beside: URL, folder_of_files: Path | None = None) -> Iterator[URL]:
    """Lend an empty database beside another, on the same server, and drop it afterwards.

    Args:
        beside: the database to stand beside.
        folder_of_files: where SQLite's file goes; the system's folder for such files by default.

    Raises:
        DatabaseUnavailable: the server does not let us in.
        MayNotCreate: it does not let us create.
        OSError: SQLite's file cannot be put there.
    """
    if beside.get_backend_name() == "sqlite":
        with tempfile.TemporaryDirectory(dir=folder_of_files) as folder:
            scratch = beside.set(database=str(Path(folder) / "scratch.db"))
            with _known(scratch):
                yield scratch
        return

    scratch = beside.set(database=f"{beside.database}_{secrets.token_hex(4)}")
    with opening(beside):
        _create(scratch, named=f"{beside.database}_%")
    try:
        if _is_postgresql(scratch):  # nobody misses it: no commit need wait for a disk
            _on_the_server(
                scratch, f"ALTER DATABASE {_quoted(scratch)} SET synchronous_commit = off"
            )
        with _known(scratch):
            yield scratch
    finally:
        _drop(scratch)


def is_scratch(url: URL) -> bool:
    """Tell whether a database is a scratch one that this process made: nobody's rows are in it."""
    return _place(url) in _scratch


@contextmanager
def _known(scratch: URL) -> Iterator[None]:
    _scratch.add(_place(scratch))
    try:
        yield
    finally:
        _scratch.discard(_place(scratch))


def _place(url: URL) -> tuple[str, str | None, int | None, str | None]:
    """Return what tells a database from another, whatever driver goes there."""
    return url.get_backend_name(), url.host, url.port, url.database


def _exists(url: URL) -> bool:
    if has_own_loop(url):
        names = "SELECT datname FROM pg_database" if _is_postgresql(url) else "SHOW DATABASES"
        return url.database in _on_the_server(url, names)
    from sqlalchemy_utils import database_exists

    return bool(database_exists(sync_driver(url)))


def _create(url: URL, named: str) -> None:
    """Create a database; where we may not, say what allows those that are named like it."""
    try:
        _make(url)
    except DBAPIError as error:
        if not codes(error.orig) & NOT_ALLOWED:
            raise
        ourselves = str(_on_the_server(url, "SELECT CURRENT_USER")[0])
        who, grant = _grant(url, ourselves, named)
        said = messages.MAY_NOT_CREATE.format(who=who, url=shown_url(url), grant=grant)
        raise MayNotCreate(said) from error


def _grant(url: URL, ourselves: str, named: str) -> tuple[str, str]:
    """Return what the server calls us, and the statement by which we may create."""
    if _is_postgresql(url):
        role = _quoted(url.set(database=ourselves))
        return role, f"ALTER ROLE {role} CREATEDB;"

    account = quoted_account(ourselves)
    escaped = named.replace("_", r"\_").replace("`", "``")
    return account, f"GRANT ALL ON `{escaped}`.* TO {account};"


def quoted_account(said: str) -> str:
    """Return an account of MySQL's or MariaDB's as a GRANT takes it.

    Args:
        said: what CURRENT_USER says: the user and the host, with an @ between them.
    """
    user, _, host = said.rpartition("@")
    return "@".join(map(literal, (user, host)))


def _make(url: URL) -> None:
    # template0: nobody can be connected to it, so that two set-ups at once do not meet there.
    encoding = "utf8" if _is_postgresql(url) else "utf8mb4"
    if has_own_loop(url):
        if _is_postgresql(url):
            made_of = f"ENCODING '{encoding}' TEMPLATE template0"
        else:
            made_of = f"CHARACTER SET = '{encoding}'"
        _on_the_server(url, f"CREATE DATABASE {_quoted(url)} {made_of}")
        return
    from sqlalchemy_utils import create_database

    create_database(sync_driver(url), encoding, template="template0")


def _drop(url: URL) -> None:
    if has_own_loop(url):
        if _is_postgresql(url):
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}"
            _on_the_server(url, end.format(literal(str(url.database))))
        _on_the_server(url, f"DROP DATABASE {_quoted(url)}")
        return
    from sqlalchemy_utils import drop_database

    drop_database(sync_driver(url))


def _on_the_server(url: URL, sql: str) -> list[object]:
    """Run a statement outside of transactions, in no database of the project's."""
    there = url.set(database="postgres" if _is_postgresql(url) else "")
    engine = migration_engine(there).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        found = connection.exec_driver_sql(sql)
        return list(found.scalars()) if found.returns_rows else []


def _quoted(url: URL) -> str:
    return url.get_dialect()().identifier_preparer.quote_identifier(str(url.database))


def _is_postgresql(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"
