"""The routes of the people who use the service."""

from typing import Annotated

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from app.users.models import User
from core.api import body_as, change, get_or_404, listed, request_session

users = Blueprint("users", __name__, url_prefix="/users")
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


def shown(user: User) -> dict[str, object]:
    """Return a person as JSON has it."""
    return UserOut.model_validate(user, from_attributes=True).model_dump(mode="json")


@users.get("")
def list_users() -> ResponseReturnValue:
    """Return a page of people, in the order of their ids."""
    total, items = listed(User)
    return {"total": total, "items": [shown(user) for user in items]}


@users.get("/<int:id>")
def get_user(id: int) -> ResponseReturnValue:
    """Return one person."""
    return shown(get_or_404(User, id))


@users.post("")
def create_user() -> ResponseReturnValue:
    """Store a new person."""
    user = User(**body_as(UserIn).model_dump())
    request_session().add(user)
    request_session().commit()
    return shown(user), 201


@users.put("/<int:id>")
def update_user(id: int) -> ResponseReturnValue:
    """Replace all that is stored of a person; what is left out is emptied."""
    given, user = body_as(UserIn), get_or_404(User, id)
    change(user, given)
    request_session().commit()
    return shown(user)


@users.delete("/<int:id>")
def delete_user(id: int) -> ResponseReturnValue:
    """Remove a person."""
    request_session().delete(get_or_404(User, id))
    request_session().commit()
    return "", 204
