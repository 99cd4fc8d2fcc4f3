"""Source we wrote, formatted as the project's own is: by the project's ruff, with its settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic.util import CommandError

from alambique import messages
from alambique.settings import project


def format_python(path: Path | str, *, keep_imports: bool = False) -> None:
    """Format a module as the project's are, with its imports in order.

    Args:
        path: the module, or a folder of them.
        keep_imports: leave what is imported and not used, as somebody will write on.

    Raises:
        CommandError: ruff is not installed, or found no Python there.
    """
    kept = ["--unfixable", "F401"] if keep_imports else []
    _ruff(path, "check", "--fix", *kept, "--exit-zero", "--silent")
    _ruff(path, "format", "--quiet")


def excuse_long_lines(path: Path | str) -> None:
    """Note on each line that is too long for the project that it may be (`# noqa: E501`).

    A formatter breaks no string, and a name or a statement is as long as a database has it.

    Args:
        path: a formatted module, or a folder of them.

    Raises:
        CommandError: ruff is not installed, or found no Python there.
    """
    _ruff(path, "check", "--select", "E501", "--add-noqa", "--silent")


def write_modules(sources: Mapping[Path, str]) -> None:
    """Write modules, formatted as the project's are; where one cannot be, none is written.

    Args:
        sources: what to write, by its path; folders are made.

    Raises:
        CommandError: ruff is not installed, or one of the sources is no Python.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    # Inside the project, where ruff finds its settings; all at once, so that it starts once.
    with TemporaryDirectory(dir=project().root) as folder:
        drafts = {path: Path(folder, f"draft_{number}.py") for number, path in enumerate(sources)}
        for path, draft in drafts.items():
            draft.write_text(sources[path], encoding="utf-8")

        format_python(folder)
        excuse_long_lines(folder)

        for path, draft in drafts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(draft.read_bytes())


def formatted(source: str) -> str:
    """Return the source of a module that nobody's project has, formatted; as it is without ruff."""
    for how in (["check", "--select", "F401,I", "--fix", "--silent", "--exit-zero"], ["format"]):
        command = [sys.executable, "-m", "ruff", *how, "--isolated", "--line-length", "100", "-"]
        done = subprocess.run(command, input=source, capture_output=True, encoding="utf-8")
        if done.returncode:
            return source
        source = done.stdout
    return source


def _ruff(path: Path | str, *arguments: str) -> None:
    if subprocess.run([sys.executable, "-m", "ruff", *arguments, str(path)]).returncode:
        raise CommandError(messages.NOT_FORMATTED.format(path=path))
