"""The routes of what the service sells."""

from decimal import Decimal
from typing import Annotated

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.products.models import Product
from core.api import body_as, change, get_or_404, listed, request_session

products = Blueprint("products", __name__, url_prefix="/products")


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


def shown(product: Product) -> dict[str, object]:
    """Return a product as JSON has it."""
    return ProductOut.model_validate(product, from_attributes=True).model_dump(mode="json")


@products.get("")
def list_products() -> ResponseReturnValue:
    """Return a page of products, in the order of their ids."""
    total, items = listed(Product)
    return {"total": total, "items": [shown(product) for product in items]}


@products.get("/<int:id>")
def get_product(id: int) -> ResponseReturnValue:
    """Return one product."""
    return shown(get_or_404(Product, id))


@products.post("")
def create_product() -> ResponseReturnValue:
    """Store a new product."""
    product = Product(**body_as(ProductIn).model_dump())
    request_session().add(product)
    request_session().commit()
    return shown(product), 201


@products.put("/<int:id>")
def update_product(id: int) -> ResponseReturnValue:
    """Replace all that is stored of a product."""
    given, product = body_as(ProductIn), get_or_404(Product, id)
    change(product, given)
    request_session().commit()
    return shown(product)


@products.delete("/<int:id>")
def delete_product(id: int) -> ResponseReturnValue:
    """Remove a product."""
    request_session().delete(get_or_404(Product, id))
    request_session().commit()
    return "", 204
