"""A name is parsed once, as a person types it, and compared as a value."""

import pytest
import sqlalchemy as sa
from alambique.names import ColumnName, TableName
from alembic.operations import ops


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("itens", TableName("itens")),
        ("vendas.itens", TableName("itens", "vendas")),
        ('"a.b".c', TableName("c", "a.b")),
        ('"a.b"', TableName("a.b")),
        ('"say ""hi"""', TableName('say "hi"')),
        ("com espaço.ítens", TableName("ítens", "com espaço")),
    ],
)
def test_a_table_is_written_as_it_is_read(text: str, name: TableName) -> None:
    assert TableName.parse(text) == name
    assert str(name) == text


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a.b.c", '"a', '"a"b', 'a."b'])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        TableName.parse(text)


def test_a_column_has_a_table_and_perhaps_a_schema() -> None:
    assert ColumnName.parse("itens.nome") == TableName("itens").column("nome")
    assert ColumnName.parse("v.itens.nome") == TableName("itens", "v").column("nome")
    assert str(ColumnName.parse('"a.b".c."d.e"')) == '"a.b".c."d.e"'
    with pytest.raises(ValueError):
        ColumnName.parse("nome")


def test_a_table_of_a_schema_is_not_its_namesake() -> None:
    assert TableName("itens", "vendas") != TableName("itens")
    assert TableName("b", "a") != TableName("a.b")
    assert TableName("itens", "public").within("public") == TableName("itens")
    assert TableName("itens", "vendas").within("public") == TableName("itens", "vendas")
    assert TableName("itens").within(None) == TableName("itens")


def test_names_come_from_tables_and_operations() -> None:
    table = sa.Table("itens", sa.MetaData(), schema="vendas")
    assert TableName.of(table) == TableName("itens", "vendas")
    operation = ops.DropTableOp("itens", schema="vendas")
    assert TableName.of_operation(operation) == TableName("itens", "vendas")


def test_names_have_an_order() -> None:
    names = [TableName("b"), TableName("a", "z"), TableName("a"), TableName("c", "b")]
    assert [str(name) for name in sorted(names)] == ["a", "b", "b.c", "z.a"]
    columns = [TableName("b").column("a"), TableName("a").column("z")]
    assert [str(column) for column in sorted(columns)] == ["a.z", "b.a"]
