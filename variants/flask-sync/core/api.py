"""What every route of the service shares; `prepare(app)` brings the probes and error answers."""

from alambique.web import flask as web
from alambique.web.flask import body_as, change, get_or_404, listed, query_as, request_session
from flask import Flask

from core.database import SessionLocal

__all__ = [
    "body_as",
    "change",
    "get_or_404",
    "listed",
    "prepare",
    "query_as",
    "request_session",
]


def prepare(app: Flask) -> None:
    """Give an application the probes, a session per request, and errors that are answers.

    Raises:
        SystemExit: the database is not ready, and STARTUP_CHECK does not say to start all the same.
    """
    web.prepare(app, sessions=SessionLocal)
