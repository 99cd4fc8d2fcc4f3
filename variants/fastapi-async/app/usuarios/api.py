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
async def list_usuarios(
    session: RequestSession, page: Annotated[Page, Query()]
) -> dict[str, int | Sequence[Usuario]]:
    """Devolve uma página de pessoas, na ordem dos ids."""
    return await listed(session, Usuario, page)


@router.get("/{id}", response_model=UsuarioOut)
async def get_usuario(session: RequestSession, id: int) -> Usuario:
    """Devolve uma pessoa."""
    return await get_or_404(session, Usuario, id)


@router.post("", response_model=UsuarioOut, status_code=201)
async def create_usuario(session: RequestSession, given: UsuarioIn) -> Usuario:
    """Guarda uma pessoa nova."""
    usuario = Usuario(**given.model_dump())
    session.add(usuario)
    await session.commit()
    return usuario


@router.put("/{id}", response_model=UsuarioOut)
async def update_usuario(session: RequestSession, id: int, given: UsuarioIn) -> Usuario:
    """Troca tudo o que está guardado de uma pessoa; o que não é dito fica vazio."""
    usuario = await get_or_404(session, Usuario, id)
    change(usuario, given)
    await session.commit()
    return usuario


@router.delete("/{id}", status_code=204)
async def delete_usuario(session: RequestSession, id: int) -> None:
    """Apaga uma pessoa."""
    await session.delete(await get_or_404(session, Usuario, id))
    await session.commit()
