"""What the source of a revision says, read without running it."""

from pathlib import Path

import pytest
from alambique.history.script import history
from alambique.history.source import (
    Operation,
    comments,
    created_tables,
    digest,
    operations,
    variables,
    with_variable,
)
from alambique.names import TableName

from support.minimal import Minimal, minimal_project


@pytest.fixture
def project(tmp_path: Path) -> Minimal:
    return minimal_project(tmp_path)


def read(project: Minimal, upgrade: str, more: str = "") -> list[Operation]:
    """Return the operations of a revision whose upgrade is this."""
    return list(operations(project.revision("a1", upgrade=upgrade, more=more), "upgrade"))


def test_tables_and_columns_are_named_as_in_the_call(project: Minimal) -> None:
    found = read(
        project,
        """
        op.create_table("usuarios", sa.Column("id", sa.Integer))
        op.drop_table("itens", schema="vendas")
        op.drop_table(table_name="a.b")
        op.rename_table("a", "b", schema="vendas")
        op.drop_column("usuarios", "email")
        op.drop_column(column_name="x", table_name="usuarios", schema="vendas")
        op.alter_column("usuarios", "nome", new_column_name="alcunha")
        """,
    )
    usuarios = TableName("usuarios")
    assert found == [
        Operation("create_table", usuarios),
        Operation("drop_table", TableName("itens", "vendas")),
        Operation("drop_table", TableName("a.b")),
        Operation("rename_table", TableName("a", "vendas"), new_table=TableName("b", "vendas")),
        Operation("drop_column", usuarios, column="email"),
        Operation("drop_column", TableName("usuarios", "vendas"), column="x"),
        Operation("alter_column", usuarios, column="nome", new_column="alcunha"),
    ]


def test_a_batch_names_the_table_of_its_own_operations_only(project: Minimal) -> None:
    found = read(
        project,
        """
        with op.batch_alter_table("itens", schema="vendas") as batch:
            batch.drop_column("nome")
            op.drop_column("usuarios", "email")
            with op.batch_alter_table("usuarios") as other:
                other.alter_column("a", new_column_name="b")
                batch.drop_column("preco")
        """,
    )
    itens = TableName("itens", "vendas")
    assert found == [
        Operation("drop_column", itens, column="nome"),
        Operation("drop_column", TableName("usuarios"), column="email"),
        Operation("alter_column", TableName("usuarios"), column="a", new_column="b"),
        Operation("drop_column", itens, column="preco"),
    ]


def test_a_name_may_stand_at_the_top_or_be_worked_out(project: Minimal) -> None:
    found = read(
        project,
        """
        if True:
            op.drop_table("itens", schema=SCHEMA)
        for name in ("a", "b"):
            op.drop_table(name)
        """,
        more='SCHEMA: str = "vendas"',
    )
    assert found == [
        Operation("drop_table", TableName("itens", "vendas")),
        Operation("drop_table", TableName("")),
    ]


def test_only_the_function_asked_for_is_read(project: Minimal) -> None:
    path = project.revision("a1", upgrade='op.drop_table("a")', downgrade='op.create_table("b")')
    assert [each.table.name for each in operations(path, "downgrade")] == ["b"]


def test_the_tables_of_a_history_are_those_that_are_left(project: Minimal) -> None:
    project.revision(
        "a1",
        upgrade="""
        op.create_table("a")
        op.create_table("b", schema="vendas")
        op.create_table("c")
        for name in "xy":
            op.create_table(name)
        """,
    )
    project.revision(
        "b2",
        "a1",
        upgrade="""
        op.drop_table("a")
        op.rename_table("b", "d", schema="vendas")
        op.drop_table("c", schema="vendas")
        """,
    )
    assert created_tables(history()) == {TableName("c"), TableName("d", "vendas")}


def test_variables_are_read_where_alembic_cannot_read_the_history(project: Minimal) -> None:
    path = project.revision("a1", "missing", more='replaces: tuple = (\n    "x",\n)\nnow = time()')
    assert variables(path) == {
        "revision": "a1",
        "down_revision": "missing",
        "replaces": ("x",),
        "now": None,
    }


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("down_revision = 'a'", "b", 'down_revision = "b"'),
        (
            "down_revision: str | None = None  # first",
            "b",
            'down_revision: str | None = "b"  # first',
        ),
        ('x = "ação"; down_revision = "ã"; y = 1', "b", 'x = "ação"; down_revision = "b"; y = 1'),
        ('down_revision = (\n    "a",\n    "b",\n)  # both', "c", 'down_revision = "c"  # both'),
        ('down_revision = "a"', ("b", "c"), 'down_revision = ("b", "c")'),
        ('down_revision = "a"', None, "down_revision = None"),
    ],
)
def test_a_variable_is_written_where_it_stood(before: str, value: object, after: str) -> None:
    above, below = '"""down_revision = "x"."""\n', "\nz = 2  # down_revision = 3\n"
    assert with_variable(above + before + below, "down_revision", value) == above + after + below


def test_a_variable_that_is_not_there_is_added() -> None:
    assert with_variable("x = 1\n", "down_revision", "b") == 'x = 1\n\ndown_revision = "b"\n'


def test_comments_are_read_and_strings_are_not(project: Minimal) -> None:
    path = project.revision("a1", upgrade='op.execute("# not one")  # one')
    assert list(comments(path)) == ["# one"]


def test_a_digest_is_of_what_a_revision_does(project: Minimal) -> None:
    path = project.revision("a1", upgrade='op.drop_table("a")')
    source, before = path.read_text(), digest(path)
    path.write_text(source.replace("a1\n\n", "another title\n\n").replace('("a")', '(\n"a" )  # x'))
    assert digest(path) == before
    path.write_text(source.replace('("a")', '("b")'))
    assert digest(path) != before
    assert len(before) == 16


def test_a_dot_is_part_of_a_name(project: Minimal) -> None:
    path = project.revision("a1", upgrade='op.drop_table("a.b")\nop.drop_column("a.b", "c.d")')
    table, column = operations(path, "upgrade")
    assert table.table == column.table == TableName("a.b") and column.column == "c.d"
