"""O que o serviço vende."""

from decimal import Decimal

from sqlalchemy import Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import CoreBase


class Produto(CoreBase):
    """Um produto e seu preço."""

    __tablename__ = "produtos"

    nome: Mapped[str] = mapped_column(String(100))
    preco: Mapped[Decimal] = mapped_column(Numeric(10, 2))
