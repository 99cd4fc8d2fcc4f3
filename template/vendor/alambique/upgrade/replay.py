"""A step runs again: what was recorded of it is answered from the records, the rest goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, InvalidRequestError, SQLAlchemyError

from alambique import messages
from alambique.database.answers import Answer, Row, Unrecordable
from alambique.database.error_codes import BUSY, codes
from alambique.database.watched import Statement
from alambique.upgrade import doubt, statements
from alambique.upgrade.doubt import Outcome
from alambique.upgrade.execution import Execution
from alambique.upgrade.lookout import Lookout
from alambique.upgrade.recording import Recording
from alambique.upgrade.records import Loss, Record
from alambique.upgrade.server import Server
from alambique.upgrade.session_state import SessionState
from alambique.upgrade.statements import Effect
from alambique.upgrade.waiting import LockTimeout, lock_wait

log = logging.getLogger("alembic.runtime.migration")

# How much of a statement a message shows, in characters.
SHOWN = 500

# What does nothing but go on in an answer that is there; a statement of ours would end it.
MOVES_ON = frozenset({"nextset"})

# Seconds between two questions whether a dead process's statement has ended.
PAUSE = 0.1


class Replay:
    """One step. It watches the connection: each statement is answered here, or carried out."""

    def __init__(self, step: str, revision: str, server: Server, lookout: Lookout) -> None:
        """Nothing is known to be left of it yet.

        Args:
            step: its name, such as "upgrade 3f1c0a5d7b21".
            revision: the digest of its file.
            server: where it runs.
            lookout: looks at who is in the way of its statements.
        """
        self._step = step
        self._revision = revision
        self._server = server
        self._session = SessionState(server)
        self._recording = Recording(step, revision, server)
        self._execution = Execution(server, self._session, self._recording, lookout)

        self._left: list[Record] = []
        self._left_of = revision
        """The digest of the file that was interrupted."""
        self._met = 0
        """How many of the records were replayed."""
        self._has_written = False
        """Has a statement that is no query been carried out in this run?"""

        self._raised_again: Exception | None = None
        self._refusal: Exception | None = None
        """The server's error, if it was the last thing that it said."""
        self._undone_by: str | None = None
        """The statement whose refusal undid the whole transaction."""
        self._interrupt: BaseException | None = None
        """Such as Ctrl-C: what is raised as a connection is left in that state is less true."""

    # What was left

    def read(self) -> None:
        """Read what an interrupted command left.

        Raises:
            CommandError: it left another step, or this one cannot be replayed.
        """
        left = self._server.records.left()
        if not self._server.transactional_ddl:
            # Later, making the table would commit what is open, and a question of ours would take
            # the place of what the revision asks about its own last statement.
            self._server.records.prepare()
            self._server.look_at_engines()
        if left is None:
            return
        if left.step != self._step:
            raise CommandError(messages.HALF_APPLIED.format(step=left.step, asked=self._step))

        self._left = left.records
        self._left_of = left.revision
        self._recording.follow(left.count)
        self._refuse_what_is_lost()

    def _refuse_what_is_lost(self) -> None:
        """Refuse before anything is done, if the session that was lost had what others cannot."""
        temporary: dict[str, Record] = {}
        for record in self._left:
            if record.lost:
                raise self._lost(record.lost, record.sql)
            if statements.only_in_session(record.sql):
                raise self._lost(Loss.SESSION, record.sql)

            name = statements.creates_temporary(record.sql)
            if name is not None:
                temporary[name] = record
            if record.answer is not None:
                for gone in statements.dropped(record.sql):
                    temporary.pop(gone, None)
        for record in temporary.values():
            raise self._lost(Loss.TEMPORARY, record.sql)

    # What the watched connection tells

    def perform(self, statement: Statement) -> Answer:
        """Answer a statement from the records, or have it carried out and record its answer."""
        self._require_whole()
        parameters = statements.digest(statement.parameters)
        if self._met < len(self._left):
            answer = self._replay(statement, parameters)
            if answer is not None:
                return answer

        if self._met and not self._has_written and statements.asks_session(statement.sql):
            raise self._lost(Loss.ASKS, statement.sql)
        if self._session.ours_came_last and statements.asks_about_last(statement.sql):
            asked = {"step": self._step, "sql": _shown(statement.sql)}
            raise CommandError(messages.ASKS_ABOUT_OURS.format(**asked))
        if self._session.misses_variables(statement.sql):
            raise self._lost(Loss.UNSET, statement.sql)
        answer = self._carry_out(statement, parameters)
        self._has_written = self._has_written or answer.description is None
        return answer

    def commit(self, commit: Callable[[], None]) -> None:
        """Have a transaction committed, with the records of what it did."""
        self._require_whole()
        self._recording.write()
        self._server.before_commit()
        commit()
        self._session.end_transaction()

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Have a transaction undone; what was recorded in it may be gone from the table."""
        self._recording.rolled_back()
        rollback()
        self._session.end_transaction()

    def goes_besides(self, method: str) -> None:
        """Record that a method is used which nobody can replay; what it does may stay at once."""
        self._recording.add(Record(f"{method}()", "", lost=Loss.DRIVER))
        if method not in MOVES_ON:
            self._recording.write()
            self._server.before_commit()

    def goes_elsewhere(self, sql: str) -> None:
        """Record that a statement runs on another connection."""
        self._recording.mark_elsewhere(sql)

    def has_room(self, rows: Sequence[Row]) -> bool:
        """Tell whether more rows of one answer may be recorded than these."""
        return self._recording.has_room(rows)

    def _carry_out(self, statement: Statement, parameters: str) -> Answer:
        self._refusal = None
        try:
            return self._execution.carry_out(statement, parameters)
        except Exception as error:
            self._refusal = error
            with suppress(SQLAlchemyError):  # the connection may be lost
                self._undone_by = statement.sql if self._session.was_undone() else None
            raise
        except BaseException as interrupt:
            self._interrupt = interrupt
            raise

    def _require_whole(self) -> None:
        """Stop a revision that goes on as if what came before a refusal were still there.

        Of a busy table nobody knows, as a deadlock undoes that, too: to try again is ours.

        Raises:
            DBAPIError: a table was busy.
            CommandError: the refusal undid the whole transaction.
        """
        refusal = self._refusal
        if refusal is None:
            return
        if not codes(getattr(refusal, "orig", refusal)).isdisjoint(BUSY):
            raise refusal
        if self._undone_by is not None:
            what = {"step": self._step, "sql": _shown(self._undone_by)}
            cause = getattr(refusal, "orig", refusal)
            raise CommandError(messages.TRANSACTION_UNDONE.format(**what, cause=cause))

    # Replaying

    def _replay(self, statement: Statement, parameters: str) -> Answer | None:
        """Answer as the record says; None where the statement is to be carried out after all."""
        record = self._left[self._met]
        is_same = record.sql == statement.sql and record.parameters == parameters

        if record.answer is None:
            if not self._happened(record):
                self._left.pop()  # it is the last one, and the revision may have been mended since
                self._say_where()
                return None
            if is_same:
                self._recording.add(Record(record.sql, parameters, Answer(rowcount=0)))
        if not is_same:
            raise self._differs(record.sql, statement.sql)

        self._met += 1
        if self._met == len(self._left):
            self._say_where()
        return self._answer_again(record, statement)

    def _answer_again(self, record: Record, statement: Statement) -> Answer:
        answer = record.answer or Answer(rowcount=0)
        if answer.failure is not None:
            try:
                self._raised_again = answer.failure.error()
            except Unrecordable:
                raise self._lost(Loss.VALUE, record.sql) from None
            raise self._raised_again

        if statements.effect(record.sql) is Effect.OF_SESSION:  # this session is another one
            return self._session.execute(statement)
        return answer

    def _happened(self, record: Record) -> bool:
        """Ask whether the statement that was begun is in the database.

        Raises:
            CommandError: nothing can tell.
            LockTimeout: it is still being carried out.
        """
        self._wait_for_session(record)
        if record.before is None or not self._server.drop_unfinished(record.sql, record.before):
            raise self._cannot_tell(record)
        now = self._server.state(record.sql)
        match doubt.outcome(record.before, now, record.sql):
            case Outcome.CANNOT_TELL:
                raise self._cannot_tell(record)
            case Outcome.DID_NOT_HAPPEN:
                return False
            case Outcome.HAPPENED:
                changed = doubt.changes(record.before, now)
                log.warning(messages.HAPPENED.format(sql=_shown(record.sql), changes=changed))
                return True

    def _wait_for_session(self, record: Record) -> None:
        """Wait until the server has ended what a dead process asked for."""
        deadline = time.monotonic() + lock_wait()
        while self._server.is_running(record.session):
            if time.monotonic() > deadline:
                running = {"sql": _shown(record.sql), "session": record.session}
                raise LockTimeout(messages.STILL_RUNNING.format(**running))
            time.sleep(PAUSE)

    # The end

    def finish(self) -> None:
        """End a step that did all it does.

        Raises:
            DBAPIError: a table was busy, and it went on.
            CommandError: it did less than what was recorded of it; or what it did was undone.
        """
        self._require_whole()
        if self._met < len(self._left):
            record = self._left[self._met]
            if record.answer is not None or self._happened(record):
                raise self._differs(record.sql, "-")
        self._recording.end()

    def give_up(self, error: BaseException) -> None:
        """End a step that an error ended: raise what is truer than that error, if anything is.

        Raises:
            BaseException: what interrupted a statement, and led to the error.
            DBAPIError: the server's error that led to it, or that the driver raised by itself.
            CommandError: the error was replayed: running the command again will not help.
        """
        if self._server.is_connected:  # another connection has neither our lock nor our session
            self._session.leave()
            if isinstance(error, Exception) and self._refusal is not None:
                with suppress(SQLAlchemyError):  # it may be lost now
                    self._recording.forget_what_did_nothing()
        if self._interrupt is not None and error is not self._interrupt:
            raise self._interrupt

        raised = self._raised_again
        if raised is not None and raised in (error, getattr(error, "orig", None)):
            sentence = messages.REPLAYED_FAILURE.format(step=self._step, cause=raised)
            raise CommandError(sentence) from error

        is_consequence = isinstance(error, InvalidRequestError) and self._refusal is not None
        cause = self._refusal if is_consequence else error
        if isinstance(cause, self._server.aside.driver_error):
            raise self._server.aside.wrapped(cause) from error
        if isinstance(cause, DBAPIError) and cause is not error:
            raise cause

    # What is said

    def _differs(self, then: str, now: str) -> CommandError:
        is_edited = self._left_of != self._revision
        sentence = messages.REVISION_EDITED if is_edited else messages.REPLAY_DIFFERS
        both = {"then": _shown(then), "now": _shown(now)}
        return CommandError(sentence.format(step=self._step, **both, **self._done()))

    def _lost(self, loss: str, sql: str) -> CommandError:
        what = {"step": self._step, "why": messages.LOSSES[loss], "sql": _shown(sql)}
        return CommandError(messages.REPLAY_LOST.format(**what, **self._done()))

    def _cannot_tell(self, record: Record) -> CommandError:
        what = {"step": self._step, "sql": _shown(record.sql)}
        return CommandError(messages.CANNOT_TELL.format(**what, **self._done()))

    def _done(self) -> dict[str, Any]:
        """Return what was done before the interruption, for who finishes the revision by hand."""
        done = [record for record in self._left if record.answer is not None]
        return {"count": len(done), "last": _shown(done[-1].sql) if done else "-"}

    def _say_where(self) -> None:
        log.warning(messages.RESUMED.format(step=self._step, **self._done()))


def _shown(sql: str) -> str:
    """Return a statement in one line, as far as a message shows it."""
    line = " ".join(sql.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
