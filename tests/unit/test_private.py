"""Canaries: each private use of another library, tried on the library that is installed.

When one of these fails, that library changed: mend the function of the same name in
`alambique/private.py`, or find out whether there is a public way by now.
"""

import inspect
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa
from alambique import private
from alembic import command
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.operations.ops import MigrationScript
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import ReflectedColumn

SQLITE = make_url("sqlite://").get_dialect()()
MYSQL = make_url("mysql+pymysql://").get_dialect()()
POSTGRESQL = make_url("postgresql+psycopg://").get_dialect()()


@pytest.fixture
def context() -> AutogenContext:
    """Alembic's context of a comparison, on an empty SQLite database."""
    connection = sa.create_engine("sqlite://").connect()
    options = {"target_metadata": sa.MetaData(), "sqlalchemy_module_prefix": "sa."}
    return AutogenContext(MigrationContext.configure(connection, opts=options))


def table_with(*items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer), *items)


def test_is_created_on() -> None:
    def never(*_: object, **__: object) -> bool:
        return False

    only_postgresql = sa.CheckConstraint("a > 0", name="ck").ddl_if(dialect="postgresql")
    unconditional = sa.UniqueConstraint("a", name="uq")
    index = sa.Index("ix", "a").ddl_if(dialect="postgresql")
    plain = sa.Index("ix_2", "a")
    refused = sa.Index("ix_3", "a").ddl_if(callable_=never)
    table_with(only_postgresql, unconditional, index, plain, refused)

    for dialect, there in ((POSTGRESQL, True), (SQLITE, False)):
        assert private.is_created_on(only_postgresql, dialect) is there
        assert private.is_created_on(index, dialect) is there
        assert private.is_created_on(unconditional, dialect)
        assert private.is_created_on(plain, dialect)
        assert not private.is_created_on(refused, dialect)


def test_a_check_that_stands_in_for_a_type_is_created_where_the_type_is_not() -> None:
    table = table_with(sa.Column("b", sa.Boolean(create_constraint=True, name="ck_b")))
    (check,) = (each for each in table.constraints if isinstance(each, sa.CheckConstraint))
    assert private.is_created_on(check, SQLITE)
    assert private.is_created_on(check, MYSQL)
    assert not private.is_created_on(check, POSTGRESQL)


def test_is_type_bound() -> None:
    by_itself = sa.CheckConstraint("a > 0", name="ck")
    enum = sa.Enum("x", "y", native_enum=False, create_constraint=True, name="ck_enum")
    table = table_with(by_itself, sa.Column("b", enum))
    checks = [each for each in table.constraints if isinstance(each, sa.CheckConstraint)]
    assert {each.name: private.is_type_bound(each) for each in checks} == {
        "ck": False,
        "ck_enum": True,
    }


def test_render_type(context: AutogenContext) -> None:
    assert private.render_type(sa.String(30), context) == "sa.String(length=30)"
    assert private.render_type(mysql.TINYINT(1), context) == "mysql.TINYINT(display_width=1)"
    assert context.imports == {"from sqlalchemy.dialects import mysql"}


def test_render_type_asks_render_item_again(context: AutogenContext) -> None:
    context.opts["render_item"] = lambda *_: "asked"
    assert private.render_type(sa.String(30), context) == "asked"


def test_render_expression(context: AutogenContext) -> None:
    table = table_with()
    expression = table.c.a.in_([1, 2])
    assert private.render_expression(expression, context) == "a IN (1, 2)"


def test_types_differ(context: AutogenContext) -> None:
    def column(type_: sa.types.TypeEngine[str]) -> sa.Column[str]:
        return sa.Column("a", type_)

    assert not private.types_differ(column(sa.VARCHAR(30)), column(sa.String(30)), context)
    assert private.types_differ(column(sa.VARCHAR(30)), column(sa.String(40)), context)


def test_correct_reflected_column(context: AutogenContext) -> None:
    """SQLite says a default's expression without the brackets it must have."""
    assert context.connection is not None
    column: ReflectedColumn = {
        "name": "a",
        "type": sa.Integer(),
        "nullable": True,
        "default": "1 + 2",
    }
    inspector = sa.inspect(context.connection)
    private.correct_reflected_column(context, inspector, table_with(), column)
    assert column["default"] == "(1 + 2)"


def test_steps_of_command() -> None:
    def steps(heads: object, migration: object) -> list[RevisionStep]:
        return []

    with EnvironmentContext(Config(), cast("ScriptDirectory", None), fn=steps):
        assert private.steps_of_command() is steps


ENV = """
from alembic import context
from sqlalchemy import MetaData, create_engine

with create_engine("sqlite://").connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=MetaData(),
        process_revision_directives=lambda *_: context.config.attributes["said"].append("env"),
    )
    context.run_migrations()
"""


def test_after_env(tmp_path: Path) -> None:
    said: list[str] = []

    def complete(_: object, __: object, directives: list[MigrationScript]) -> None:
        said.append("complete")
        directives.clear()

    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV)
    config = Config(attributes={"said": said})
    config.set_main_option("script_location", str(tmp_path))
    directives = private.after_env(complete)
    command.revision(config, autogenerate=True, process_revision_directives=directives)
    assert said == ["env", "complete"]


def test_every_private_use_has_a_canary() -> None:
    """A function that another module appends to the list comes with its test."""
    functions = {
        name
        for name, value in vars(private).items()
        if inspect.isfunction(value) and value.__module__ == private.__name__ and name[0] != "_"
    }
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert functions <= tested, f"no canary in {__file__} for {sorted(functions - tested)}"
