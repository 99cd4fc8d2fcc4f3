"""Which reader reads which kind of database."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import URL, Connection

from alambique.adopt.definitions import mysql, postgresql, sqlite
from alambique.adopt.definitions.definition import Definition
from alambique.database.engine import connect
from alambique.database.tables import ALEMBIC_TABLES
from alambique.names import TableName

READERS: dict[str, Callable[[Connection], list[Definition]]] = {
    "sqlite": sqlite.read,
    "mysql": mysql.read,
    "mariadb": mysql.read,
    "postgresql": postgresql.read,
}

# What migrations keep in a database is nothing of the database's own.
OURS = {TableName(name) for name in ALEMBIC_TABLES}


def read_definitions(url: URL) -> list[Definition]:
    """Return all that a database is made of, what others need before those others.

    Only catalogs are read: the time does not grow with the rows.

    Args:
        url: the database.

    Raises:
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """
    with connect(url) as connection:
        found = READERS[connection.dialect.name](connection)
    return [each for each in found if each.table not in OURS]
