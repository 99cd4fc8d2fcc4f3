"""Copier, a program of its own: it renders a version of the template, and updates a project."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alembic.util import CommandError

from alambique import messages
from alambique.tools.credentials import without_credentials


@dataclass(frozen=True)
class Copier:
    """A Copier to run, and how much it may do."""

    program: str
    is_trusting: bool = False
    """Whether it may run what the template asks to be run."""

    def copy(self, source: str, version: str, answers: Path, folder: Path) -> None:
        """Render a version of the template, and run nothing of it.

        Args:
            source: where the template is, as Copier writes it.
            version: its tag or commit.
            answers: an answers file.
            folder: where to; Copier makes it.

        Raises:
            CommandError: Copier could not.
        """
        options = ["--defaults", "--skip-tasks", "--vcs-ref", version, "--data-file", str(answers)]
        self._run("copy", *options, source, str(folder), cwd=answers.parent)

    def update(
        self, folder: Path, version: str, said: Sequence[str], *, asks: bool = False
    ) -> None:
        """Update the project in a folder, where everything is committed.

        Args:
            folder: the project's.
            version: the tag or commit of the template to update to.
            said: options with answers.
            asks: put the questions that have no answer yet to the terminal; by default they get
                their defaults.

        Raises:
            CommandError: Copier could not.
        """
        options = ["--skip-answered" if asks else "--defaults", "--vcs-ref", version, *said]
        if self.is_trusting:
            options.append("--trust")
        self._run("update", *options, cwd=folder)

    def _run(self, command: str, *arguments: str, cwd: Path) -> None:
        """Run it; what it says of a failure may quote an address, and is shown without secrets."""
        running = subprocess.Popen(
            [_absolute(self.program), command, "--quiet", *arguments],
            cwd=cwd,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            # What the template runs must not leave compiled modules among what it renders.
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        )
        with running:
            for line in running.stderr or ():
                print(without_credentials(line), end="", file=sys.stderr, flush=True)
        if running.returncode:
            raise CommandError(messages.NOT_UPDATED)


def _absolute(program: str) -> str:
    """Return a program as it is found from any folder; a bare name is looked up on the PATH."""
    return os.path.abspath(program) if os.path.dirname(program) else program
