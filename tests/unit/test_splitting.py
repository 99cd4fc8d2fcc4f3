"""Tables that are too many for one file: which go together, and that this never depends on luck."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from alambique.adopt.grouping import files, modules
from alambique.adopt.splitting import MOST, apart, prefix
from alambique.names import TableName

References = dict[TableName, list[TableName]]


def table(text: str) -> TableName:
    return TableName.parse(text)


def monolith(*names: str, hub: str = "users") -> References:
    """Return tables that all refer to one, and that one to the first of them."""
    found = {table(name): [table(hub)] for name in names}
    return found | {table(hub): [table(names[0])]}


def split(said: References, together: Mapping[TableName, TableName] | None = None) -> dict:
    return apart(list(said), said, together or {})


@pytest.mark.parametrize(
    ("name", "words", "begin"),
    [
        ("order_items", 1, "order"),
        ("OrderItems", 1, "order"),
        ("order_items", 2, "order_items"),
        ("HTTPLog", 1, "http"),
        ("ação_social", 1, "a"),
        ("__", 1, ""),
    ],
)
def test_the_words_of_a_name(name: str, words: int, begin: str) -> None:
    assert prefix(TableName(name), words).startswith(begin)


def test_names_that_begin_alike_go_together() -> None:
    said = monolith(*(f"sales_{i}" for i in range(20)), *(f"stock_{i}" for i in range(20)))
    assert set(split(said)) == {"sales", "stock", "users"}


def test_one_and_many_begin_alike() -> None:
    names = ["user_roles", "user_keys", "user_logs", *(f"stock_{i}" for i in range(20))]
    found = split(monolith(*names, *(f"sales_{i}" for i in range(10))))
    assert set(found) == {"sales", "stock", "user"}
    assert table("users") in found["user"]


def test_a_prefix_of_too_many_goes_apart_by_its_next_word() -> None:
    names = [f"sales_{word}_{i}" for word in ("order", "invoice") for i in range(20)]
    assert set(split(monolith(*names))) == {"sales_order", "sales_invoice", "users"}


def test_schemas_are_apart() -> None:
    said = monolith(*(f"{schema}.t{i}" for schema in ("sales", "stock") for i in range(20)))
    found = split(said)
    assert {"sales", "stock"} < set(found)
    assert {each.schema for each in found["sales"]} == {"sales"}


def test_what_no_name_holds_together_goes_by_what_refers_to_what() -> None:
    words = [chr(97 + i) * 5 for i in range(26)] + [chr(97 + i) * 6 for i in range(26)]
    said = {table(word): [table(words[place - place % 13])] for place, word in enumerate(words)}
    found = split(said)
    assert [len(part) for part in found.values()] == [13] * 4
    assert all(table(name) in part for name, part in found.items())


def test_no_part_is_larger_than_can_be_read_and_no_table_is_lost() -> None:
    dice = random.Random(3)
    for _ in range(30):
        words = [
            "_".join(dice.choices("abc", k=dice.randint(1, 4))) + str(i)
            for i in range(dice.randint(30, 300))
        ]
        said = {table(each): [table(dice.choice(words)) for _ in range(2)] for each in words}
        found = split(said)
        assert sorted(each for part in found.values() for each in part) == sorted(said)
        assert all(len(part) <= MOST for part in found.values())


def test_what_is_to_stay_together_stays() -> None:
    said = monolith(*(f"sales_{i}" for i in range(30)), "friends")
    links = {table("friends"): table("sales_3"), table("sales_7"): table("gone")}
    (part,) = [part for part in split(said, links).values() if table("friends") in part]
    assert table("sales_3") in part


def test_two_that_are_to_stay_with_each_other_are_not_lost() -> None:
    said = monolith(*(f"sales_{i}" for i in range(30)))
    links = {table("sales_1"): table("sales_2"), table("sales_2"): table("sales_1")}
    assert sorted(each for part in split(said, links).values() for each in part) == sorted(said)


def test_the_order_in_which_they_are_said_does_not_count() -> None:
    said = monolith(*(f"sales_{i}" for i in range(40)), *(f"t{i}" for i in range(9)))
    mixed = list(said.items())
    random.Random(1).shuffle(mixed)
    assert split(dict(mixed)) == split(said)


def test_a_module_that_can_be_read_is_one_file() -> None:
    said = monolith(*(f"sales_{i}" for i in range(20)))
    path = Path("app/users/models.py")
    assert files(path, list(said), said, {}) == {path: sorted(said)}


def test_one_that_cannot_be_read_is_a_package() -> None:
    said = monolith(*(f"sales_{i}" for i in range(20)), *(f"class_{i}" for i in range(20)))
    found = files(Path("app/users/models.py"), list(said), said, {})
    assert {str(path) for path in found} == {
        "app/users/models/sales.py",
        "app/users/models/class_.py",
        "app/users/models/users.py",
    }


def test_lone_tables_that_begin_alike_are_one_module() -> None:
    said: References = {table(f"wp_{name}"): [] for name in ("posts", "users", "terms")}
    found = modules(said | {table("logs"): [], table("notes"): []}, Path("app"), None)
    assert {path.parent.name: len(part) for path, part in found.items()} == {
        "wp": 3,
        "logs": 1,
        "notes": 1,
    }
