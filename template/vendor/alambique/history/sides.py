"""Which of two heads stays below: the one that others have. The other one moves on top.

A database that has what moves, and not what comes to stand below it, never gets the latter. So it
is git that says what others may have, and where it does not say, nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from alambique.history.git import Repository


@dataclass(frozen=True)
class Evidence:
    """Commits that bear out together what others have."""

    commits: list[str]
    is_branch: bool = False
    """What a branch had before counts, where it has both sides by now."""


def which_stays(git: Repository, sides: Mapping[str, Collection[str]]) -> str | None:
    """Return the head whose side others have.

    Args:
        git: the repository.
        sides: two heads, each with the revisions that the other does not stand on.

    Returns:
        None where git does not tell: nobody has either, or both are had.
    """
    for evidence in _strongest_first(git):
        commits = [each for each in evidence.commits if _had(git, each, sides)]
        if commits:
            said = [_had_first(git, each, sides, evidence.is_branch) for each in commits]
            heads = {head for had in said if len(had) == 1 for head in had}
            return heads.pop() if len(heads) == 1 else None
    return None


def had_by_trunk(git: Repository) -> set[str]:
    """Return the revisions that any trunk has, here or elsewhere."""
    return git.revisions([*git.targets, *git.remote_trunks, *git.local_trunks])


def _strongest_first(git: Repository) -> Iterator[Evidence]:
    yield Evidence(git.targets, is_branch=True)
    yield Evidence(git.remote_trunks, is_branch=True)
    # What came from an address may be anybody's trunk, so it stands beside the one of this clone.
    yield Evidence([*git.local_trunks, *git.fetched], is_branch=True)
    # Who rebases says which commits are not anybody's yet.
    yield Evidence(git.rebased_onto)
    yield Evidence(git.published)
    # What is in no commit, nobody else has.
    yield Evidence(git.committed)


def _had(git: Repository, commit: str, sides: Mapping[str, Collection[str]]) -> set[str]:
    """Return the heads of which a commit has the side, or a part of it."""
    there = git.revisions([commit])
    return {head for head, side in sides.items() if there.intersection(side)}


def _had_first(
    git: Repository, branch: str, sides: Mapping[str, Collection[str]], is_branch: bool
) -> set[str]:
    """Return the heads a branch has, or had the last time that it did not have both."""
    had = _had(git, branch, sides)
    for commit in git.earlier(branch) if is_branch else ():
        if len(had) < len(sides):
            break
        had = _had(git, commit, sides)
    return had
