"""Which changes of a column's type may cut a value."""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

# How many decimal digits the greatest integer of so many bits has.
DIGITS = {16: 5, 32: 10, 64: 19}

# Bits of precision of a Float that says none: a double's.
DOUBLE = 53


def may_cut(before: TypeEngine[Any] | None, after: TypeEngine[Any]) -> bool:
    """Tell whether some value of type `before` would not survive in type `after`.

    What is not known to fit is said to cut: the answer leads to a question, not to a loss.

    Args:
        before: the type in the database; None if nobody knows it.
        after: the type in the models.
    """
    if before is None:
        return True

    if isinstance(before, sa.Enum) and isinstance(after, sa.Enum):
        return not set(before.enums) <= set(after.enums)

    if isinstance(before, sa.String) and isinstance(after, sa.String):
        return after.length is not None and (before.length or math.inf) > after.length

    if isinstance(before, sa.Boolean):
        return not isinstance(after, (sa.Boolean, sa.Integer))

    if isinstance(before, sa.Integer):
        if isinstance(after, sa.Integer):
            return _bits(after) < _bits(before)
        holds_it = isinstance(after, sa.Numeric) and _whole_digits(after) >= DIGITS[_bits(before)]
        return not holds_it

    if isinstance(before, sa.Float) and isinstance(after, sa.Float):
        return (after.precision or DOUBLE) < (before.precision or DOUBLE)

    if isinstance(before, sa.Numeric) and isinstance(after, sa.Numeric):
        fewer_whole_digits = _whole_digits(after) < _whole_digits(before)
        return fewer_whole_digits or (after.scale or 0) < (before.scale or 0)

    if isinstance(before, sa.Date):
        return not isinstance(after, (sa.Date, sa.DateTime))

    return _kind(before) is not _kind(after)


def _bits(type_: sa.Integer) -> int:
    if isinstance(type_, sa.BigInteger):
        return 64
    return 16 if isinstance(type_, sa.SmallInteger) else 32


def _whole_digits(type_: sa.Numeric[Any]) -> float:
    """Return how many digits fit before the point."""
    return math.inf if type_.precision is None else type_.precision - (type_.scale or 0)


def _kind(type_: TypeEngine[Any]) -> type[TypeEngine[Any]]:
    return type(type_.as_generic(allow_nulltype=True))
