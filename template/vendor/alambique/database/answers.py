"""What a database answered, in a form that can be kept and given again.

An answer is what the driver's cursor says after a statement: rows, a count, a key, or an error. It
is kept as JSON: what is read back from a database is data, and never becomes code.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import sys
import uuid
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

# The one key of an object that stands for a value JSON does not have.
TYPED = "$type"

# From so many bytes on, a value is compressed; what begins like this was.
WORTH_COMPRESSING = 1024
ZLIB = b"x"

Row = Sequence[Any]
Column = Sequence[Any]
"""One of `cursor.description`: a name, the driver's code of a type, and more that nobody reads."""


class Unrecordable(Exception):
    """A value has a type that cannot be kept; the argument is the type's name."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that the driver raised, so that it can be raised again."""

    module: str
    name: str
    arguments: Sequence[Any]
    sqlite_errorname: str | None = None

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Return what is kept of an error."""
        found = type(error)
        code = getattr(error, "sqlite_errorname", None)  # sqlite3 sets it beside the arguments
        return cls(found.__module__, found.__qualname__, error.args, code)

    def error(self) -> Exception:
        """Return the error, to be raised.

        Raises:
            Unrecordable: there is no such class of errors any more.
        """
        found: Any = sys.modules.get(self.module)
        for name in self.name.split("."):
            found = getattr(found, name, None)
        if not (isinstance(found, type) and issubclass(found, Exception)):
            raise Unrecordable(f"{self.module}.{self.name}")

        error = found(*self.arguments)
        if self.sqlite_errorname is not None:
            vars(error)["sqlite_errorname"] = self.sqlite_errorname
        return error


@dataclass(frozen=True, slots=True)
class Answer:
    """What a cursor says after a statement."""

    rowcount: int = -1
    lastrowid: Any = None
    description: Sequence[Column] | None = None
    """None where the statement returns no rows."""
    rows: Sequence[Row] | None = None
    failure: Failure | None = None


def pack(value: Any) -> bytes:
    """Return a value of JSON's types, and of those that databases add, as bytes.

    Raises:
        Unrecordable: a value in it has a type that cannot be kept.
    """
    text = json.dumps(value, default=_typed, separators=(",", ":")).encode()
    return text if len(text) < WORTH_COMPRESSING else zlib.compress(text, level=1)


def unpack(packed: bytes) -> Any:
    """Return what `pack` was given."""
    text = zlib.decompress(packed) if packed.startswith(ZLIB) else packed
    return json.loads(text, object_hook=_untyped)


def to_plain(answer: Answer) -> list[Any]:
    """Return an answer as what `pack` takes."""
    failure = answer.failure
    columns = answer.description
    return [
        answer.rowcount,
        answer.lastrowid,
        None if columns is None else [[column[0], column[1]] for column in columns],
        None if answer.rows is None else [_escaped(row) for row in answer.rows],
        None
        if failure is None
        else [failure.module, failure.name, list(failure.arguments), failure.sqlite_errorname],
    ]


def from_plain(plain: list[Any]) -> Answer:
    """Return the answer that `to_plain` made a list of."""
    rowcount, lastrowid, columns, rows, failure = plain
    return Answer(
        rowcount,
        lastrowid,
        # A cursor's description has seven items for each column; five may be None.
        None if columns is None else [(*column, *[None] * 5) for column in columns],
        None if rows is None else [tuple(row) for row in rows],
        None if failure is None else Failure(*failure),
    )


def _escaped(row: Row) -> list[Any]:
    """Return a row in which no document can be taken for a value of ours."""
    return [_document(value) if isinstance(value, dict) else value for value in row]


def _document(value: dict[str, Any]) -> dict[str, Any]:
    return {TYPED: ["document", json.dumps(value)]}


_TO_TEXT: dict[type, tuple[str, Callable[[Any], Any]]] = {
    Decimal: ("decimal", str),
    datetime: ("datetime", datetime.isoformat),
    date: ("date", date.isoformat),
    time: ("time", time.isoformat),
    timedelta: ("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    bytes: ("bytes", lambda value: base64.b64encode(value).decode()),
    uuid.UUID: ("uuid", str),
    ipaddress.IPv4Address: ("ip", str),
    ipaddress.IPv6Address: ("ip", str),
}
_FROM_TEXT: dict[str, Callable[[Any], Any]] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
    "bytes": base64.b64decode,
    "uuid": uuid.UUID,
    "ip": ipaddress.ip_address,
    "document": json.loads,
}


def _typed(value: Any) -> dict[str, Any]:
    if type(value) not in _TO_TEXT:
        raise Unrecordable(type(value).__name__)
    name, to_text = _TO_TEXT[type(value)]
    return {TYPED: [name, to_text(value)]}


def _untyped(found: dict[str, Any]) -> Any:
    if found.keys() != {TYPED}:
        return found
    name, text = found[TYPED]
    return _FROM_TEXT[name](text)
