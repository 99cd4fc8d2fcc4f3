"""What a step has done in this run: recorded in memory, and written with each commit."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError

from alambique import messages
from alambique.database.answers import Answer, Failure, Row
from alambique.database.aside import Aside
from alambique.database.engine import connect
from alambique.upgrade import statements
from alambique.upgrade.records import Loss, Record, Records
from alambique.upgrade.server import Server

log = logging.getLogger("alembic.runtime.migration")

# How many bytes of answers are recorded of a step, about: past this, it cannot be replayed.
LIMIT = 64 * 1024 * 1024

# What a record costs, in bytes, beside its rows and its text.
RECORD = 64

# Where a record stands that is written before all others, whatever there is.
BEFORE_ALL = -1


class Recording:
    """The records of a step that this run adds to what an interrupted one left."""

    def __init__(self, step: str, revision: str, server: Server) -> None:
        """Nothing is recorded yet.

        Args:
            step: its name.
            revision: the digest of its file.
            server: where it runs.
        """
        self._step = step
        self._revision = revision
        self._server = server

        self._records: list[Record] = []
        self._left = 0
        """How many records were in the table before this run."""
        self._written: int | None = 0
        """How many are in it now; None where a rollback may have taken some away."""
        self._has_mark = False

        self._size = 0
        self._is_past_limit = False

    def follow(self, left: int) -> None:
        """Go on behind what an interrupted command left, so many records."""
        self._left = self._written = left

    def has_room(self, rows: Sequence[Row]) -> bool:
        """Tell whether more rows of one answer may be recorded than these."""
        return self._size + _size(rows) < LIMIT

    def add(self, record: Record) -> None:
        """Record a statement; it is written before it is committed."""
        if self._is_past_limit:
            return

        rows = record.answer.rows if record.answer else None
        self._size += RECORD + len(record.sql) + _size(rows or ())
        if self._size > LIMIT:
            self._is_past_limit = True
            log.warning(messages.PAST_LIMIT.format(step=self._step, size=LIMIT // 1024**2))
            record = Record(record.sql, record.parameters, lost=Loss.TOO_MUCH)
        self._records.append(record)

    def add_failure(self, sql: str, parameters: str, error: Exception) -> None:
        """Record that a statement was refused; the revision may go on all the same."""
        self.add(Record(sql, parameters, Answer(failure=Failure.of(error))))

    def place(self) -> int:
        """Return what `forget_since` takes."""
        return len(self._records)

    def forget_since(self, place: int) -> None:
        """Forget what was recorded since then, as it has been undone."""
        del self._records[place:]
        self._written = None

    def rolled_back(self) -> None:
        """Hear that what was written since the last commit may be gone."""
        self._written = None

    def write(self) -> None:
        """Write what is not in the table yet, in the transaction that is open.

        An error is written only with what followed it: the last one may be what ends the revision.
        So is a setting of the session: Alembic ends a block with one, also where an error ends it.
        """
        end = len(self._records)
        while end and self._records[end - 1].may_be_of_the_end:
            end -= 1
        if not end:
            return

        table = self._server.records
        if self._server.transactional_ddl and self._written in (None, self._left):
            table.prepare()
        if self._written is None:
            self._written = table.count(self._step)

        new = self._records[self._written - self._left : end]
        if new:
            table.write(self._step, self._revision, self._written, new)
            self._written += len(new)

    def keep(self) -> None:
        """Write what is not in the table yet, and commit."""
        self.write()
        self._server.aside.commit()

    def forget_what_did_nothing(self) -> None:
        """Remove what an attempt that failed has written, if none of it changed anything."""
        did_nothing = all(record.changed_nothing for record in self._records)
        is_in_doubt = bool(self._records) and self._records[-1].answer is None
        if self._left or self._written == 0 or not did_nothing or is_in_doubt or self._has_mark:
            return
        self._server.aside.rollback()
        self._server.records.forget()
        self._server.aside.commit()

    def mark_elsewhere(self, sql: str) -> None:
        """Record that a statement runs on another connection.

        What it writes there is in the database whatever becomes of the transaction here: so is the
        mark, on a third. SQLite lets nobody else write.
        """
        record = Record(sql, "", lost=Loss.ELSEWHERE)
        self.add(record)
        is_sqlite = self._server.backend == "sqlite"
        if self._has_mark or is_sqlite or statements.only_reads(sql):
            return

        self._has_mark = True
        url = self._server.connection.engine.url
        with self._server.looking_away(), connect(url) as third:
            table = Records(third)
            try:
                table.prepare()
                table.write(self._step, self._revision, BEFORE_ALL, [record])
                Aside(third).commit()
            except DBAPIError:
                third.invalidate()  # it may be lost: nothing more is asked of it
                raise

    def end(self) -> None:
        """Remove the records of a step that did all it does, if any were written."""
        if self._written == 0 and not self._has_mark:
            return
        if self._server.transactional_ddl:  # a rollback may have taken the table away
            self._server.records.prepare()
        self._server.records.forget()


def _size(rows: Sequence[Row]) -> int:
    """Return about how many bytes rows are: as many as if all were like the first."""
    return len(rows) * len(repr(rows[0])) if rows else 0
