"""The routes of what the service sells."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.products.models import Product
from core.api import Page, RequestSession, change, get_or_404, listed

router = APIRouter(prefix="/products", tags=["products"])


def with_cents(price: Decimal) -> Decimal:
    """Return 12.5 as 12.50, the way the column gives it back."""
    return price.quantize(Decimal("0.01"))


class ProductIn(BaseModel):
    """What a client may say of a product; the limits are those of the columns."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    price: Annotated[
        Decimal, Field(ge=0, max_digits=10, decimal_places=2), AfterValidator(with_cents)
    ]


class ProductOut(BaseModel):
    """A product as stored; the price is a string, so that no reader rounds it."""

    id: int
    name: str
    price: Decimal


class Products(BaseModel):
    """A page of products, and how many there are in all."""

    total: int
    items: list[ProductOut]


@router.get("", response_model=Products)
def list_products(
    session: RequestSession, page: Annotated[Page, Query()]
) -> dict[str, int | Sequence[Product]]:
    """Return a page of products, in the order of their ids."""
    return listed(session, Product, page)


@router.get("/{id}", response_model=ProductOut)
def get_product(session: RequestSession, id: int) -> Product:
    """Return one product."""
    return get_or_404(session, Product, id)


@router.post("", response_model=ProductOut, status_code=201)
def create_product(session: RequestSession, given: ProductIn) -> Product:
    """Store a new product."""
    product = Product(**given.model_dump())
    session.add(product)
    session.commit()
    return product


@router.put("/{id}", response_model=ProductOut)
def update_product(session: RequestSession, id: int, given: ProductIn) -> Product:
    """Replace all that is stored of a product."""
    product = get_or_404(session, Product, id)
    change(product, given)
    session.commit()
    return product


@router.delete("/{id}", status_code=204)
def delete_product(session: RequestSession, id: int) -> None:
    """Remove a product."""
    session.delete(get_or_404(session, Product, id))
    session.commit()
