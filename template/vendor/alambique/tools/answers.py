"""The answers that the project was rendered with, as Copier keeps them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from alambique.settings import project
from alambique.tools.credentials import without_credentials

ANSWERS = Path(".copier-answers.yml")

# A service does not depend on a YAML library, and Copier writes nothing but flat lines.
LINE = re.compile(r"(\w+): +(\S.*?) *")
SOURCE = re.compile(r"^_src_path:.*", re.MULTILINE)


def answers() -> dict[str, str]:
    """Return what the project's answers file says, by key; nothing where there is none.

    `_src_path` is where the template was found, `_commit` the version of it.

    Raises:
        InvalidSetting: the project's pyproject.toml cannot be read.
        OSError: the answers file is there and cannot be read.
    """
    return answers_in(project().root)


def answers_in(folder: Path) -> dict[str, str]:
    """Return the same of the project in a folder.

    Args:
        folder: one that has an answers file, or none.

    Raises:
        OSError: the answers file is there and cannot be read.
    """
    file = folder / ANSWERS
    if not file.exists():
        return {}

    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := LINE.fullmatch(line):
            key, value = match.groups()
            found[key] = _unquoted(value)
    return found


def take_credentials_out(folder: Path) -> bool:
    """Leave no credentials in the address of the template, in the answers file of a folder.

    Returns:
        Whether there were any.

    Raises:
        OSError: the answers file cannot be read or written.
    """
    file = folder / ANSWERS
    text = file.read_text(encoding="utf-8")
    clean = SOURCE.sub(lambda line: without_credentials(line[0]), text)
    if clean != text:
        file.write_text(clean, encoding="utf-8", newline="\n")
    return clean != text


def _unquoted(value: str) -> str:
    """Return a value of YAML without its quotes."""
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if len(value) > 1 and value[0] == value[-1] == '"':
        # YAML's escapes in double quotes are Python's, but for some that nobody writes.
        try:
            return str(ast.literal_eval(value))
        except (SyntaxError, ValueError):
            return value[1:-1]
    return value
