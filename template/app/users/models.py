"""Who uses the service."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import CoreBase


class User(CoreBase):
    """A person with a name and an age in years; the email came later, in a revision of its own."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(100))
    age: Mapped[int]
    email: Mapped[str | None] = mapped_column(String(254), unique=True, index=True)
