"""Every test runs on a scratch database, made by the migrations and dropped at the end.

How tests are kept apart: for the length of a test, `SessionLocal` opens its sessions on one
connection, inside a transaction that is rolled back at the end. Such a session commits and rolls
back to a savepoint of its own, so a route or a function that commits leaves nothing to the next
test. Only code that connects by itself (`engine.connect()`) is not kept apart.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from alambique.settings import async_driver
from alambique.testing import database, empty_database
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.pool import NullPool

from core.database import SessionLocal, engine, make_engine

__all__ = ["database", "empty_database"]  # a database at head; one with nothing in it


@pytest.fixture(scope="session")
def scratch_engine(database: URL) -> Iterator[AsyncEngine]:
    """The engine of the database at head."""
    # A server's connection belongs to the event loop of one test; SQLite's goes from test to test.
    pool = {} if database.get_backend_name() == "sqlite" else {"poolclass": NullPool}
    scratch = make_engine(async_driver(database), **pool)
    yield scratch
    asyncio.run(scratch.dispose())


@pytest_asyncio.fixture(autouse=True)
async def session(scratch_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A session; what is done in it, and in any other session of this test, is undone."""
    async with scratch_engine.connect() as connection, connection.begin() as everything:
        SessionLocal.configure(bind=connection, join_transaction_mode="create_savepoint")
        async with SessionLocal() as session:
            yield session
        SessionLocal.configure(bind=engine, join_transaction_mode="conditional_savepoint")
        await everything.rollback()
