"""Who applied what, when, from where and how long it took: a row for each step.

None is ever changed. It is written as the version is, in one transaction with it, so that the two
never differ. A stamp is noted where the table is there already: by itself it makes nothing but the
table of versions.
"""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from alambique import messages, private
from alambique.database.creation import is_scratch
from alambique.database.ledger import LIST, NAME, ledger_table
from alambique.settings import project
from alambique.upgrade.taken import direction_of, revisions_of, title_of

# Where a pipeline, or an image that has no git, says which commit it is of.
COMMIT = ("MIGRATION_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA")


class Ledger:
    """The ledger of one database, while one command runs."""

    def __init__(self) -> None:
        """Begin to count the time of the first step."""
        self._since = time.monotonic()
        self._is_there = False

    def prepare(self, migration: MigrationContext) -> None:
        """Make the table where it is missing; called under the lock, before the first step.

        Raises:
            CommandError: the database does not let us make it; the sentence says what does.
        """
        if not project().ledger or migration.connection is None:
            return
        connection, table = migration.connection, _table_of(migration)
        if is_scratch(connection.engine.url):  # nobody asks who rehearsed
            return
        self._is_there = sa.inspect(connection).has_table(table.name, table.schema)
        connection.rollback()  # asking began a transaction
        if self._is_there or private.is_stamp(migration):
            return

        try:
            with connection.begin():
                connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
        except DBAPIError as error:
            said = messages.NO_LEDGER.format(table=table.fullname, cause=error.orig)
            raise CommandError(said) from error
        self._is_there = True

    def note(self, ctx: MigrationContext, step: MigrationInfo, **_: Any) -> None:
        """Write a row for a step, as `on_version_apply` tells that it is done."""
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        if not self._is_there or ctx.connection is None:
            return

        row = {
            "applied_at": datetime.now(UTC).replace(tzinfo=None),
            "command": direction_of(step),
            "revision": revisions_of(step)[:LIST],
            "title": title_of(step)[:LIST],
            "seconds": round(seconds, 3),
            "os_user": _user()[:NAME],
            "db_user": _role(ctx.connection)[:NAME],
            "host": socket.gethostname()[:NAME],
            "git_commit": _commit()[:NAME],
        }
        ctx.connection.execute(_insertion(_table_of(ctx), row))


def _insertion(table: sa.Table, row: Mapping[str, Any]) -> sa.Insert:
    """Return what adds a row under the next number; the migrator's lock keeps it free."""
    number = sa.func.coalesce(sa.func.max(table.columns.id), 0) + 1
    values = [sa.literal(value, table.columns[name].type) for name, value in row.items()]
    return table.insert().from_select(["id", *row], sa.select(number, *values))


def _table_of(migration: MigrationContext) -> sa.Table:
    return ledger_table(migration.version_table_schema)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # in a container, a number without a name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def _role(connection: Connection) -> str:
    """Return the user of the database that a connection is of; SQLite has none."""
    return connection.engine.url.username or ""


@cache
def _commit() -> str:
    """Return the commit of the code that migrates."""
    for name in COMMIT:
        if os.environ.get(name):
            return os.environ[name]
    git = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(git, cwd=project().root, capture_output=True, encoding="utf-8")
    except OSError:  # there is no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
