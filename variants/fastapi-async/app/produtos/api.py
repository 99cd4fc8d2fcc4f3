"""As rotas do que o serviço vende."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.produtos.models import Produto
from core.api import Page, RequestSession, change, get_or_404, listed

router = APIRouter(prefix="/produtos", tags=["produtos"])


def with_cents(price: Decimal) -> Decimal:
    """Devolve 12.5 como 12.50, tal como a coluna o devolve."""
    return price.quantize(Decimal("0.01"))


class ProdutoIn(BaseModel):
    """O que um cliente pode dizer de um produto; os limites são os das colunas."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    nome: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    preco: Annotated[
        Decimal, Field(ge=0, max_digits=10, decimal_places=2), AfterValidator(with_cents)
    ]


class ProdutoOut(BaseModel):
    """Um produto como está guardado; o preço é um texto, para que nenhum leitor o arredonde."""

    id: int
    nome: str
    preco: Decimal


class Produtos(BaseModel):
    """Uma página de produtos, e quantos há ao todo."""

    total: int
    items: list[ProdutoOut]


@router.get("", response_model=Produtos)
async def list_produtos(
    session: RequestSession, page: Annotated[Page, Query()]
) -> dict[str, int | Sequence[Produto]]:
    """Devolve uma página de produtos, na ordem dos ids."""
    return await listed(session, Produto, page)


@router.get("/{id}", response_model=ProdutoOut)
async def get_produto(session: RequestSession, id: int) -> Produto:
    """Devolve um produto."""
    return await get_or_404(session, Produto, id)


@router.post("", response_model=ProdutoOut, status_code=201)
async def create_produto(session: RequestSession, given: ProdutoIn) -> Produto:
    """Guarda um produto novo."""
    produto = Produto(**given.model_dump())
    session.add(produto)
    await session.commit()
    return produto


@router.put("/{id}", response_model=ProdutoOut)
async def update_produto(session: RequestSession, id: int, given: ProdutoIn) -> Produto:
    """Troca tudo o que está guardado de um produto."""
    produto = await get_or_404(session, Produto, id)
    change(produto, given)
    await session.commit()
    return produto


@router.delete("/{id}", status_code=204)
async def delete_produto(session: RequestSession, id: int) -> None:
    """Apaga um produto."""
    await session.delete(await get_or_404(session, Produto, id))
    await session.commit()
