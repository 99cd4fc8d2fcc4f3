"""How the service reaches its database: models inherit from CoreBase, code opens a SessionLocal."""

import enum
from collections.abc import AsyncIterator
from typing import Any

from alambique.settings import async_driver, service_url
from sqlalchemy import Connection, Enum, MetaData, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

SQLALCHEMY_DATABASE_URI = async_driver(service_url())

# Every column of a constraint is in its name, so that UNIQUE(a) and UNIQUE(a, b) never meet.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What every model inherits from; migrations compare its metadata with the database."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    # Text, not a type of its own: members come and go without a word to the database.
    type_annotation_map = {enum.Enum: Enum(enum.Enum, native_enum=False, length=50)}


class CoreBase(Base):
    """A model with an integer primary key named id."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True)


def enforce_foreign_keys(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Switch on SQLite's foreign keys, which are off on every new connection."""
    connection.cursor().execute("PRAGMA foreign_keys=ON")


def begin_before_savepoint(connection: Connection, _: str) -> None:
    """Begin a transaction on SQLite where there is none, or releasing the savepoint would commit.

    The driver begins at the first write, and that stays: a transaction that has begun by reading
    is refused at once ("database is locked") when it comes to write after somebody else has.
    """
    driver = connection.connection.driver_connection
    if driver is not None and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN")


def make_engine(url: URL, **options: Any) -> AsyncEngine:
    """Return an engine as the service uses it: for its own database, or for that of a test."""
    engine = create_async_engine(url, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", enforce_foreign_keys)
        event.listen(engine.sync_engine, "savepoint", begin_before_savepoint)
    return engine


engine = make_engine(SQLALCHEMY_DATABASE_URI)
SessionLocal = async_sessionmaker(engine, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    """Yield one session and close it afterwards, as a web framework's dependency.

    The caller commits; what is not committed is rolled back on close.
    """
    async with SessionLocal() as session:
        yield session
