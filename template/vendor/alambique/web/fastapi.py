"""What every FastAPI service shares: probes, a check at its start, errors that are answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alambique import messages
from alambique.settings import InvalidSetting
from alambique.web.gone import is_gone, log_gone
from alambique.web.readiness import READY, check_at_startup, readiness
from alambique.web.rows import LARGEST_ID, Page, change, count_of, rows_of

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession  # a service without it has no greenlet

__all__ = [
    "LARGEST_ID",
    "Page",
    "StartupCheck",
    "change",
    "get_or_404",
    "get_or_404_async",
    "listed",
    "listed_async",
    "prepare",
    "probes",
]

Model = TypeVar("Model")
Closing = Callable[[], Awaitable[None]]

probes = APIRouter(tags=["probes"])


def prepare(app: FastAPI, closing: Closing | None = None) -> None:
    """Give an application the probes, the check at its start, and errors that are answers.

    Args:
        app: the application.
        closing: what to await when the server ends, such as `engine.dispose`.
    """
    app.include_router(probes)
    app.add_middleware(StartupCheck, closing=closing)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(IntegrityError, answer_conflict)
    app.add_exception_handler(DBAPIError, answer_gone)
    app.add_exception_handler(StaleDataError, answer_conflict)


class StartupCheck:
    """An ASGI layer that lets the server start only where the database is ready."""

    def __init__(self, app: ASGIApp, closing: Closing | None = None) -> None:
        """Stand before an application.

        Args:
            app: what comes behind this layer.
            closing: what to await when the server ends, while there is an event loop for it.
        """
        self.app = app
        self.closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; the server's start-up only after the check."""
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        async def send_last(message: Message) -> None:
            if self.closing and message["type"].startswith("lifespan.shutdown"):
                await self.closing()
            await send(message)

        try:
            await asyncio.to_thread(check_at_startup)
        except (SystemExit, InvalidSetting) as refused:
            # Told to the server: raised, it would be a traceback.
            await send({"type": "lifespan.startup.failed", "message": str(refused)})
            return
        await self.app(scope, receive, send_last)


@probes.get("/health")
async def health() -> dict[str, str]:
    """The process answers; the database is not asked."""
    return {"status": "ok"}


@probes.get("/ready", responses={503: {"description": "The database is not ready."}})
async def ready(response: Response) -> dict[str, str]:
    """The database answers and is at the code's revision; otherwise 503 says what is wrong."""
    state, sentence = await asyncio.to_thread(readiness)
    response.status_code = 200 if state == READY else 503
    return {"status": state, "detail": sentence}


def answer_invalid(_: Request, error: Exception) -> JSONResponse:
    """Answer 422 with what is wrong and where, without repeating what was sent."""
    assert isinstance(error, RequestValidationError)  # it is registered for no other
    detail = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
    return JSONResponse({"detail": detail}, 422)


def answer_conflict(_: Request, error: Exception) -> JSONResponse:
    """Answer 409: the database refused what the request would have made of it."""
    return JSONResponse({"detail": messages.CONFLICT}, 409)


def answer_gone(request: Request, error: Exception) -> JSONResponse:
    """Answer 503 while the database does not answer, and log a line of it.

    Raises:
        DBAPIError: it does, and refused a statement; that is a mistake in the service.
    """
    assert isinstance(error, DBAPIError)  # it is registered for no other
    if not is_gone(error):
        raise error
    log_gone(f"{request.method} {request.url.path}", error)
    return JSONResponse({"detail": messages.DATABASE_GONE}, 503)


def get_or_404(session: Session, model: type[Model], id: int) -> Model:
    """Return the row with this id.

    Raises:
        HTTPException: there is none.
    """
    row = session.get(model, id) if 0 < id <= LARGEST_ID else None
    return _found(row, model, id)


async def get_or_404_async(session: AsyncSession, model: type[Model], id: int) -> Model:
    """Return the row with this id.

    Raises:
        HTTPException: there is none.
    """
    row = await session.get(model, id) if 0 < id <= LARGEST_ID else None
    return _found(row, model, id)


def listed(session: Session, model: type[Model], page: Page) -> dict[str, int | Sequence[Model]]:
    """Return the rows of a page in the order of their ids, and how many there are in all."""
    total = session.scalar(count_of(model)) or 0
    return {"total": total, "items": session.scalars(rows_of(model, page)).all()}


async def listed_async(
    session: AsyncSession, model: type[Model], page: Page
) -> dict[str, int | Sequence[Model]]:
    """Return the rows of a page in the order of their ids, and how many there are in all."""
    total = await session.scalar(count_of(model)) or 0
    return {"total": total, "items": (await session.scalars(rows_of(model, page))).all()}


def _found(row: Model | None, model: type[Model], id: int) -> Model:
    if row is None:
        raise HTTPException(404, messages.NO_ROW.format(name=model.__name__, id=id))
    return row
