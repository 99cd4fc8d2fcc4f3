"""The line of the history in one small file, `history.txt` beside the revisions.

Each revision has a line, the oldest first. Once another follows it, it is closed: its line carries
a digest, and editing it shows. Two colleagues who each add a revision end the file differently, so
that they meet as a conflict in git and not in a deploy; `make rebase` settles it.

In a history that is meant to have several heads, each branch has a place of its own in the file, so
that only those meet who work on the same one; each folder of revisions has a file of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import chain
from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from alambique import messages
from alambique.history.heads import up_to
from alambique.history.script import (
    folder_of,
    folders,
    history,
    oldest_first,
    replaced_revisions,
    source_of,
)
from alambique.history.source import digest
from alambique.settings import project

FILE = "history.txt"

# A closed revision's line, whatever a conflict in git put around it.
CLOSED = re.compile(r"^(\w+) ([0-9a-f]{16})$", re.MULTILINE)


def manifest_paths(script: ScriptDirectory) -> list[Path]:
    """Return the path of each `history.txt`.

    A folder outside of the project, such as that of an installed package, is another project's.
    """
    inside = [
        each for each in folders(script) if project().root.resolve() in each.resolve().parents
    ]
    return [folder / FILE for folder in inside or folders(script)[:1]]


def recorded(script: ScriptDirectory) -> dict[str, str]:
    """Return the closed revisions with their digests, as the files say, in conflict or not."""
    found: dict[str, str] = {}
    for path in manifest_paths(script):
        if path.exists():
            found |= CLOSED.findall(path.read_text(encoding="utf-8"))
    return found


def by_branch(script: ScriptDirectory) -> list[list[Script]]:
    """Return all revisions, those of a branch together and each after those it follows.

    What several branches follow is with the first of them. The order of the branches stays when
    one of them is gone on with.

    Raises:
        CommandError: the revisions do not make a history.
    """
    revisions = oldest_first(script)
    below = {head: up_to(script, head) for head in script.get_heads()}

    def beginning(head: str) -> tuple[list[str], str]:
        others = set().union(*(below[other] for other in below if other != head))
        own = [each for each in revisions if each.revision in below[head] - others]
        return sorted(own[-1].branch_labels), own[0].revision

    branches: list[list[Script]] = []
    placed: set[str] = set()
    for head in sorted(below, key=beginning):
        here = below[head] - placed
        branches.append([each for each in revisions if each.revision in here])
        placed |= here
    return branches


def write_manifest(config: Config | None = None, anew: Collection[str] = ()) -> None:
    """Write the line of the history; a digest that is there stays.

    Args:
        config: the command's configuration; the project's own by default.
        anew: the revisions whose digest is taken anew all the same.

    Raises:
        CommandError: the revisions do not make a history.
        InvalidSetting: the project's pyproject.toml cannot be read.
        SyntaxError: a revision is no Python.
    """
    script = history(config)
    known = recorded(script)

    lines = {path.parent: [messages.HISTORY_HEADER] for path in manifest_paths(script)}
    for revision in chain.from_iterable(by_branch(script)):
        said = lines.get(folder_of(script, revision))
        if said is None:
            continue
        is_anew = revision.revision in anew or _took_anothers_place(revision, known)
        recorded_digest = None if is_anew else known.get(revision.revision)
        if revision.nextrev and recorded_digest is None:
            recorded_digest = digest(source_of(revision))
        is_closed = recorded_digest is not None
        said.append(f"{revision.revision} {recorded_digest}" if is_closed else revision.revision)

    for folder, said in lines.items():
        text = "\n".join(said) + "\n"
        (folder / FILE).write_text(text, encoding="utf-8", newline="\n")


def _took_anothers_place(revision: Script, known: Mapping[str, str]) -> bool:
    """Tell whether a digest is that of the old head whose id `make squash` gave to this revision.

    It is where the file still has what the squash replaced: a branch from before it was merged in.
    """
    return any(replaced in known for replaced in replaced_revisions(revision))
