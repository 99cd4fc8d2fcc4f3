"""What every route of the service shares; `prepare(app)` brings the probes and error answers."""

from typing import Annotated

from alambique.web.fastapi import Page, change, get_or_404, listed, prepare
from fastapi import Depends
from sqlalchemy.orm import Session

from core.database import get_session

__all__ = ["Page", "RequestSession", "change", "get_or_404", "listed", "prepare"]

RequestSession = Annotated[Session, Depends(get_session)]
