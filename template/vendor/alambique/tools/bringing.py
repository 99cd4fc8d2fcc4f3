"""What changed in a worktree comes to the working tree, and nothing there is overwritten unseen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alembic.util import CommandError

from alambique import messages
from alambique.tools.template_repository import git

# What git's index holds for a path that is in conflict no more: nothing.
REMOVED = "0 " + "0" * 40


@dataclass(frozen=True)
class Brought:
    """What was brought that its reader has to know of, by path."""

    conflicts: list[str]
    new: list[str]
    ignored: list[str]
    """Of the new ones those that .gitignore matches, which `git status` does not show."""


def bring(tree: Path, root: Path) -> Brought:
    """Bring what changed in a worktree that has the project at its top, conflicts into the index.

    Args:
        tree: the worktree.
        root: where to, the project's own folder.

    Raises:
        CommandError: the worktree has a new file where git does not know the one that is there;
            then nothing was brought.
    """
    changed = states(tree)
    known = set(git("ls-tree", "-r", "-z", "--name-only", "HEAD", cwd=tree).split("\0"))
    new = [path for path in changed if path not in known and os.path.lexists(tree / path)]
    if in_the_way := sorted({taken for path in new if (taken := _taken(root, path))}):
        raise CommandError(messages.IN_THE_WAY.format(files=", ".join(in_the_way)))

    for path in changed:
        if (tree / path).exists():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / path, root / path)
        else:
            (root / path).unlink(missing_ok=True)
    return Brought(_bring_conflicts(tree, root), new, _ignored(root, new))


def _bring_conflicts(tree: Path, root: Path) -> list[str]:
    """Tell the project's index of the conflicts in the worktree's, and return their paths."""
    prefix = git("rev-parse", "--show-prefix", cwd=root).rstrip("\n")
    listed = git("ls-files", "--unmerged", "-z", cwd=tree).split("\0")[:-1]
    stages = [entry.split("\t", maxsplit=1) for entry in listed]
    conflicts = sorted({path for _, path in stages})

    entries = [(REMOVED, path) for path in conflicts] + [(stage, path) for stage, path in stages]
    told = "".join(f"{stage}\t{prefix}{path}\0" for stage, path in entries)
    git("update-index", "-z", "--index-info", cwd=root, given=told)
    return conflicts


def _ignored(root: Path, paths: Sequence[str]) -> list[str]:
    """Return those of the project's files that git ignores."""
    if not paths:
        return []
    others = ["--others", "--ignored", "--exclude-standard"]
    return git("ls-files", "-z", *others, "--", *paths, cwd=root).split("\0")[:-1]


def states(tree: Path) -> dict[str, str]:
    """Return git's two letters for each file that changed in a worktree, ignored ones included.

    Raises:
        CommandError: git failed.
    """
    listed = ["--no-renames", "--untracked-files=all", "--ignored"]
    status = git("status", "--porcelain", "-z", *listed, cwd=tree)
    return {entry[3:]: entry[:2] for entry in status.split("\0") if entry}


def _taken(root: Path, path: str) -> str | None:
    """Return what lies in the project where a new file is to be; None where nothing does."""
    places = [Path(path), *Path(path).parents][:-1]
    for place in places:
        is_folder_on_the_way = place != places[0] and (root / place).is_dir()
        if os.path.lexists(root / place) and not is_folder_on_the_way:
            return place.as_posix()
    return None
