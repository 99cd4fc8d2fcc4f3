"""The line of the history in one small file, `history.txt` beside the revisions.

Each revision has a line, the oldest first. Once another follows it, it is closed: its line carries
a digest, and editing it shows. Two branches that each add a revision end the file differently, so
that they meet as a conflict in git and not in a deploy; `make rebase` settles it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from alambique import messages
from alambique.history.script import history, oldest_first, replaced_revisions, source_of
from alambique.history.source import digest

# A closed revision's line, whatever a conflict in git put around it.
CLOSED = re.compile(r"^(\w+) ([0-9a-f]{16})$", re.MULTILINE)


def manifest_path(script: ScriptDirectory) -> Path:
    """Return the path of `history.txt`.

    Raises:
        CommandError: the revisions are in several folders.
    """
    return Path(script.versions, "history.txt")


def recorded(script: ScriptDirectory) -> dict[str, str]:
    """Return the closed revisions with their digests, as the file says, in conflict or not.

    Raises:
        CommandError: the revisions are in several folders.
    """
    path = manifest_path(script)
    return dict(CLOSED.findall(path.read_text(encoding="utf-8"))) if path.exists() else {}


def write_manifest(config: Config | None = None, anew: Collection[str] = ()) -> None:
    """Write the line of the history; a digest that is there stays.

    Args:
        config: the command's configuration; the project's own by default.
        anew: the revisions whose digest is taken anew all the same.

    Raises:
        CommandError: the revisions do not make a history, or are in several folders.
        InvalidSetting: the project's pyproject.toml cannot be read.
        SyntaxError: a revision is no Python.
    """
    script = history(config)
    known = recorded(script)

    lines = [messages.HISTORY_HEADER]
    for revision in oldest_first(script):
        is_anew = revision.revision in anew or _took_anothers_place(revision, known)
        recorded_digest = None if is_anew else known.get(revision.revision)
        if revision.nextrev and recorded_digest is None:
            recorded_digest = digest(source_of(revision))
        is_closed = recorded_digest is not None
        lines.append(f"{revision.revision} {recorded_digest}" if is_closed else revision.revision)

    text = "\n".join(lines) + "\n"
    manifest_path(script).write_text(text, encoding="utf-8", newline="\n")


def _took_anothers_place(revision: Script, known: Mapping[str, str]) -> bool:
    """Tell whether a digest is that of the old head whose id `make squash` gave to this revision.

    It is where the file still has what the squash replaced: a branch from before it was merged in.
    """
    return any(replaced in known for replaced in replaced_revisions(revision))
