"""Canaries: each private use of another library, tried on the library that is installed.

When one of these fails, that library changed: mend the function of the same name in
`alambique/private.py`, or find out whether there is a public way by now.
"""

import argparse
import asyncio
import inspect
import io
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from alambique import private
from alambique.settings import alembic_config
from alembic import command
from alembic import context as alembic_context
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.operations import Operations
from alembic.operations.ops import AddColumnOp, MigrationScript, ModifyTableOps
from alembic.operations.schemaobj import SchemaObjects
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from support.minimal import minimal_project
from support.servers import server_url

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


def test_target_of() -> None:
    models = sa.MetaData()
    there = sa.Table("there", models, sa.Column("id", sa.Integer), schema="s")
    keys = {
        sa.ForeignKey("there.id"): (None, "there", "id"),
        sa.ForeignKey("s.there.id"): ("s", "there", "id"),
        sa.ForeignKey("s.nowhere"): (None, "s", "nowhere"),
        sa.ForeignKey(there.c.id): ("s", "there", "id"),
    }
    for key, target in keys.items():
        table_with(sa.Column("b", key))
        assert tuple(private.target_of(key)) == target


def test_render_type(context: AutogenContext) -> None:
    assert private.render_type(sa.String(30), context) == "sa.String(length=30)"
    assert private.render_type(mysql.TINYINT(1), context) == "mysql.TINYINT(display_width=1)"
    assert context.imports == {"from sqlalchemy.dialects import mysql"}


def test_render_type_asks_render_item_again(context: AutogenContext) -> None:
    context.opts["render_item"] = lambda *_: "asked"
    assert private.render_type(sa.String(30), context) == "asked"


def test_render_operation(context: AutogenContext) -> None:
    """The lines of a block come one by one, as a printer indents each of them."""
    context.opts |= {"alembic_module_prefix": "op.", "sqlalchemy_module_prefix": "sa."}
    column = AddColumnOp("t", sa.Column("a", sa.Integer()))
    lines = private.render_operation(ModifyTableOps("t", [column, column]), context)
    assert lines == ["op.add_column('t', sa.Column('a', sa.Integer(), nullable=True))"] * 2


def test_render_expression(context: AutogenContext) -> None:
    table = table_with()
    expression = table.c.a.in_([1, 2])
    assert private.render_expression(expression, context) == "a IN (1, 2)"


def test_variant_of() -> None:
    json = mysql.JSON()
    decorated = sa.PickleType().with_variant(json, "mysql")
    for type_ in (sa.Text().with_variant(json, "mysql"), decorated):
        assert private.variant_of(type_, MYSQL) is json
        assert private.variant_of(type_, SQLITE) is type_
    assert private.variant_of(json, MYSQL) is json


def test_is_in_batch(context: AutogenContext) -> None:
    assert not private.is_in_batch(context)
    with context._within_batch():
        assert private.is_in_batch(context)


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


def test_version_folders(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(tmp_path))
    assert private.version_folders(ScriptDirectory.from_config(config)) == [tmp_path / "versions"]
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"alembic:templates\n{tmp_path}")
    folders = private.version_folders(ScriptDirectory.from_config(config))
    assert folders[0].is_dir() and folders[1:] == [tmp_path]


def test_print_upgrade(tmp_path: Path) -> None:
    """More than one revision to start from, which Alembic's own command does not take."""
    made = minimal_project(tmp_path, url="postgresql://nobody@127.0.0.1:1/nowhere")
    for id, below in (("a1", None), ("b1", None), ("m1", ("a1", "b1"))):
        made.revision(id, below)
    config = alembic_config()
    config.output_buffer = io.StringIO()
    private.print_upgrade(config, ("a1", "b1"), "heads")
    printed = config.output_buffer.getvalue()
    assert "a1, b1 -> m1" in printed and "CREATE TABLE" not in printed


def test_steps_to_heads(tmp_path: Path) -> None:
    made = minimal_project(tmp_path)
    made.revision("a1")
    made.revision("b1", "a1")
    steps = private.steps_to_heads(ScriptDirectory.from_config(alembic_config()))
    assert [step.revision.revision for step in steps] == ["a1", "b1"]


def test_at_once(tmp_path: Path) -> None:
    """Three bases, one of which needs another first: one step, and each head left is noted."""
    made = minimal_project(tmp_path)
    made.revision("a1")
    made.revision("b1", more="depends_on = None")
    made.revision("c1", "b1", more='depends_on = "a1"')
    made.revision("d1")
    script = ScriptDirectory.from_config(alembic_config())
    steps = private.steps_to_heads(script)
    assert {step.revision.revision for step in steps} == {"a1", "b1", "c1", "d1"}

    noted: list[str] = []
    with sa.create_engine("sqlite://").connect() as connection:
        stamps = private.at_once(script, steps, lambda each: noted.append(each.revision.revision))
        options = {"fn": lambda *_: stamps}
        migration = MigrationContext.configure(connection, opts=options)
        with Operations.context(migration):
            migration.run_migrations()
        assert noted == [step.revision.revision for step in steps]
        assert set(migration.get_current_heads()) == {"c1", "d1"}


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


def test_socket_of() -> None:
    url = server_url("mysql")
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        found = private.socket_of(connection.connection.driver_connection)
        assert found.getpeername()[1] == url.port


def test_wait_for_answers() -> None:
    engine = sa.create_engine(
        server_url("mysql"), poolclass=sa.NullPool, connect_args={"read_timeout": 1}
    )
    with engine.connect() as connection:
        private.wait_for_answers(connection.connection.driver_connection)
        assert connection.exec_driver_sql("SELECT SLEEP(1.3)").scalar() == 0


def test_every_private_use_has_a_canary() -> None:
    """A function that another module appends to the list comes with its test."""
    functions = {
        name
        for name, value in vars(private).items()
        if inspect.isfunction(value) and value.__module__ == private.__name__ and name[0] != "_"
    }
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert functions <= tested, f"no canary in {__file__} for {sorted(functions - tested)}"


def test_has_lost_transaction() -> None:
    connection = sa.create_engine("sqlite://").connect()
    migration = MigrationContext.configure(connection, opts={"transactional_ddl": True})
    with migration.begin_transaction():
        assert not private.has_lost_transaction(migration)
        connection.commit()
        assert private.has_lost_transaction(migration)
    assert not private.has_lost_transaction(migration)


def test_stand_before() -> None:
    class StandIn:
        def __init__(self, real: object) -> None:
            self.real, self.asked = real, 0

        def __getattr__(self, name: str) -> object:
            self.asked += name == "cursor"
            return getattr(self.real, name)

    connection = sa.create_engine("sqlite://").connect()
    pooled = connection.connection
    stand_in = StandIn(pooled.dbapi_connection)
    private.stand_before(pooled, stand_in)
    assert connection.scalar(sa.text("SELECT 1")) == 1 and stand_in.asked == 1
    assert pooled.driver_connection is stand_in
    private.stand_before(pooled, stand_in.real)
    assert pooled.driver_connection is stand_in.real
    connection.close()


def test_order_indexes() -> None:
    table = table_with(*(sa.Index(f"ix_{n}", "a") for n in (3, 1, 2)))
    private.order_indexes(table)
    assert [index.name for index in table.indexes] == ["ix_1", "ix_2", "ix_3"]
    sa.Index("ix_4", table.c.a)
    assert len(table.indexes) == 4


def test_is_about_columns() -> None:
    asked: list[bool] = []

    class Template:
        def __mod__(self, named: Any) -> str:
            asked.append(private.is_about_columns(named))
            return "pk"

    convention: Any = {"pk": Template()}
    sa.Table("t", sa.MetaData(naming_convention=convention), sa.Column("id", primary_key=True))
    assert asked == [False, True]


def test_convention_for_primary_keys() -> None:
    for key in ("pk", sa.PrimaryKeyConstraint, sa.Constraint):
        assert private.convention_for_primary_keys({key: "found"}) == "found"
    assert private.convention_for_primary_keys({"ix": "other"}) is None


def test_in_greenlet() -> None:
    async def answer() -> int:
        return 7

    def call(more: int, *, again: int) -> int:
        return await_only(answer()) + more + again

    assert asyncio.run(private.in_greenlet(call, 1, again=2)) == 10


@pytest.mark.parametrize("driver", ["postgresql+asyncpg", "mysql+aiomysql", "mysql+asyncmy"])
def test_socket_of_async(driver: str) -> None:
    backend, _, name = driver.partition("+")
    pytest.importorskip(name)

    async def probed() -> bool:
        engine = create_async_engine(server_url(backend).set(drivername=driver))
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            found = private.socket_of_async(raw.driver_connection)
        await engine.dispose()
        return found is not None

    assert asyncio.run(probed())


def test_command_in_between(tmp_path: Path) -> None:
    minimal_project(tmp_path)
    script = ScriptDirectory.from_config(alembic_config())
    with EnvironmentContext(alembic_config(), script) as outer:
        with private.command_in_between(), EnvironmentContext(alembic_config(), script):
            assert alembic_context.script is script
        assert vars(alembic_context)["_proxy"] is outer
        assert alembic_context.config is outer.config


def test_alembic_asks_what_stands_for_the_models_for_a_naming_convention() -> None:
    class Models(list[sa.MetaData]):
        naming_convention = {"uq": "by_convention"}  # noqa: RUF012

    migration = MigrationContext.configure(dialect=POSTGRESQL, opts={"target_metadata": Models()})
    schema = SchemaObjects(migration)
    assert schema.unique_constraint(None, "t", ["a"]).name == "by_convention"


def test_is_stamp(tmp_path: Path) -> None:
    minimal_project(tmp_path)
    found: dict[str, object] = {}
    for name in ("upgrade", "downgrade", "stamp"):
        config = Config(str(tmp_path / "alembic.ini"))
        env = "from alembic import context\ncontext.configure(url='sqlite://')\n"
        (tmp_path / "migrations/env.py").write_text(
            f"{env}context.config.attributes['found'] = context.get_context()\n"
        )
        getattr(command, name)(config, "base" if name != "upgrade" else "head")
        found[name] = private.is_stamp(config.attributes["found"])
    assert found == {"upgrade": False, "downgrade": False, "stamp": True}


def test_batches_by() -> None:
    """What a batch asks for is heard once, as its block ends, and carried out by us alone."""
    heard: list[private.Batch] = []
    connection = sa.create_engine("sqlite://").connect()
    connection.exec_driver_sql("CREATE TABLE t (a INTEGER, b TEXT)")
    operations = Operations(MigrationContext.configure(connection))

    def batch(**options: Any) -> None:
        with operations.batch_alter_table("t", **options) as asked:
            asked.alter_column("a", new_column_name="c", nullable=False)

    with private.batches_by(lambda found: heard.append(found) is None):
        batch()
        there = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer), sa.UniqueConstraint("a"))
        check = sa.CheckConstraint("a > 0", name="ck")
        batch(
            copy_from=there,
            recreate="always",
            table_args=(check,),
            table_kwargs={"sqlite_strict": True},
            partial_reordering=[("b", "a")],
            naming_convention={"uq": "uq"},
        )
    plain, full = heard
    assert (plain.table, plain.schema, plain.makes_anew, plain.always) == ("t", None, True, False)
    ((method, arguments, options),) = plain.operations
    assert (method, arguments) == ("alter_column", ("t", "a"))
    assert (options["name"], options["nullable"]) == ("c", False)
    assert full.always and full.said == (check,) and full.options == {"sqlite_strict": True}
    assert check in full.known and there.constraints <= set(full.known)
    assert full.naming_convention == {"uq": "uq"} and full.order == [("b", "a")]

    with private.batches_by(lambda _: False):
        batch()
    batch_of_alembic = connection.exec_driver_sql("SELECT c FROM t")
    assert batch_of_alembic.all() == []


def test_constraint_sql() -> None:
    constraint = sa.UniqueConstraint("a", name="uq")
    table_with(constraint)
    assert private.constraint_sql(constraint, SQLITE) == "CONSTRAINT uq UNIQUE (a)"


def test_nothing_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = minimal_project(tmp_path)
    hooks = "\n[post_write_hooks]\nhooks = ruff\nruff.type = ruff\n"
    made.write("alembic.ini", (made.root / "alembic.ini").read_text() + hooks)
    made.write(
        "alembic.ini",
        (made.root / "alembic.ini")
        .read_text()
        .replace("[alembic]\n", "[alembic]\nrevision_environment = true\n"),
    )
    with private.nothing_announced():
        command.revision(alembic_config(), "one")
    assert capsys.readouterr().out == ""
    command.revision(alembic_config(), "two")
    assert "Running post write hook" in capsys.readouterr().out


def test_argparse_speaking(capsys: pytest.CaptureFixture[str]) -> None:
    with private.argparse_speaking({"usage: ": "uso: "}):
        argparse.ArgumentParser(prog="p").print_help()
    argparse.ArgumentParser(prog="p").print_help()
    printed = capsys.readouterr().out
    assert printed.count("uso: p") == printed.count("usage: p") == 1
