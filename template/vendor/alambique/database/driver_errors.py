"""A driver's errors, as SQLAlchemy raises them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError


def wrapped(
    error: Exception, dialect: Dialect, sql: str | None = None, is_lost: bool | None = None
) -> DBAPIError:
    """Return a driver's error as SQLAlchemy would raise it.

    Args:
        error: what the driver raised.
        dialect: says which driver it is.
        sql: the statement.
        is_lost: is the connection? By default, what SQLAlchemy makes of the error.
    """
    driver: Any = error
    found = DBAPIError.instance(
        sql,
        None,
        error,
        dialect.loaded_dbapi.Error,
        connection_invalidated=(
            dialect.is_disconnect(driver, None, None) if is_lost is None else is_lost
        ),
    )
    assert isinstance(found, DBAPIError)
    return found
