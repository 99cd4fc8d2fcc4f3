"""`make rebase`: two heads of a branch into one line. What the trunk has stays below.

Branches with a label, or a base of their own, stay apart: their roots may have been released.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.util import cache_from_source
from itertools import chain, pairwise
from pathlib import Path
from shlex import quote

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from alambique import messages
from alambique.database.errors import DatabaseUnavailable
from alambique.history.git import Repository
from alambique.history.heads import forks, heads_for, named
from alambique.history.manifest import manifest_paths, write_manifest
from alambique.history.script import history, script_directory, source_of, sources
from alambique.history.sides import had_by_trunk, which_stays
from alambique.history.source import docstring_lines, variables, with_variable
from alambique.history.status import current_heads
from alambique.history.undo import undo
from alambique.settings import alembic_config, shown

REVISES = "Revises:"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `rebase` takes."""
    value, said = messages.PLACEHOLDERS, messages.OPTIONS
    parser.add_argument("--top", metavar=value["revision"], help=said["top"])
    parser.add_argument("--yes", action="store_true", help=said["yes"])
    parser.add_argument(
        "--lose", action="append", default=[], metavar=value["lose"], help=said["lose"]
    )


def run(options: Namespace) -> int:
    """Put the heads of each branch in one line, and write that line down.

    Raises:
        CommandError: the head asked for is none, or is a branch's own; nothing tells which one the
            trunk has, or what should move joins two lines itself.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    return rebase(alembic_config(options.url), options.top, options.lose)


def rebase(config: Config, top: str | None = None, lose: Sequence[str] = ()) -> int:
    """Put the heads of each branch in one line, and write that line down.

    Args:
        config: the command's configuration; it says which database may have to make way.
        top: the head that moves on top, or several with commas between them; by default those that
            the trunk lacks.
        lose: what may be lost where making way drops data, as `undo` takes it.

    Returns:
        The exit code, 0.

    Raises:
        CommandError: the head asked for is none, or is a branch's own; nothing tells which one the
            trunk has, what should move joins two lines itself, or it could not be undone in the
            database, as where nobody gave up what that loses.
        LockTimeout: another migrator, or a long query, held the database for too long.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
        SyntaxError: a revision is no Python.
    """
    leave_squashed(config)
    script = history(config)
    lines = lines_to_be(script, top)
    if not lines:
        heads = script.get_heads()
        if heads:
            write_manifest(config)
        sentence = messages.ONE_LINE if len(heads) < 2 else messages.NO_FORK
        print(sentence.format(heads=named(script)))
        return 0

    for bottom, head in chain.from_iterable(map(pairwise, lines)):
        moving = branch(script, head, bottom)
        for revision in moving:
            if revision.is_merge_point:
                path = shown(source_of(revision))
                raise CommandError(messages.MERGE_MOVES.format(path=path))

        chosen = "" if top is None else f" top={quote(top)}"
        make_way(config, bottom, moving, lose, f"make rebase{chosen}")
        first = source_of(moving[0])
        point(first, bottom)
        write_manifest(config, anew={revision.revision for revision in moving})
        print(messages.REBASED.format(path=shown(first), head=head, bottom=bottom))
        script = history(config)

    files = ", ".join(map(shown, manifest_paths(script)))
    print(messages.REBASE_DONE.format(file=files))
    return 0


def leave_squashed(config: Config) -> None:
    """Point what follows a squashed revision to the one that replaced it.

    Read from the sources: Alembic cannot read a history in which one follows what is not there.

    Raises:
        CommandError: one is no Python.
    """
    said = {path: _variables(path) for path in sources(script_directory(config))}
    replacements = _replacements(said)

    for path, values in said.items():
        below = values.get("down_revision")
        before = below if isinstance(below, tuple) else (below,)
        after = tuple(dict.fromkeys(replacements.get(each, each) for each in before))
        if after != before:
            point(path, *after)


def _variables(path: Path) -> Mapping[str, object]:
    try:
        return variables(path)
    except SyntaxError as error:
        place, cause = f"{shown(path)}:{error.lineno}", f"SyntaxError: {error}"
        raise CommandError(messages.REVISION_BROKEN.format(place=place, cause=cause)) from error


def _replacements(said: Mapping[Path, Mapping[str, object]]) -> dict[object, str]:
    """Return, for each squashed revision, the one that replaced it."""
    found: dict[object, str] = {}
    for values in said.values():
        revision, replaces = values.get("revision"), values.get("replaces")
        if isinstance(revision, str) and isinstance(replaces, (tuple, list)):
            found |= dict.fromkeys(replaces, revision)
    return found


def lines_to_be(script: ScriptDirectory, top: str | None = None) -> list[list[str]]:
    """Return, for each branch that has several heads, these in the order in which they will stand.

    What others have stands first.

    Args:
        script: the history.
        top: the head that is the last of its branch; several with commas between them, the last one
            last.

    Raises:
        CommandError: `top` is no head, or a branch's own; or nothing tells which head others have.
    """
    chosen = list(dict.fromkeys(_head(script, name) for name in top.split(","))) if top else []
    found = forks(script)
    alone = set(chosen).difference(*found)
    if alone:
        found = [_without_label(script, alone)]
    return [_in_order(script, heads, [each for each in chosen if each in heads]) for heads in found]


def _without_label(script: ScriptDirectory, chosen: Collection[str]) -> list[str]:
    """Return the heads that no label keeps apart: only their bases do, and somebody says join them.

    Two people may have begun a project at once.

    Raises:
        CommandError: of what is chosen one has a label, or is the only one without.
    """
    heads = script.get_heads()
    found = [head for head in heads if not script.get_revision(head).branch_labels]
    if len(found) < 2 or not set(chosen) <= set(found):
        name = ", ".join(sorted(chosen))
        raise CommandError(messages.REBASE_BRANCHES.format(name=name, **heads_for(script)))
    return found


def _in_order(script: ScriptDirectory, heads: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """Return heads in the order in which they will stand; what is chosen comes last."""
    rest = [head for head in heads if head not in chosen]
    git = Repository(script)

    ordered: list[str] = []
    while rest:
        lowest = next((head for head in rest if _stays(script, git, head, rest)), None)
        if lowest is None:
            raise CommandError(_unsure(script, rest, chosen))
        ordered.append(lowest)
        rest.remove(lowest)
    return [*ordered, *chosen]


def _head(script: ScriptDirectory, name: str) -> str:
    """Return the one head whose id begins like this."""
    heads = script.get_heads()
    named = [head for head in heads if name.strip() and head.startswith(name.strip())]
    if len(named) != 1:
        raise CommandError(messages.NO_HEAD.format(name=name, heads=", ".join(heads)))
    return named[0]


def _stays(script: ScriptDirectory, git: Repository, head: str, heads: Iterable[str]) -> bool:
    """Tell whether others have a head, and none of the other heads."""
    others = [other for other in heads if other != head]
    return all(which_stays(git, _sides(script, head, other)) == head for other in others)


def _sides(script: ScriptDirectory, one: str, other: str) -> dict[str, list[str]]:
    """Return two heads, each with the revisions that the other does not stand on."""
    pairs = [(one, other), (other, one)]
    return {head: [each.revision for each in branch(script, head, below)] for head, below in pairs}


def _unsure(script: ScriptDirectory, heads: Iterable[str], chosen: Iterable[str]) -> str:
    """Say which heads there are, and how one says which of them moves."""
    choices = [
        messages.REBASE_CHOICE.format(
            top=",".join([head, *chosen]), path=shown(source_of(script.get_revision(head)))
        )
        for head in heads
    ]
    return messages.REBASE_UNSURE.format(choices="\n".join(choices))


def branch(script: ScriptDirectory, head: str, bottom: str) -> list[Script]:
    """Return the revisions up to `head` that `bottom` does not stand on, the first one first."""
    below = {each.revision for each in script.iterate_revisions(bottom, "base")}
    above = script.iterate_revisions(head, "base")
    return [each for each in above if each.revision not in below][::-1]


def make_way(
    config: Config, bottom: str, moving: list[Script], lose: Sequence[str], typed_as: str
) -> None:
    """Undo what moves where the database has it: else what comes below it would never be applied.

    Raises:
        CommandError: it could not be undone, it is the trunk's, or nobody gave up what that loses.
        LockTimeout: another migrator, or a long query, held the database for too long.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    try:
        database = current_heads(config)
    except DatabaseUnavailable as error:
        print(messages.REBASE_UNSEEN.format(cause=error))
        return

    there = _applied(config, database)
    applied = next((each for each in reversed(moving) if each.revision in there), None)
    if applied is None:
        return
    if bottom in there:  # both are applied: only what the database says of itself changes
        command.stamp(config, [each for each in database if each != bottom], purge=True)
        return

    below = moving[0].down_revision
    to = below if isinstance(below, str) else "base"
    _refuse_to_undo_the_trunk(config, bottom, moving, to)
    print(messages.REBASE_UNDOES.format(revision=moving[0].revision))
    if len(database) > 1:  # of the other lines that the database has, nothing
        to = f"{applied.revision}@{to}"
    undo(config, to, lose, typed_as)


def _applied(config: Config, database: Sequence[str]) -> set[str]:
    """Return the revisions that a database has, those that its heads stand on or need included."""
    script = history(config)
    there = {each.revision for each in script.walk_revisions()}
    known = tuple(each for each in database if each in there)
    return {each.revision for each in script.get_all_current(known)} if known else set()


def _refuse_to_undo_the_trunk(
    config: Config, bottom: str, moving: Sequence[Script], to: str
) -> None:
    """Leave alone what the trunk has, unless it is known to have had the other side before."""
    script = history(config)
    git = Repository(script)
    if which_stays(git, _sides(script, bottom, moving[-1].revision)) == bottom:
        return
    trunk = had_by_trunk(git)
    kept = [each.revision for each in moving if each.revision in trunk]
    if kept:
        raise CommandError(messages.REBASE_KEEPS.format(revisions=", ".join(kept), to=to))


def point(path: Path, *bottom: object) -> None:
    """Have a revision follow others, in its code and in its docstring.

    Args:
        path: the revision's source.
        bottom: the revision it follows; of one that joins several lines, all of them.

    Raises:
        SyntaxError: the source is no Python.
    """
    value = bottom[0] if len(bottom) == 1 else bottom
    with path.open(encoding="utf-8", newline="") as file:  # the ends of lines stay as they are
        source = with_variable(file.read(), "down_revision", value)

    lines = source.split("\n")
    for number in docstring_lines(source):
        if lines[number].startswith(REVISES):
            ending = "\r" if lines[number].endswith("\r") else ""
            lines[number] = f"{REVISES} {', '.join(map(str, bottom))}{ending}"
            break
    path.write_text("\n".join(lines), encoding="utf-8", newline="")

    # As long as before and in the same second: Python would take the compiled one for it.
    Path(cache_from_source(str(path))).unlink(missing_ok=True)
