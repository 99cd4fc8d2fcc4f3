"""What every route of the service shares; `prepare(app)` brings the probes and error answers."""

import json
from collections.abc import Sequence
from typing import NoReturn, TypeVar

from flask import Blueprint, Flask, abort, g, make_response, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from core.database import CoreBase, SessionLocal
from core.migrations import messages
from core.readiness import check_at_startup, readiness

LARGEST_ID = 2**31 - 1  # what an INTEGER column holds; SQLite's driver cannot even ask for 2**63
Model = TypeVar("Model", bound=CoreBase)
Given = TypeVar("Given", bound=BaseModel)
probes = Blueprint("probes", __name__)


class Page(BaseModel):
    """Which part of a list is asked for, as the query says: `?limit=20&offset=40`."""

    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0, le=LARGEST_ID)


def prepare(app: Flask) -> None:
    """Give an application the probes, a session per request, and errors that are answers.

    Raises:
        SystemExit: the database is not ready, and STARTUP_CHECK does not say to start all the same.
    """
    check_at_startup()  # WSGI knows no other moment between a server's start and its first request
    app.register_blueprint(probes)
    app.register_error_handler(HTTPException, in_json)
    app.register_error_handler(IntegrityError, conflict)
    app.register_error_handler(StaleDataError, conflict)
    app.teardown_appcontext(close_session)


@probes.get("/health")
def health() -> ResponseReturnValue:
    """The process answers; the database is not asked."""
    return {"status": "ok"}


@probes.get("/ready")
def ready() -> ResponseReturnValue:
    """The database answers and is at the code's revision; otherwise 503 says what is wrong."""
    state, sentence = readiness()
    return {"status": state, "detail": sentence}, 200 if state == "ready" else 503


def in_json(error: HTTPException) -> ResponseReturnValue:
    """Answer with the error's own code and headers, but in JSON."""
    response = error.get_response()
    response.data = json.dumps({"detail": error.description})
    response.content_type = "application/json"
    return response


def conflict(_: Exception) -> ResponseReturnValue:
    """Answer 409: the database refused what the request would have made of it."""
    return {"detail": messages.CONFLICT}, 409


def request_session() -> Session:
    """Return the session of this request; it is opened on first use, and the caller commits."""
    if "session" not in g:
        g.session = SessionLocal()
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
    """Return how many rows there are, and those of the page that the query asks for, by id."""
    page = query_as(Page)
    session = request_session()
    rows = select(model).order_by(model.id).limit(page.limit).offset(page.offset)
    total = session.scalar(select(func.count()).select_from(model)) or 0
    return total, session.scalars(rows).all()


def change(row: CoreBase, given: BaseModel) -> None:
    """Write every field that was given to the row."""
    for name, value in given.model_dump().items():
        setattr(row, name, value)


def body_as(model: type[Given]) -> Given:
    """Return the body of the request, which is JSON, as this model; answer 422 if it is not."""
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        _answer_422(error)


def query_as(model: type[Given]) -> Given:
    """Return the query of the request as this model; answer 422 if it is not."""
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        _answer_422(error)


def _answer_422(error: ValidationError) -> NoReturn:
    # What is wrong and where, without repeating what was sent.
    detail = error.errors(include_url=False, include_context=False, include_input=False)
    abort(make_response({"detail": detail}, 422))
