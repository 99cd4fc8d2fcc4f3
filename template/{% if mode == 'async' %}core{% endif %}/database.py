"""How the service reaches its database: models inherit from CoreBase, code opens a SessionLocal."""

import enum
from collections.abc import AsyncIterator

from sqlalchemy import Enum, MetaData, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

from core import async_driver, database_url

SQLALCHEMY_DATABASE_URI = async_driver(database_url())

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


engine = create_async_engine(SQLALCHEMY_DATABASE_URI)
SessionLocal = async_sessionmaker(engine, expire_on_commit=False)


@event.listens_for(engine.sync_engine, "connect")
def enforce_foreign_keys(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Switch on SQLite's foreign keys, which are off on every new connection."""
    if engine.dialect.name == "sqlite":
        connection.cursor().execute("PRAGMA foreign_keys=ON")


async def get_session() -> AsyncIterator[AsyncSession]:
    """Yield one session and close it afterwards, as a web framework's dependency.

    The caller commits; what is not committed is rolled back on close.
    """
    async with SessionLocal() as session:
        yield session
