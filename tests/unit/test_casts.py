"""Which changes of a type are asked about: those that may cut a value, and those nobody knows.

What is not asked about is proven in test_conversions.py, by the servers.
"""

from typing import Any

import pytest
import sqlalchemy as sa
from alambique.autogenerate.casts import may_cut
from sqlalchemy import Dialect
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

Type = TypeEngine[Any]

DIALECTS = {
    "sqlite": make_url("sqlite://").get_dialect()(),
    "mysql": make_url("mysql+pymysql://").get_dialect()(),
    "postgresql": make_url("postgresql+psycopg://").get_dialect()(),
}


class Titled(TypeDecorator[str]):
    """A type for Python's eyes: the database has a text."""

    impl = sa.String(50)
    cache_ok = True


class Guid(TypeDecorator[str]):
    """A text, but on PostgreSQL a UUID, though a revision writes the text."""

    impl = sa.String(50)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Type:
        return sa.UUID() if dialect.name == "postgresql" else sa.String(50)


class Point(UserDefinedType[str]):
    """A type SQLAlchemy does not know."""

    cache_ok = True

    def __init__(self, system: int) -> None:
        self.system = system

    def get_col_spec(self) -> str:
        return f"POINT({self.system})"


class Shout(sa.String):
    """A type of the application's, whatever it may be in the database."""


KEEPS: dict[str, list[tuple[Type, Type]]] = {
    "every": [
        (sa.String(30), sa.String(30)),
        (sa.String(30), sa.String(50)),
        (sa.String(30), sa.Text()),
        (sa.String(30), sa.Unicode(40)),
        (sa.Text(), sa.Text()),
        (sa.Boolean(), sa.Boolean()),
        (sa.SmallInteger(), sa.Integer()),
        (sa.Integer(), sa.BigInteger()),
        (sa.Integer(), sa.Integer()),
        (sa.Integer(), sa.String(11)),
        (sa.BigInteger(), sa.Text()),
        (sa.SmallInteger(), sa.Numeric(5, 0)),
        (sa.Integer(), sa.Numeric(12, 2)),
        (sa.BigInteger(), sa.Numeric(19, 0)),
        (sa.Float(24), sa.Float(53)),
        (sa.Float(24), sa.Double()),
        (sa.Numeric(10, 2), sa.Numeric(12, 2)),
        (sa.Numeric(10, 2), sa.Numeric(12, 4)),
        (sa.Date(), sa.Date()),
        (sa.DateTime(), sa.DateTime()),
        (sa.JSON(), sa.JSON()),
        (sa.LargeBinary(), sa.LargeBinary()),
        (sa.String(1), sa.Enum("a", "longer", native_enum=False)),
        (sa.String(50), Titled()),
        (sa.String(50), Titled().with_variant(sa.String(60), "mysql", "postgresql")),
        (Point(4326), Point(4326)),
        (sa.String(50), Shout(50)),
    ],
    "sqlite": [
        (sa.Boolean(), sa.Integer()),
        (sa.Boolean(), sa.String(5)),
        (sa.BigInteger(), sa.Numeric()),
        (sa.Enum("a", "b"), sa.Enum("b", "a", "c")),
        (sa.Float(), sa.Float(24)),
    ],
    "mysql": [
        (mysql.TINYINT(display_width=1), sa.Integer()),
        (mysql.TINYINT(display_width=1), sa.Boolean()),
        (sa.Numeric(10, 2), sa.String(13)),
        (mysql.INTEGER(unsigned=True), sa.BigInteger()),
        (sa.Enum("a", "b"), sa.Enum("b", "a", "c")),
        (mysql.ENUM("a", "b"), sa.String(10)),
        (mysql.SET("a", "b"), mysql.SET("a", "b", "c")),
        (mysql.TEXT(), mysql.LONGTEXT()),
        (sa.String(16_000), sa.Text()),
        (mysql.VARCHAR(50, charset="latin1"), mysql.VARCHAR(50, charset="utf8mb4")),
        (sa.String(50), sa.String(60, collation="utf8mb4_bin")),
        (mysql.DATETIME(), mysql.DATETIME(fsp=6)),
        (mysql.TIMESTAMP(), mysql.TIMESTAMP(fsp=3)),
        (sa.Date(), sa.DateTime()),
        (sa.VARBINARY(10), sa.VARBINARY(100)),
        (sa.BINARY(10), sa.LargeBinary()),
        (mysql.BLOB(), mysql.LONGBLOB()),
    ],
    "postgresql": [
        (sa.REAL(), sa.Double()),
        (sa.Numeric(), sa.Text()),
        (sa.Double(), sa.Text()),
        (sa.Date(), sa.Text()),
        (sa.DateTime(), sa.Text()),
        (postgresql.INTERVAL(), sa.Text()),
        (sa.JSON(), sa.Text()),
        (postgresql.JSONB(), sa.Text()),
        (sa.Uuid(), sa.Text()),
        (sa.ARRAY(sa.Integer()), sa.Text()),
        (sa.REAL(), sa.Float()),
        (sa.BigInteger(), sa.Numeric()),
        (sa.Date(), sa.DateTime()),
        (postgresql.TIMESTAMP(precision=3), sa.DateTime()),
        (postgresql.TIMESTAMP(timezone=True), sa.DateTime(timezone=True)),
        (postgresql.TIME(precision=0), sa.Time()),
        (postgresql.INTERVAL(precision=3), postgresql.INTERVAL()),
        (postgresql.INTERVAL(), sa.Interval()),
        (sa.ARRAY(sa.Numeric(10, 2)), sa.ARRAY(sa.Numeric(12, 4))),
        (sa.ARRAY(sa.Integer()), postgresql.ARRAY(sa.BigInteger(), dimensions=2)),
        (postgresql.CIDR(), postgresql.INET()),
        (postgresql.BIT(5), postgresql.BIT(5, varying=True)),
        (postgresql.ENUM("a", "b", name="letters"), sa.Text()),
        (postgresql.ENUM("a", "b", name="letters"), sa.Enum("a", "b", name="letters")),
        (sa.Text(), postgresql.CITEXT()),
        (sa.UUID(), sa.Uuid()),
    ],
}
CUTS: dict[str, list[tuple[Type | None, Type]]] = {
    "every": [
        (None, sa.Integer()),
        (sa.types.NullType(), sa.Integer()),
        (sa.types.NullType(), sa.types.NullType()),
        (sa.String(6), sa.Enum("a", "b", native_enum=False)),
        (sa.String(30), sa.String(29)),
        (sa.Text(), sa.String(1_000_000)),
        (sa.Integer(), sa.String(10)),
        (sa.BigInteger(), sa.Integer()),
        (sa.Integer(), sa.SmallInteger()),
        (sa.Integer(), sa.Numeric(11, 2)),
        (sa.SmallInteger(), sa.Numeric(4, 0)),
        (sa.BigInteger(), sa.Numeric(18, 0)),
        (sa.Numeric(10, 2), sa.Numeric(10, 4)),
        (sa.Numeric(10, 2), sa.Numeric(10, 1)),
        (sa.Numeric(10, 2), sa.Float()),
        (sa.DateTime(), sa.Date()),
        (sa.Date(), sa.Time()),
        (sa.LargeBinary(), sa.Text()),
        (sa.String(60), Titled()),
        (sa.String(40), Titled().with_variant(sa.String(30), "sqlite", "mysql", "postgresql")),
        (sa.String(50), Shout(60)),
        (Shout(50), Shout(60)),
        (Point(4326), Point(3857)),
        (sa.String(50), Point(4326)),
    ],
    "sqlite": [
        (sa.Date(), sa.DateTime()),
        (sa.Numeric(), sa.Numeric(10, 2)),
        (sa.Numeric(10, 2), sa.Text()),
        (sa.Float(), sa.Text()),
        (sa.JSON(), sa.Text()),
    ],
    "mysql": [
        (mysql.LONGTEXT(), sa.Text()),
        (mysql.BIGINT(unsigned=True), sa.Text()),
        (sa.TIMESTAMP(), sa.Text()),
        (sa.Integer(), mysql.ENUM("1")),
        (sa.String(100), mysql.TINYTEXT()),
        (mysql.INTEGER(), mysql.TINYINT()),
        (mysql.INTEGER(), sa.Boolean()),
        (mysql.INTEGER(), mysql.INTEGER(unsigned=True)),
        (mysql.INTEGER(unsigned=True), mysql.INTEGER()),
        (mysql.INTEGER(), mysql.INTEGER(zerofill=True)),
        (mysql.NUMERIC(10, 2), mysql.NUMERIC(10, 2, unsigned=True)),
        (mysql.NUMERIC(10, 2), sa.Numeric()),
        (mysql.DOUBLE(), sa.Float()),
        (mysql.DOUBLE(), mysql.REAL()),
        (mysql.DOUBLE(), mysql.DOUBLE(precision=10, scale=3)),
        (mysql.DATETIME(), sa.TIMESTAMP()),
        (mysql.TIMESTAMP(), sa.DateTime()),
        (sa.Date(), sa.TIMESTAMP()),
        (mysql.DATETIME(fsp=6), sa.DateTime()),
        (mysql.TIME(fsp=3), sa.Time()),
        (sa.VARBINARY(100), sa.VARBINARY(10)),
        (sa.VARBINARY(10), sa.BINARY(10)),
        (sa.BINARY(5), sa.BINARY(10)),
        (mysql.LONGBLOB(), sa.LargeBinary()),
        (sa.String(50), sa.CHAR(50)),
        (mysql.VARCHAR(50, charset="utf8mb4"), mysql.VARCHAR(50, charset="latin1")),
        (mysql.VARCHAR(50, charset="utf8mb4"), sa.String(50)),
        (sa.String(50), sa.String(50, collation="latin1_bin")),
        (sa.String(50), mysql.VARCHAR(50, ascii=True)),
        (sa.String(50), sa.NVARCHAR(50)),
        (mysql.TEXT(charset="latin1"), mysql.TEXT(charset="utf8mb4")),
        (sa.String(1), sa.Enum("a", "b")),
        (sa.Enum("a", "b"), sa.Enum("a")),
        (mysql.SET("a", "b"), mysql.SET("b", "a")),
        (mysql.SET("a", "b"), sa.String(2)),
        (sa.JSON(), sa.Text()),
    ],
    "postgresql": [
        (sa.DOUBLE_PRECISION(53), sa.REAL()),
        (sa.Boolean(), sa.String(5)),
        (sa.DateTime(timezone=True), sa.Text()),
        (sa.ARRAY(sa.Integer()), sa.String(1_000)),
        (sa.Float(), sa.Float(24)),
        (sa.Boolean(), sa.Integer()),
        (sa.Numeric(), sa.Numeric(10, 2)),
        (postgresql.TIMESTAMP(), postgresql.TIMESTAMP(precision=0)),
        (postgresql.TIME(), postgresql.TIME(precision=3)),
        (postgresql.TIME(), postgresql.TIME(timezone=True)),
        (postgresql.INTERVAL(), postgresql.INTERVAL(precision=0)),
        (postgresql.INTERVAL(), postgresql.INTERVAL(fields="DAY")),
        (postgresql.TIMESTAMP(timezone=True), sa.DateTime()),
        (postgresql.TIMESTAMP(), sa.DateTime(timezone=True)),
        (sa.Date(), sa.DateTime(timezone=True)),
        (sa.ARRAY(sa.Numeric(10, 4)), sa.ARRAY(sa.Numeric(10, 2))),
        (sa.ARRAY(sa.JSON()), sa.ARRAY(postgresql.JSONB())),
        (postgresql.INET(), postgresql.CIDR()),
        (postgresql.JSON(), postgresql.JSONB()),
        (postgresql.BIT(8, varying=True), postgresql.BIT(5, varying=True)),
        (postgresql.BIT(5), postgresql.BIT(8)),
        (sa.CHAR(5), sa.CHAR(10)),
        (sa.String(5), sa.NCHAR(5)),
        (postgresql.ENUM("a", "b", name="x"), sa.Enum("a", name="x")),
        (postgresql.ENUM("a", name="one"), sa.Enum("a", name="other")),
        (sa.String(50), Guid()),
    ],
}


def everywhere(pairs: dict[str, list[Any]]) -> list[Any]:
    """Return the pairs with the name of each database that they are for."""
    return [
        pytest.param(database, *pair, id=f"{database}-{pair[0]!r}-{pair[1]!r}")
        for database in DIALECTS
        for pair in [*pairs["every"], *pairs[database]]
    ]


@pytest.mark.parametrize(("database", "before", "after"), everywhere(KEEPS))
def test_every_value_survives(database: str, before: Type, after: Type) -> None:
    assert not may_cut(before, after, DIALECTS[database])


@pytest.mark.parametrize(("database", "before", "after"), everywhere(CUTS))
def test_a_value_may_be_cut(database: str, before: Type | None, after: Type) -> None:
    assert may_cut(before, after, DIALECTS[database])


def test_nothing_is_known_of_the_types_of_another_database() -> None:
    other = make_url("mssql+pyodbc://").get_dialect()

    assert may_cut(sa.String(5), sa.String(6), other())
    assert not may_cut(sa.Integer(), sa.Integer(), other())
