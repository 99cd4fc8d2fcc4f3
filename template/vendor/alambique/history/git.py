"""Which revisions are new: those that the branch all others start from does not have."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from alembic.script import Script, ScriptDirectory

from alambique.history.manifest import recorded
from alambique.history.script import oldest_first, source_of

# What a pipeline sets to the branch that a pull or merge request wants to enter.
TARGETS = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
TRUNKS = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def on_trunk(script: ScriptDirectory) -> set[str] | None:
    """Return the names of the revision files on the branch that all others start from.

    Returns:
        None where git knows no such branch: a pull request's target, origin's default branch, else
        main or master.

    Raises:
        CommandError: the revisions are in several folders.
    """
    targets = [f"origin/{os.environ[name]}" for name in TARGETS if os.environ.get(name)]
    for branch in (*targets, *TRUNKS):
        command = ["git", "ls-tree", "-z", "--name-only", branch, "./"]
        try:
            listed = subprocess.run(command, cwd=script.versions, capture_output=True, text=True)
        except OSError:
            return None
        if listed.returncode == 0:
            return {Path(name).name for name in listed.stdout.split("\0")}
    return None


def new_revisions(script: ScriptDirectory) -> list[Script]:
    """Return the revisions that are not on the trunk yet, the oldest first.

    Without git, those that are still open.

    Raises:
        CommandError: the revisions do not make a history, or are in several folders.
    """
    revisions = oldest_first(script)
    trunk = on_trunk(script)
    if trunk is None:
        closed = recorded(script)
        return [each for each in revisions if each.revision not in closed]
    return [each for each in revisions if source_of(each).name not in trunk]
