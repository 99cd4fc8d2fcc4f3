"""Quem usa o serviço."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import CoreBase


class Usuario(CoreBase):
    """Uma pessoa, com nome e idade em anos; o email veio depois, em uma revisão própria."""

    __tablename__ = "usuarios"

    nome: Mapped[str] = mapped_column(String(100))
    idade: Mapped[int]
    email: Mapped[str | None] = mapped_column(String(254), unique=True, index=True)
