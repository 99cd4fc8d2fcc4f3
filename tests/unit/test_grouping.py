"""Tables that foreign keys hold together share a module, called like the most referred one."""

from pathlib import Path

import pytest
from alambique.adopt.grouping import groups, module_name, modules
from alambique.names import TableName
from alembic.util import CommandError

APP = Path("app")


def table(text: str) -> TableName:
    return TableName.parse(text)


def references(**tables: str) -> dict[TableName, list[TableName]]:
    """Return what refers to what: `pedidos="clientes"`."""
    return {table(name): [table(each) for each in said.split()] for name, said in tables.items()}


def test_what_foreign_keys_hold_together_is_one_group() -> None:
    found = list(groups(references(a="b", b="", c="d", d="c", e="", f="b")))
    assert found == [
        [table("a"), table("b"), table("f")],
        [table("c"), table("d")],
        [table("e")],
    ]


def test_tables_referred_to_come_along_though_they_are_not_asked_for() -> None:
    assert list(groups(references(itens="produtos"))) == [[table("itens"), table("produtos")]]


def test_a_module_is_called_like_the_table_most_referred_to() -> None:
    said = references(itens="pedidos", pagamentos="pedidos", pedidos="clientes", clientes="")
    assert list(modules(said, APP, None)) == [APP / "pedidos" / "models.py"]


def test_a_table_that_refers_to_itself_is_not_more_referred_to() -> None:
    said = references(arvores="arvores", folhas="galhos", galhos="")
    assert list(modules(said, APP, None)) == [
        APP / "arvores" / "models.py",
        APP / "galhos" / "models.py",
    ]


def test_somebody_elses_table_gives_no_name() -> None:
    said = references(itens="produtos", precos="produtos")
    assert list(modules(said, APP, None)) == [APP / "itens" / "models.py"]


def test_modules_of_one_name_are_told_apart() -> None:
    said = references(itens="", ITENS="") | {table("vendas.itens"): []}
    assert [path.parent.name for path in modules(said, APP, None)] == [
        "itens",
        "itens_",
        "vendas_itens",
    ]


def test_one_module_for_all() -> None:
    said = references(b="c", a="")
    assert modules(said, APP, "loja") == {
        APP / "loja" / "models.py": [table("a"), table("b"), table("c")]
    }


def test_a_name_that_python_cannot_carry_is_a_sentence() -> None:
    with pytest.raises(CommandError, match="2lojas"):
        modules(references(a=""), APP, "2lojas")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Clientes", "clientes"),
        ("2 lojas", "t_2_lojas"),
        ("class", "class_"),
        ("Loja-Mãe", "loja_mae"),
        ("__x__", "x"),
        ("日本", "t_"),
    ],
)
def test_a_tables_name_as_a_module(name: str, expected: str) -> None:
    assert module_name(name) == expected
