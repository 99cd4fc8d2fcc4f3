"""What is raised where a database does not let us in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from alambique import messages


class DatabaseUnavailable(CommandError):
    """The driver is missing, or the database does not let us in."""


@contextmanager
def unavailable_as_sentence(url: URL) -> Iterator[None]:
    """Turn what a driver says when it cannot connect into one sentence, the password masked.

    Raises:
        DatabaseUnavailable: the database does not let us in, or its driver is not installed.
    """
    try:
        yield
    except DBAPIError as error:
        driver_says = error.orig.args[-1] if error.orig and error.orig.args else error.orig
        cause = " ".join(str(driver_says).split())
        raise DatabaseUnavailable(messages.CANNOT_CONNECT.format(url=url, cause=cause)) from error
    except ImportError as error:
        raise DatabaseUnavailable(messages.DRIVER_MISSING.format(url=url, cause=error)) from error
