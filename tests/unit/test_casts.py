"""Which changes of a type are asked about: those that may cut a value, and those nobody knows."""

from typing import Any

import pytest
import sqlalchemy as sa
from alambique.autogenerate.casts import may_cut
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

Type = TypeEngine[Any]

KEEPS: list[tuple[Type, Type]] = [
    (sa.Enum("a", "b"), sa.Enum("b", "a", "c")),
    (sa.String(30), sa.String(30)),
    (sa.String(30), sa.String(50)),
    (sa.String(30), sa.Text()),
    (sa.Text(), sa.Text()),
    (sa.Boolean(), sa.Integer()),
    (sa.Boolean(), sa.Boolean()),
    (sa.SmallInteger(), sa.Integer()),
    (sa.Integer(), sa.BigInteger()),
    (sa.Integer(), sa.Integer()),
    (sa.SmallInteger(), sa.Numeric(5, 0)),
    (sa.Integer(), sa.Numeric(12, 2)),
    (sa.BigInteger(), sa.Numeric(19, 0)),
    (sa.BigInteger(), sa.Numeric()),
    (sa.Float(24), sa.Float(53)),
    (sa.Float(24), sa.Float()),
    (sa.Numeric(10, 2), sa.Numeric(12, 2)),
    (sa.Numeric(10, 2), sa.Numeric(12, 4)),
    (sa.Date(), sa.DateTime()),
    (sa.Date(), sa.Date()),
    (sa.DateTime(), sa.DateTime()),
    (postgresql.TIMESTAMP(precision=3), sa.DateTime()),
    (mysql.TEXT(), sa.Text()),
]
CUTS: list[tuple[Type | None, Type]] = [
    (None, sa.Integer()),
    (sa.Enum("a", "b"), sa.Enum("a")),
    (sa.String(30), sa.String(29)),
    (sa.Text(), sa.String(1_000_000)),
    (sa.Boolean(), sa.String(5)),
    (sa.Boolean(), sa.Numeric(1, 0)),
    (sa.BigInteger(), sa.Integer()),
    (sa.Integer(), sa.SmallInteger()),
    (sa.Integer(), sa.String(50)),
    (sa.Integer(), sa.Numeric(11, 2)),
    (sa.SmallInteger(), sa.Numeric(4, 0)),
    (sa.BigInteger(), sa.Numeric(18, 0)),
    (sa.Float(53), sa.Float(24)),
    (sa.Float(), sa.Float(24)),
    (sa.Numeric(10, 2), sa.Numeric(10, 4)),
    (sa.Numeric(10, 2), sa.Numeric(10, 1)),
    (sa.Numeric(), sa.Numeric(10, 2)),
    (sa.DateTime(), sa.Date()),
    (sa.Date(), sa.Time()),
    (sa.LargeBinary(), sa.Text()),
    (sa.JSON(), sa.Text()),
]


@pytest.mark.parametrize(("before", "after"), KEEPS, ids=str)
def test_every_value_survives(before: Type, after: Type) -> None:
    assert not may_cut(before, after)


@pytest.mark.parametrize(("before", "after"), CUTS, ids=str)
def test_a_value_may_be_cut(before: Type | None, after: Type) -> None:
    assert may_cut(before, after)
