"""The line of the history in one small file, `history.txt` beside the revisions.

Each revision has a line, the oldest first. Once another follows it, it is closed: its line carries
a digest, and editing it shows. Two branches that each add a revision end the file differently, so
that they meet as a conflict in git and not in a deploy; `make rebase` settles it.
"""

import ast
import hashlib
import os
import re
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from core import ROOT
from core.migrations import alembic_config, messages

CLOSED = re.compile(r"^(\w+) ([0-9a-f]{16})$", re.MULTILINE)
TARGETS = "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"  # where a pipeline knows better
TRUNKS = "origin/HEAD", "origin/main", "origin/master", "main", "master"


def history() -> ScriptDirectory:
    """Return the project's revisions, read anew."""
    return ScriptDirectory.from_config(alembic_config())


def single_head(script: ScriptDirectory) -> str | None:
    """Return the head of the history, None where there is no revision.

    Raises:
        CommandError: there are two, of branches that have not met yet.
    """
    heads = script.get_heads()
    if len(heads) > 1:
        raise CommandError(messages.TWO_HEADS.format(heads=", ".join(heads)))
    return heads[0] if heads else None


def history_file(script: ScriptDirectory) -> Path:
    """Return the path of the line of the history."""
    return Path(script.versions, "history.txt")


def short(path: Path | str) -> str:
    """Return a path as one types it at the project's root."""
    return os.path.relpath(path, ROOT)


def record(anew: Collection[str] = ()) -> None:
    """Write the line of the history; a digest that is there stays, but for the revisions `anew`."""
    script = history()
    known = recorded(script)
    lines = [messages.HISTORY_HEADER]
    for revision in reversed(list(script.walk_revisions())):
        told = known.get(revision.revision) if revision.revision not in anew else None
        if revision.nextrev and told is None:
            told = digest(Path(revision.path))
        lines.append(f"{revision.revision} {told}" if told else revision.revision)
    file = history_file(script)
    file.write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")


def recorded(script: ScriptDirectory) -> dict[str, str]:
    """Return the closed revisions with their digests, as the file says, in conflict or not."""
    file = history_file(script)
    return dict(CLOSED.findall(file.read_text(encoding="utf-8"))) if file.exists() else {}


def digest(path: Path) -> str:
    """Return 16 digits for what the revision at `path` does, whatever its layout and docstring."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    if ast.get_docstring(module) is not None:
        del module.body[0]
    return hashlib.sha256("\n".join(_words(module)).encode()).hexdigest()[:16]


def _words(module: ast.Module) -> Iterator[str]:
    # Not ast.dump(), which each Python writes differently.
    for node in ast.walk(module):
        parts = [value for _, value in ast.iter_fields(node)]
        plain = [each for each in parts if not isinstance(each, (ast.AST, list, type(None)))]
        yield f"{type(node).__name__} {plain}"


def on_trunk(script: ScriptDirectory) -> set[str] | None:
    """Return the names of the revision files on the branch that all others start from.

    Returns:
        None where git knows no such branch: a pull request's target, origin's default branch, else
        main or master.
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
    """
    revisions, trunk = list(script.walk_revisions())[::-1], on_trunk(script)
    if trunk is None:
        return [each for each in revisions if each.revision not in recorded(script)]
    return [each for each in revisions if Path(each.path).name not in trunk]
