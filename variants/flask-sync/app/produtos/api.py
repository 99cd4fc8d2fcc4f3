"""The routes of what the service sells."""

from decimal import Decimal
from typing import Annotated

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.produtos.models import Produto
from core.api import body_as, change, get_or_404, listed, request_session

produtos = Blueprint("produtos", __name__, url_prefix="/produtos")


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


def shown(produto: Produto) -> dict[str, object]:
    """Return a product as JSON has it."""
    return ProdutoOut.model_validate(produto, from_attributes=True).model_dump(mode="json")


@produtos.get("")
def list_produtos() -> ResponseReturnValue:
    """Return a page of products, in the order of their ids."""
    total, items = listed(Produto)
    return {"total": total, "items": [shown(produto) for produto in items]}


@produtos.get("/<int:id>")
def get_produto(id: int) -> ResponseReturnValue:
    """Return one product."""
    return shown(get_or_404(Produto, id))


@produtos.post("")
def create_produto() -> ResponseReturnValue:
    """Store a new product."""
    produto = Produto(**body_as(ProdutoIn).model_dump())
    request_session().add(produto)
    request_session().commit()
    return shown(produto), 201


@produtos.put("/<int:id>")
def update_produto(id: int) -> ResponseReturnValue:
    """Replace all that is stored of a product."""
    given, produto = body_as(ProdutoIn), get_or_404(Produto, id)
    change(produto, given)
    request_session().commit()
    return shown(produto)


@produtos.delete("/<int:id>")
def delete_produto(id: int) -> ResponseReturnValue:
    """Remove a product."""
    request_session().delete(get_or_404(Produto, id))
    request_session().commit()
    return "", 204
