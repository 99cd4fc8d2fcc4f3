"""Which tables, and which parts of them, are ours."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alambique.autogenerate.filters import Ownership, leave_out_marked, require_head
from alambique.autogenerate.marks import is_marked
from alambique.names import TableName
from alambique.versions import at_least
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.engine import make_url

from support.comparison import differences, migration_for

POSTGRESQL = make_url("postgresql+psycopg://").get_dialect()()
MARK = {"skip_autogenerate": True}


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    """An empty SQLite database in memory."""
    with sa.create_engine("sqlite://").connect() as connection:
        yield connection


def ownership(models: sa.MetaData, *created: TableName, schema: str | None = None) -> Ownership:
    """Return what is ours on a database whose default schema is this one."""
    dialect = make_url("sqlite://").get_dialect()()
    dialect.default_schema_name = schema
    ours = Ownership(lambda: created, dialect)
    ours.metadata = [models]
    return ours


def test_ours_is_what_is_mapped_or_was_created() -> None:
    models = sa.MetaData()
    sa.Table("a", models)
    sa.Table("b", models, schema="vendas")
    sa.Table("c", models, schema="public")
    sa.Table("d.e", models)
    ours = ownership(models, TableName("f"), TableName("g", "public"), schema="public")

    assert ours.tables == {
        *(TableName("a"), TableName("b", "vendas"), TableName("c")),
        *(TableName("d.e"), TableName("f"), TableName("g")),
    }
    assert ours.schemas == {"vendas"}


@pytest.mark.parametrize(
    ("name", "schema", "is_ours"),
    [
        ("itens", None, False),
        ("itens", "vendas", True),
        ("itens", "outro", False),
        ("vendas.itens", None, False),
        ("a.b", None, True),
        ("b", "a", False),
    ],
)
def test_a_table_is_ours_by_its_schema_and_name(
    name: str, schema: str | None, is_ours: bool
) -> None:
    models = sa.MetaData()
    sa.Table("itens", models, schema="vendas")
    sa.Table("a.b", models)
    # As Alembic calls it: with the dotted name, which says nothing of where the dot is from.
    dotted = f"{schema}.{name}" if schema else name
    found = ownership(models).include_name(
        name, "table", {"schema_name": schema, "schema_qualified_table_name": dotted}
    )
    assert found is is_ours


def test_only_schemas_of_ours_are_read() -> None:
    models = sa.MetaData()
    sa.Table("itens", models, schema="vendas")
    ours = ownership(models)
    assert ours.include_name(None, "schema", {}) and ours.include_name("vendas", "schema", {})
    assert not ours.include_name("outro", "schema", {})
    assert ours.include_name("uq", "unique_constraint", {"table_name": "x", "schema_name": None})


def test_what_is_marked_and_what_depends_on_it() -> None:
    models = sa.MetaData()
    marked = sa.Table("marcada", models, sa.Column("id", sa.Integer, primary_key=True), info=MARK)
    table = sa.Table(
        "t",
        models,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("a", sa.Integer, key="chave", info=MARK),
        sa.Column("m", sa.ForeignKey("marcada.id")),
        sa.Column("n", sa.ForeignKey("desconhecida.id")),
        sa.CheckConstraint("a > 0", name="ck_a"),
        sa.CheckConstraint("id > 0", name="ck_id"),
        sa.Index("ix_a", "chave", "id"),
        sa.Index("ix_m", "m"),
    )
    parts: list[sa.schema.SchemaItem] = [*table.columns, *table.constraints, *table.indexes]
    names = {str(getattr(part, "name", None)) for part in parts if is_marked(part, [models])}
    keys = [each for each in table.foreign_key_constraints if is_marked(each, [models])]

    assert names - {"None"} == {"a", "ck_a", "ix_a"}
    assert [key.column_keys for key in keys] == [["m"]]
    assert is_marked(marked, [models]) and not is_marked(table, [models])
    assert is_marked(marked.c.id, [models])


def test_what_was_read_from_the_database_is_looked_up_by_name() -> None:
    models = sa.MetaData()
    sa.Table("a.b", models, sa.Column("x", sa.Integer, info=MARK))
    sa.Table("c", models, sa.Column("x", sa.Integer, info=MARK), schema="public")

    def found(table: str, schema: str | None = None) -> sa.Column[int]:
        return sa.Table(table, sa.MetaData(), sa.Column("x", sa.Integer), schema=schema).c.x

    assert is_marked(found("a.b"), [models])
    assert not is_marked(found("b", "a"), [models])
    assert not is_marked(found("c"), [models])
    assert is_marked(found("c"), [models], default_schema="public")


class Foreign:
    """An object that an extension compares: no `info`, no table."""


def test_objects_of_extensions_do_no_harm() -> None:
    ours = ownership(sa.MetaData())
    foreign = Foreign()
    assert not is_marked(foreign, [sa.MetaData()])
    assert ours.include_object(foreign, "x", "function", False, None)  # type: ignore[arg-type]


def test_views_and_what_other_databases_have_are_left_out() -> None:
    models = sa.MetaData()
    table = sa.Table("t", models, sa.Column("a", sa.Integer))
    sa.Index("ix", table.c.a).ddl_if(dialect="postgresql")
    (index,) = table.indexes
    ours = ownership(models)

    if at_least("2.1"):
        view = sa.CreateView(sa.select(table), "v", metadata=models).table
        assert not ours.include_object(view, "v", "table", False, None)
    assert ours.include_object(table, "t", "table", False, None)
    assert not ours.include_object(index, "ix", "index", False, None)
    ours.dialect = POSTGRESQL
    assert ours.include_object(index, "ix", "index", False, None)


def test_a_direction_that_the_database_does_not_tell_is_no_difference() -> None:
    def index(*expressions: object, unique: bool = False) -> sa.Index:
        table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer), sa.Column("b", sa.Integer))
        words = [table.c[each] if isinstance(each, str) else each for each in expressions]
        return sa.Index("ix", *words, unique=unique)  # type: ignore[arg-type]

    ours = ownership(sa.MetaData())
    descending = index(sa.text("a DESC"), "b")

    def differs(found: sa.Index) -> bool:
        return ours.include_object(descending, "ix", "index", False, found)

    assert not differs(index("a", "b"))
    assert differs(index("b", "a"))
    assert differs(index("a"))
    assert differs(index("a", "b", unique=True))
    ours.dialect = POSTGRESQL
    assert differs(index("a", "b"))


def test_a_new_table_leaves_out_what_is_marked(connection: sa.Connection) -> None:
    models = sa.MetaData()
    table = sa.Table(
        "t",
        models,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("a", sa.Integer, info=MARK),
        sa.CheckConstraint("a > 0", name="ck_a"),
        sa.CheckConstraint("id > 0", name="ck_id"),
    )
    create = ops.CreateTableOp.from_table(table)
    migration = migration_for(connection, models)
    asked: list[str] = []
    is_ours = migration.opts["include_object"]

    def asking(item: object, name: str, kind: str, *rest: object) -> bool:
        asked.append(kind)
        return bool(is_ours(item, name, kind, *rest))

    migration.opts["include_object"] = asking
    leave_out_marked(migration, ops.UpgradeOps([create]))
    names = {part.name for part in create.columns if isinstance(part, (sa.Column, sa.Constraint))}
    assert names == {"id", None, "ck_id"}
    assert {*asked} == {"column", "check_constraint", "primary_key_constraint"}


def test_tables_of_others_are_not_seen(connection: sa.Connection) -> None:
    models = sa.MetaData()
    sa.Table("a.b", models, sa.Column("id", sa.Integer, primary_key=True))
    models.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE b (id INTEGER)")
    assert differences(connection, models) == ""
    assert "drop_table('b')" in differences(connection, models, [TableName("b")])


def test_comparing_needs_a_database_at_head(connection: sa.Connection) -> None:
    migration = MigrationContext.configure(connection)
    require_head(migration, [])
    with pytest.raises(CommandError, match="base.*abc"):
        require_head(migration, ["abc"])


def test_nothing_is_imported_where_nothing_is_compared(connection: sa.Connection) -> None:
    ours = Ownership(lambda: [])
    migration = MigrationContext.configure(connection)
    ours.prepare(migration, ["abc"])
    assert "metadata" not in vars(ours)
    assert "target_metadata" not in migration.opts
