"""The database is gone while the service serves: that is no mistake of the service's."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DBAPIError

log = logging.getLogger("alambique.web")


def is_gone(error: DBAPIError) -> bool:
    """Tell whether the database could not be reached, or hung up, and refused no statement."""
    could_not_connect = error.statement is None
    return could_not_connect or error.connection_invalidated


def log_gone(request: str, error: DBAPIError) -> None:
    """Log one line.

    Args:
        request: the method and the path of the request that could not be answered.
        error: what the driver said.
    """
    cause = " ".join(str(error.orig).split())
    log.error("%s: 503, %s", request, cause)
