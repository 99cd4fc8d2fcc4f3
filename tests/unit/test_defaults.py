"""Two defaults are one where rows get the same, however models and database say it."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import func, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from support.comparison import counted, differences, revision_for
from support.database import DATABASES

Default = str | sa.TextClause | sa.ColumnElement[Any] | None

# What a column may say by default, all of one group the same; (databases, type, ways to say it).
# A database that refuses one of them has no part in it.
ALIKE: dict[str, tuple[tuple[str, ...], TypeEngine[Any], list[Default]]] = {
    "a whole number": (
        DATABASES,
        sa.Integer(),
        ["0", text("0"), text("'0'"), text("(0)"), text("0.0"), text("+0")],
    ),
    "a big one": (("postgresql",), sa.BigInteger(), ["0", text("0"), text("0::bigint")]),
    "a number": (
        DATABASES,
        sa.Numeric(10, 2),
        ["0", "0.00", text("0"), text("0.0"), text("'0.00'"), text("0e0")],
    ),
    "a float": (DATABASES, sa.Float(), ["0", "0.0", text("0"), text("0.00")]),
    "no": (DATABASES, sa.Boolean(), ["0", text("'0'"), sa.false(), text("FALSE")]),
    "no, as a number": (("sqlite", "mysql"), sa.Boolean(), [text("0"), text("false")]),
    "yes": (DATABASES, sa.Boolean(), ["1", sa.true(), text("true")]),
    "a text": (
        DATABASES,
        sa.String(30),
        ["a:b'c%", text("'a\\:b''c%'"), text("('a\\:b''c%')")],
    ),
    "a text that is cast": (
        ("postgresql",),
        sa.String(30),
        ["x", text("'x'::text"), text("'x'::character varying"), text("CAST('x' AS VARCHAR)")],
    ),
    "an empty text": (DATABASES, sa.String(30), ["", text("''"), text("('')")]),
    "nothing": (DATABASES, sa.String(30), [None, text("NULL"), text("(null)")]),
    "the moment": (
        DATABASES,
        sa.DateTime(),
        [func.now(), func.current_timestamp(), text("current_timestamp")],
    ),
    "the moment, as a server calls it": (
        ("postgresql", "mysql"),
        sa.DateTime(),
        [func.now(), text("NOW()"), text("CURRENT_TIMESTAMP"), text("(current_timestamp)")],
    ),
    "the moment of a change": (
        ("mysql",),
        sa.TIMESTAMP(),
        [
            text("CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"),
            text("now() on update current_timestamp()"),
        ],
    ),
    "the moment, in the session's zone": (
        ("postgresql",),
        sa.DateTime(),
        [
            func.now(),
            text("LOCALTIMESTAMP"),
            text("now()::timestamp"),
            text("transaction_timestamp()"),
            text("localtimestamp(6)"),
        ],
    ),
    "the moment, with its zone": (
        ("postgresql",),
        sa.DateTime(timezone=True),
        [func.now(), text("LOCALTIMESTAMP"), text("CURRENT_TIMESTAMP(6)")],
    ),
    "the moment, in UTC": (
        ("postgresql",),
        sa.DateTime(),
        [
            text("timezone('utc', now())"),
            text("(now() AT TIME ZONE 'utc')"),
            text("(CURRENT_TIMESTAMP AT TIME ZONE 'utc')"),
        ],
    ),
    "the moment, as SQLite calls it": (
        ("sqlite",),
        sa.DateTime(),
        [
            func.now(),
            text("(datetime('now'))"),
            text("(DATETIME( 'now' ))"),
            text("((datetime()))"),
            text("(strftime('%Y-%m-%d %H:%M:%S', 'now'))"),
        ],
    ),
    "the moment, with its brackets or without": (
        ("mysql",),
        sa.DateTime(),
        [
            text("CURRENT_TIMESTAMP"),
            text("CURRENT_TIMESTAMP()"),
            text("(now())"),
            text("localtime"),
        ],
    ),
    "the day": (
        ("postgresql", "mysql"),
        sa.Date(),
        [text("(CURRENT_DATE)"), text("(curdate())"), text("now()::date")],
    ),
    "an array": (
        ("postgresql",),
        postgresql.ARRAY(sa.String),
        ["{}", text("ARRAY[]::varchar[]"), text("'{}'::text[]")],
    ),
}

# What is not the same, though it looks like it, or gives the same today.
UNLIKE: dict[str, tuple[tuple[str, ...], TypeEngine[Any], list[Default]]] = {
    "numbers": (DATABASES, sa.Integer(), ["0", "1", None]),
    "texts": (DATABASES, sa.String(30), ["0", "0.0", "", "now()", None]),
    "the kind that SQLite stores": (("sqlite",), sa.LargeBinary(), [text("'1'"), text("1")]),
    "a moment": (("postgresql",), sa.DateTime(), [func.now(), text("clock_timestamp()")]),
    "moments": (
        ("postgresql",),
        sa.DateTime(),
        [
            text("now()"),
            text("timezone('utc', now())"),
            text("timezone('Europe/London', now())"),
            text("statement_timestamp()"),
            text("current_date"),
            text("(now() + interval '1 second')"),
            text("date_trunc('second', now())"),
        ],
    ),
    "days": (
        ("postgresql",),
        sa.Date(),
        [
            text("CURRENT_DATE"),
            text("(now() AT TIME ZONE 'utc')"),
            text("(now() + interval '1 minute')"),
            text("date_trunc('month', now())"),
            text("(timezone('Asia/Tokyo', now()))"),
        ],
    ),
    "moments of SQLite": (
        ("sqlite",),
        sa.DateTime(),
        [
            func.now(),
            text("(datetime('now', 'localtime'))"),
            text("(datetime('now', '+1 second'))"),
            text("(strftime('%Y-%m-%d %H:%M:%f', 'now'))"),
        ],
    ),
    "a day": (DATABASES, sa.Date(), [func.current_date(), "2026-01-01"]),
    "today and its date": (("postgresql",), sa.Date(), [func.current_date(), text("'today'")]),
    "calls": (("sqlite",), sa.Float(), [text("(random())"), text("(abs(random()))")]),
    "words for a call": (
        ("postgresql",),
        sa.String(30),
        [text("'now()'"), text("'CURRENT_TIMESTAMP'")],
    ),
}


def database_of(connection: sa.Connection) -> str:
    return connection.dialect.name


def models(default: Default, type_: TypeEngine[Any]) -> sa.MetaData:
    metadata = sa.MetaData()
    key = sa.Column("id", sa.Integer, primary_key=True)
    sa.Table("t", metadata, key, sa.Column("c", type_, server_default=default))  # type: ignore[arg-type]
    return metadata


def ways_here(
    connection: sa.Connection,
    cases: dict[str, tuple[tuple[str, ...], TypeEngine[Any], list[Default]]],
) -> Iterator[tuple[str, TypeEngine[Any], list[Default]]]:
    for name, (databases, type_, ways) in cases.items():
        if database_of(connection) in databases:
            yield name, type_, ways


def test_what_rows_get_alike_is_equal(connection: sa.Connection) -> None:
    for name, type_, ways in ways_here(connection, ALIKE):
        taken = []
        for way in ways:
            found = models(way, type_)
            try:
                found.create_all(connection)
            except DBAPIError:  # this database does not say it so
                connection.rollback()
                continue
            taken.append(way)
            for other in (taken[0], taken[-2:][0]):
                assert differences(connection, models(other, type_)) == "", (name, way, other)
            found.drop_all(connection)
            connection.commit()
        assert len(taken) > 1, name


def test_what_rows_get_otherwise_is_a_change(connection: sa.Connection) -> None:
    for name, type_, ways in ways_here(connection, UNLIKE):
        for way in ways:
            found = models(way, type_)
            found.create_all(connection)
            for other in ways:
                written = differences(connection, models(other, type_))
                assert written.count("server_default=") == (way is not other), (name, way, other)
            found.drop_all(connection)
            connection.commit()


def test_the_server_is_asked_once_about_all_defaults(connection: sa.Connection) -> None:
    def numbered(columns: int) -> sa.MetaData:
        metadata = sa.MetaData()
        parts = [
            sa.Column(f"c{number}", sa.String(9), server_default=str(number))
            for number in range(columns)
        ]
        sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), *parts)
        return metadata

    asked = []
    for columns in (2, 20):
        mapped = numbered(columns)
        mapped.create_all(connection)
        connection.commit()
        with counted(connection) as statements:
            assert differences(connection, mapped) == ""
        asked.append(len(statements))
        mapped.drop_all(connection)
        connection.commit()
    assert asked[1] <= asked[0]


def test_one_default_that_is_refused_spoils_no_other(connection: sa.Connection) -> None:
    found = models("0", sa.Integer())
    found.create_all(connection)
    connection.commit()

    mapped = models(text("'0'"), sa.Integer())
    refused = sa.Column("r", sa.Integer, server_default=text("(no_such_function())"))
    sa.Table("outra", mapped, sa.Column("id", sa.Integer, primary_key=True), refused)
    assert "server_default='0'" not in differences(connection, mapped)


def test_a_comparison_leaves_nothing_behind(connection: sa.Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE alembic_scratch (c INTEGER)")
    models(text("'0'"), sa.Integer()).create_all(connection)
    connection.commit()
    differences(connection, models(text("0"), sa.Integer()))
    connection.exec_driver_sql("INSERT INTO alembic_scratch VALUES (1)")
    connection.commit()
    assert connection.exec_driver_sql("SELECT c FROM alembic_scratch").scalars().all() == [1]


# Only PostgreSQL counts on.
@pytest.mark.parametrize("connection", ["postgresql"], indirect=True)
def test_a_default_that_counts_is_not_counted(connection: sa.Connection) -> None:
    connection.exec_driver_sql("CREATE SEQUENCE numeros")
    models(text("nextval('numeros')"), sa.Integer()).create_all(connection)
    connection.commit()
    assert differences(connection, models(text("nextval('numeros') + 1"), sa.Integer()))
    assert connection.exec_driver_sql("SELECT nextval('numeros')").scalar() == 1


@pytest.mark.parametrize("connection", ["postgresql"], indirect=True)
def test_a_function_of_the_applications_is_not_called(connection: sa.Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE chamadas (n integer)")
    connection.exec_driver_sql(
        "CREATE FUNCTION agora() RETURNS timestamptz LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM nextval('numeros'); RETURN now(); END $$"
    )
    connection.exec_driver_sql("CREATE SEQUENCE numeros")
    models(text("agora()"), sa.DateTime()).create_all(connection)
    connection.commit()
    assert differences(connection, models(text("agora() + interval '0'"), sa.DateTime()))
    assert connection.exec_driver_sql("SELECT nextval('numeros')").scalar() == 1


def test_an_identity_is_none_where_the_database_has_none(connection: sa.Connection) -> None:
    def numbered(*identity: sa.Identity) -> sa.MetaData:
        metadata = sa.MetaData()
        sa.Table(
            "t",
            metadata,
            sa.Column("id", sa.Integer, *identity, primary_key=True),
            sa.Column("n", sa.Integer, *(sa.Identity() for _ in identity), nullable=False),
        )
        return metadata

    identity = sa.Identity(always=True, start=5)
    numbered(identity).create_all(connection)
    assert differences(connection, numbered(sa.Identity(always=True, start=5))) == ""
    written = differences(connection, numbered())
    assert bool(written) is (database_of(connection) == "postgresql")


def test_an_identity_in_place_of_a_default_is_a_change(connection: sa.Connection) -> None:
    models("7", sa.Integer()).create_all(connection)
    after = sa.MetaData()
    key = sa.Column("id", sa.Integer, primary_key=True)
    sa.Table("t", after, key, sa.Column("c", sa.Integer, sa.Identity(), nullable=True))
    written = differences(connection, after)
    assert "server_default=" in written


def test_what_models_leave_to_the_database_stays(connection: sa.Connection) -> None:
    models("7", sa.Integer()).create_all(connection)
    after = sa.MetaData()
    key = sa.Column("id", sa.Integer, primary_key=True)
    sa.Table("t", after, key, sa.Column("c", sa.Integer, server_default=sa.FetchedValue()))
    assert differences(connection, after) == ""
    assert revision_for(connection, after) is None


def computed(sql: str, type_: TypeEngine[Any]) -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table(
        "t",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("c", sa.Integer),
        sa.Column("nome", sa.String(30)),
        sa.Column("feito", type_, sa.Computed(sql, persisted=True)),
    )
    return metadata


COMPUTED: list[tuple[str, TypeEngine[Any]]] = [
    ("c+1", sa.Integer()),
    ("c\n  + 1", sa.Integer()),
    ("c % 2", sa.Integer()),
    ("t.c + 1", sa.Integer()),
    ("c BETWEEN 1 AND 2", sa.Boolean()),
    ("nome IN ('x', 'a:b')", sa.Boolean()),
    ("CAST(c AS CHAR(9))", sa.String(9)),
    ("lower(nome)", sa.String(30)),
]


def test_what_is_computed_is_compared_in_the_databases_words(connection: sa.Connection) -> None:
    for sql, type_ in COMPUTED:
        try:
            computed(sql, type_).create_all(connection)
        except DBAPIError:  # this database does not compute so
            connection.rollback()
            continue
        connection.commit()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert differences(connection, computed(sql, type_)) == "", sql
        with pytest.warns(UserWarning, match="cannot be modified"):
            differences(connection, computed("c + 99", type_))
        computed(sql, type_).drop_all(connection)
        connection.commit()


@pytest.mark.parametrize("connection", ["sqlite", "mysql"], indirect=True)
def test_a_type_that_the_database_lacks_ends_in_no_traceback(connection: sa.Connection) -> None:
    def listed(type_: TypeEngine[Any], default: Default) -> sa.MetaData:
        metadata = models(None, sa.Integer())
        column = sa.Column("l", type_, server_default=default)  # type: ignore[arg-type]
        check = sa.CheckConstraint("c > 0", name="ck_c")
        metadata.tables["t"].append_column(column)
        metadata.tables["t"].append_constraint(check)
        return metadata

    class OnPostgresqlAlone(sa.types.TypeDecorator[str]):
        impl = sa.String(30)
        cache_ok = True

        def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
            raise NotImplementedError(dialect.name)

    found = listed(sa.String(30), "{}")
    found.create_all(connection)
    connection.commit()
    for type_ in (postgresql.ARRAY(sa.Integer), postgresql.TSVECTOR(), OnPostgresqlAlone()):
        with pytest.raises(CommandError, match=r"column t\.l of the models has a type"):
            differences(connection, listed(type_, "{}"))

    # A new column is written; its table's CHECKs are compared all the same.
    models(None, sa.Integer()).create_all(connection)
    connection.exec_driver_sql("ALTER TABLE t DROP COLUMN l")
    connection.commit()
    written = differences(connection, listed(postgresql.ARRAY(sa.Integer), None))
    assert "add_column" in written and "ck_c" not in written
