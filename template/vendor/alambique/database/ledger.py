"""The table of who applied what: what is in it, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alambique.database.tables import LEDGER_TABLE

# Characters that a column holds; what is longer is cut off.
NAME, LIST = 100, 255


@dataclass(frozen=True)
class Entry:
    """A step that was taken."""

    applied_at: datetime
    """When it was done, in UTC."""
    command: str
    """`upgrade`, `downgrade` or `stamp`."""
    revision: str
    """What was applied or undone; what a database was stamped with."""
    title: str
    seconds: float
    os_user: str
    """The user of the operating system."""
    db_user: str
    """The user of the database."""
    host: str
    git_commit: str
    """Of git; "" where nothing says it."""


def read_ledger(connection: Connection, schema: str | None, most: int | None) -> list[Entry]:
    """Return what is in the ledger of a database, the last first; nothing where there is none.

    Args:
        connection: to the database.
        schema: where the table of versions lies; None is the default schema.
        most: how many, at most; None is all.
    """
    table = ledger_table(schema)
    if not sa.inspect(connection).has_table(table.name, schema):
        return []
    columns = [table.columns[name] for name in Entry.__dataclass_fields__]
    query = sa.select(*columns).order_by(table.columns.id.desc()).limit(most)
    return [Entry(*row) for row in connection.execute(query)]


@cache
def ledger_table(schema: str | None) -> sa.Table:
    """Return the table, made once somebody asks: most commands find nothing to do."""
    return sa.Table(
        LEDGER_TABLE,
        sa.MetaData(),
        # Counted by ourselves: a sequence would be one more thing to own, and to be let use.
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("applied_at", sa.DateTime, nullable=False),
        sa.Column("command", sa.String(20), nullable=False),
        sa.Column("revision", sa.String(LIST), nullable=False),
        sa.Column("title", sa.String(LIST), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("os_user", sa.String(NAME), nullable=False),
        sa.Column("db_user", sa.String(NAME), nullable=False),
        sa.Column("host", sa.String(NAME), nullable=False),
        sa.Column("git_commit", sa.String(NAME), nullable=False),
        schema=schema,
        mysql_engine="InnoDB",  # undone with the version, whatever the server makes by default
        mariadb_engine="InnoDB",
    )
