"""The models work on the database the migrations made. Each test's changes are rolled back."""

from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.products.models import Product
from app.users.models import User


def test_a_person_is_stored(session: Session) -> None:
    session.add(User(name="Alice", age=30))
    session.commit()
    assert session.scalars(select(User)).one().name == "Alice"


def test_two_people_cannot_share_an_email(session: Session) -> None:
    session.add(User(name="Alice", age=30, email="alice@example.org"))
    session.add(User(name="Bob", age=25, email="alice@example.org"))
    with pytest.raises(IntegrityError):
        session.commit()


def test_a_price_keeps_its_cents(session: Session) -> None:
    session.add(Product(name="Café", price=Decimal("12.50")))
    session.commit()
    session.expire_all()
    assert session.scalars(select(Product)).one().price == Decimal("12.50")
