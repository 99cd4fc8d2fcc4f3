"""A revision that was interrupted where DDL cannot be undone goes on where it stopped.

MariaDB and MySQL commit with every DDL statement; every database does inside an `autocommit_block`.
There, each statement of a revision is noted in a table, in the transaction it runs in or commits. A
finished revision removes its notes as it records its version: the table is empty when all is well.
When the revision runs again, what is noted is skipped; only the last DDL noted is in doubt, and it
alone may answer that it is already done.
"""

import functools
import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy import event

from core.migrations import messages
from core.migrations.connection import BUSY, JOURNAL

log = logging.getLogger("alembic.runtime.migration")

NOTE = JOURNAL.insert()
FIRST_WORD = re.compile(r"(?:\s|--[^\n]*|#[^\n]*|/\*.*?\*/|\()*(\w*)", re.DOTALL)
# Done again each time: what reads, and what begins and ends transactions.
READS = {"SELECT", "SHOW", "DESCRIBE", "EXPLAIN", "SET", "USE", "PRAGMA", "SAVEPOINT"}
READS |= {"RELEASE", "BEGIN", "START", "COMMIT", "ROLLBACK"}
WRITES = {"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "WITH"}
WRITING = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
# What a statement answers that had been carried out before: exists, or is gone, already.
ALREADY: set[object] = {1050, 1051, 1054, 1060, 1061, 1068, 1091, 1146, 1176, 1304, 1305, 1359}
ALREADY |= {1360, 1517, 1537, 1539, 1826, 3821, 3822, 4091, 4092}
ALREADY |= {"42P07", "42701", "42710", "42P01", "42703", "42704"}
ALREADY_TEXT = re.compile(r"already exists|duplicate column|no such [cit]|errno: 121")
CONCURRENTLY = re.compile(
    r'CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?("[^"]+"|\w+)\s+ON\s+(?:ONLY\s+)?(\S+\.)?',
    re.IGNORECASE,
)


def keep_journal(migration: MigrationContext) -> None:
    """Make the revisions this command runs resumable, those that need it."""
    connection, steps = migration.connection, migration._migrations_fn
    transactional = migration.impl.transactional_ddl
    if connection is None or steps is None:
        return

    def journaled(heads: Any, context: MigrationContext) -> Iterator[Any]:
        journal = functools.cache(lambda: Journal(connection, transactional))
        for step in steps(heads, context):
            if not isinstance(step, RevisionStep):  # stamp: what was half done was finished by hand
                if sa.inspect(connection).has_table(JOURNAL.name):
                    connection.execute(JOURNAL.delete())
            elif not transactional or "autocommit_block" in Path(step.revision.path).read_text():
                step.migration_fn = _resumable(step, journal)
            yield step

    migration._migrations_fn = journaled


def _resumable(step: RevisionStep, journal: Callable[[], "Journal"]) -> Callable[..., None]:
    name = f"{'upgrade' if step.is_upgrade else 'downgrade'} {step.revision.revision}"
    run = step.migration_fn

    @functools.wraps(run)
    def migration_fn(**arguments: Any) -> None:
        with journal().watching(name):
            run(**arguments)

    return migration_fn


class Journal:
    """The notes an interrupted command left, then those of the revision that is running."""

    def __init__(self, connection: sa.Connection, transactional: bool) -> None:
        JOURNAL.create(connection, checkfirst=True)
        self.noted = list(connection.execute(sa.select(JOURNAL).order_by(JOURNAL.c.position)))
        self.connection = connection
        self.transactional = transactional  # what is noted in a transaction is done
        self.step = ""
        self.position = self.completed = 0  # statements met, and of them those carried out

    @contextmanager
    def watching(self, step: str) -> Iterator[None]:
        """Note every statement of `step`, and after a failure which of them are done."""
        if others := {row.step for row in self.noted} - {step}:
            raise CommandError(messages.HALF_APPLIED.format(step=others.pop(), asked=step))
        self.step, self.position, self.completed = step, 0, 0
        hooks = ("do_execute", "do_executemany", "do_execute_no_params")
        for hook in hooks:
            event.listen(self.connection.engine, hook, getattr(self, f"_{hook}"))
        try:
            yield
            if self.position < len(self.noted):
                raise CommandError(messages.REVISION_EDITED.format(step=step, sql="-"))
        except BaseException:
            with suppress(Exception):  # a lost connection leaves the last statement in doubt
                self._settle()
            raise
        finally:
            for hook in hooks:
                event.remove(self.connection.engine, hook, getattr(self, f"_{hook}"))
        self.connection.execute(JOURNAL.delete())
        self.noted = []

    def _do_execute(self, cursor: Any, sql: str, *rest: Any) -> bool | None:
        return self._note(cursor, sql, rest[-1], lambda: cursor.execute(sql, *rest[:-1]))

    def _do_executemany(self, cursor: Any, sql: str, values: Any, context: Any) -> bool | None:
        return self._note(cursor, sql, context, lambda: cursor.executemany(sql, values))

    _do_execute_no_params = _do_execute

    def _note(self, cursor: Any, sql: str, context: Any, execute: Callable[[], Any]) -> bool | None:
        # True says to SQLAlchemy that the statement has been carried out.
        word = FIRST_WORD.match(sql)[1].upper()  # type: ignore[index]
        reads = word in READS or (word == "WITH" and not WRITING.search(sql))
        mine = context.execution_options.get("journal")
        if mine or reads or context.root_connection is not self.connection:
            return None
        # Only the text: parameters such as a time or a random key may differ on the next run.
        digest = hashlib.sha256(sql.encode()).hexdigest()
        position, self.position = self.position, self.position + 1
        note = {"step": self.step, "position": position, "digest": digest, "done": False}
        alone = self.connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        commits = word not in WRITES and (alone or not self.transactional)
        if position < len(self.noted):
            noted = self.noted[position]
            if noted.digest != digest:
                raise CommandError(messages.REVISION_EDITED.format(step=self.step, sql=sql))
            if commits and not noted.done and position == len(self.noted) - 1:
                self._rebuild_invalid_index(sql)
                self._in_doubt(execute)
            else:
                log.info(messages.SKIPPED.format(sql=" ".join(sql.split())))
                self._pretend(cursor, sql, context, noted.given)
        elif commits:
            self._rebuild_invalid_index(sql)
            self._own(NOTE, note)
            execute()
        else:
            # Where each statement commits itself, a note and its rows must go together.
            self._own(sa.text("BEGIN")) if alone else None
            execute()
            given = getattr(cursor, "lastrowid", None) if word == "INSERT" else None
            self._own(NOTE, note | {"given": given})
            self._own(sa.text("COMMIT")) if alone else None
        self.completed = self.position
        return True

    def _pretend(self, cursor: Any, sql: str, context: Any, given: int | None) -> None:
        # SQLAlchemy asks the cursor what the statement gave. Rows it returned are not kept.
        if getattr(context.compiled, "implicit_returning", None):
            cursor.execute("SELECT NULL WHERE 1 = 0")
        elif re.search(r"\bRETURNING\b", sql, re.IGNORECASE):
            raise CommandError(messages.RETURNING_LOST.format(step=self.step, sql=sql))
        else:
            with suppress(AttributeError):
                cursor.lastrowid = given

    def _in_doubt(self, execute: Callable[[], Any]) -> None:
        try:
            execute()
        except Exception as error:
            codes = {getattr(error, "sqlstate", None), *error.args[:1]}
            if codes & ALREADY or ALREADY_TEXT.search(str(error)):
                log.info(messages.ALREADY_DONE.format(cause=error))
                return
            if not codes & BUSY:  # the killed process's own statement may be waiting still
                self.noted = self.noted[:-1]  # else no doubt any more: the revision may be mended
            raise

    def _own(self, statement: sa.Executable, values: Any = None) -> sa.CursorResult[Any]:
        return self.connection.execute(statement, values, execution_options={"journal": True})

    def _settle(self) -> None:
        driver = self.connection.connection
        driver.rollback()
        position = JOURNAL.c.position
        failed = max(self.completed, len(self.noted))
        self._own(JOURNAL.delete().where(position >= failed))
        self._own(JOURNAL.update().where(position < self.completed).values(done=True))
        driver.commit()

    def _rebuild_invalid_index(self, sql: str) -> None:
        # PostgreSQL leaves an invalid index behind when CREATE INDEX CONCURRENTLY does not end.
        if not (found := CONCURRENTLY.match(sql.lstrip())):
            return
        name = (found[2] or "") + found[1]
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"
        if self._own(sa.text(valid).bindparams(name=name)).scalar() is False:
            log.warning(messages.INVALID_INDEX.format(name=name))
            self._own(sa.text(f"DROP INDEX CONCURRENTLY {name}"))
