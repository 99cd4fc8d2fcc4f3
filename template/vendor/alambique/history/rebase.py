"""`make rebase`: two heads into one line. What the trunk has stays; the other moves on top."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from importlib.util import cache_from_source
from itertools import pairwise
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from alambique import messages
from alambique.database.errors import DatabaseUnavailable
from alambique.history.git import on_trunk
from alambique.history.manifest import manifest_path, write_manifest
from alambique.history.script import history, source_of
from alambique.history.source import docstring_lines, variables, with_variable
from alambique.history.status import current_heads
from alambique.history.undo import undo
from alambique.settings import alembic_config, shown

# The docstring's lines that say when a revision was made: ours, and that of Alembic's template.
CREATED = ("Created:", "Create Date:")
REVISES = "Revises:"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `rebase` takes."""
    parser.add_argument("--top", metavar="REVISION")
    parser.add_argument("--yes", action="store_true")


def run(options: Namespace) -> int:
    """Put every head in one line, and write that line down.

    Raises:
        CommandError: the head asked for is none, or what should move joins two lines itself.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    return rebase(alembic_config(options.url), options.top, options.yes)


def rebase(config: Config, top: str | None = None, yes: bool = False) -> int:
    """Put every head in one line, and write that line down.

    Args:
        config: the command's configuration; it says which database may have to make way.
        top: the head that moves on top; by default one that the trunk lacks.
        yes: do not ask where making way drops data.

    Returns:
        The exit code: 1 where data would be dropped and nobody agreed.

    Raises:
        CommandError: the head asked for is none, what should move joins two lines itself, or it
            could not be undone in the database.
        LockTimeout: another migrator, or a long query, held the database for too long.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
        SyntaxError: a revision is no Python.
    """
    leave_squashed(config)
    script = history(config)
    heads = in_order(script, top)
    if len(heads) < 2:
        if heads:
            write_manifest(config)
        print(messages.ONE_LINE)
        return 0

    for bottom, head in pairwise(heads):
        moving = branch(script, head, bottom)
        for revision in moving:
            if revision.is_merge_point:
                path = shown(source_of(revision))
                raise CommandError(messages.MERGE_MOVES.format(path=path))

        if code := make_way(config, bottom, moving, yes):
            return code
        first = source_of(moving[0])
        point(first, bottom)
        write_manifest(config, anew={revision.revision for revision in moving})
        print(messages.REBASED.format(path=shown(first), head=head, bottom=bottom))
        script = history(config)

    print(messages.REBASE_DONE.format(file=shown(manifest_path(script))))
    return 0


def leave_squashed(config: Config) -> None:
    """Point what follows a squashed revision to the one that replaced it.

    Read from the sources: Alembic cannot read a history in which one follows what is not there.

    Raises:
        CommandError: the revisions are in several folders.
        SyntaxError: a revision is no Python.
    """
    folder = Path(history(config).versions)
    said = {path: variables(path) for path in sorted(folder.glob("*.py"))}
    replacements = _replacements(said)

    for path, values in said.items():
        below = values.get("down_revision")
        before = below if isinstance(below, tuple) else (below,)
        after = tuple(dict.fromkeys(replacements.get(each, each) for each in before))
        if after != before:
            point(path, *after)


def _replacements(said: Mapping[Path, Mapping[str, object]]) -> dict[object, str]:
    """Return, for each squashed revision, the one that replaced it."""
    found: dict[object, str] = {}
    for values in said.values():
        revision, replaces = values.get("revision"), values.get("replaces")
        if isinstance(revision, str) and isinstance(replaces, (tuple, list)):
            found |= dict.fromkeys(replaces, revision)
    return found


def in_order(script: ScriptDirectory, top: str | None) -> list[str]:
    """Return the heads, that of the trunk first, then the older ones; `top` is the last.

    Raises:
        CommandError: `top` is no head.
    """
    heads = list(script.get_heads())
    chosen = next((head for head in heads if top and head.startswith(top)), None)
    if top and chosen is None:
        raise CommandError(messages.NO_HEAD.format(name=top, heads=", ".join(heads)))
    trunk = on_trunk(script) or set()

    def place(head: str) -> tuple[bool, bool, str]:
        revision = script.get_revision(head)
        is_new = source_of(revision).name not in trunk
        return head == chosen, is_new, _created(revision)

    return sorted(heads, key=place)


def _created(revision: Script) -> str:
    """Return when a revision was made, as its docstring says; else its file's name, dated too."""
    for line in revision.longdoc.splitlines():
        for label in CREATED:
            if line.startswith(label):
                return line.removeprefix(label).strip()
    return source_of(revision).name


def branch(script: ScriptDirectory, head: str, bottom: str) -> list[Script]:
    """Return the revisions up to `head` that `bottom` does not stand on, the first one first."""
    below = {each.revision for each in script.iterate_revisions(bottom, "base")}
    above = script.iterate_revisions(head, "base")
    return [each for each in above if each.revision not in below][::-1]


def make_way(config: Config, bottom: str, moving: list[Script], yes: bool) -> int:
    """Undo what moves where the database has it: else what comes below it would never be applied.

    Returns:
        The exit code: 1 where that drops data and nobody agreed.

    Raises:
        CommandError: it could not be undone.
        LockTimeout: another migrator, or a long query, held the database for too long.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    try:
        database = current_heads(config)
    except DatabaseUnavailable as error:
        print(messages.REBASE_UNSEEN.format(cause=error))
        return 0

    if not {each.revision for each in moving}.intersection(database):
        return 0
    if bottom in database:  # both are applied: only what the database says of itself changes
        command.stamp(config, moving[-1].revision, purge=True)
        return 0

    print(messages.REBASE_UNDOES.format(revision=moving[0].revision))
    below = moving[0].down_revision
    to = below if isinstance(below, str) else "base"
    return undo(config, to, yes, "make rebase yes=1")


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
