"""A type that PostgreSQL casts nothing into by itself gets its USING, both ways."""

import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.autogenerate.casts import may_cut
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from support.comparison import differences, revision_for

pytestmark = pytest.mark.parametrize("connection", ["postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def english() -> None:
    messages.speak("en")


def models(type_: TypeEngine[Any], default: str | None) -> sa.MetaData:
    metadata = sa.MetaData()
    said: Any = None if default is None else sa.text(default)
    sa.Table(
        "itens",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("Feito", type_, server_default=said),
    )
    return metadata


LETTERS = sa.Enum("a", "b", name="letras")
MORE_LETTERS = sa.Enum("a", "b", "c", name="mais_letras")

DAY = datetime.date(2026, 2, 3)

# Two types, each with a default and a value that are the same in the other.
CHANGES: list[tuple[tuple[TypeEngine[Any], str, Any], tuple[TypeEngine[Any], str, Any]]] = [
    ((sa.Boolean(), "false", True), (sa.Integer(), "0", 1)),
    ((sa.Boolean(), "false", True), (sa.Numeric(5, 2), "0", 1)),
    ((sa.Boolean(), "false", True), (sa.SmallInteger(), "0", 1)),
    ((sa.Boolean(), "false", True), (sa.String(9), "'false'", "true")),
    ((sa.String(9), "'0'", "12"), (sa.Integer(), "0", 12)),
    ((sa.String(30), "'2026-01-01'", "2026-02-03"), (sa.Date(), "'2026-01-01'", DAY)),
    ((sa.Text(), "'{}'", '{"a": 1}'), (postgresql.JSONB(), "'{}'", {"a": 1})),
    ((sa.String(9), "'a'", "b"), (LETTERS, "'a'", "b")),
    ((LETTERS, "'a'", "b"), (MORE_LETTERS, "'a'", "b")),
    ((sa.Integer(), "0", 7), (sa.BigInteger(), "0", 7)),
]


@pytest.mark.parametrize("with_default", [False, True])
def test_values_get_the_other_type_and_back(connection: sa.Connection, with_default: bool) -> None:
    for one, other in CHANGES:
        for before, after in ((one, other), (other, one)):
            sides = [
                models(type_, default if with_default else None)
                for type_, default, _ in (before, after)
            ]
            sides[0].create_all(connection)
            row = {"id": 1, "Feito": before[2]}
            connection.execute(sa.insert(sides[0].tables["itens"]), row)
            connection.commit()

            cuts = may_cut(before[0], after[0], connection.dialect)
            said = ['drop=itens."Feito"'] if cuts else []
            revision = revision_for(connection, sides[1], *said)
            assert revision is not None, (before, after)
            for _ in range(2):
                revision.upgrade()
                assert differences(connection, sides[1]) == "", (before, after)
                rows = connection.execute(sa.select(sides[1].tables["itens"])).all()
                assert (
                    after[2] is None
                    or [row[1] for row in rows if before[2]] == [after[2]]
                    or (before[2] is None)
                ), (before, after, rows)
                revision.downgrade()
                assert differences(connection, sides[0]) == "", (before, after)
            connection.rollback()
            connection.exec_driver_sql("DROP TABLE itens")
            connection.exec_driver_sql("DROP TYPE IF EXISTS letras, mais_letras")
            connection.commit()


def test_what_is_cast_anyway_says_nothing(connection: sa.Connection) -> None:
    models(sa.Integer(), "0").create_all(connection)
    connection.commit()
    revision = revision_for(connection, models(sa.BigInteger(), "0"))
    assert revision is not None
    assert "using" not in revision.source and revision.source.count("alter_column") == 1
