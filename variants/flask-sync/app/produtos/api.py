"""As rotas do que o serviço vende."""

from decimal import Decimal
from typing import Annotated

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.produtos.models import Produto
from core.api import body_as, change, get_or_404, listed, request_session

produtos = Blueprint("produtos", __name__, url_prefix="/produtos")


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


def shown(produto: Produto) -> dict[str, object]:
    """Devolve um produto como o JSON o tem."""
    return ProdutoOut.model_validate(produto, from_attributes=True).model_dump(mode="json")


@produtos.get("")
def list_produtos() -> ResponseReturnValue:
    """Devolve uma página de produtos, na ordem dos ids."""
    total, items = listed(Produto)
    return {"total": total, "items": [shown(produto) for produto in items]}


@produtos.get("/<int:id>")
def get_produto(id: int) -> ResponseReturnValue:
    """Devolve um produto."""
    return shown(get_or_404(Produto, id))


@produtos.post("")
def create_produto() -> ResponseReturnValue:
    """Guarda um produto novo."""
    produto = Produto(**body_as(ProdutoIn).model_dump())
    request_session().add(produto)
    request_session().commit()
    return shown(produto), 201


@produtos.put("/<int:id>")
def update_produto(id: int) -> ResponseReturnValue:
    """Troca tudo o que está guardado de um produto."""
    given, produto = body_as(ProdutoIn), get_or_404(Produto, id)
    change(produto, given)
    request_session().commit()
    return shown(produto)


@produtos.delete("/<int:id>")
def delete_produto(id: int) -> ResponseReturnValue:
    """Apaga um produto."""
    request_session().delete(get_or_404(Produto, id))
    request_session().commit()
    return "", 204
