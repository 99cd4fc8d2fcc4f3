"""Os modelos funcionam no banco que as migrações criaram. O que cada teste muda é desfeito."""

from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.produtos.models import Produto
from app.usuarios.models import Usuario


async def test_a_person_is_stored(session: AsyncSession) -> None:
    session.add(Usuario(nome="Alice", idade=30))
    await session.commit()
    assert (await session.scalars(select(Usuario))).one().nome == "Alice"


async def test_two_people_cannot_share_an_email(session: AsyncSession) -> None:
    session.add(Usuario(nome="Alice", idade=30, email="alice@example.org"))
    session.add(Usuario(nome="Bob", idade=25, email="alice@example.org"))
    with pytest.raises(IntegrityError):
        await session.commit()


async def test_a_price_keeps_its_cents(session: AsyncSession) -> None:
    session.add(Produto(nome="Café", preco=Decimal("12.50")))
    await session.commit()
    session.expire_all()
    assert (await session.scalars(select(Produto))).one().preco == Decimal("12.50")
