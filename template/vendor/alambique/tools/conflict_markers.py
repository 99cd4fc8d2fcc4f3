"""Conflicts that were committed with git's markers still in them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from alambique import messages

# A line of equals signs alone says nothing: it also underlines a heading.
MARKER = "^(<<<<<<<|>>>>>>>)( |$)"

# A line of what `git grep` answers: older versions put a colon after the number.
FOUND = re.compile(r"^([^\0\n]+)\0(\d+)[\0:](.*)$", re.MULTILINE)

# Where such lines belong, .gitattributes tells git to make its own markers of another length.
LENGTH = "conflict-marker-size"


def conflicts_left(root: Path) -> Iterator[str]:
    """Yield a sentence for each marker of a conflict in the files that git knows.

    Without git, none.

    Args:
        root: the folder to look in.
    """
    found = _git(root, "grep", "-z", "-n", "-I", "--extended-regexp", MARKER)
    for path, number, text in FOUND.findall(found):
        said = _git(root, "check-attr", "-z", LENGTH, "--", path).split("\0")
        if said[2:3] in (["unspecified"], ["7"]):
            place = f"{path}:{number}"
            yield messages.CONFLICT_LEFT.format(place=place, text=text.strip(), path=path)


def _git(root: Path, *arguments: str) -> str:
    """Return what git answers; nothing where it is not there, or finds nothing."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True)
    except OSError:
        return ""
    return done.stdout.decode(errors="replace")
