"""Rows for whatever tables there are, as far as their types, keys and checks let them in."""

from __future__ import annotations

import datetime
import decimal
import random
import re
import uuid
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

EACH = 3
"""Rows that a table gets at a time."""

LITERAL = re.compile(r"'((?:[^']|'')*)'")
BEGINNING = datetime.datetime(2024, 2, 29, 12, 30, 15)
NOT_OURS = ("alembic_version", "alembic_journal", "alembic_ledger", "alembic_lock")


class Unknown(Exception):
    """There is no value of such a type here."""


@dataclass
class Rows:
    """What was put into a database, in this order, to be put into another one, too."""

    metadata: sa.MetaData
    rows: list[tuple[sa.Table, dict[str, Any]]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """The tables that took none, with the server's words."""

    def put(self, url: URL) -> None:
        """Put the same rows into another database.

        Raises:
            SQLAlchemyError: it does not take them.
        """
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            for table, values in self.rows:
                connection.execute(table.insert().values(values))
            _move_counters(connection, self.metadata)


def generated_rows(
    url: URL, seed: int, earlier: Iterable[Rows], texts: Mapping[str, Sequence[str]]
) -> Rows:
    """Put new rows into every table of a database, and return them.

    Args:
        url: the database.
        seed: what makes them others the next time.
        earlier: what was put into it before.
        texts: what columns of these names are to hold.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    found = Rows(sa.MetaData())
    with engine.connect() as connection, warnings.catch_warnings(action="ignore"):
        found.metadata.reflect(connection)
        maker = _Maker(connection, random.Random(seed), seed * 1000, texts)
        for rows in earlier:
            for table, values in rows.rows:
                maker.remember(table, values)
        for table in found.metadata.sorted_tables:
            if not table.name.startswith(NOT_OURS):
                for _ in range(EACH):
                    maker.add(table, found)
        _move_counters(connection, found.metadata)
        connection.commit()
    return found


def _move_counters(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Have PostgreSQL's sequences go on after keys that they did not give."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        for column in table.primary_key:
            if isinstance(column.type, sa.Integer):
                name = connection.dialect.identifier_preparer.format_table(table)
                sequence = connection.scalar(
                    sa.select(sa.func.pg_get_serial_sequence(name, column.name))
                )
                highest = connection.scalar(sa.select(sa.func.max(column)))
                if sequence and highest:
                    connection.execute(sa.select(sa.func.setval(sequence, highest)))


class _Maker:
    def __init__(
        self,
        connection: sa.Connection,
        rng: random.Random,
        first: int,
        texts: Mapping[str, Sequence[str]],
    ) -> None:
        self.connection, self.rng, self.number, self.texts = connection, rng, first, texts
        self.mine: set[tuple[str, str, str]] = set()
        """The values that were put in here, by table and column: revisions make up others."""

    def remember(self, table: sa.Table, values: Mapping[str, Any]) -> None:
        """Let later rows refer to this one."""
        self.mine.update((table.name, name, repr(value)) for name, value in values.items())

    def add(self, table: sa.Table, found: Rows) -> None:
        """Add one row, the fullest that the table takes."""
        said = ""
        for attempt in self._attempts(table):
            self.number += 1
            try:
                values = self._values(table, **attempt)
                with self.connection.begin_nested():
                    self.connection.execute(table.insert().values(values))
            except (Unknown, SQLAlchemyError, ValueError, TypeError) as error:
                said = str(getattr(error, "orig", None) or error).splitlines()[0]
                continue
            found.rows.append((table, values))
            self.remember(table, values)
            return
        found.refused.append(f"{table.name}: {said}")

    def _attempts(self, table: sa.Table) -> Iterator[dict[str, Any]]:
        literals = self._literals(table)
        yield {"literals": literals, "fill": 0.8}
        yield {"literals": {}, "fill": 0.8}
        for _ in range(4):
            yield {"literals": literals, "fill": 0.0}
        for _ in range(3):
            yield {"literals": {"*": sum(literals.values(), [])}, "fill": 0.0}

    def _literals(self, table: sa.Table) -> dict[str, list[str]]:
        """Return the texts that checks speak of, by column."""
        found: dict[str, list[str]] = {}
        for check in sa.inspect(self.connection).get_check_constraints(table.name, table.schema):
            texts = [each.replace("''", "'") for each in LITERAL.findall(check["sqltext"])]
            for column in table.columns:
                if texts and re.search(rf"\b{re.escape(column.name)}\b", check["sqltext"]):
                    found.setdefault(column.name, []).extend(texts)
        return found

    def _values(
        self, table: sa.Table, literals: dict[str, list[str]], fill: float
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for constraint in sorted(table.foreign_key_constraints, key=lambda one: one.column_keys):
            values.update(self._reference(table, constraint, fill, values))
        for column in table.columns:
            if column.name in values or column.computed is not None:
                continue
            is_left_out = column.nullable or column.server_default is not None
            if is_left_out and not column.primary_key and self.rng.random() >= fill:
                continue
            is_text = isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum)
            texts = literals.get(column.name) or literals.get("*") if is_text else None
            texts = self.texts.get(column.name) or texts
            try:
                values[column.name] = self.rng.choice(texts) if texts else self._value(column.type)
            except Unknown:
                if not is_left_out:
                    raise
        return {name: value for name, value in values.items() if value is not None}

    def _reference(
        self,
        table: sa.Table,
        constraint: sa.ForeignKeyConstraint,
        fill: float,
        values: dict[str, Any],
    ) -> dict[str, Any]:
        """Return a row's reference to a row that is there."""
        if constraint.column_keys[0] in values:
            return {}
        own = list(constraint.columns)
        theirs = [element.column for element in constraint.elements]
        may_lack = any(column.nullable for column in own)
        if may_lack and self.rng.random() >= fill:
            return dict.fromkeys((column.name for column in own if column.nullable), None)
        found = self.connection.execute(sa.select(*theirs).limit(200)).all()
        found = [row for row in found if None not in row]
        there = [row for row in found if self._is_mine(theirs, row)]
        there = there if may_lack else there or found
        if not there:
            if may_lack:
                return dict.fromkeys((column.name for column in own if column.nullable), None)
            raise Unknown(f"{constraint.referred_table.name} is empty")
        row = self.rng.choice(sorted(there, key=repr))
        return {column.name: value for column, value in zip(own, row, strict=True)}

    def _is_mine(self, columns: Sequence[sa.Column[Any]], row: sa.Row[Any]) -> bool:
        return all(
            (column.table.name, column.name, repr(value)) in self.mine
            for column, value in zip(columns, row, strict=True)
        )

    def _value(self, kind: sa.types.TypeEngine[Any]) -> Any:
        number, rng = self.number, self.rng
        if isinstance(kind, sa.Enum):
            return rng.choice(kind.enums)
        if isinstance(kind, sa.Boolean) or (
            isinstance(kind, mysql.TINYINT) and kind.display_width == 1
        ):
            return rng.random() < 0.5
        if isinstance(kind, (sa.JSON, postgresql.JSON)):
            return {"n": number, "text": "it's ação"}
        if isinstance(kind, postgresql.ARRAY):
            return [self._value(kind.item_type) for _ in range(2)]
        if isinstance(kind, sa.Uuid):
            return uuid.UUID(int=rng.getrandbits(128), version=4)
        if isinstance(kind, sa.CHAR) and kind.length in (32, 36):  # a UUID, as a rule
            made = uuid.UUID(int=rng.getrandbits(128), version=4)
            return made.hex if kind.length == 32 else str(made)
        if isinstance(kind, (sa.SmallInteger, mysql.TINYINT)):
            return number % 100
        if isinstance(kind, sa.Integer):
            return number
        if isinstance(kind, sa.Float):
            return number + 0.5
        if isinstance(kind, sa.Numeric):
            whole = (kind.precision or 12) - (kind.scale or 0)
            return decimal.Decimal(number % 10 ** max(1, min(whole, 9)))
        if isinstance(kind, sa.DateTime):
            moment = BEGINNING + datetime.timedelta(minutes=number)
            return moment.replace(tzinfo=datetime.UTC) if kind.timezone else moment
        if isinstance(kind, sa.Date):
            return BEGINNING.date() + datetime.timedelta(days=number % 300)
        if isinstance(kind, sa.Time):
            return datetime.time(number % 24, 30)
        if isinstance(kind, (sa.Interval, postgresql.INTERVAL)):
            return datetime.timedelta(minutes=number)
        if isinstance(kind, sa.LargeBinary):
            return f"{number}".encode()
        if isinstance(kind, sa.types._Binary):
            return f"{number}".encode()
        if isinstance(kind, postgresql.INET):
            return f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
        if isinstance(kind, sa.Text) or (isinstance(kind, sa.String) and not kind.length):
            return f'{{"n": {number}}}'
        if isinstance(kind, sa.String):
            assert kind.length
            text = f"it's ação {number}"
            return text if len(text) <= kind.length else str(number)[-kind.length :]
        if isinstance(kind, postgresql.CITEXT):
            return f"Text-{number}"
        raise Unknown(repr(kind))


def counted(all_rows: Sequence[Rows]) -> int:
    """Return how many rows there are."""
    return sum(len(each.rows) for each in all_rows)
