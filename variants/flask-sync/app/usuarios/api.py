"""The routes of the people who use the service."""

from typing import Annotated

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from app.usuarios.models import Usuario
from core.api import body_as, change, get_or_404, listed, request_session

usuarios = Blueprint("usuarios", __name__, url_prefix="/usuarios")
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]


class UsuarioIn(BaseModel):
    """What a client may say of a person; the limits are those of the columns."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    nome: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    idade: int = Field(ge=0, le=150)
    email: Email | None = None


class UsuarioOut(BaseModel):
    """A person as stored."""

    id: int
    nome: str
    idade: int
    email: str | None


def shown(usuario: Usuario) -> dict[str, object]:
    """Return a person as JSON has it."""
    return UsuarioOut.model_validate(usuario, from_attributes=True).model_dump(mode="json")


@usuarios.get("")
def list_usuarios() -> ResponseReturnValue:
    """Return a page of people, in the order of their ids."""
    total, items = listed(Usuario)
    return {"total": total, "items": [shown(usuario) for usuario in items]}


@usuarios.get("/<int:id>")
def get_usuario(id: int) -> ResponseReturnValue:
    """Return one person."""
    return shown(get_or_404(Usuario, id))


@usuarios.post("")
def create_usuario() -> ResponseReturnValue:
    """Store a new person."""
    usuario = Usuario(**body_as(UsuarioIn).model_dump())
    request_session().add(usuario)
    request_session().commit()
    return shown(usuario), 201


@usuarios.put("/<int:id>")
def update_usuario(id: int) -> ResponseReturnValue:
    """Replace all that is stored of a person; what is left out is emptied."""
    given, usuario = body_as(UsuarioIn), get_or_404(Usuario, id)
    change(usuario, given)
    request_session().commit()
    return shown(usuario)


@usuarios.delete("/<int:id>")
def delete_usuario(id: int) -> ResponseReturnValue:
    """Remove a person."""
    request_session().delete(get_or_404(Usuario, id))
    request_session().commit()
    return "", 204
