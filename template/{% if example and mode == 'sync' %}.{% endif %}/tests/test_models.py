"""The models work on the database the migrations made. Each test's changes are rolled back."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.produtos.models import Produto
from app.usuarios.models import Usuario


@pytest.fixture
def session(database: URL) -> Iterator[Session]:
    engine = create_engine(database)
    with engine.connect() as connection, connection.begin() as transaction:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()
    engine.dispose()


def test_a_person_is_stored(session: Session) -> None:
    session.add(Usuario(nome="Alice", idade=30))
    session.commit()
    assert session.scalars(select(Usuario)).one().nome == "Alice"


def test_two_people_cannot_share_an_email(session: Session) -> None:
    session.add(Usuario(nome="Alice", idade=30, email="alice@example.org"))
    session.add(Usuario(nome="Bob", idade=25, email="alice@example.org"))
    with pytest.raises(IntegrityError):
        session.commit()


def test_a_price_keeps_its_cents(session: Session) -> None:
    session.add(Produto(nome="Café", preco=Decimal("12.50")))
    session.commit()
    session.expire_all()
    assert session.scalars(select(Produto)).one().preco == Decimal("12.50")
