"""The routes of what the service sells."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.produtos.models import Produto
from core.api import Page, RequestSession, change, get_or_404, listed

router = APIRouter(prefix="/produtos", tags=["produtos"])


def with_cents(price: Decimal) -> Decimal:
    """Return 12.5 as 12.50, the way the column gives it back."""
    return price.quantize(Decimal("0.01"))


class ProdutoIn(BaseModel):
    """What a client may say of a product; the limits are those of the columns."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    nome: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    preco: Annotated[
        Decimal, Field(ge=0, max_digits=10, decimal_places=2), AfterValidator(with_cents)
    ]


class ProdutoOut(BaseModel):
    """A product as stored; the price is a string, so that no reader rounds it."""

    id: int
    nome: str
    preco: Decimal


class Produtos(BaseModel):
    """A page of products, and how many there are in all."""

    total: int
    items: list[ProdutoOut]


@router.get("", response_model=Produtos)
def list_produtos(
    session: RequestSession, page: Annotated[Page, Query()]
) -> dict[str, int | Sequence[Produto]]:
    """Return a page of products, in the order of their ids."""
    return listed(session, Produto, page)


@router.get("/{id}", response_model=ProdutoOut)
def get_produto(session: RequestSession, id: int) -> Produto:
    """Return one product."""
    return get_or_404(session, Produto, id)


@router.post("", response_model=ProdutoOut, status_code=201)
def create_produto(session: RequestSession, given: ProdutoIn) -> Produto:
    """Store a new product."""
    produto = Produto(**given.model_dump())
    session.add(produto)
    session.commit()
    return produto


@router.put("/{id}", response_model=ProdutoOut)
def update_produto(session: RequestSession, id: int, given: ProdutoIn) -> Produto:
    """Replace all that is stored of a product."""
    produto = get_or_404(session, Produto, id)
    change(produto, given)
    session.commit()
    return produto


@router.delete("/{id}", status_code=204)
def delete_produto(session: RequestSession, id: int) -> None:
    """Remove a product."""
    session.delete(get_or_404(session, Produto, id))
    session.commit()
