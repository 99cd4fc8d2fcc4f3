"""A statement is carried out, and recorded with what keeps it: its transaction, or itself.

What a transaction undoes is recorded in memory, and written before the commit. What commits by
itself is written as begun before it is sent, as nobody may hear how it ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from alambique import messages
from alambique.database.answers import Answer
from alambique.database.error_codes import (
    ACTIVE_SQL_TRANSACTION,
    BUSY,
    INVALID_TRANSACTION_TERMINATION,
    codes,
)
from alambique.database.watched import Statement
from alambique.upgrade import statements
from alambique.upgrade.doubt import State
from alambique.upgrade.lookout import Lookout
from alambique.upgrade.patience import waiting_longer
from alambique.upgrade.recording import Recording
from alambique.upgrade.records import Loss, Record
from alambique.upgrade.server import Server
from alambique.upgrade.session_state import SessionState
from alambique.upgrade.statements import Effect

log = logging.getLogger("alembic.runtime.migration")

# PostgreSQL says so of what must be a transaction of its own, before it does any of it.
OUTSIDE_TRANSACTIONS = frozenset({ACTIVE_SQL_TRANSACTION, INVALID_TRANSACTION_TERMINATION})


class Execution:
    """Carries out the statements of a step that are not replayed."""

    def __init__(
        self, server: Server, session: SessionState, recording: Recording, lookout: Lookout
    ) -> None:
        """Carry out nothing yet."""
        self._server = server
        self._session = session
        self._recording = recording
        self._lookout = lookout

    def carry_out(self, statement: Statement, parameters: str) -> Answer:
        """Have the server carry a statement out.

        Args:
            statement: the statement.
            parameters: their digest.

        Returns:
            What the server answered.
        """
        self._session.ours_came_last = False
        statement = self._attended(statement)
        if self._server.transactional_ddl:
            answer = self._where_ddl_is_undone(statement, parameters)
        else:
            answer = self._where_ddl_commits(statement, parameters)
        self._session.note(statement.sql)
        return answer

    def _attended(self, statement: Statement) -> Statement:
        """Return a statement that waits as long as it may, and has somebody look at what for."""

        def execute(sql: str) -> Answer:
            with waiting_longer(self._server, sql), self._lookout.over(sql):
                return statement.execute(sql)

        return Statement(statement.sql, statement.parameters, execute)

    def _where_ddl_is_undone(self, statement: Statement, parameters: str) -> Answer:
        word = statements.first_word(statement.sql)
        effect = statements.effect(statement.sql)

        if effect is Effect.OF_SESSION:
            is_outermost = word == "RELEASE" and self._session.savepoint_is_transaction
            if word in statements.ENDS_TRANSACTION or is_outermost:
                self._before_commit()
            return self._about_session(statement, parameters)
        if not self._session.commits_each or word == "VACUUM":  # which is harmless twice
            return self._in_open_transaction(statement, parameters)
        if word == "CALL":  # a procedure may commit on its way
            return self._in_doubt(statement, parameters, before=None)
        return self._in_transaction_of_its_own(statement, parameters)

    def _where_ddl_commits(self, statement: Statement, parameters: str) -> Answer:
        sql = statement.sql
        match statements.effect(sql):
            case Effect.COMMITS:
                before, is_checked = self._server.state_under_lock(sql)
                answer = self._in_doubt(statement, parameters, before, is_checked=is_checked)
                if "ENGINE" in sql.upper():
                    self._server.look_at_engines()
                    self._session.ours_came_last = True
                return answer

            case Effect.UNKNOWN:
                return self._in_doubt(statement, parameters, before=None)

            case Effect.OF_SESSION:
                if statements.commits_first(sql):
                    self._before_commit()
                if statements.sets_autocommit(sql):
                    self._recording.add(Record(sql, parameters, lost=Loss.AUTOCOMMIT))
                    self._recording.keep()
                return self._about_session(statement, parameters)

            case Effect.IN_TRANSACTION:
                if self._server.keeps_rows_at_once(sql):
                    return self._in_doubt(statement, parameters, before=None, keep=True)
                if self._session.commits_each:
                    return self._in_transaction_of_its_own(statement, parameters)
                return self._in_open_transaction(statement, parameters)

    def _before_commit(self) -> None:
        self._recording.write()
        self._server.before_commit()
        self._session.has_written = False

    def _about_session(self, statement: Statement, parameters: str) -> Answer:
        if statements.first_word(statement.sql) == "ROLLBACK":
            self._recording.rolled_back()
        return self._recorded(statement, parameters, self._session.execute)

    def _in_open_transaction(self, statement: Statement, parameters: str) -> Answer:
        answer = self._recorded(statement, parameters, lambda it: it.execute(it.sql))
        if answer.description is None or not statements.only_reads(statement.sql):
            self._session.has_written = True
        return answer

    def _recorded(
        self, statement: Statement, parameters: str, execute: Callable[[Statement], Answer]
    ) -> Answer:
        """Carry a statement out, and record what it answered; one transaction keeps both."""
        try:
            answer = execute(statement)
        except Exception as error:
            self._recording.add_failure(statement.sql, parameters, error)
            raise
        self._recording.add(Record(statement.sql, parameters, answer))
        return answer

    def _in_transaction_of_its_own(self, statement: Statement, parameters: str) -> Answer:
        """Carry a statement out in one transaction with its record."""
        aside, recording = self._server.aside, self._recording
        aside.query("BEGIN IMMEDIATE" if self._server.backend == "sqlite" else "BEGIN")
        place = recording.place()
        try:
            answer = statement.execute(statement.sql)
        except Exception as error:
            self._undo(place)
            if codes(error).isdisjoint(OUTSIDE_TRANSACTIONS):
                recording.add_failure(statement.sql, parameters, error)
                raise
        except BaseException:
            self._undo(place)
            raise
        else:
            self._commit_with_record(Record(statement.sql, parameters, answer), place)
            return answer

        name = self._server.invalid_index(statement.sql)
        if name is not None:  # somebody else's: ours were dropped
            raise CommandError(messages.INDEX_IS_INVALID.format(name=name))
        return self._in_doubt(statement, parameters, self._server.state(statement.sql))

    def _commit_with_record(self, record: Record, place: int) -> None:
        try:
            self._recording.add(record)
            self._before_commit()
            self._server.aside.query("COMMIT")
            self._session.ours_came_last = True
        except BaseException:  # of ours: it says nothing about the statement
            self._undo(place)
            raise

    def _undo(self, place: int) -> None:
        """Undo what was carried out since a place of the recording, and forget it."""
        with suppress(SQLAlchemyError):  # the connection may be lost, and the transaction with it
            self._server.aside.query("ROLLBACK")
        self._recording.forget_since(place)

    def _in_doubt(
        self,
        statement: Statement,
        parameters: str,
        before: State | None,
        keep: bool = False,
        is_checked: bool = False,
    ) -> Answer:
        """Carry out what may be in the database for good before its answer is here.

        It is recorded as begun, in the transaction that is open: where the statement commits, that
        is kept, and where it does not, it goes with the statement.

        Args:
            statement: the statement.
            parameters: their digest.
            before: what the catalog says before it; None where nothing tells whether it happened.
            keep: commit first, as there is no transaction for the statement to be in.
            is_checked: the lock was found to be ours a moment ago.
        """
        sql = statement.sql
        self._recording.add(Record(sql, parameters, None, before, self._server.session()))
        self._recording.write()
        if not is_checked:
            self._server.before_commit()
        if keep:
            self._server.aside.commit()
        self._session.has_written = False  # it commits that

        try:
            answer = statement.execute(sql)
        except Exception as error:
            self._note_refusal(statement, parameters, before, error)
            raise
        except BaseException:  # such as Ctrl-C: it stays in doubt
            self._clear(sql, before)
            raise
        self._session.has_transaction = False
        self._recording.add(Record(sql, parameters, answer))
        if before is None and not self._session.has_savepoint:
            self._recording.keep()  # the statement may have committed: so does its answer
            self._session.ours_came_last = True
        return answer

    def _note_refusal(
        self, statement: Statement, parameters: str, before: State | None, error: Exception
    ) -> None:
        """Record that a statement was refused, or that it was after it had done a part."""
        self._recording.rolled_back()
        if not self._clear(statement.sql, before):
            return
        if before is None or not codes(error).isdisjoint(BUSY):
            self._recording.add_failure(statement.sql, parameters, error)
            return

        try:
            is_refused = self._server.state(statement.sql) == before
        except SQLAlchemyError:  # the connection is lost: it stays in doubt
            return
        if is_refused:
            self._recording.add_failure(statement.sql, parameters, error)
        else:
            self._recording.add(Record(statement.sql, parameters, lost=Loss.PARTLY))
            self._recording.keep()

    def _clear(self, sql: str, before: State | None) -> bool:
        """Drop what a statement left unfinished; tell whether it is gone, or was never there.

        If not, the statement stays in doubt: who runs the step again drops it. So does an index
        that is half dropped, as whoever is in the way of that would be so again.
        """
        try:
            if statements.first_word(sql) == "DROP":
                return not self._server.unfinished(sql, before)
            return self._server.drop_unfinished(sql, before)
        except SQLAlchemyError as error:  # still busy, or the connection is lost
            cause = getattr(error, "orig", error)
            log.warning(messages.INDEX_STAYS_INVALID.format(sql=" ".join(sql.split()), cause=cause))
            return False
