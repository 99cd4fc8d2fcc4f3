"""What `make new` does first: refuse what was said after `data=` and is no answer.

python hooks/given_data.py word ...

Copier ignores an unknown key, and ends in a traceback at a value that is none.
"""

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from which_version import TEMPLATE  # first: it has Python find the library

# isort: split
from alambique import messages

SENTENCES = {
    "en": {
        "no_pair": (
            "data: `{word}` is no key=value. A blank ends a value here: leave out an answer that"
            " has one, and give it when you are asked."
        ),
        "no_question": "data: there is no question `{key}`. Is it {meant}? All: {keys}",
        "no_choice": "data: {key} cannot be `{value}`. It is one of: {choices}",
    },
    "pt": {
        "no_pair": (
            "data: `{word}` não é chave=valor. Um espaço termina um valor aqui: deixe de fora uma"
            " resposta que tenha um, e responda quando for perguntado."
        ),
        "no_question": "data: não há pergunta `{key}`. Será {meant}? Todas: {keys}",
        "no_choice": "data: {key} não pode ser `{value}`. É um destes: {choices}",
    },
}
BOOLEAN = ("true", "false")
# What Copier takes for one of these besides.
ALSO_BOOLEAN = {"y", "yes", "t", "on", "1", "n", "no", "f", "off", "0"}


def main(words: list[str]) -> int:
    """Say what is wrong with the first word that is no answer; return the exit code."""
    said = SENTENCES["pt" if is_portuguese(words) else "en"]
    refused = refusal(words, said)
    if refused is None:
        return 0
    print(refused, file=sys.stderr)
    return 1


def refusal(words: Iterable[str], said: dict[str, str]) -> str | None:
    """Return a sentence about the first word that is no answer; None if all are.

    Args:
        words: what stands after `data=`, cut at its blanks.
        said: the sentences.
    """
    questions = all_questions()
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            return said["no_pair"].format(word=word)
        if key not in questions:
            meant = get_close_matches(key, questions, n=1, cutoff=0) or list(questions)[:1]
            return said["no_question"].format(key=key, meant=meant[0], keys=", ".join(questions))
        choices = values_of(questions[key])
        also = ALSO_BOOLEAN if choices == BOOLEAN else set()
        if choices and value.lower() not in {*choices, *also}:
            return said["no_choice"].format(key=key, value=value, choices=", ".join(choices))
    return None


def is_portuguese(words: Iterable[str]) -> bool:
    """Tell whether the answers, or else the locale, want Portuguese."""
    for word in words:
        if word.startswith("language="):
            return word == "language=pt"
    return messages.language() == "pt"


def all_questions() -> dict[str, dict[str, Any]]:
    """Return the questions of this clone's copier.yml, by key."""
    settings = yaml.safe_load(Path(TEMPLATE, "copier.yml").read_text(encoding="utf-8"))
    return {key: value for key, value in settings.items() if not key.startswith("_")}


def values_of(question: dict[str, Any]) -> tuple[str, ...]:
    """Return the values that a question takes; () where it takes any text."""
    if question["type"] == "bool":
        return BOOLEAN
    offered = question.get("choices", {}).values()
    return tuple(str(each["value"] if isinstance(each, dict) else each) for each in offered)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
