"""What a project says to people: its own copy of the sentences, in its own language.

Nothing heavy is imported here: the processes of `support.history` read this module, too.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.project import Project


def messages(project: Project) -> dict[str, str]:
    """Return every sentence of a project by its name; of a project of 1.x, too."""
    settings = tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))
    if "alambique" in settings["tool"]:
        language = settings["tool"]["alambique"]["language"]
        source = project.path / f"vendor/alambique/messages/{language}.py"
    else:
        source = project.path / "core/migrations/messages.py"
    found: dict[str, object] = {}
    exec(source.read_text(encoding="utf-8"), found)
    return {name: text for name, text in found.items() if isinstance(text, str)}


def message(project: Project, name: str) -> str:
    """Return one of a project's sentences, with its fields as they are written."""
    return messages(project)[name]


def sentence(project: Project, name: str, /, **values: object) -> re.Pattern[str]:
    """Return a pattern for one of the project's messages; a value not given may be anything."""
    pattern = re.sub(
        r"\\\{(\w+).*?\\\}",
        lambda gap: re.escape(str(values[gap[1]])) if gap[1] in values else ".+",
        re.escape(message(project, name)),
    )
    return re.compile(pattern, re.DOTALL)


def said(project: Project, name: str, output: str) -> bool:
    """Tell whether the output has one of the project's messages, and no traceback.

    Of a message the longest part without a field counts, on however many lines it is printed.
    """
    fixed = max(re.split(r"\{.*?\}", message(project, name)), key=len)
    printed = " ".join(output.split())
    return " ".join(fixed.split()) in printed and "Traceback" not in printed
