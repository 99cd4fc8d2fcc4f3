"""Words in the singular and in the plural: a class is one of what its table holds many of.

A word that cannot be told to be a plural stays as it is: a class that is called like its table
surprises nobody, one called `Statu` everybody.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from alambique.settings import InvalidSetting, project

if TYPE_CHECKING:
    import inflect

# The last word of a table's name, with what stands before it: `order_items`, `OrderItems`.
LAST_WORD = re.compile(r"([A-Z]?[a-z]+|[A-Z]+)(?=[\W\d_]*$)")

# Where a new word begins without an underscore: `OrderItems`, `HTTPLog`.
BEGINNING = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# What looks like a plural in English and is none, or is both: `status`, `alias`, `address`.
SINGULAR = ("ss", "us", "is", "as")
UNCHANGED = {"data", "lens", "media", "news", "series", "staff"}

# Portuguese, with and without its accents, which tables rarely have; the first that fits counts.
PORTUGUESE = (
    (r"(?:oes|aes|ões|ães)$", "ao"),
    (r"(?<=[aou])is$", "l"),
    (r"(?:eis|éis)$", "el"),
    (r"ns$", "m"),
    (r"(?<=[rsz])es$", ""),
    (r"(?<=[aeiou])s$", ""),
)
PORTUGUESE_PLURALS = (
    (r"(?:ao|ão)$", "oes"),
    (r"(?<=[aou])l$", "is"),
    (r"el$", "eis"),
    (r"m$", "ns"),
    (r"(?<=[rsz])$", "es"),
    (r"(?<=[aeiou])$", "s"),
)
PORTUGUESE_SINGULAR = re.compile(r"(?:us|[^aou]is|alias|atlas|gas)$")
PORTUGUESE_PLURAL = re.compile(r"eis$")


def snake(name: str) -> str:
    """Return a name in small letters, with an underscore between its words: `order_items`."""
    return re.sub(r"\W+", "_", BEGINNING.sub("_", name)).lower()


def singular(name: str) -> str:
    """Return a table's name in the singular, as it is written; the name where it is no plural."""
    return _changed(name, _is_portuguese(), plural=False)


def plural(name: str) -> str:
    """Return a name in the plural; the name where it is one already."""
    return _changed(name, _is_portuguese(), plural=True)


@cache
def _changed(name: str, is_portuguese: bool, plural: bool) -> str:
    found = LAST_WORD.search(name)
    if found is None:
        return name

    word = found[1].lower()
    one = _portuguese_singular(word) if is_portuguese else _english_singular(word)
    changed = one
    if plural:
        is_one = one == word and word not in UNCHANGED
        many = _portuguese_plural(word) if is_portuguese else _english_plural(word)
        changed = many if is_one else word

    if found[1].isupper():
        changed = changed.upper()
    elif found[1][0].isupper():
        changed = changed.capitalize()
    return name[: found.start()] + changed + name[found.end() :]


def _english_singular(word: str) -> str:
    has_vowel = re.search("[aeiouy]", word[:-1])
    if len(word) < 4 or word in UNCHANGED or word.endswith(SINGULAR) or not has_vowel:
        return word
    if word.endswith("os"):
        return word[:-1]
    one = str(_english().singular_noun(word) or word)
    # Only what gives the word back is its singular; of a Latin one, nobody says it.
    return one if not word.endswith("a") and _english().plural_noun(one) == word else word


def _english_plural(word: str) -> str:
    """Return a word's plural; a word that ends like one and is none has only itself."""
    ends_like_one = word.endswith("s") and not word.endswith(SINGULAR)
    return word if ends_like_one else str(_english().plural_noun(word))


def _portuguese_singular(word: str) -> str:
    is_plural = PORTUGUESE_PLURAL.search(word) or not PORTUGUESE_SINGULAR.search(word)
    return _by_rules(word, PORTUGUESE) if len(word) > 3 and is_plural else word


def _portuguese_plural(word: str) -> str:
    ends_like_one = PORTUGUESE_SINGULAR.search(word) is not None
    return word if ends_like_one else _by_rules(word, PORTUGUESE_PLURALS)


def _by_rules(word: str, rules: tuple[tuple[str, str], ...]) -> str:
    for ending, instead in rules:
        if re.search(ending, word):
            return re.sub(ending, instead, word)
    return word


def _is_portuguese() -> bool:
    try:
        return project().language == "pt"
    except InvalidSetting:
        return False


@cache
def _english() -> inflect.engine:
    import inflect  # comes with sqlacodegen, which only developers have

    return inflect.engine()
