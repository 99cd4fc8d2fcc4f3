"""The same project as nobody edited it: what differs from it is its owner's, and must not be lost.

Copier renders the project's version of the template with the project's answers in a folder of its
own. Updated as the project is, it shows what the template itself changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from alambique.tools import seal
from alambique.tools.answers import ANSWERS, answers_in
from alambique.tools.copier import Copier
from alambique.tools.template_repository import NOBODY, git


@dataclass(frozen=True)
class Unreached:
    """A file that the template changed and that an update does not find in its place."""

    path: str
    """Where the template has it."""
    now: str | None
    """Where it is in the project; None if it was deleted there."""
    change: str
    """What the template changed in it, as a diff; "" where it is no longer in the template."""


@dataclass(frozen=True)
class Untouched:
    """A project of the same version and answers, a repository of its own with one commit."""

    folder: Path
    copier: Copier
    project: Path
    """The real project, in which everything is committed."""

    @classmethod
    def of_project(cls, project: Path, copier: Copier, folder: Path) -> Untouched:
        """Render it.

        Args:
            project: the real one's folder.
            copier: what renders it.
            folder: where to; Copier makes it.

        Raises:
            CommandError: Copier could not render the project's version, or git failed.
            OSError: the answers file cannot be read.
        """
        said = answers_in(project)
        copier.copy(said["_src_path"], said["_commit"], project / ANSWERS, folder)
        git("init", "--quiet", cwd=folder)
        git("add", "--all", "--force", cwd=folder)
        git(*NOBODY, "commit", "--quiet", "--message", "As rendered", cwd=folder)

        # What the project's own commits hold can be compared with, without a copy of it.
        objects = project / git("rev-parse", "--git-path", "objects", cwd=project).rstrip("\n")
        borrowed = folder / ".git/objects/info/alternates"
        borrowed.write_text(f"{objects.resolve()}\n", encoding="utf-8")
        return cls(folder, copier, project)

    @cached_property
    def edited(self) -> frozenset[str]:
        """The paths at which the project has not what was rendered, be it changed or added.

        Raises:
            CommandError: git failed.
        """
        return frozenset(now for _, now in self._differences if now is not None)

    def unreached(self, answers_file: Path, version: str) -> list[Unreached]:
        """Return what an update changes and the project has elsewhere, or no longer.

        Args:
            answers_file: the answers of the project after its update.
            version: the version of the template that it is updated to.

        Raises:
            CommandError: Copier could not update, or git failed.
        """
        moved = {path: now for path, now in self._differences if path and path != now}
        if not moved:
            return []

        said = ["--data-file", str(answers_file)]
        self.copier.update(self.folder, version, said)

        found = []
        for path in sorted(moved):
            changed = git(
                "diff", "--no-ext-diff", "--no-color", "HEAD", "--", path, cwd=self.folder
            )
            is_there = (self.folder / path).exists()
            if changed and (is_there or moved[path]):
                found.append(Unreached(path, moved[path], changed if is_there else ""))
        return found

    @cached_property
    def _differences(self) -> list[tuple[str | None, str | None]]:
        """For each file that differs: where it was rendered, and where the project has it.

        The library is not among them: it is sealed, and whoever edited it is told otherwise.
        """
        committed = git("rev-parse", "HEAD:./", cwd=self.project).strip()
        compare = ["diff-tree", "-r", "-z", "--name-status", "--find-renames"]
        fields = iter(git(*compare, "HEAD", committed, cwd=self.folder).split("\0")[:-1])
        return [
            (path, now)
            for path, now in _pairs(fields)
            if not any(seal.is_sealed(place) for place in (path, now) if place)
        ]


def _pairs(fields: Iterator[str]) -> Iterator[tuple[str | None, str | None]]:
    """Yield the old and the new path of each entry of `git diff-tree --name-status -z`."""
    for state in fields:
        path = next(fields)
        if state.startswith("R"):
            yield path, next(fields)
        elif state == "A":
            yield None, path
        else:
            yield path, None if state == "D" else path
