"""Where sequences stand, which no transaction undoes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from alambique.database.aside import Aside

STAND = "SELECT schemaname, sequencename, last_value, increment_by FROM pg_sequences"
SET = "SELECT setval(CAST(:name AS regclass), :value)"


@contextmanager
def sequences_put_back(connection: Connection) -> Iterator[None]:
    """Undo what is done on PostgreSQL, and set those sequences on again that it had set back.

    They would give numbers that are taken. What others took meanwhile stays taken, and a gap is
    nobody's loss. SQLite keeps the numbers in a table, which is undone with the rest.

    Args:
        connection: on which a transaction is begun and not kept.

    Raises:
        DBAPIError: we may not set one.
    """
    if connection.dialect.name != "postgresql":
        yield
        return

    before = _stand(connection)
    try:
        yield
    finally:
        if not connection.invalidated:
            _put_back(connection, before)


def _put_back(connection: Connection, before: dict[str, tuple[int | None, int]]) -> None:
    aside = Aside(connection)
    aside.rollback()
    now = _stand(connection)
    for name, (value, step) in before.items():
        if value is None or name not in now:
            continue
        there, _ = now[name]
        if there is None or (there - value) * step < 0:
            aside.query(SET, name=name, value=value)
    aside.commit()


def _stand(connection: Connection) -> dict[str, tuple[int | None, int]]:
    """Return the last number that each sequence gave, None if it gave none, and its step."""
    quoted = connection.dialect.identifier_preparer.quote_identifier
    rows = Aside(connection).query(STAND)
    return {f"{quoted(schema)}.{quoted(name)}": (value, step) for schema, name, value, step in rows}
