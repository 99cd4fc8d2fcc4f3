"""Statements that a revision sends over another connection than the one it is given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection


@contextmanager
def heard_elsewhere(
    connection: Connection, tell: Callable[[Connection, str], None]
) -> Iterator[None]:
    """Tell of what this thread sends over other connections of SQLAlchemy's, before it is sent.

    Args:
        connection: the one that is not told of.
        tell: hears the other connection, and the statement; what it raises keeps that from going.
    """
    ours = threading.get_ident()

    def hear(other: Connection, _cursor: object, sql: str, *_: object) -> None:
        if other is not connection and threading.get_ident() == ours:
            tell(other, sql)

    event.listen(sa.Engine, "before_cursor_execute", hear)
    try:
        yield
    finally:
        event.remove(sa.Engine, "before_cursor_execute", hear)
