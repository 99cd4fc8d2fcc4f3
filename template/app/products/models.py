"""What the service sells."""

from decimal import Decimal

from sqlalchemy import Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import CoreBase


class Product(CoreBase):
    """A product and its price."""

    __tablename__ = "products"

    name: Mapped[str] = mapped_column(String(100))
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
