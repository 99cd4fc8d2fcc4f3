"""Servers that speak as one we know, and are another: what we count on need not be true there.

A migration counts on what only a server's own maker can promise: that DDL is undone with its
transaction, or shows in the catalog whether it happened; that a lock keeps a second migrator out.
"""

from __future__ import annotations

from contextlib import closing

from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

from alambique import messages
from alambique.settings import variable

# What each server has in its `version()`, by the name that messages know it by.
IN_VERSION = {
    "CockroachDB": "cockroachdb",
    "-YB-": "yugabytedb",
    "TiDB": "tidb",
    "Redshift": "redshift",
}

# Of what says that it is PostgreSQL, and nothing else: where it is.
IN_HOST = {".dsql.": "dsql"}

# What lets a migration run there all the same.
SETTING = "MIGRATION_UNPROVEN_SERVER"


def refuse_unproven(engine: Engine) -> None:
    """Have an engine refuse to connect to a server that nothing here was tried on.

    Args:
        engine: of a server; what it raises as it connects is a CommandError.
    """

    def look(driver: DBAPIConnection, _record: object) -> None:
        require_proven(driver, engine)

    event.listen(engine, "connect", look, insert=True)  # SQLAlchemy chokes on some of them


def require_proven(driver: DBAPIConnection, engine: Engine) -> None:
    """Make sure that a connection is to a server that we know, or that somebody tries another.

    Args:
        driver: the driver's connection, in no transaction.
        engine: what it is of.

    Raises:
        CommandError: it is to another one, and MIGRATION_UNPROVEN_SERVER does not say to try it.
        InvalidSetting: `.env` cannot be read.
    """
    with closing(driver.cursor()) as cursor:
        cursor.execute("SELECT version()")
        row = cursor.fetchone()
    driver.rollback()  # some drivers have begun a transaction

    name = unproven(str(row[0]) if row else "", engine.url)
    if name is not None and variable(SETTING) != "1":
        said = {"like": engine.dialect.name, "setting": SETTING}
        raise CommandError(messages.SERVER_UNPROVEN.format(known=messages.UNPROVEN[name], **said))


def unproven(version: str, url: URL) -> str | None:
    """Return the server's name in `messages.UNPROVEN`; None where it is one we know.

    Args:
        version: what the server says of itself.
        url: where it is.
    """
    for sign, name in IN_VERSION.items():
        if sign in version:
            return name
    for sign, name in IN_HOST.items():
        if sign in (url.host or ""):
            return name
    return None
