"""Every test runs on a scratch database, made by the migrations and dropped at the end.

How tests are kept apart: for the length of a test, `SessionLocal` opens its sessions on one
connection, inside a transaction that is rolled back at the end. Such a session commits and rolls
back to a savepoint of its own, so a route or a function that commits leaves nothing to the next
test. Only code that connects by itself (`engine.connect()`) is not kept apart.
"""

from collections.abc import Iterator

import pytest
from alambique.testing import database, empty_database
from sqlalchemy.engine import URL, Engine
from sqlalchemy.orm import Session

from core.database import SessionLocal, engine, make_engine

__all__ = ["database", "empty_database"]  # a database at head; one with nothing in it


@pytest.fixture(scope="session")
def scratch_engine(database: URL) -> Iterator[Engine]:
    """The engine of the database at head."""
    scratch = make_engine(database)
    yield scratch
    scratch.dispose()


@pytest.fixture(autouse=True)
def session(scratch_engine: Engine) -> Iterator[Session]:
    """A session; what is done in it, and in any other session of this test, is undone."""
    with scratch_engine.connect() as connection, connection.begin() as everything:
        SessionLocal.configure(bind=connection, join_transaction_mode="create_savepoint")
        with SessionLocal() as session:
            yield session
        SessionLocal.configure(bind=engine, join_transaction_mode="conditional_savepoint")
        everything.rollback()
