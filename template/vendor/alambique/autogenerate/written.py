"""How long the texts are that a database makes of values, where a text is the same value again.

A column that becomes a text is widened: nobody need agree to it if every value can be read back.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.types import TypeEngine

from alambique.autogenerate.capacities import capacity_of
from alambique.autogenerate.capacity import (
    UNLIMITED,
    WIDEST_CHARACTER,
    Bits,
    Capacity,
    Characters,
    Day,
    Exact,
    Floating,
    Moment,
    Network,
    Several,
    Span,
    TimeOfDay,
    Whole,
)

# A sign, and a point with the zero before it.
SIGN, POINT = 1, 2

# Characters of the longest double-precision number, date, address, UUID, ... of PostgreSQL's.
LONGEST = 100

# MariaDB reads a text back as a number with a sign, whatever the column's type: up to here.
BIG = 2**63


def holds_written(
    before: TypeEngine[Any], after: TypeEngine[Any], holding: Capacity | None, dialect: Dialect
) -> bool:
    """Tell whether a text has room for every value of a type, and each is the same there.

    Args:
        before: the type in the database.
        after: the type in the models.
        holding: how much `after` holds; None where nobody knows.
        dialect: of the database.
    """
    if not isinstance(holding, Characters) or holding.blanks == "added":
        return False
    if isinstance(after, sa.Enum):
        return False
    length = _written(before, dialect)
    if length is None:
        return False
    return holding.length >= length and holding.octets >= WIDEST_CHARACTER * length


def _written(type_: TypeEngine[Any], dialect: Dialect) -> float | None:
    """Return how many characters the longest value is written with; None where it is not kept."""
    capacity = capacity_of(type_, dialect)
    if dialect.name == "postgresql":
        if isinstance(type_, sa.JSON):
            return UNLIMITED
        if isinstance(type_, sa.Uuid):
            return LONGEST
        return _in_postgresql(capacity)

    if isinstance(capacity, Whole) and capacity.greatest < BIG:
        return _number(capacity)
    if isinstance(capacity, Exact) and dialect.name != "sqlite":  # it takes odd types for decimals
        return _number(capacity)
    return None


def _in_postgresql(capacity: Capacity | None) -> float | None:
    if isinstance(capacity, Moment) and capacity.is_instant:
        return None  # it is written as the clock of whoever converts it shows it
    if isinstance(capacity, (Floating, Day, Moment, TimeOfDay, Span, Network)):
        return LONGEST
    if isinstance(capacity, Bits):
        return capacity.length
    if isinstance(capacity, Several):
        return UNLIMITED if _in_postgresql(capacity.item) is not None else None
    return _number(capacity)


def _number(capacity: Capacity | None) -> float | None:
    if isinstance(capacity, Whole):
        return capacity.digits + SIGN
    if isinstance(capacity, Exact):
        return capacity.before_point + capacity.after_point + SIGN + POINT
    return None
