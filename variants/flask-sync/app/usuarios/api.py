"""As rotas das pessoas que usam o serviço."""

from typing import Annotated

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from app.usuarios.models import Usuario
from core.api import body_as, change, get_or_404, listed, request_session

usuarios = Blueprint("usuarios", __name__, url_prefix="/usuarios")
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]


class UsuarioIn(BaseModel):
    """O que um cliente pode dizer de uma pessoa; os limites são os das colunas."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    nome: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    idade: int = Field(ge=0, le=150)
    email: Email | None = None


class UsuarioOut(BaseModel):
    """Uma pessoa como está guardada."""

    id: int
    nome: str
    idade: int
    email: str | None


def shown(usuario: Usuario) -> dict[str, object]:
    """Devolve uma pessoa como o JSON a tem."""
    return UsuarioOut.model_validate(usuario, from_attributes=True).model_dump(mode="json")


@usuarios.get("")
def list_usuarios() -> ResponseReturnValue:
    """Devolve uma página de pessoas, na ordem dos ids."""
    total, items = listed(Usuario)
    return {"total": total, "items": [shown(usuario) for usuario in items]}


@usuarios.get("/<int:id>")
def get_usuario(id: int) -> ResponseReturnValue:
    """Devolve uma pessoa."""
    return shown(get_or_404(Usuario, id))


@usuarios.post("")
def create_usuario() -> ResponseReturnValue:
    """Guarda uma pessoa nova."""
    usuario = Usuario(**body_as(UsuarioIn).model_dump())
    request_session().add(usuario)
    request_session().commit()
    return shown(usuario), 201


@usuarios.put("/<int:id>")
def update_usuario(id: int) -> ResponseReturnValue:
    """Troca tudo o que está guardado de uma pessoa; o que não é dito fica vazio."""
    given, usuario = body_as(UsuarioIn), get_or_404(Usuario, id)
    change(usuario, given)
    request_session().commit()
    return shown(usuario)


@usuarios.delete("/<int:id>")
def delete_usuario(id: int) -> ResponseReturnValue:
    """Apaga uma pessoa."""
    request_session().delete(get_or_404(Usuario, id))
    request_session().commit()
    return "", 204
