"""A CHECK is what it says: another text is a change, another way to write it is none."""

import pytest
import sqlalchemy as sa
from alambique.autogenerate.checks import check_name
from sqlalchemy.exc import DBAPIError

from support.comparison import Revision, counted, differences, revision_for

CONVENTION = {"ck": "ck_%(table_name)s_%(constraint_name)s"}


def models(*checks: str | sa.CheckConstraint, **columns: sa.Column[object]) -> sa.MetaData:
    """Return metadata with a table and these CHECKs, called ck0, ck1, ... where they have none."""
    metadata = sa.MetaData()
    parts = [
        sa.CheckConstraint(check, name=f"ck{number}") if isinstance(check, str) else check
        for number, check in enumerate(checks)
    ]
    sa.Table(
        "itens",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("nome", sa.String(30)),
        sa.Column("texto", sa.Text),
        sa.Column("order", sa.Integer),
        sa.Column("valor", sa.Numeric(10, 2)),
        sa.Column("quando", sa.Date),
        sa.Column("peso", sa.Float),
        *columns.values(),
        *parts,
    )
    return metadata


def nameless(condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition)


def changed(connection: sa.Connection, after: sa.MetaData, *said: str) -> Revision:
    """Return what is written; it has gone up, down and up again."""
    revision = revision_for(connection, after, *said)
    assert revision is not None
    before = differences(connection, after)
    for _ in range(2):
        revision.upgrade()
        assert differences(connection, after) == ""
        revision.downgrade()
        assert differences(connection, after) == before
    revision.upgrade()
    return revision


# What may be said of a row, in one way and in another.
CONDITIONS = [
    "nome IN ('a', 'b:c', ' \\:d')",
    "valor BETWEEN 1 AND 100",
    "valor>0",
    "nome LIKE 'a%' OR nome LIKE '%_b'",
    "NOT (nome = 'x')",
    "nome <> ''\n    AND valor > 0\n    AND valor < 1000",
    "length(trim(nome)) > 2 AND lower(nome) = nome",
    "quando >= '2020-01-01'",
    "CAST(valor AS INTEGER) > 3",
    "coalesce(valor, 0) >= 0.5",
    "nome IS NOT NULL OR texto IS NOT NULL",
    "(valor > 0) AND (valor < 10 OR nome = 'it''s')",
    "CASE WHEN nome = 'a' THEN valor > 1 ELSE valor > 2 END",
    "texto IN ('a', 'b')",
    "peso > 0.1 AND peso <= 1e3",
    "valor % 2 = 0",
    "nome = '50%'",
    "valor > -1",
]


def test_what_create_all_makes_is_equal(connection: sa.Connection) -> None:
    order = sa.CheckConstraint(sa.column("order", sa.Integer) > 3, name="ck_order")
    nested = sa.CheckConstraint(sa.column("nome", sa.String).in_(["x", " :y", "50%"]), name="ck_in")
    mapped = models(
        *CONDITIONS,
        order,
        nested,
        nameless("valor < 10000"),
        sa.CheckConstraint("itens.valor > 7", name="ck_itens"),
        b=sa.Column("b", sa.Boolean(create_constraint=True)),
        e=sa.Column(
            "e", sa.Enum("x", "y", name="letra", native_enum=False, create_constraint=True)
        ),
        n=sa.Column("n", sa.Integer, sa.CheckConstraint("n > 0")),
    )
    mapped.create_all(connection)
    assert differences(connection, mapped) == ""
    assert sa.inspect(connection).get_table_names() == ["itens"]


@pytest.mark.parametrize("connection", ["postgresql"], indirect=True)
def test_what_reads_the_same_is_not_asked_about(connection: sa.Connection) -> None:
    """As PostgreSQL says it of `valor > 0`: a cast, whose colons nobody escapes in a model."""
    mapped = models("valor > 0::numeric")
    mapped.create_all(connection)
    connection.commit()
    with counted(connection) as statements:
        assert differences(connection, mapped) == ""
    assert not [sql for sql in statements if sql.lstrip().startswith("CREATE")]


def test_tables_without_checks_are_asked_about_together(connection: sa.Connection) -> None:
    def tables(number: int) -> sa.MetaData:
        metadata = sa.MetaData()
        for each in range(number):
            sa.Table(f"t{each}", metadata, sa.Column("c", sa.Integer))
        return metadata

    asked = []
    for number in (2, 12):
        mapped = tables(number)
        mapped.create_all(connection)
        connection.commit()
        with counted(connection) as statements:
            assert differences(connection, mapped) == ""
        asked.append([each for each in statements if "SAVEPOINT" in each or "contype" in each])
        mapped.drop_all(connection)
        connection.commit()
    assert len(asked[0]) == len(asked[1])


def test_what_a_revision_makes_is_equal(connection: sa.Connection) -> None:
    mapped = models(*CONDITIONS)
    changed(connection, mapped)


@pytest.mark.parametrize("naming", [{}, CONVENTION])
def test_another_condition_is_written(connection: sa.Connection, naming: dict[str, str]) -> None:
    def limited(condition: str) -> sa.MetaData:
        metadata = sa.MetaData(naming_convention=naming)
        check = sa.CheckConstraint(condition, name="limite")
        sa.Table(
            "itens",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("n", sa.Integer),
            check,
        )
        return metadata

    limited("n < 10").create_all(connection)
    connection.exec_driver_sql("INSERT INTO itens VALUES (1, 5)")
    revision = changed(connection, limited("n < 20 AND n <> 15"))
    assert revision.source.count("limite") == 2
    connection.exec_driver_sql("INSERT INTO itens VALUES (2, 12)")
    with pytest.raises(DBAPIError):
        connection.exec_driver_sql("INSERT INTO itens VALUES (3, 15)")
    connection.rollback()


def test_each_other_condition_is_found(connection: sa.Connection) -> None:
    models(*CONDITIONS).create_all(connection)
    revision = changed(connection, models(*(f"({each}) OR valor = 9" for each in CONDITIONS)))
    assert revision.source.count("drop_constraint") == len(CONDITIONS)


def test_a_member_more_is_a_change(connection: sa.Connection) -> None:
    def with_members(*members: str) -> sa.MetaData:
        type_ = sa.Enum(*members, name="letra", native_enum=False, create_constraint=True, length=9)
        return models(e=sa.Column("e", type_))

    with_members("x", "y").create_all(connection)
    changed(connection, with_members("x", "y", " :z", "50%"))


def test_one_without_a_name_is_the_one_that_says_the_same(connection: sa.Connection) -> None:
    models("valor > 0", "nome <> ''").create_all(connection)
    assert differences(connection, models(nameless("nome<>''"), nameless("(valor > 0)"))) == ""


def test_one_without_a_name_takes_the_place_of_another(connection: sa.Connection) -> None:
    models("valor > 0", "nome <> ''").create_all(connection)
    after = models(nameless("valor > 5"), nameless("nome <> ''"))
    revision = changed(connection, after)
    assert revision.source.count("ck0") == 2 and "ck1" not in revision.source


def test_several_without_a_name_take_the_places_of_as_many(connection: sa.Connection) -> None:
    """On the same columns: which of them is which cannot be told, and need not be."""
    models("valor > 0", "valor < 10", "nome <> ''").create_all(connection)
    after = models(nameless("valor > 1"), nameless("valor < 9"), nameless("nome <> ''"))
    revision = changed(connection, after)
    assert revision.source.count("ck0") == revision.source.count("ck1") == 2
    assert "ck2" not in revision.source


def test_another_way_to_write_it_is_none(connection: sa.Connection) -> None:
    models("valor > 0 AND nome <> 'a b'").create_all(connection)
    assert differences(connection, models("(valor>0)  and nome   != 'a b'")) == ""
    assert differences(connection, models("valor > 0 AND nome <> 'a  b'")) != ""


def test_a_column_of_another_type_keeps_its_check(connection: sa.Connection) -> None:
    def typed(type_: sa.types.TypeEngine[object]) -> sa.MetaData:
        check = sa.CheckConstraint("x IN ('a', 'b')", name="ck_x")
        return models(check, x=sa.Column("x", type_))

    typed(sa.String(9)).create_all(connection)
    changed(connection, typed(sa.Text()))


def test_a_name_too_long_is_cut_as_the_database_has_it(connection: sa.Connection) -> None:
    metadata = sa.MetaData(naming_convention=CONVENTION)
    check = sa.CheckConstraint("n > 0", name="positivo")
    key = sa.Column("id", sa.Integer, primary_key=True)
    sa.Table("t" * 60, metadata, key, sa.Column("n", sa.Integer), check)
    metadata.create_all(connection)
    assert differences(connection, metadata) == ""
    name = check_name(check, connection.dialect)
    assert name in {each["name"] for each in sa.inspect(connection).get_check_constraints("t" * 60)}
