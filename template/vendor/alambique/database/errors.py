"""What is raised where a database does not let us in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from alambique import messages
from alambique.settings import InvalidSetting, shown_url, without_secrets


class DatabaseUnavailable(CommandError):
    """The driver is missing, or the database does not let us in."""


@contextmanager
def unavailable_as_sentence(url: URL) -> Iterator[None]:
    """Turn what a driver says when it cannot connect into one sentence, secrets masked.

    Raises:
        DatabaseUnavailable: the database does not let us in, or its driver is not installed.
    """
    try:
        yield
    except DBAPIError as error:
        driver_says = error.orig.args[-1] if error.orig and error.orig.args else error.orig
        raise _unavailable(url, driver_says) from error
    except ImportError as error:
        missing = messages.DRIVER_MISSING.format(url=shown_url(url), cause=error)
        raise DatabaseUnavailable(missing) from error


@contextmanager
def opening(url: URL) -> Iterator[None]:
    """Do the same where nothing else is done than to connect.

    What an URL's query says is handed to the driver, which may choke on it in ways of its own.

    Raises:
        DatabaseUnavailable: the database does not let us in, its driver is not installed, or does
            not take what the URL says.
        InvalidSetting: a setting is malformed.
    """
    try:
        with unavailable_as_sentence(url):
            yield
    except InvalidSetting:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        raise _unavailable(url, error) from error


def _unavailable(url: URL, driver_says: object) -> DatabaseUnavailable:
    cause = without_secrets(" ".join(str(driver_says).split()), url)
    return DatabaseUnavailable(messages.CANNOT_CONNECT.format(url=shown_url(url), cause=cause))
