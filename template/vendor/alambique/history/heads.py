"""How many heads a history is meant to have: one for each branch, and two of one branch never.

Branches are told apart by what Alembic has for it: a label, or a base of their own. Two colleagues
who each added a revision to one branch made a fork, and `make rebase` makes one line of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import combinations

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_tuple

from alambique import messages
from alambique.history.environment import require_obedience
from alambique.history.script import followed


class SeveralHeads(CommandError):
    """One head was asked for in a history that is meant to have several."""


def final_heads(script: ScriptDirectory) -> list[str]:
    """Return the revisions that a database is at after all have run.

    A head that another branch depends on is none of them: having the one implies the other.

    Raises:
        CommandError: the revisions do not make a history.
    """
    return sorted(revision.revision for revision in script.get_revisions("heads"))


def forks(script: ScriptDirectory) -> list[list[str]]:
    """Return the heads that are of one branch, a list for each branch that has two or more.

    Raises:
        CommandError: the revisions do not make a history.
    """
    heads = script.get_heads()
    if len(heads) < 2:
        return []

    below = {head: up_to(script, head) for head in heads}
    groups = [[head] for head in heads]
    for one, other in combinations(heads, 2):
        if _are_of_one_branch(script, below[one], below[other]):
            joined = [group for group in groups if one in group or other in group]
            groups = [group for group in groups if group not in joined]
            groups.append([head for group in joined for head in group])
    return [sorted(group, key=heads.index) for group in groups if len(group) > 1]


def refuse_forks(script: ScriptDirectory) -> None:
    """Refuse a history in which a branch has two heads.

    Raises:
        CommandError: one has; the sentence says which heads, and what joins them.
    """
    if found := forks(script):
        raise CommandError(forked(found))


def forked(found: Collection[Collection[str]]) -> str:
    """Say between which heads a history forks.

    Args:
        found: what `forks` returned.
    """
    return messages.TWO_HEADS.format(heads="; ".join(", ".join(group) for group in found))


def named(script: ScriptDirectory, revisions: Iterable[str] | None = None) -> str:
    """Return revisions with the labels of their branches, such as "3f1c (stock), 8e0d".

    Args:
        script: the history.
        revisions: which ones; by default its heads.
    """
    labels = {each.revision: each.branch_labels for each in script.walk_revisions()}
    ids = script.get_heads() if revisions is None else revisions
    return ", ".join(
        f"{each} ({', '.join(sorted(labels[each]))})" if labels.get(each) else each
        for each in sorted(ids)
    )


def heads_for(script: ScriptDirectory) -> dict[str, str]:
    """Return what a sentence says of the heads: `heads` to read, `all` to be merged.

    A merge that also names what one of its heads needs cannot be run: of a database that is at
    several, Alembic would remove what has no row.
    """
    final = final_heads(script)
    merged = final if len(final) > 1 else sorted(script.get_heads())
    return {"heads": named(script), "all": " ".join(merged)}


def ambiguous(script: ScriptDirectory) -> CommandError:
    """Return what is said where one head was asked for and there are several."""
    if found := forks(script):
        return CommandError(forked(found))
    return SeveralHeads(messages.SEVERAL_HEADS.format(heads=named(script)))


def upgrade(config: Config, to: str | None = None) -> None:
    """Upgrade a database.

    Args:
        config: the command's configuration; it says which database.
        to: as Alembic takes it; by default all the heads that the history is meant to have.

    Raises:
        CommandError: there is no such revision, a branch has two heads, the database is at a
            revision that the history lacks, it refused a statement, an interrupted revision cannot
            be finished, or env.py would go to another database.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    require_obedience(config)
    refuse_range(to or "head")
    try:
        command.upgrade(config, to or "head")
    except SeveralHeads:  # to ask beforehand would be to read the history twice
        if to is not None:
            raise
        command.upgrade(config, "heads")


def refuse_range(goal: str) -> None:
    """Refuse `from:to` where a command takes one revision; Alembic does, in English.

    Raises:
        CommandError: it is a range.
    """
    if ":" in goal:
        raise CommandError(messages.GOAL_IS_RANGE.format(goal=goal))


def declared_labels(revision: Script) -> tuple[str, ...]:
    """Return the labels that a revision gives to its branch; those of other revisions not."""
    labels: str | Iterable[str] | None = vars(revision.module).get("branch_labels")
    return tuple(to_tuple(labels, default=()))


def up_to(script: ScriptDirectory, head: str) -> set[str]:
    """Return a revision and all that it follows; what it only depends on is of another branch."""
    found: set[str] = set()
    left = [head]
    while left:
        revision = left.pop()
        if revision not in found:
            found.add(revision)
            left += followed(script.get_revision(revision))
    return found


def _are_of_one_branch(script: ScriptDirectory, one: set[str], other: set[str]) -> bool:
    """Tell whether two heads have a revision in common, and no label keeps them apart since."""
    common = one & other
    return bool(common) and not any(_is_labelled(script, side, common) for side in (one, other))


def _is_labelled(script: ScriptDirectory, side: set[str], common: set[str]) -> bool:
    """Tell whether a side has got a label since it left what both sides have.

    That of a branch which has begun elsewhere, and was merged in, says nothing about this one.
    """
    return any(
        declared_labels(script.get_revision(revision))
        and not common.isdisjoint(up_to(script, revision))
        for revision in side - common
    )
