"""Both languages say the same, with the same fields, and every sentence is said somewhere."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from types import ModuleType
from typing import Any

import pytest
from alambique.messages import en, pt

LIBRARY = Path(__file__).resolve().parents[2] / "template/vendor/alambique"
MODULES = sorted(path for path in LIBRARY.rglob("*.py") if path.parent.name != "messages")


def all_of(language: object) -> dict[str, Any]:
    """Return the messages of a language, by name."""
    return {name: value for name, value in vars(language).items() if name.isupper()}


EN, PT = all_of(en), all_of(pt)


@pytest.mark.parametrize("language", [en, pt])
def test_no_name_is_given_twice(language: ModuleType) -> None:
    """The second sentence would be said in the place of the first."""
    module = ast.parse(Path(str(language.__file__)).read_text(encoding="utf-8"))
    names = [
        target.id
        for statement in module.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]
    assert [name for name, times in Counter(names).items() if times > 1] == []


def texts(message: Any) -> Iterator[tuple[object, str]]:
    """Yield the sentences of a message: itself, or those of a dictionary with their keys."""
    if isinstance(message, dict):
        yield from message.items()
    elif isinstance(message, str):
        yield "", message


def fields(text: str) -> set[str]:
    """Return the names between braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def all_fields(message: Any) -> set[str]:
    """Return the fields of all of a message's sentences."""
    return {field for _, text in texts(message) for field in fields(text)}


@cache
def parsed(path: Path) -> ast.Module:
    """Return a module of the library, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def message_named(node: ast.AST) -> str | None:
    """Return the NAME of `messages.NAME`, or of `messages.NAME[...]`."""
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "messages":
        return node.attr if node.attr.isupper() else None
    return None


def test_both_languages_have_the_same_messages() -> None:
    assert set(EN) == set(PT)
    assert {name: type(value) for name, value in EN.items()} == {
        name: type(value) for name, value in PT.items()
    }


@pytest.mark.parametrize("name", sorted(EN))
def test_a_message_has_the_same_fields_in_both(name: str) -> None:
    english = {key: fields(text) for key, text in texts(EN[name])}
    portuguese = {key: fields(text) for key, text in texts(PT[name])}
    assert english == portuguese
    assert all(field.isidentifier() for field in all_fields(EN[name]))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_what_is_said_exists(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute):
            name = message_named(node)
            assert name is None or name in EN, f"{path}:{node.lineno}: there is no {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_message_gets_exactly_its_fields(path: Path) -> None:
    for call in ast.walk(parsed(path)):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        name = message_named(call.func.value)
        if call.func.attr != "format" or name is None:
            continue

        place = f"{path}:{call.lineno}: {name}"
        given = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
        has_more = len(given) < len(call.keywords)  # a ** is among them
        assert not call.args, place
        if has_more:
            assert given < all_fields(EN[name]), place
        else:
            assert given == all_fields(EN[name]), place


def test_no_message_is_left_over() -> None:
    said = {message_named(node) for path in MODULES for node in ast.walk(parsed(path))}
    assert set(EN) - said == set()


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: path.name)
def test_no_file_of_the_library_is_a_template(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    # An f-string writes a brace twice; Jinja has something between two of them.
    assert not re.search(r"\{%|%\}|\{#|\{\{ |\{\{-|-\}\}", source)
