"""Which changes of a column's type may cut a value."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.types import TypeEngine

from alambique.autogenerate.capacities import capacity_of, ddl_of
from alambique.autogenerate.written import holds_written


def may_cut(before: TypeEngine[Any] | None, after: TypeEngine[Any], dialect: Dialect) -> bool:
    """Tell whether some value of type `before` would not survive in type `after`.

    What is not known to fit is said to cut: the answer leads to a question, not to a loss.

    Args:
        before: the type in the database; None if nobody knows it.
        after: the type in the models.
        dialect: of the database: each has types of its own under the names they share.
    """
    if before is None:
        return True

    held, holding = capacity_of(before, dialect), capacity_of(after, dialect)
    if holds_written(before, after, holding, dialect):
        return False
    if held is not None and holding is not None:
        return not holding.holds(held)

    # Of what nobody knows, only this is known: the same definition is the same type.
    written = ddl_of(before, dialect)
    return written is None or written != ddl_of(after, dialect)
