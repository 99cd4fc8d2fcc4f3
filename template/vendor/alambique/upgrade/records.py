"""What an interrupted revision did, statement by statement, as the journal's table keeps it.

A batch is what one transaction brought: the statements since the one before, in order. It is
written in that transaction, so that the table says of every statement that is in the database for
good, and of no other, what it answered.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable, DropTable

from alambique import messages
from alambique.database.answers import Answer, Unrecordable, from_plain, pack, to_plain, unpack
from alambique.database.aside import Aside
from alambique.database.tables import JOURNAL_TABLE
from alambique.upgrade import statements
from alambique.upgrade.doubt import State

# How many characters of a batch a row holds: servers refuse a statement that is too long.
PIECE = 512 * 1024

# MySQL and MariaDB choose the type by how many bytes it has to hold.
CONTENT = sa.Text().with_variant(sa.Text(2**24 - 1), "mysql", "mariadb")

OPTIONS: dict[str, dict[str, Any]] = {
    # Whatever the server makes by default: it must be undone with its rows.
    "mysql": {"mysql_engine": "InnoDB"},
    "mariadb": {"mariadb_engine": "InnoDB"},
    # Else writing here would change what last_insert_rowid() answers.
    "sqlite": {"sqlite_with_rowid": False},
}


@cache
def journal_table(backend: str) -> sa.Table:
    """Return the table, made once somebody asks: most commands find that nothing was interrupted.

    Args:
        backend: the kind of database, as SQLAlchemy names it, which imports that dialect then.
    """
    return sa.Table(
        JOURNAL_TABLE,
        sa.MetaData(),
        sa.Column("step", sa.String(80), primary_key=True),  # "upgrade 3f1c0a5d7b21"
        sa.Column("first_record", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("piece", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("records", sa.Integer, nullable=False),
        sa.Column("revision", sa.String(64), nullable=False),  # the digest of its file
        # Base64: not every driver can send bytes.
        sa.Column("content", CONTENT, nullable=False),
        **OPTIONS.get(backend, {}),
    )


# Once: what is said again and again is compiled for each statement object.
@cache
def _insert(backend: str) -> sa.Insert:
    return journal_table(backend).insert()


@cache
def _delete(backend: str) -> sa.Delete:
    return journal_table(backend).delete()


# What the table of versions before 2.1 had, and ours has not.
COLUMN_OF_2_0 = "digest"


class Loss(StrEnum):
    """Why a step cannot be replayed, as `messages.LOSSES` says it."""

    TEMPORARY = "temporary"
    SESSION = "session"
    UNSET = "unset"
    ASKS = "asks"
    ELSEWHERE = "elsewhere"
    DRIVER = "driver"
    AUTOCOMMIT = "autocommit"
    VALUE = "value"
    TOO_MUCH = "too much"
    PARTLY = "partly"


@dataclass(frozen=True, slots=True)
class Record:
    """A statement that was carried out, or one that was begun."""

    sql: str
    parameters: str
    """Their digest."""
    answer: Answer | None = None
    """None: begun, and nobody heard how it ended."""
    before: State | None = None
    """Of one that was begun: what the catalog said before it."""
    session: str = ""
    """Of one that was begun: the session it was sent in."""
    lost: str = ""
    """Why the step cannot be replayed, a Loss; "" where it can."""

    @property
    def failed(self) -> bool:
        """Was it refused?"""
        return self.answer is not None and self.answer.failure is not None

    @property
    def may_be_of_the_end(self) -> bool:
        """May it be of an error that ended the revision, and not there where that comes no more?"""
        sets = statements.first_word(self.sql) in {"SET", "COMMIT"}
        return self.failed or (sets and not self.lost and self.answer is not None)

    @property
    def changed_nothing(self) -> bool:
        """Is it sure to have left no trace? If it was begun only, the next record says the rest."""
        if self.lost:
            return False
        if self.answer is None:
            return self.before is not None
        calls_nothing = "(" not in self.sql
        return self.failed or (statements.only_reads(self.sql) and calls_nothing)


@dataclass(frozen=True)
class Left:
    """What an interrupted command left of a step."""

    step: str
    revision: str
    records: list[Record]
    count: int
    """How many records are in the table, with those that were begun and ended later."""


class Records:
    """The journal's table."""

    def __init__(self, connection: Connection) -> None:
        """Read and write nothing yet.

        Args:
            connection: the one that the revisions run on.
        """
        self._connection = connection
        self._backend = connection.dialect.name
        self._aside = Aside(connection)
        self._is_of_2_0 = False
        """Is the table there as versions before 2.1 had it?"""

    def left(self) -> Left | None:
        """Return what an interrupted command left; None where none did.

        Raises:
            CommandError: a version before 2.1 left it.
        """
        inspector = sa.inspect(self._connection)
        if not inspector.has_table(JOURNAL_TABLE):
            return None
        if COLUMN_OF_2_0 in {column["name"] for column in inspector.get_columns(JOURNAL_TABLE)}:
            self._is_of_2_0 = True
            self._require_nothing_of_2_0()
            return None

        table = journal_table(self._backend)
        by_place = sa.select(table).order_by(table.c.first_record, table.c.piece)
        rows = self._aside.execute(by_place)
        if not rows:
            return None

        batches: dict[int, str] = {}
        for _, first, _, _, _, content in rows:
            batches[first] = batches.get(first, "") + content
        records = [record for content in batches.values() for record in _unpacked(content)]

        step, *_, revision, _ = rows[-1]
        return Left(step, revision, _settled(records), len(records))

    def prepare(self) -> None:
        """Make the table unless it is there."""
        if self._is_of_2_0:
            self._aside.execute(DropTable(journal_table(self._backend)))
            self._is_of_2_0 = False
        self._aside.execute(CreateTable(journal_table(self._backend), if_not_exists=True))

    def count(self, step: str) -> int:
        """Return how many records of a step are in the table, as this transaction sees it."""
        table = journal_table(self._backend)
        last = sa.func.max(table.c.first_record + table.c.records)
        of_step = sa.select(last).where(table.c.step == sa.bindparam("of"))
        ((found,),) = self._aside.execute(of_step, {"of": step})
        return int(found or 0)

    def write(self, step: str, revision: str, first: int, records: Sequence[Record]) -> None:
        """Write a batch, in the transaction that is open.

        Args:
            step: such as "upgrade 3f1c0a5d7b21".
            revision: the digest of its file.
            first: how many records of the step were written before.
            records: the batch.
        """
        try:
            packed = _packed(records)
        except Unrecordable:
            packed = _packed([_recordable(record) for record in records])

        rows = [
            {
                "step": step,
                "first_record": first,
                "piece": number,
                "records": len(records),
                "revision": revision,
                "content": packed[start : start + PIECE],
            }
            for number, start in enumerate(range(0, len(packed), PIECE))
        ]
        self._aside.execute(_insert(self._backend), rows)

    def forget(self) -> None:
        """Remove everything; the table is there."""
        self._aside.execute(_delete(self._backend))

    def forget_if_any(self) -> None:
        """Remove everything, if there is anything."""
        if sa.inspect(self._connection).has_table(JOURNAL_TABLE):
            self.forget()

    def _require_nothing_of_2_0(self) -> None:
        ((step,),) = self._aside.query(f"SELECT min(step) FROM {JOURNAL_TABLE}")
        if step is not None:
            raise CommandError(messages.JOURNAL_OF_2_0.format(step=step))


def _settled(records: Sequence[Record]) -> list[Record]:
    """Return the records without those that were begun and of which the answer follows."""
    found: list[Record] = []
    for record in records:
        if found and found[-1].answer is None and not found[-1].lost:
            found.pop()
        found.append(record)
    return found


def _packed(records: Sequence[Record]) -> str:
    """Return a batch as text; a text that comes again and again is kept once."""
    texts: dict[str, int] = {}
    rows: list[Any] = []
    for record in records:
        number = texts.setdefault(record.sql, len(texts))
        answer = record.answer and to_plain(record.answer)
        rows.append([number, record.parameters, answer, record.before, record.session, record.lost])
    return base64.b64encode(pack([list(texts), rows])).decode()


def _unpacked(content: str) -> list[Record]:
    texts, rows = unpack(base64.b64decode(content))
    return [
        Record(texts[number], parameters, answer and from_plain(answer), *more)
        for number, parameters, answer, *more in rows
    ]


def _recordable(record: Record) -> Record:
    """Return a record that can be kept: itself, or one that says that its answer cannot be."""
    try:
        pack(record.answer and to_plain(record.answer))
    except Unrecordable:
        return Record(record.sql, record.parameters, lost=Loss.VALUE)
    return record
