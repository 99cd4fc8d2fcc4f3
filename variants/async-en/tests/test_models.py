"""The models work on the database the migrations made. Each test's changes are rolled back."""

from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.products.models import Product
from app.users.models import User


async def test_a_person_is_stored(session: AsyncSession) -> None:
    session.add(User(name="Alice", age=30))
    await session.commit()
    assert (await session.scalars(select(User))).one().name == "Alice"


async def test_two_people_cannot_share_an_email(session: AsyncSession) -> None:
    session.add(User(name="Alice", age=30, email="alice@example.org"))
    session.add(User(name="Bob", age=25, email="alice@example.org"))
    with pytest.raises(IntegrityError):
        await session.commit()


async def test_a_price_keeps_its_cents(session: AsyncSession) -> None:
    session.add(Product(name="Café", price=Decimal("12.50")))
    await session.commit()
    session.expire_all()
    assert (await session.scalars(select(Product))).one().price == Decimal("12.50")
