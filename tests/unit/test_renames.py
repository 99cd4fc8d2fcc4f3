"""A rename keeps the rows, says nothing else, and goes back; names may be anything."""

from collections.abc import Iterator
from typing import cast

import pytest
import sqlalchemy as sa
from alambique.autogenerate.fill import fill
from alambique.autogenerate.order import Turn, in_order, leave_indexes_to_their_table
from alambique.autogenerate.renames import (
    RenameColumn,
    RenamedInspector,
    Renames,
    RenameTable,
    steps,
)
from alambique.names import TableName
from alembic.operations import ops

from support.comparison import differences, migration_for, revision_for

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    """An empty SQLite database in memory."""
    with sa.create_engine("sqlite://").connect() as connection:
        yield connection


def models(**tables: list[str]) -> sa.MetaData:
    """Return metadata with these tables, of an id and columns of text."""
    metadata = sa.MetaData(naming_convention=CONVENTION)
    for name, columns in tables.items():
        sa.Table(
            name,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            *(sa.Column(column, sa.String(30)) for column in columns),
        )
    return metadata


def rows(connection: sa.Connection, query: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(query)]


def shape(connection: sa.Connection) -> dict[str, list[str]]:
    inspector = sa.inspect(connection)
    return {
        table: [column["name"] for column in inspector.get_columns(table)]
        for table in inspector.get_table_names()
    }


def test_a_column_is_renamed_with_all_that_speaks_of_it(connection: sa.Connection) -> None:
    def mapped(name: str) -> sa.MetaData:
        metadata = models(pais=[])
        sa.Table(
            "usuarios",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column(name, sa.String(30), sa.CheckConstraint(f"{name} <> ''", name="cheio")),
            sa.Column("pai", sa.ForeignKey("pais.id")),
            sa.Index(f"ix_{name}", name),
            sa.UniqueConstraint(name, name="uq_x"),
            comment=None,
        )
        return metadata

    before = mapped("nome")
    before.create_all(connection)
    connection.exec_driver_sql("INSERT INTO usuarios VALUES (1, 'Ana', NULL)")
    revision = revision_for(connection, mapped("apelido"), "rename=usuarios.nome:apelido")

    assert revision is not None
    assert "drop_column" not in revision.source
    revision.upgrade()
    assert rows(connection, "SELECT apelido FROM usuarios") == [("Ana",)]
    assert differences(connection, mapped("apelido")) == ""
    revision.downgrade()
    assert rows(connection, "SELECT nome FROM usuarios") == [("Ana",)]
    assert differences(connection, before) == ""


def test_a_table_and_its_column_are_renamed_together(connection: sa.Connection) -> None:
    before, after = models(a=["x"]), models(b=["y"])
    before.create_all(connection)
    connection.exec_driver_sql("INSERT INTO a VALUES (1, 'um')")
    revision = revision_for(connection, after, "rename=a:b", "rename=b.x:y", created=[A])

    assert revision is not None
    first, second = revision.up.ops
    assert isinstance(first, RenameTable) and isinstance(second, RenameColumn)
    revision.upgrade()
    assert rows(connection, "SELECT y FROM b") == [("um",)]
    assert differences(connection, after, [A]) == ""
    revision.downgrade()
    assert rows(connection, "SELECT x FROM a") == [("um",)]


A, B, C = TableName("a"), TableName("b"), TableName("c")


@pytest.mark.parametrize("said", [("rename=a:b", "rename=b:a"), ("rename=b:a", "rename=a:b")])
def test_tables_change_places(connection: sa.Connection, said: tuple[str, str]) -> None:
    models(a=["x"], b=["y"], b_=["z"]).create_all(connection)
    connection.exec_driver_sql("INSERT INTO a VALUES (1, 'um')")
    connection.exec_driver_sql("INSERT INTO b VALUES (1, 'dois')")
    before = shape(connection)
    revision = revision_for(connection, models(b=["x"], a=["y"], b_=["z"]), *said)

    assert revision is not None
    revision.upgrade()
    assert rows(connection, "SELECT x, y FROM b JOIN a ON a.id = b.id") == [("um", "dois")]
    revision.downgrade()
    assert shape(connection) == before


def test_columns_change_places_beside_a_name_like_the_stop(connection: sa.Connection) -> None:
    # The columns of both models are the same: no trace but what is said.
    mapped = models(a=["x", "y", "y_", "x_"])
    mapped.create_all(connection)
    connection.exec_driver_sql("INSERT INTO a VALUES (1, 'um', 'dois', 'três', 'quatro')")
    revision = revision_for(connection, mapped, "rename=a.x:y", "rename=a.y:x")

    assert revision is not None
    revision.upgrade()
    assert rows(connection, "SELECT x, y, y_, x_ FROM a") == [("dois", "um", "três", "quatro")]


def test_a_default_keeps_its_words(connection: sa.Connection) -> None:
    def mapped(name: str) -> sa.MetaData:
        metadata = sa.MetaData()
        sa.Table(
            "a",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column(name, sa.String(9), server_default="nome"),
        )
        return metadata

    mapped("nome").create_all(connection)
    revision = revision_for(connection, mapped("apelido"), "rename=a.nome:apelido")
    assert revision is not None and len(revision.up.ops) == 1
    revision.upgrade()
    connection.exec_driver_sql("INSERT INTO a (id) VALUES (1)")
    assert rows(connection, "SELECT apelido FROM a") == [("nome",)]


def test_a_table_with_a_dot_in_its_name_is_one_table(connection: sa.Connection) -> None:
    """`a.b` is no table `b` in a schema `a`: not for what is ours, nor for what is said."""
    dotted = {"a.b": ["x"], "b": ["z"]}
    models(**dotted).create_all(connection)
    connection.exec_driver_sql("INSERT INTO \"a.b\" VALUES (1, 'um')")
    assert differences(connection, models(**dotted)) == ""

    after = models(**{"a.c": ["y"], "b": ["z"]})
    created = [TableName("a.b")]
    said = ['rename="a.b":"a.c"', 'rename="a.c".x:y']
    revision = revision_for(connection, after, *said, created=created)
    assert revision is not None
    revision.upgrade()
    assert rows(connection, 'SELECT y FROM "a.c"') == [("um",)]
    assert differences(connection, after, created) == ""
    revision.downgrade()
    assert rows(connection, 'SELECT x FROM "a.b"') == [("um",)]


def test_a_table_of_an_attached_database_is_renamed_there(connection: sa.Connection) -> None:
    connection.exec_driver_sql("ATTACH ':memory:' AS vendas")

    def mapped(table: str, column: str) -> sa.MetaData:
        metadata = models(a=["x"])
        sa.Table(table, metadata, sa.Column(column, sa.Integer, primary_key=True), schema="vendas")
        return metadata

    created = [TableName("a", "vendas")]
    mapped("a", "id").create_all(connection)
    after = mapped("b", "numero")
    said = ("rename=vendas.a:vendas.b", "rename=vendas.b.id:numero")
    revision = revision_for(connection, after, *said, created=created)
    assert revision is not None
    assert "op.rename_table('a', 'b', schema='vendas')" in revision.source
    table, column = revision.up.ops
    assert isinstance(table, RenameTable) and isinstance(column, RenameColumn)
    assert TableName.of_operation(table) == created[0]
    assert TableName.of_operation(column) == TableName("b", "vendas")


def test_steps_never_take_a_name_that_is_there() -> None:
    for names in (
        {"a": "b"},
        {"a": "b", "b": "c"},
        {"a": "b", "b": "a"},
        {"a": "b", "b": "c", "c": "a", "x": "y"},
        {"a_": "a", "a": "a_"},
    ):
        now = {name: name for name in [*names, "z", "a__"]}
        for step in steps(names, set(now)):
            assert step.new not in now, (names, step)
            assert now.pop(step.old) == step.origin
            now[step.new] = step.origin
        assert {origin: name for name, origin in now.items() if origin in names} == names


def test_steps_of_tables_stay_in_their_schema() -> None:
    names = {TableName("a", "s"): TableName("b", "s"), TableName("b", "s"): TableName("a", "s")}
    stops = [step.new for step in steps(names, set(names))]
    assert all(stop.schema == "s" for stop in stops)
    assert len(stops) == 3


def test_what_was_renamed_is_asked_by_both_names() -> None:
    renames = Renames(tables={A: B})
    assert renames.old_table(B) == A and renames.new_table(A) == B
    assert renames.old_table(C) == C and renames.new_table(C) == C


class Commented:
    """An inspector of a database that knows comments, as SQLite does not."""

    def get_table_comment(self, table_name: str, schema: str | None = None) -> dict[str, str]:
        assert table_name == "a"
        return {"text": "o x de cada um"}


def test_a_comment_on_a_table_keeps_its_words() -> None:
    renames = Renames(tables={A: B}, columns={B: {"x": "y"}})
    inspector = RenamedInspector(cast("sa.Inspector", Commented()), renames)
    assert inspector.get_table_comment("b") == {"text": "o x de cada um"}


def test_operations_take_their_turn() -> None:
    index = ops.CreateIndexOp("ix", "t", ["a"])
    modify = ops.ModifyTableOps(
        "t",
        [
            ops.CreateForeignKeyOp("fk", "t", "p", ["a"], ["id"]),
            ops.DropColumnOp("t", "velha"),
            ops.DropConstraintOp("uq", "t", type_="unique"),
            index,
            ops.DropIndexOp("ix", "t"),
            ops.AddColumnOp("t", sa.Column("a", sa.Integer)),
            ops.DropConstraintOp("fk_velha", "t", type_="foreignkey"),
        ],
    )
    in_order([modify])
    assert [type(op) for op in modify.ops] == [
        ops.DropConstraintOp,  # the foreign key
        ops.AddColumnOp,
        ops.DropIndexOp,  # a namesake follows
        ops.CreateIndexOp,
        ops.DropConstraintOp,
        ops.DropColumnOp,
        ops.CreateForeignKeyOp,
    ]
    assert [*Turn] == sorted(Turn)


def test_children_are_dropped_before_their_parents(connection: sa.Connection) -> None:
    metadata = sa.MetaData()
    sa.Table("pai", metadata, sa.Column("id", sa.Integer, primary_key=True))
    for name in ("a_filho", "z_filho"):
        sa.Table(name, metadata, sa.Column("pai_id", sa.ForeignKey("pai.id"), primary_key=True))
    drops: list[ops.MigrateOperation] = [
        ops.DropTableOp.from_table(metadata.tables[name]) for name in ("pai", "a_filho", "z_filho")
    ]
    indexes = ops.ModifyTableOps("pai", [ops.DropIndexOp("ix", "pai")])
    ordered = in_order([*drops, indexes])
    assert ordered[0] is indexes and ordered[-1] is drops[0]

    container = ops.UpgradeOps(ordered)
    leave_indexes_to_their_table(container)
    assert indexes not in container.ops and len(container.ops) == 3


def test_a_filled_column_leaves_its_model_as_it_is(connection: sa.Connection) -> None:
    metadata = sa.MetaData(naming_convention=CONVENTION)
    table = sa.Table(
        "t",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("hora", sa.String(5), sa.CheckConstraint("hora <> ''", name="x"), nullable=False),
    )
    migration = migration_for(connection, metadata)
    add = ops.AddColumnOp("t", table.c.hora)
    upgrade = ops.UpgradeOps([ops.ModifyTableOps("t", [add])])
    fill(migration, upgrade, {TableName("t").column("hora"): "'10:00'"})

    assert table.c.hora.nullable is False
    assert table.c.hora.server_default is None
    assert add.column is not table.c.hora
    assert len(upgrade.ops) == 2

    add = ops.AddColumnOp("t", table.c.hora)
    upgrade = ops.UpgradeOps([ops.ModifyTableOps("t", [add])])
    fill(migration, upgrade, {TableName("t").column("hora"): "id || ':00'"})
    assert table.c.hora.nullable is False
    assert add.column.nullable is True and add.column is not table.c.hora
    _, update, required = upgrade.ops
    assert isinstance(update, ops.ExecuteSQLOp)
    assert update.sqltext == r"UPDATE t SET hora = id || '\:00' WHERE hora IS NULL"
    assert isinstance(required, ops.ModifyTableOps)
