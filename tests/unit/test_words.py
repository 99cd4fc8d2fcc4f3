"""A class is called like one of what its table holds many of, in the project's language."""

from pathlib import Path

import pytest
from alambique.adopt.words import plural, singular

from support.minimal import minimal_project

ENGLISH = {
    "users": "user",
    "categories": "category",
    "boxes": "box",
    "statuses": "status",
    "addresses": "address",
    "movies": "movie",
    "knives": "knife",
    "people": "person",
    "order_items": "order_item",
    "OrderDetails": "OrderDetail",
    "USERS": "USER",
    "order_items_2024": "order_item_2024",
}
PORTUGUESE = {
    "pedidos": "pedido",
    "itens": "item",
    "avaliacoes": "avaliacao",
    "animais": "animal",
    "papeis": "papel",
    "meses": "mes",
    "luzes": "luz",
    "vendas": "venda",
    "familias": "familia",
    "imagens": "imagem",
}
NO_PLURALS = "status address news series process bus analysis class data media dns https sms alias"


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("pt", PORTUGUESE)])
def test_there_and_back(tmp_path: Path, language: str, words: dict[str, str]) -> None:
    minimal_project(tmp_path, language=language)
    assert {many: singular(many) for many in words} == words
    assert {plural(one): one for one in words.values()} == words
    assert {plural(many) for many in words} == set(words)


@pytest.mark.parametrize("word", [*NO_PLURALS.split(), "user_data", "x", "日本", "t_1"])
def test_what_is_no_plural_stays(tmp_path: Path, word: str) -> None:
    minimal_project(tmp_path)
    assert singular(word) == word
