"""The routes of the people who use the service."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.users.models import User
from core.api import Page, RequestSession, change, get_or_404, listed

router = APIRouter(prefix="/users", tags=["users"])
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]


class UserIn(BaseModel):
    """What a client may say of a person; the limits are those of the columns."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    age: int = Field(ge=0, le=150)
    email: Email | None = None


class UserOut(BaseModel):
    """A person as stored."""

    id: int
    name: str
    age: int
    email: str | None


class Users(BaseModel):
    """A page of people, and how many there are in all."""

    total: int
    items: list[UserOut]


@router.get("", response_model=Users)
def list_users(
    session: RequestSession, page: Annotated[Page, Query()]
) -> dict[str, int | Sequence[User]]:
    """Return a page of people, in the order of their ids."""
    return listed(session, User, page)


@router.get("/{id}", response_model=UserOut)
def get_user(session: RequestSession, id: int) -> User:
    """Return one person."""
    return get_or_404(session, User, id)


@router.post("", response_model=UserOut, status_code=201)
def create_user(session: RequestSession, given: UserIn) -> User:
    """Store a new person."""
    user = User(**given.model_dump())
    session.add(user)
    session.commit()
    return user


@router.put("/{id}", response_model=UserOut)
def update_user(session: RequestSession, id: int, given: UserIn) -> User:
    """Replace all that is stored of a person; what is left out is emptied."""
    user = get_or_404(session, User, id)
    change(user, given)
    session.commit()
    return user


@router.delete("/{id}", status_code=204)
def delete_user(session: RequestSession, id: int) -> None:
    """Remove a person."""
    session.delete(get_or_404(session, User, id))
    session.commit()
