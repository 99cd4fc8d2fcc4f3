"""What every route of the service shares; `prepare(app)` brings the probes and error answers."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from starlette.types import ASGIApp, Receive, Scope, Send

from core.database import CoreBase, get_session
from core.migrations import messages
from core.readiness import check_at_startup, readiness

LARGEST_ID = 2**31 - 1  # what an INTEGER column holds; SQLite's driver cannot even ask for 2**63
Model = TypeVar("Model", bound=CoreBase)
RequestSession = Annotated[Session, Depends(get_session)]
probes = APIRouter(tags=["probes"])


class Page(BaseModel):
    """Which part of a list is asked for, as the query says: `?limit=20&offset=40`."""

    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0, le=LARGEST_ID)


class StartupCheck:
    """An ASGI layer that lets the server start only where the database is ready."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; the server's start-up only after the check."""
        if scope["type"] == "lifespan":
            try:
                await asyncio.to_thread(check_at_startup)
            except SystemExit as refused:  # told to the server: raised, it would be a traceback
                await send({"type": "lifespan.startup.failed", "message": str(refused)})
                return
        await self.app(scope, receive, send)


def prepare(app: FastAPI) -> None:
    """Give an application the probes, the check at its start, and errors that are answers."""
    app.include_router(probes)
    app.add_middleware(StartupCheck)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(IntegrityError, conflict)
    app.add_exception_handler(StaleDataError, conflict)


@probes.get("/health")
def health() -> dict[str, str]:
    """The process answers; the database is not asked."""
    return {"status": "ok"}


@probes.get("/ready", responses={503: {"description": "The database is not ready."}})
def ready(response: Response) -> dict[str, str]:
    """The database answers and is at the code's revision; otherwise 503 says what is wrong."""
    state, sentence = readiness()
    response.status_code = 200 if state == "ready" else 503
    return {"status": state, "detail": sentence}


def invalid(_: Request, error: Exception) -> JSONResponse:
    """Answer 422 with what is wrong and where, without repeating what was sent."""
    assert isinstance(error, RequestValidationError)
    detail = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
    return JSONResponse({"detail": detail}, 422)


def conflict(_: Request, __: Exception) -> JSONResponse:
    """Answer 409: the database refused what the request would have made of it."""
    return JSONResponse({"detail": messages.CONFLICT}, 409)


def get_or_404(session: Session, model: type[Model], id: int) -> Model:
    """Return the row with this id.

    Raises:
        HTTPException: there is none.
    """
    row = session.get(model, id) if 0 < id <= LARGEST_ID else None
    if row is None:
        raise HTTPException(404, messages.NO_ROW.format(name=model.__name__, id=id))
    return row


def listed(session: Session, model: type[Model], page: Page) -> dict[str, int | Sequence[Model]]:
    """Return the rows of a page in the order of their ids, and how many there are in all."""
    rows = select(model).order_by(model.id).limit(page.limit).offset(page.offset)
    total = session.scalar(select(func.count()).select_from(model)) or 0
    return {"total": total, "items": session.scalars(rows).all()}


def change(row: CoreBase, given: BaseModel) -> None:
    """Write every field that was given to the row."""
    for name, value in given.model_dump().items():
        setattr(row, name, value)
