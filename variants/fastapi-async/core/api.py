"""What every route of the service shares; `prepare(app)` brings the probes and error answers."""

from typing import Annotated

from alambique.web import fastapi as web
from alambique.web.fastapi import Page, change
from alambique.web.fastapi import get_or_404_async as get_or_404
from alambique.web.fastapi import listed_async as listed
from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import engine, get_session

__all__ = ["Page", "RequestSession", "change", "get_or_404", "listed", "prepare"]

RequestSession = Annotated[AsyncSession, Depends(get_session)]


def prepare(app: FastAPI) -> None:
    """Give an application the probes, the check at its start, and errors that are answers."""
    web.prepare(app, closing=engine.dispose)  # while there is an event loop to close them in
