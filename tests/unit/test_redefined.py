"""Keys, exclusions and indexes are what they say: all of it is compared, and comes back."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import messages, terminal
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.schema import SchemaItem

from support.comparison import counted, differences, revision_for
from support.database import DATABASES

Make = Callable[[], SchemaItem]


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    messages.speak("en")
    monkeypatch.setattr(terminal, "ask", lambda _: None)


def models(*parts: Make, key: tuple[str, ...] = ("id",), **renamed: str) -> sa.MetaData:
    """Return metadata with a table of these parts, and columns of other names."""
    metadata = sa.MetaData()
    types: dict[str, sa.types.TypeEngine[object]] = {
        "id": sa.Integer(),
        "a": sa.Integer(),
        "b": sa.Integer(),
        "nome": sa.String(30),
        "ativo": sa.Boolean(),
    }
    columns = [
        sa.Column(renamed.get(name, name), type_, nullable=name == "nome")
        for name, type_ in types.items()
    ]
    keys = [sa.PrimaryKeyConstraint(*key)] if key else []
    sa.Table("itens", metadata, *columns, *keys, *(make() for make in parts))
    return metadata


def index(*expressions: str | sa.TextClause, name: str = "ix", **options: object) -> Make:
    return lambda: sa.Index(name, *expressions, **options)  # type: ignore[arg-type]


def unique(*columns: str, name: str | None = "uq", **options: object) -> Make:
    return lambda: sa.UniqueConstraint(*columns, name=name, **options)  # type: ignore[arg-type]


def exclude(*elements: tuple[str, str], name: str | None = "ex", **options: object) -> Make:
    said: dict[str, object] = {"using": "gist", **options}
    return lambda: ExcludeConstraint(
        *((text(sql), operator) for sql, operator in elements),
        name=name,
        **said,  # type: ignore[arg-type]
    )


def key(*columns: str, **options: object) -> Make:
    return lambda: sa.PrimaryKeyConstraint(*columns, **options)  # type: ignore[arg-type]


SPAN = ("int4range(a, b)", "&&")
POSTGRESQL = ("postgresql",)


def where(condition: str) -> dict[str, object]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


@dataclass
class Change:
    """What a table has, what the models have then, and what has to be said of it."""

    before: list[Make]
    after: list[Make]
    lost: str = ""
    databases: tuple[str, ...] = tuple(DATABASES)
    key: tuple[str, ...] = ("id",)
    new_key: tuple[str, ...] = ("id",)


WITH_WHERE = ("sqlite", "postgresql")

CHANGES = {
    "a primary key gets a column": Change([], [], "primary key itens.{pk}", new_key=("id", "a")),
    "a primary key loses a column": Change([], [], key=("id", "a")),
    "another column is the primary key": Change(
        [], [], "primary key itens.{pk}", key=("id", "a"), new_key=("b",)
    ),
    "a condition": Change(
        [index("a", **where("a > 0"))], [index("a", **where("a > 5"))], databases=WITH_WHERE
    ),
    "a condition on a unique index": Change(
        [index("a", unique=True, **where("ativo"))],
        [index("a", unique=True, **where("NOT ativo"))],
        databases=WITH_WHERE,
    ),
    "a condition that comes": Change(
        [index("a")], [index("a", **where("nome <> 'a:b%'"))], databases=WITH_WHERE
    ),
    "a condition that goes": Change(
        [index("a", unique=True, **where("a > 0"))],
        [index("a", unique=True)],
        databases=WITH_WHERE,
    ),
    "a condition that lets rows in": Change(
        [index("a", unique=True)],
        [index("a", unique=True, **where("a > 0"))],
        "unique index itens.ix",
        databases=WITH_WHERE,
    ),
    "a UNIQUE that waits": Change(
        [unique("a")], [unique("a", deferrable=True, initially="DEFERRED")], databases=POSTGRESQL
    ),
    "a UNIQUE that waits no more": Change(
        [unique("a", deferrable=True, initially="DEFERRED")], [unique("a")], databases=POSTGRESQL
    ),
    "a UNIQUE that may wait": Change(
        [unique("a", deferrable=True, initially="DEFERRED")],
        [unique("a", deferrable=True)],
        databases=POSTGRESQL,
    ),
    "a UNIQUE without a name waits": Change(
        [unique("a", name=None)], [unique("a", name=None, deferrable=True)], databases=POSTGRESQL
    ),
    "another UNIQUE that waited": Change(
        [unique("a", "b", deferrable=True)], [unique("a")], databases=POSTGRESQL
    ),
    "a UNIQUE with more in it": Change(
        [unique("a")], [unique("a", postgresql_include=["nome"])], databases=POSTGRESQL
    ),
    "NULLs that are alike": Change(
        [unique("nome")],
        [unique("nome", postgresql_nulls_not_distinct=True)],
        databases=POSTGRESQL,
    ),
    "NULLs that are not": Change(
        [unique("nome", postgresql_nulls_not_distinct=True)],
        [unique("nome")],
        "UNIQUE itens.uq",
        databases=POSTGRESQL,
    ),
    "NULLs that are not alike in an index": Change(
        [index("nome", unique=True, postgresql_nulls_not_distinct=True)],
        [index("nome", unique=True)],
        "unique index itens.ix",
        databases=POSTGRESQL,
    ),
    "an index with more in it": Change(
        [index("a", postgresql_include=["b"])], [index("a")], databases=POSTGRESQL
    ),
    "another kind of index": Change(
        [index("a")], [index("a", postgresql_using="brin")], databases=POSTGRESQL
    ),
    "other operators": Change(
        [index("nome")],
        [index("nome", postgresql_ops={"nome": "varchar_pattern_ops"})],
        databases=POSTGRESQL,
    ),
    "another expression": Change(
        [index(text("lower(nome)"))], [index(text("upper(nome)"))], databases=POSTGRESQL
    ),
    "an EXCLUDE": Change([], [exclude(SPAN)], databases=POSTGRESQL),
    "an EXCLUDE that goes": Change([exclude(SPAN)], [], "EXCLUDE itens.ex", databases=POSTGRESQL),
    "another EXCLUDE": Change(
        [exclude(SPAN, where=text("ativo"))],
        [exclude(SPAN, where=text("nome <> 'a:b%'"), deferrable=True)],
        databases=POSTGRESQL,
    ),
    "an EXCLUDE of another name": Change(
        [exclude(SPAN)], [exclude(SPAN, name="ex2")], databases=POSTGRESQL
    ),
}


def primary_key_name(connection: sa.Connection) -> str:
    """Return what a primary key without a name is called, in what is asked about it."""
    return {"postgresql": "itens_pkey"}.get(connection.dialect.name, "id")


def words_of(connection: sa.Connection) -> list[Any]:
    """Return what the server itself says of the keys and indexes of the table."""
    if connection.dialect.name == "postgresql":
        constraints = connection.execute(
            text(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE conrelid = 'itens'::regclass ORDER BY 1"
            )
        )
        indexes = connection.execute(
            text("SELECT indexdef FROM pg_indexes WHERE tablename = 'itens' ORDER BY 1")
        )
        return [*constraints.all(), *indexes.all()]
    inspector = sa.inspect(connection)
    key = sorted(inspector.get_pk_constraint("itens")["constrained_columns"])
    if connection.dialect.name != "sqlite":
        return [key, inspector.get_indexes("itens")]
    indexes = connection.execute(text("SELECT sql FROM sqlite_master WHERE type = 'index'"))
    return [key, sorted(str(sql) for sql in indexes.scalars())]


def test_what_says_something_else_is_written(connection: sa.Connection) -> None:
    for name, change in CHANGES.items():
        if connection.dialect.name in change.databases:
            before = models(*change.before, key=change.key)
            before.create_all(connection)
            connection.exec_driver_sql(
                "INSERT INTO itens VALUES (1, 1, 3, 'x', true), (2, 7, 9, NULL, true)"
            )
            connection.commit()
            goes_up_and_down(connection, name, change)
            before.drop_all(connection)
            connection.commit()


def goes_up_and_down(connection: sa.Connection, name: str, change: Change) -> None:
    before = words_of(connection)
    after = models(*change.after, key=change.new_key)
    said = []
    if change.lost:
        lost = change.lost.format(pk=primary_key_name(connection))
        said = [f"drop={lost.split()[-1]}"]
        with pytest.raises(CommandError, match=f"The {lost} is in the database .* {said[0]} "):
            revision_for(connection, after)
        connection.rollback()
    revision = revision_for(connection, after, *said)
    assert revision is not None, name

    for _ in range(2):
        revision.upgrade()
        assert differences(connection, after) == "", name
        assert words_of(connection) != before, name
        revision.downgrade()
        assert words_of(connection) == before, name
    assert connection.exec_driver_sql("SELECT count(*) FROM itens").scalar() == 2, name
    connection.commit()


ALIKE: list[tuple[tuple[str, ...], list[Make], list[Make]]] = [
    (WITH_WHERE, [index("a", **where("a > 0"))], [index("a", **where("(a>0)"))]),
    (POSTGRESQL, [index("a")], [index("a", postgresql_using="btree")]),
    (
        POSTGRESQL,
        [index("a", **where("nome IN ('x', 'y%')"))],
        [index("a", **where("nome::text = ANY (ARRAY['x'::varchar, 'y%'::varchar]::text[])"))],
    ),
    (
        POSTGRESQL,
        [index(text("lower(nome::text)"), text("a DESC NULLS LAST"))],
        [index(text("lower(nome)"), text("a desc nulls last"))],
    ),
    (POSTGRESQL, [index(text("(a + 1)"))], [index(text("(a+1)"))]),
    (POSTGRESQL, [index("a")], [index("a", postgresql_with={"fillfactor": 50})]),
    (POSTGRESQL, [exclude(SPAN)], [exclude(("int4range(a,b)", "&&"))]),
    (POSTGRESQL, [unique("a", "b", deferrable=True)], [unique("b", "a", deferrable=True)]),
    (POSTGRESQL, [unique("a")], [unique("a", deferrable=False, initially="IMMEDIATE")]),
    (
        POSTGRESQL,
        [unique("a", postgresql_include=["nome", "b"])],
        [unique("a", postgresql_include=["b", "nome"])],
    ),
    (
        POSTGRESQL,
        [index("a", **where("itens.a > 0 AND nome LIKE '%:x'"))],
        [index("a", **where("a > 0 AND nome LIKE '%:x'"))],
    ),
]


def test_another_way_to_say_it_is_none(connection: sa.Connection) -> None:
    for databases, before, after in ALIKE:
        if connection.dialect.name not in databases:
            continue
        for one, other in ((before, after), (after, before), (before, before)):
            there = models(*one)
            there.create_all(connection)
            connection.commit()
            assert differences(connection, models(*other)) == "", (one, other)
            there.drop_all(connection)
            connection.commit()


@pytest.mark.parametrize("connection", ["postgresql"], indirect=True)
def test_an_exclude_without_a_name_is_the_one_that_says_the_same(
    connection: sa.Connection,
) -> None:
    models(exclude(SPAN)).create_all(connection)
    assert differences(connection, models(exclude(("int4range(a,b)", "&&"), name=None))) == ""
    assert "EXCLUDE" in differences(
        connection, models(exclude(("int4range(a,5)", "&&"), name=None))
    )


def test_the_order_of_a_primary_key_is_no_change(connection: sa.Connection) -> None:
    models(key=("id", "a")).create_all(connection)
    assert differences(connection, models(key=("a", "id"))) == ""


@pytest.mark.parametrize("connection", ["postgresql"], indirect=True)
def test_a_primary_key_that_waits(connection: sa.Connection) -> None:
    models(key("id"), key=()).create_all(connection)
    connection.commit()
    before = words_of(connection)
    after = models(key("id", deferrable=True, initially="DEFERRED"), key=())
    revision = revision_for(connection, after)
    assert revision is not None
    revision.upgrade()
    assert differences(connection, after) == ""
    back = revision_for(connection, models(key("id"), key=()))
    assert back is not None
    back.upgrade()
    assert words_of(connection) == before
    back.downgrade()
    assert differences(connection, after) == ""
    revision.downgrade()
    assert words_of(connection) == before


def test_a_column_comes_into_the_primary_key_and_another_goes(connection: sa.Connection) -> None:
    def keyed(*names: str) -> sa.MetaData:
        metadata = sa.MetaData()
        columns = [sa.Column(name, sa.Integer, primary_key=True) for name in names]
        sa.Table("itens", metadata, *columns, sa.Column("nome", sa.String(9)))
        return metadata

    keyed("a", "b").create_all(connection)
    connection.exec_driver_sql("INSERT INTO itens VALUES (1, 2, 'x')")
    connection.commit()
    before = words_of(connection)
    revision = revision_for(connection, keyed("a", "c"), "drop=itens.b", "fill=itens.c:7")
    assert revision is not None
    revision.upgrade()
    assert differences(connection, keyed("a", "c")) == ""
    assert connection.exec_driver_sql("SELECT a, c, nome FROM itens").all() == [(1, 7, "x")]
    connection.exec_driver_sql("DELETE FROM itens")
    revision.downgrade()
    assert words_of(connection) == before


def test_a_counter_stays_in_the_primary_key(connection: sa.Connection) -> None:
    def counted_by(*key: str) -> sa.MetaData:
        metadata = sa.MetaData()
        sa.Table(
            "itens",
            metadata,
            sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
            sa.Column("a", sa.Integer, nullable=False),
            sa.PrimaryKeyConstraint(*key),
        )
        return metadata

    counted_by("id").create_all(connection)
    connection.commit()
    name = primary_key_name(connection)
    revision = revision_for(connection, counted_by("id", "a"), f"drop=itens.{name}")
    assert revision is not None
    for _ in range(2):
        revision.upgrade()
        assert differences(connection, counted_by("id", "a")) == ""
        revision.downgrade()
        assert differences(connection, counted_by("id")) == ""


@pytest.mark.parametrize("connection", WITH_WHERE, indirect=True)
def test_columns_that_are_renamed_are_renamed_in_conditions(connection: sa.Connection) -> None:
    def named(column: str, limit: int) -> sa.MetaData:
        parts = [index(column, "b", **where(f"{column} > {limit}"))]
        if connection.dialect.name == "postgresql":
            parts.append(exclude((f"int4range({column}, b)", "&&"), where=text(f"{column} > 3")))
        return models(*parts, a=column)

    named("a", 0).create_all(connection)
    connection.commit()
    renamed = revision_for(connection, named("c", 0), "rename=itens.a:c")
    assert renamed is not None
    assert "index" not in renamed.source and "EXCLUDE" not in renamed.source

    changed = revision_for(connection, named("c", 5), "rename=itens.a:c")
    assert changed is not None
    before = words_of(connection)
    changed.upgrade()
    assert differences(connection, named("c", 5)) == ""
    changed.downgrade()
    assert words_of(connection) == before


@pytest.mark.parametrize("connection", ["postgresql"], indirect=True)
def test_what_a_new_one_says_is_written(connection: sa.Connection) -> None:
    parts = [
        unique("a", postgresql_include=["b"]),
        unique("b", name="uq2", deferrable=True, initially="DEFERRED"),
        index("nome", **where("nome <> ' :x%'")),
        exclude(SPAN, where=text("nome <> ' \\:x%'"), deferrable=True),
        key("id", deferrable=True),
    ]
    mapped = models(*parts, key=())
    mapped.create_all(connection)
    expected = words_of(connection)
    mapped.drop_all(connection)
    connection.commit()

    for there in (sa.MetaData(), models()):
        there.create_all(connection)
        connection.commit()
        revision = revision_for(connection, mapped)
        assert revision is not None
        for _ in range(2):
            revision.upgrade()
            assert [each[1:] for each in words_of(connection)] == [each[1:] for each in expected]
            revision.downgrade()
        assert sa.inspect(connection).get_table_names() == [*there.tables]
        there.drop_all(connection)
        connection.commit()


@pytest.mark.parametrize("connection", ["postgresql"], indirect=True)
def test_a_column_of_another_type_is_no_other_index(connection: sa.Connection) -> None:
    models(index("a", **where("nome <> 'x'"))).create_all(connection)
    connection.commit()
    after = models(index("a", **where("nome <> 'x'")))
    after.tables["itens"].c.nome.type = sa.Text()
    written = differences(connection, after)
    assert "alter_column" in written and "index" not in written


@pytest.mark.parametrize("connection", ["postgresql"], indirect=True)
def test_what_the_server_refuses_is_left_to_the_upgrade(connection: sa.Connection) -> None:
    models(index("a", **where("a > 0"))).create_all(connection)
    connection.commit()
    after = models(index("a", **where("no_such_function(a)")), exclude(("nothing", "&&")))
    written = differences(connection, after)
    assert "EXCLUDE USING gist (nothing WITH &&)" in written


def test_plain_indexes_cost_no_question(connection: sa.Connection) -> None:
    mapped = models(index("a", "b"), unique("a"), index("nome", unique=True, name="ix2"))
    mapped.create_all(connection)
    connection.commit()
    with counted(connection) as statements, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert differences(connection, mapped) == ""
    assert not [each for each in statements if "pg_temp" in each]
