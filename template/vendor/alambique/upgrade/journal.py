"""A revision that was interrupted where DDL cannot be undone goes on where it stopped.

MariaDB and MySQL commit with every DDL statement; every database does inside an `autocommit_block`.
There, each statement of a revision is noted in a table, in the transaction it runs in or commits. A
finished revision removes its notes as it records its version: the table is empty when all is well.
When the revision runs again, what is noted is skipped; only the last DDL noted is in doubt, and it
alone may answer that it is already done.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext, RevisionStep, StampStep
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext
from sqlalchemy.sql.compiler import SQLCompiler

from alambique import messages
from alambique.database.error_codes import ALREADY_DONE, BUSY, codes
from alambique.database.tables import JOURNAL_TABLE
from alambique.upgrade import statements

log = logging.getLogger("alembic.runtime.migration")

JOURNAL = sa.Table(
    JOURNAL_TABLE,
    sa.MetaData(),
    sa.Column("step", sa.String(80), primary_key=True),  # "upgrade 3f1c0a5d7b21"
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("done", sa.Boolean, nullable=False),  # set on failure; a killed process cannot
    sa.Column("given", sa.BigInteger),  # the key an INSERT got: the revision may go on to use it
)

# Marks a statement as the journal's own: it is not noted.
OWN = "journal"

# What SQLite (for which every refused statement has one code) and MariaDB (for a foreign key of
# the same name) say only in words when a statement had been carried out before.
SAYS_ALREADY_DONE = re.compile(r"already exists|duplicate column|no such [cit]|errno: 121")

Step = RevisionStep | StampStep
Steps = Callable[[tuple[str, ...], MigrationContext], Iterable[Step]]
"""What a command of Alembic's does: from the heads of a database to the steps it takes there."""

Execute = Callable[[], object]


def with_journal(steps: Steps) -> Steps:
    """Make the revisions that a command runs resumable, those that need it.

    Args:
        steps: what the command does; Alembic calls it `fn`.

    Returns:
        The same, to be given to `context.configure(fn=...)`.
    """

    def journaled(heads: tuple[str, ...], migration: MigrationContext) -> Iterator[Step]:
        assert migration.connection is not None
        journal = Journal(migration.connection, migration.impl.transactional_ddl)

        for step in steps(heads, migration):
            if not isinstance(step, RevisionStep):
                step.migration_fn = _forgetting(step, journal)
            elif not journal.transactional_ddl or _has_autocommit_block(step):
                step.migration_fn = _resumable(step, journal)
            yield step

    return journaled


def _has_autocommit_block(step: RevisionStep) -> bool:
    return "autocommit_block" in Path(step.revision.path).read_text(encoding="utf-8")


def _resumable(step: RevisionStep, journal: Journal) -> Callable[..., None]:
    """Return what a revision does, watched by the journal."""
    direction = "upgrade" if step.is_upgrade else "downgrade"
    name = f"{direction} {step.revision.revision}"
    run = step.migration_fn

    @functools.wraps(run)
    def migration_fn(**arguments: Any) -> None:
        with journal.watching(name):
            run(**arguments)

    return migration_fn


def _forgetting(step: StampStep, journal: Journal) -> Callable[..., None]:
    """Return what a stamp does; what was half done has been finished by hand."""
    run = step.migration_fn

    @functools.wraps(run)
    def migration_fn(**arguments: Any) -> None:
        journal.forget()
        run(**arguments)

    return migration_fn


@dataclass(frozen=True)
class Note:
    """A statement of a step that an interrupted command left, as its row in the journal says."""

    step: str
    digest: str
    done: bool
    """False leaves it in doubt if it commits by itself."""
    given: int | None
    """The key that an INSERT got."""


class Journal:
    """The notes an interrupted command left, then those of the revision that is running."""

    def __init__(self, connection: Connection, transactional_ddl: bool) -> None:
        """Read and write nothing yet.

        Args:
            connection: the one that the revisions run on.
            transactional_ddl: is DDL undone with its transaction? Then what is noted is done.
        """
        self.transactional_ddl = transactional_ddl
        self._connection = connection
        self._left: list[Note] | None = None
        """The notes that the running step has to catch up with; None until they were read."""

        self._step = ""
        self._met = 0
        """Statements of the running step so far."""
        self._completed = 0
        """Of them, those that were carried out."""

    @contextmanager
    def watching(self, step: str) -> Iterator[None]:
        """Note every statement of a step, and after a failure which of them are done.

        Args:
            step: its name, such as "upgrade 3f1c0a5d7b21".

        Raises:
            CommandError: another step was interrupted before; or this one was, and does now other
                statements than it did then.
        """
        left = self._open()
        others = {note.step for note in left} - {step}
        if others:
            raise CommandError(messages.HALF_APPLIED.format(step=others.pop(), asked=step))

        self._step = step
        self._met = 0
        self._completed = 0

        with self._listening():
            try:
                yield
                if self._met < len(self._notes):
                    raise CommandError(messages.REVISION_EDITED.format(step=step, sql="-"))
            except BaseException:
                with suppress(Exception):  # a lost connection leaves the last statement in doubt
                    self._settle()
                raise

        self._connection.execute(JOURNAL.delete())
        self._left = []

    def forget(self) -> None:
        """Remove all notes, if there are any."""
        if sa.inspect(self._connection).has_table(JOURNAL.name):
            self._connection.execute(JOURNAL.delete())

    @property
    def _notes(self) -> list[Note]:
        assert self._left is not None  # `watching` read them
        return self._left

    def _open(self) -> list[Note]:
        """Read, the first time, what an interrupted command left."""
        if self._left is None:
            JOURNAL.create(self._connection, checkfirst=True)
            rows = self._connection.execute(sa.select(JOURNAL).order_by(JOURNAL.c.position))
            self._left = [Note(row.step, row.digest, row.done, row.given) for row in rows]
        return self._left

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Have SQLAlchemy tell us of each statement before it is carried out."""
        engine = self._connection.engine
        event.listen(engine, "do_execute", self._on_execute)
        event.listen(engine, "do_executemany", self._on_executemany)
        event.listen(engine, "do_execute_no_params", self._on_execute_no_params)
        try:
            yield
        finally:
            event.remove(engine, "do_execute", self._on_execute)
            event.remove(engine, "do_executemany", self._on_executemany)
            event.remove(engine, "do_execute_no_params", self._on_execute_no_params)

    def _on_execute(
        self, cursor: DBAPICursor, sql: str, parameters: Any, context: ExecutionContext
    ) -> bool | None:
        return self._meet(cursor, sql, context, lambda: cursor.execute(sql, parameters))

    def _on_executemany(
        self, cursor: DBAPICursor, sql: str, parameters: Any, context: ExecutionContext
    ) -> bool | None:
        return self._meet(cursor, sql, context, lambda: cursor.executemany(sql, parameters))

    def _on_execute_no_params(
        self, cursor: DBAPICursor, sql: str, context: ExecutionContext
    ) -> bool | None:
        return self._meet(cursor, sql, context, lambda: cursor.execute(sql))

    def _meet(
        self, cursor: DBAPICursor, sql: str, context: ExecutionContext, execute: Execute
    ) -> bool | None:
        """Carry a statement out and note it, or skip what was carried out before.

        Returns:
            True says to SQLAlchemy that the statement has been carried out, None that it is not
            ours to carry out.
        """
        is_own = context.execution_options.get(OWN, False)
        is_elsewhere = context.root_connection is not self._connection
        if is_own or is_elsewhere or statements.only_reads(sql):
            return None

        position = self._met
        self._met += 1
        if position < len(self._notes):
            self._catch_up(position, cursor, sql, context, execute)
        elif self._commits_itself(sql):
            self._drop_invalid_index(sql)
            self._note(position, sql)
            execute()
        else:
            self._execute_with_note(position, cursor, sql, execute)
        self._completed = self._met
        return True

    def _commits_itself(self, sql: str) -> bool:
        """Tell whether a statement is in the database for good as soon as it ends."""
        if statements.writes_rows(sql):
            return False
        return self._is_in_autocommit or not self.transactional_ddl

    @property
    def _is_in_autocommit(self) -> bool:
        options = self._connection.get_execution_options()
        return options.get("isolation_level") == "AUTOCOMMIT"

    def _catch_up(
        self,
        position: int,
        cursor: DBAPICursor,
        sql: str,
        context: ExecutionContext,
        execute: Execute,
    ) -> None:
        """Skip a statement that an interrupted run noted, or repeat it if it is in doubt."""
        note = self._notes[position]
        if note.digest != statements.digest(sql):
            raise CommandError(messages.REVISION_EDITED.format(step=self._step, sql=sql))

        is_last = position == len(self._notes) - 1
        if is_last and not note.done and self._commits_itself(sql):
            self._drop_invalid_index(sql)
            self._repeat(execute)
        else:
            log.info(messages.SKIPPED.format(sql=" ".join(sql.split())))
            self._answer_as_before(note, cursor, sql, context)

    def _execute_with_note(
        self, position: int, cursor: DBAPICursor, sql: str, execute: Execute
    ) -> None:
        """Carry a statement out in one transaction with its note."""
        # Where each statement commits itself, a note and its rows must go together all the same.
        needs_transaction = self._is_in_autocommit
        if needs_transaction:
            self._execute_own(sa.text("BEGIN"))

        execute()
        is_insert = statements.first_word(sql) == "INSERT"
        given = getattr(cursor, "lastrowid", None) if is_insert else None  # not every driver has it
        self._note(position, sql, given)

        if needs_transaction:
            self._execute_own(sa.text("COMMIT"))

    def _answer_as_before(
        self, note: Note, cursor: DBAPICursor, sql: str, context: ExecutionContext
    ) -> None:
        """Prepare what SQLAlchemy asks the cursor after a statement; returned rows are not kept."""
        compiled = context.compiled
        if isinstance(compiled, SQLCompiler) and compiled.implicit_returning:
            cursor.execute("SELECT NULL WHERE 1 = 0")
        elif statements.returns_rows(sql):
            raise CommandError(messages.RETURNING_LOST.format(step=self._step, sql=sql))
        else:
            with suppress(AttributeError):  # of some drivers it is read-only
                cursor.lastrowid = note.given  # type: ignore[assignment]

    def _repeat(self, execute: Execute) -> None:
        """Carry out the statement in doubt, which may answer that it is already done."""
        try:
            execute()
        except Exception as error:
            if is_already_done(error):
                log.info(messages.ALREADY_DONE.format(cause=error))
                return
            # The killed process's own statement may be what keeps it busy: it stays in doubt.
            if codes(error).isdisjoint(BUSY):
                self._left = self._notes[:-1]  # it is not done: the revision may be mended
            raise

    def _settle(self) -> None:
        """Write down which statements of a failed step are done, and forget those that are not."""
        driver = self._connection.connection
        driver.rollback()

        position = JOURNAL.c.position
        first_not_done = max(self._completed, len(self._notes))
        self._execute_own(JOURNAL.delete().where(position >= first_not_done))
        self._execute_own(JOURNAL.update().where(position < self._completed).values(done=True))
        driver.commit()

    def _drop_invalid_index(self, sql: str) -> None:
        """Drop what PostgreSQL leaves when a CREATE INDEX CONCURRENTLY does not end."""
        name = statements.concurrent_index(sql)
        if name is None:
            return
        is_valid = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
        if self._execute_own(is_valid.bindparams(name=name)).scalar() is False:
            log.warning(messages.INVALID_INDEX.format(name=name))
            self._execute_own(sa.text(f"DROP INDEX CONCURRENTLY {name}"))

    def _note(self, position: int, sql: str, given: int | None = None) -> None:
        values = {
            "step": self._step,
            "position": position,
            "digest": statements.digest(sql),
            "done": False,
            "given": given,
        }
        self._execute_own(JOURNAL.insert().values(values))

    def _execute_own(self, statement: sa.Executable) -> sa.CursorResult[Any]:
        """Execute a statement that is not noted."""
        return self._connection.execute(statement, execution_options={OWN: True})


def is_already_done(error: BaseException) -> bool:
    """Tell whether a statement was refused because it had been carried out before.

    Args:
        error: what the driver raised.
    """
    return not codes(error).isdisjoint(ALREADY_DONE) or bool(SAYS_ALREADY_DONE.search(str(error)))
