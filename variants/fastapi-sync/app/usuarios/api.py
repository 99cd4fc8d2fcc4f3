"""As rotas das pessoas que usam o serviço."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.usuarios.models import Usuario
from core.api import Page, RequestSession, change, get_or_404, listed

router = APIRouter(prefix="/usuarios", tags=["usuarios"])
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


class Usuarios(BaseModel):
    """Uma página de pessoas, e quantas há ao todo."""

    total: int
    items: list[UsuarioOut]


@router.get("", response_model=Usuarios)
def list_usuarios(
    session: RequestSession, page: Annotated[Page, Query()]
) -> dict[str, int | Sequence[Usuario]]:
    """Devolve uma página de pessoas, na ordem dos ids."""
    return listed(session, Usuario, page)


@router.get("/{id}", response_model=UsuarioOut)
def get_usuario(session: RequestSession, id: int) -> Usuario:
    """Devolve uma pessoa."""
    return get_or_404(session, Usuario, id)


@router.post("", response_model=UsuarioOut, status_code=201)
def create_usuario(session: RequestSession, given: UsuarioIn) -> Usuario:
    """Guarda uma pessoa nova."""
    usuario = Usuario(**given.model_dump())
    session.add(usuario)
    session.commit()
    return usuario


@router.put("/{id}", response_model=UsuarioOut)
def update_usuario(session: RequestSession, id: int, given: UsuarioIn) -> Usuario:
    """Troca tudo o que está guardado de uma pessoa; o que não é dito fica vazio."""
    usuario = get_or_404(session, Usuario, id)
    change(usuario, given)
    session.commit()
    return usuario


@router.delete("/{id}", status_code=204)
def delete_usuario(session: RequestSession, id: int) -> None:
    """Apaga uma pessoa."""
    session.delete(get_or_404(session, Usuario, id))
    session.commit()
