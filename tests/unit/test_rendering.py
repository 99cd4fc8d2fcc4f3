"""What a revision writes of types, defaults and CHECKs runs without the application."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alambique.autogenerate.plugin import compare_server_default, compare_type
from alambique.autogenerate.rendering import render_item
from alambique.autogenerate.stored import stored_column
from alembic.autogenerate import render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import PriorityDispatchResult
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeDecorator

from support.comparison import differences, migration_for

CONVENTION = {"ck": "ck_%(table_name)s_%(column_0_name)s"}


class Money(TypeDecorator[int]):
    """A type of an application's."""

    impl = sa.Numeric(10, 2)
    cache_ok = True


class Key(TypeDecorator[str]):
    """A type of an application's that is another one on each database."""

    impl = sa.CHAR(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Uuid() if dialect.name == "postgresql" else sa.CHAR(32))


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    """An empty SQLite database in memory."""
    with sa.create_engine("sqlite://").connect() as connection:
        yield connection


def context_on(backend: str) -> AutogenContext:
    """Return a context for rendering only, without a server."""
    dialect = make_url(backend).get_dialect()()
    options = {"target_metadata": [sa.MetaData()], "sqlalchemy_module_prefix": "sa."}
    migration = MigrationContext.configure(dialect=dialect, opts=options)
    return AutogenContext(migration, autogenerate=False)


def rendered(kind: str, item: object, backend: str = "sqlite://") -> str | bool:
    context = context_on(backend)
    context.opts["render_item"] = render_item
    return render_item(kind, item, context)


def test_types_are_written_as_what_they_are() -> None:
    assert rendered("type", Money()) == "sa.Numeric(precision=10, scale=2)"
    assert rendered("type", sa.Boolean(create_constraint=True)) == "sa.Boolean()"
    assert rendered("type", sa.String(30)) is False


def test_an_enum_is_left_to_the_statement_that_makes_its_type() -> None:
    enum = sa.Enum("a", "b", name="letra", schema="vendas")
    assert rendered("type", enum, "postgresql+psycopg://") == (
        "sa.Enum('a', 'b', name='letra', schema='vendas', create_type=False)"
    )
    assert rendered("type", enum) is False
    plain = sa.Enum("a", name="letra", native_enum=False)
    assert rendered("type", plain, "postgresql+psycopg://") is False


@pytest.mark.parametrize("words", [r"'10\:00'", "'50%'"])
def test_what_alembic_would_change_is_written_as_it_is(words: str) -> None:
    column = sa.Column("a", sa.String(9), server_default=sa.text(words))
    assert rendered("server_default", column.server_default) == f"sa.text({words!r})"
    plain = sa.Column("a", sa.String(9), server_default=sa.text("'x'"))
    assert rendered("server_default", plain.server_default) is False
    assert rendered("server_default", sa.Computed("a % 2")) is False

    check = sa.CheckConstraint(f"a <> {words}", name="ck")
    nameless = sa.CheckConstraint(f"a <> {words}")
    sa.Table("t", sa.MetaData(), sa.Column("a", sa.String(9)), check, nameless)
    sql = f"a <> {words}"
    assert rendered("check", check) == f"sa.CheckConstraint({sql!r}, name=op.f('ck'))"
    assert rendered("check", nameless) == f"sa.CheckConstraint({sql!r})"


@pytest.mark.parametrize(
    ("convention", "name", "named"),
    [
        ({}, "ck_b", ", name=op.f('ck_b')"),
        ({}, None, ""),
        (CONVENTION, None, ", name=op.f('ck_t_b')"),
    ],
)
def test_the_check_of_a_type_is_written_apart(
    connection: sa.Connection, convention: dict[str, str], name: str | None, named: str
) -> None:
    models = sa.MetaData(naming_convention=convention)
    kind = sa.Boolean(create_constraint=True, name=name)
    table = sa.Table(
        "t", models, sa.Column("id", sa.Integer, primary_key=True), sa.Column("b", kind)
    )
    (check,) = (each for each in table.constraints if isinstance(each, sa.CheckConstraint))
    context = AutogenContext(migration_for(connection, models))
    assert render_item("check", check, context) == f"sa.CheckConstraint('b IN (0, 1)'{named})"

    create = ops.UpgradeOps([ops.CreateTableOp.from_table(table)])
    elsewhere = context_on("postgresql+psycopg://").migration_context
    source = render_python_code(create, render_item=render_item, migration_context=elsewhere)
    assert "CheckConstraint" not in source  # PostgreSQL has the type


@pytest.mark.parametrize(
    "default", ["0", "''", "x", sa.text("CURRENT_TIMESTAMP"), sa.func.now(), sa.text("(1 + 2)")]
)
def test_what_create_all_makes_is_equal(connection: sa.Connection, default: object) -> None:
    def models(default: Any) -> sa.MetaData:
        metadata = sa.MetaData()
        key = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("t", metadata, key, sa.Column("a", sa.String(30), server_default=default))
        return metadata

    models(default).create_all(connection)
    assert differences(connection, models(default)) == ""
    assert "alter_column" in differences(connection, models("outra coisa"))
    assert "alter_column" in differences(connection, models(None))


def test_a_default_is_stored_in_the_words_of_the_database(connection: sa.Connection) -> None:
    context = AutogenContext(migration_for(connection, sa.MetaData()))
    column = sa.Column("a", sa.DateTime, server_default=sa.func.now())
    stored = stored_column(context, column)
    assert stored is not None
    assert isinstance(stored.server_default, sa.DefaultClause)
    assert str(stored.server_default.arg) == "(CURRENT_TIMESTAMP)"
    assert sa.inspect(connection).get_temp_table_names() == []


def test_what_the_database_refuses_is_a_difference(connection: sa.Connection) -> None:
    context = AutogenContext(migration_for(connection, sa.MetaData()))
    mapped = sa.Column("a", sa.Integer, server_default=sa.text("isto não é SQL"))
    assert stored_column(context, mapped) is None

    alter = ops.AlterColumnOp("t", "a")
    found = sa.Column("a", sa.Integer)
    result = compare_server_default(context, alter, None, "t", "a", found, mapped)
    assert result is PriorityDispatchResult.STOP
    assert alter.modify_server_default is mapped.server_default


def test_other_members_of_a_native_enum_are_a_change_of_its_type() -> None:
    found: sa.Column[str] = sa.Column("a", sa.Enum("a", "b", name="letra"))
    mapped: sa.Column[str] = sa.Column("a", sa.Enum("a", "c", name="letra"))
    alter = ops.AlterColumnOp("t", "a")
    context = context_on("postgresql+psycopg://")
    result = compare_type(context, alter, None, "t", "a", found, mapped)
    assert result is PriorityDispatchResult.STOP
    assert (alter.existing_type, alter.modify_type) == (found.type, mapped.type)


@pytest.mark.parametrize(
    ("backend", "type_", "written"),
    [
        ("postgresql+psycopg://", Key(), "sa.Uuid()"),
        ("sqlite://", Key(), "sa.CHAR(length=32)"),
        ("postgresql+psycopg://", Money(), "sa.Numeric(precision=10, scale=2)"),
    ],
)
def test_a_type_of_an_applications_is_what_it_is_on_the_database(
    backend: str, type_: TypeDecorator[Any], written: str
) -> None:
    assert rendered("type", type_, backend) == written


@pytest.mark.parametrize("type_", [sa.Interval(), sa.PickleType()])
def test_a_decorator_of_sqlalchemys_is_alembics_to_write(type_: TypeDecorator[Any]) -> None:
    assert rendered("type", type_, "postgresql+psycopg://") is False
