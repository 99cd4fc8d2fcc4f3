"""What a revision's statements do to its session, as far as the journal has to know it."""

from __future__ import annotations

from contextlib import suppress

from alambique.database.answers import Answer
from alambique.database.tables import JOURNAL_TABLE
from alambique.database.watched import Statement
from alambique.upgrade import statements
from alambique.upgrade.server import Server

# Where a connection keeps the names of the variables that were set on it.
VARIABLES = "alambique_variables"


class SessionState:
    """The transaction, the locked tables and the temporary ones of a session."""

    def __init__(self, server: Server) -> None:
        """A session as it is when a step begins."""
        self._server = server
        self.has_transaction = False
        """Did the revision itself begin one, where each statement is one of its own?"""
        self.has_savepoint = False
        self.savepoint_is_transaction = False
        """Was there none for it to be in? On SQLite, releasing it then commits."""
        self.has_written = False
        """Has the transaction that is open changed anything?"""
        self.ours_came_last = False
        """Was the session's last statement one of the journal's?"""
        self._tables_are_locked = False
        self._temporary: set[str] = set()
        # They outlive the step, and an attempt that failed: as long as the connection does.
        self._variables: set[str] = server.connection.info.setdefault(VARIABLES, set())

    @property
    def commits_each(self) -> bool:
        """Is each statement a transaction of its own now?"""
        return not self.has_transaction and self._server.commits_each

    def misses_variables(self, sql: str) -> bool:
        """Tell whether a statement reads variables of the session that nobody has set there."""
        return not statements.variables_read(sql) <= self._variables

    def note(self, sql: str) -> None:
        """Note which variables and temporary tables there are after a statement."""
        self._variables |= statements.variables_set(sql)
        name = statements.creates_temporary(sql)
        if name is not None:
            self._temporary.add(name)
        self._temporary -= statements.dropped(sql)

    def execute(self, statement: Statement) -> Answer:
        """Carry out a statement about the session, and note what it does to it."""
        sql = statement.sql
        self.note(sql)
        word = statements.first_word(sql)

        if word == "SAVEPOINT":
            self.savepoint_is_transaction = self.savepoint_is_transaction or self.commits_each
            self.has_savepoint = True
        elif word in {"BEGIN", "START"}:
            self.has_transaction = True
        elif word in statements.ENDS_TRANSACTION or statements.undoes_all(sql):
            self.end_transaction()

        if statements.locks_tables(sql):  # from there on, nobody may write any other
            self._tables_are_locked = True
            sql = f"{sql.rstrip().rstrip(';')}, {JOURNAL_TABLE} WRITE"
        elif word == "UNLOCK":
            self._tables_are_locked = False
        return statement.execute(sql)

    def end_transaction(self) -> None:
        """Note that the transaction has ended, and its savepoints with it."""
        self.has_transaction = self.has_savepoint = self.savepoint_is_transaction = False
        self.has_written = False

    def was_undone(self) -> bool:
        """Tell whether a refusal undid the whole transaction, with what came before it.

        A deadlock does, on SQLite what says OR ROLLBACK or raise(ROLLBACK, ...), and a full disk.
        """
        return self.has_written and self._server.is_in_transaction is False

    def leave(self) -> None:
        """Take from the session what an attempt that failed left: the next one begins anew.

        Where DDL is undone with its transaction, so are these.
        """
        if self._server.transactional_ddl or not (self._tables_are_locked or self._temporary):
            return
        with suppress(Exception):  # the connection may be lost, and the session with it
            self._server.aside.rollback()  # else unlocking would commit
            self._server.aside.query("UNLOCK TABLES")
            for name in self._temporary:
                self._server.aside.query(f"DROP TEMPORARY TABLE IF EXISTS `{name}`")
