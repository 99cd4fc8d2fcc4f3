"""What every Flask service shares: probes, a session per request, errors that are answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from flask import Blueprint, Flask, abort, current_app, g, make_response, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from alambique import messages
from alambique.settings import InvalidSetting
from alambique.web.gone import is_gone, log_gone
from alambique.web.readiness import READY, check_at_startup, readiness
from alambique.web.rows import LARGEST_ID, Page, change, count_of, rows_of

__all__ = [
    "LARGEST_ID",
    "Page",
    "body_as",
    "change",
    "get_or_404",
    "listed",
    "prepare",
    "probes",
    "query_as",
    "request_session",
]

# Where an application keeps what opens its sessions.
EXTENSION = "alambique"

Model = TypeVar("Model")
Given = TypeVar("Given", bound=BaseModel)

probes = Blueprint("probes", __name__)


def prepare(app: Flask, sessions: Callable[[], Session]) -> None:
    """Give an application the probes, a session per request, and errors that are answers.

    Args:
        app: the application.
        sessions: opens a session, such as `SessionLocal`.

    Raises:
        SystemExit: the database is not ready, and STARTUP_CHECK does not say to start all the same;
            or a setting cannot be read.
    """
    # WSGI knows no other moment between a server's start and its first request.
    try:
        check_at_startup()
    except InvalidSetting as error:
        raise SystemExit(str(error)) from error

    app.extensions[EXTENSION] = sessions
    app.register_blueprint(probes)
    app.register_error_handler(HTTPException, answer_in_json)
    app.register_error_handler(IntegrityError, answer_conflict)
    app.register_error_handler(DBAPIError, answer_gone)
    app.register_error_handler(StaleDataError, answer_conflict)
    app.teardown_appcontext(close_session)


@probes.get("/health")
def health() -> ResponseReturnValue:
    """The process answers; the database is not asked."""
    return {"status": "ok"}


@probes.get("/ready")
def ready() -> ResponseReturnValue:
    """The database answers and is at the code's revision; otherwise 503 says what is wrong."""
    state, sentence = readiness()
    return {"status": state, "detail": sentence}, 200 if state == READY else 503


def answer_in_json(error: HTTPException) -> ResponseReturnValue:
    """Answer with the error's own code and headers, but in JSON."""
    response = error.get_response()
    response.data = json.dumps({"detail": error.description})
    response.content_type = "application/json"
    return response


def answer_conflict(_: Exception) -> ResponseReturnValue:
    """Answer 409: the database refused what the request would have made of it."""
    return {"detail": messages.CONFLICT}, 409


def answer_gone(error: DBAPIError) -> ResponseReturnValue:
    """Answer 503 while the database does not answer, and log a line of it.

    Raises:
        DBAPIError: it does, and refused a statement; that is a mistake in the service.
    """
    if not is_gone(error):
        raise error
    log_gone(f"{request.method} {request.path}", error)
    return {"detail": messages.DATABASE_GONE}, 503


def request_session() -> Session:
    """Return the session of this request; it is opened on first use, and the caller commits."""
    if "session" not in g:
        g.session = current_app.extensions[EXTENSION]()
    session: Session = g.session
    return session


def close_session(_: BaseException | None) -> None:
    """Close the request's session; what is not committed is rolled back."""
    if "session" in g:
        g.pop("session").close()


def get_or_404(model: type[Model], id: int) -> Model:
    """Return the row with this id.

    Raises:
        NotFound: there is none.
    """
    row = request_session().get(model, id) if 0 < id <= LARGEST_ID else None
    if row is None:
        abort(404, messages.NO_ROW.format(name=model.__name__, id=id))
    return row


def listed(model: type[Model]) -> tuple[int, Sequence[Model]]:
    """Return how many rows there are, and those of the page that the query asks for, by id.

    Raises:
        HTTPException: the query asks for no page.
    """
    page = query_as(Page)
    session = request_session()
    total = session.scalar(count_of(model)) or 0
    return total, session.scalars(rows_of(model, page)).all()


def body_as(model: type[Given]) -> Given:
    """Return the body of the request, which is JSON, as this model.

    Raises:
        HTTPException: it is not; 422 says what is wrong.
    """
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        _answer_422(error)


def query_as(model: type[Given]) -> Given:
    """Return the query of the request as this model.

    Raises:
        HTTPException: it is not; 422 says what is wrong.
    """
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        _answer_422(error)


def _answer_422(error: ValidationError) -> NoReturn:
    # What is wrong and where, without repeating what was sent.
    detail = error.errors(include_url=False, include_context=False, include_input=False)
    abort(make_response({"detail": detail}, 422))
