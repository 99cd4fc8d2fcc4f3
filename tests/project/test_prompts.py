"""In a terminal, all that is said is in the language chosen first, and what you type counts."""

import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml
from jinja2 import Environment

from support.project import QUESTIONS, ROOT, SETTINGS, values

JINJA = Environment(extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"])
LANGUAGES = values("language")
DOWN, CLEAR, ENTER = "\x1b[B", "\x15", "\r"
TYPED = {
    "project_name": "minha-loja",
    "project_description": "Vende \"coisas\" & 'tal' — 100% {{ x }}",
    "database": values("database")[-1],
    "mode": "async",
    "example": False,
    "environment": "pip",
    "api": "none",
    "migrations_folder": "db_history",
    "ci": "gitlab",
}
# What a person hears, written down apart from copier.yml.
HEARD = {
    "pt": [
        "Nome do projeto",
        "Banco de dados",
        "síncrono",
        "nenhuma",
        "migrações",
        "Projeto gerado",
    ],
    "en": ["Project name", "Database", "synchronous", "Web API", "Folder of", "project is made"],
}
REFUSED = {"pt": "Use outro nome", "en": "Use another name"}


def spoken(text: str, language: str) -> str:
    """Return a text of copier.yml as it is in this language."""
    return JINJA.from_string(text).render(language=language, **TYPED)


def labels(key: str, language: str) -> list[str]:
    """Return the labels of a question's choices."""
    choices = QUESTIONS[key].get("choices", {})
    return [spoken(label, language) for label in choices]


class Terminal:
    """`copier copy`, and a person who reads before typing."""

    def __init__(self, destination: Path) -> None:
        command = ["-m", "copier", "copy", "--vcs-ref", "HEAD", str(ROOT), str(destination)]
        env = os.environ | {"PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", "LANG": "C.UTF-8"}
        self.process: Any = pexpect.spawn(
            sys.executable, command, env=env, encoding="utf-8", dimensions=(50, 220), timeout=60
        )
        self.process.logfile_read = self.screen = StringIO()

    def see(self, *texts: str) -> None:
        """Wait until these texts have come, one after the other."""
        for text in texts:
            self.process.expect_exact(text)

    def type(self, *keys: str) -> None:
        """Press these keys."""
        self.process.send("".join(keys))

    def answer(self, key: str, language: str, value: Any) -> None:
        """Read a question with its choices, and answer it."""
        self.see(spoken(QUESTIONS[key]["help"], language), *labels(key, language))
        if labels(key, language):
            self.type(DOWN * values(key).index(value), ENTER)
        elif isinstance(value, bool):
            self.type("y" if value else "n")
        else:
            self.type(CLEAR, value, ENTER)


@pytest.mark.parametrize("language", LANGUAGES)
def test_copier_speaks_your_language(tmp_path: Path, language: str) -> None:
    destination = tmp_path / "loja"
    terminal = Terminal(destination)
    terminal.answer("language", language, language)
    for key, value in TYPED.items():
        if key == "migrations_folder":
            terminal.see(spoken(QUESTIONS[key]["help"], language))
            terminal.type(CLEAR, "core", ENTER)
            terminal.see(REFUSED[language])
            terminal.type(CLEAR, value, ENTER)
        else:
            terminal.answer(key, language, value)
    message = spoken(SETTINGS["_message_after_copy"], language)
    terminal.see(*message.splitlines())
    terminal.process.expect(pexpect.EOF)
    terminal.process.close()
    assert terminal.process.exitstatus == 0

    screen, other = terminal.screen.getvalue(), LANGUAGES[1 - LANGUAGES.index(language)]
    foreign = words(other) - words(language) | set(HEARD[other])
    assert not [text for text in HEARD[language] if text not in screen]
    assert not [text for text in foreign if text in screen]
    answers = yaml.safe_load((destination / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert answers.items() >= ({"language": language} | TYPED).items()
    assert (destination / "db_history/env.py").exists()


@pytest.mark.parametrize("key", [key for key in QUESTIONS if key != "language"])
def test_every_prompt_is_in_both_languages(key: str) -> None:
    portuguese, english = (spoken(QUESTIONS[key]["help"], language) for language in LANGUAGES)
    assert portuguese != english
    assert "".join([english, *labels(key, "en")]).isascii()


def words(language: str) -> set[str]:
    """Return all that the questions and the message at the end say in this language."""
    said = set(spoken(SETTINGS["_message_after_copy"], language).splitlines())
    for key in QUESTIONS:
        said |= {spoken(QUESTIONS[key]["help"], language), *labels(key, language)}
    return said
