"""What each server can do, in one table: the rest of the library asks this, never a name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from alembic.util import CommandError

from alambique import messages


class Lock(Enum):
    """How one migrator at a time is had."""

    SENTINEL_FILE = "a file beside the database, locked"
    ADVISORY = "a lock of the session on a number, which belongs to the database"
    NAMED = "a lock of the session on a name, which all databases of a server share"


@dataclass(frozen=True)
class Capabilities:
    """What a kind of database can do."""

    lock: Lock

    transactional_ddl: bool
    """Is DDL undone with the transaction it is in?"""

    rebuilds_tables: bool
    """Is a table altered by making it anew?"""

    default_for_each_row: bool
    """Is the default of a new column worked out for each row that is there?"""

    has_schemas: bool
    """Does a database hold several schemas, which one connection reads alike?"""

    always_there: str | None
    """A database to connect to where ours may not exist; "" for none at all, None: no server."""


_BY_BACKEND = {
    "sqlite": Capabilities(
        lock=Lock.SENTINEL_FILE,
        transactional_ddl=True,
        rebuilds_tables=True,
        default_for_each_row=True,
        has_schemas=False,
        always_there=None,
    ),
    "postgresql": Capabilities(
        lock=Lock.ADVISORY,
        transactional_ddl=True,
        rebuilds_tables=False,
        default_for_each_row=True,
        has_schemas=True,
        always_there="postgres",
    ),
    "mysql": Capabilities(
        lock=Lock.NAMED,
        transactional_ddl=False,
        rebuilds_tables=False,
        default_for_each_row=False,  # MariaDB: rand() is one number for all
        has_schemas=False,
        always_there="",
    ),
}
_BY_BACKEND["mariadb"] = _BY_BACKEND["mysql"]


def capabilities(backend: str) -> Capabilities:
    """Return what a kind of database can do.

    Args:
        backend: as SQLAlchemy names it: `connection.dialect.name`, `url.get_backend_name()`.

    Raises:
        CommandError: it is none that migrations know.
    """
    if backend not in _BY_BACKEND:
        raise CommandError(messages.DATABASE_UNKNOWN.format(name=backend))
    return _BY_BACKEND[backend]
