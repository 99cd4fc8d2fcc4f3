"""The server that revisions run on, as far as the journal asks it things and tells it things."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Connection

from alambique import messages
from alambique.database import sessions
from alambique.database.aside import Aside
from alambique.database.watched import unwatched
from alambique.upgrade import doubt, statements
from alambique.upgrade.doubt import State
from alambique.upgrade.lock_check import LockCheck
from alambique.upgrade.records import Records

log = logging.getLogger("alembic.runtime.migration")

BEING_BUILT = "SELECT 1 FROM pg_stat_progress_create_index WHERE index_relid = to_regclass(:name)"


class Server:
    """What is true of a command's connection, whichever of its revisions runs."""

    def __init__(
        self, connection: Connection, transactional_ddl: bool, lock: LockCheck | None = None
    ) -> None:
        """Ask nothing yet.

        Args:
            connection: the one that the revisions run on.
            transactional_ddl: is DDL undone with its transaction?
            lock: asked before anything is in the database for good; None where there is none.
        """
        self.connection = connection
        self.transactional_ddl = transactional_ddl
        self.backend = connection.dialect.name
        self.records = Records(connection)
        self.aside = Aside(connection)
        self._driver = unwatched(connection)
        self.looks_away = False
        """Are statements on other connections ours now, not the revision's?"""
        self._lock = lock
        self._not_transactional: frozenset[str] = frozenset()
        self._session: str | None = None

    def before_commit(self) -> None:
        """Let the lock be looked at before anything is in the database for good."""
        if self._lock is not None:
            with self.looking_away():
                self._lock.check()

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """Have statements on other connections be ours, not the revision's."""
        was_away, self.looks_away = self.looks_away, True
        try:
            yield
        finally:
            self.looks_away = was_away

    @property
    def is_connected(self) -> bool:
        """Is the connection still the one that there was, with its lock and its transaction?"""
        return not self.connection.invalidated and unwatched(self.connection) is self._driver

    @property
    def commits_each(self) -> bool:
        """Is each statement a transaction of its own now, as in an `autocommit_block`?"""
        pooled: Any = self.connection.connection
        if self.backend == "sqlite":  # its driver is told to begin nothing by itself
            return not pooled.driver_connection.in_transaction
        return self.connection.dialect.detect_autocommit_setting(pooled)

    @property
    def is_in_transaction(self) -> bool | None:
        """Is a transaction open? None where nobody says so."""
        if self.backend == "sqlite":
            return not self.commits_each
        if not getattr(self.connection.dialect, "is_mariadb", False):
            return None
        ((is_open,),) = self.aside.query("SELECT @@in_transaction")
        return bool(is_open)

    def session(self) -> str:
        """Return what tells this session from every other."""
        if self._session is None:
            self._session = sessions.session(self.aside.query, self.backend)
        return self._session

    def is_running(self, session: str) -> bool:
        """Tell whether another session still has a statement carried out."""
        return sessions.is_running(self.aside.query, self.backend, session)

    def state(self, sql: str) -> State:
        """Return what the catalog says of everything that a statement names."""
        return doubt.state(self.aside.query, self.backend, sql)

    def state_under_lock(self, sql: str) -> tuple[State, bool]:
        """Return the same as `state`, and whether the lock was found to be ours in the same trip.

        Raises:
            LockLost: it is not.
        """
        question = self._lock.question() if self._lock is not None else None
        found = doubt.state(self.aside.query, self.backend, sql, question)
        if self._lock is None or question is None or question.answer is None:
            return found, False
        self._lock.hear(question)
        return found, True

    def keeps_rows_at_once(self, sql: str) -> bool:
        """Tell whether a statement is about a table of an engine that has no transactions."""
        odd = self._not_transactional
        return bool(odd) and not odd.isdisjoint(statements.names(sql))

    def look_at_engines(self) -> None:
        """Ask which tables have an engine without transactions."""
        rows = self.aside.query(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = database() AND table_type = 'BASE TABLE' AND engine NOT IN "
            "(SELECT engine FROM information_schema.engines WHERE transactions = 'YES')"
        )
        self._not_transactional = frozenset(row[0] for row in rows)

    def invalid_index(self, sql: str) -> str | None:
        """Return the index that a CREATE INDEX CONCURRENTLY builds, if it is there and invalid."""
        name = statements.concurrent_index(sql)
        if name is None:
            return None
        is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"
        return name if self.aside.query(is_valid, name=name) == [(False,)] else None

    def unfinished(self, sql: str, before: State | None) -> list[str]:
        """Return the indexes that a statement left invalid, as SQL has their names.

        Args:
            sql: the statement.
            before: what the catalog said before it: what was invalid then is somebody else's.
        """
        if before is None or not statements.builds_concurrently(sql):
            return []
        return doubt.left_unfinished(before, self.state(sql))

    def drop_unfinished(self, sql: str, before: State | None) -> bool:
        """Drop the indexes that a statement left invalid; return whether none is left.

        Raises:
            DBAPIError: the server refuses that, or the connection is lost.
        """
        word = "CONCURRENTLY " if self.commits_each else ""
        for name in self.unfinished(sql, before):
            if self.aside.query(BEING_BUILT, name=name):  # somebody else has begun it anew
                return False
            log.warning(messages.INVALID_INDEX.format(name=name))
            self.aside.query(f"DROP INDEX {word}{name}")
        return True
