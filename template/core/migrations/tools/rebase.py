"""`make rebase`: two heads into one line. What the trunk has stays; the other moves on top."""

import re
from argparse import Namespace
from importlib.util import cache_from_source
from pathlib import Path

from alembic import command
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from core import database_url
from core.migrations import alembic_config, messages
from core.migrations.connection import DatabaseUnavailable
from core.migrations.status import current_heads, replaced_by
from core.migrations.tools.downgrade import undo
from core.migrations.tools.record import history, history_file, on_trunk, record, short

CREATED = re.compile(r"^Creat(?:ed|e Date): *(.+)$", re.MULTILINE)
POINTS = re.compile(r"^(down_revision\b[^=\n]*= *)([^#\n]*?)( *#.*)?$", re.MULTILINE)
REVISES = re.compile(r"^Revises: *\w*$", re.MULTILINE)


def rebase(options: Namespace) -> int:
    """Put every head in one line, and write that line down.

    Raises:
        CommandError: the head asked for is none, or what should move joins two lines itself.
    """
    leave_squashed()
    script = history()
    heads = in_order(script, options.top)
    if len(heads) < 2:
        if heads:
            record()
        print(messages.ONE_LINE)
        return 0
    for bottom, head in zip(heads, heads[1:], strict=False):
        moving = branch(script, head, bottom)
        joins = [each for each in moving if each.is_merge_point]
        if joins:
            raise CommandError(messages.MERGE_MOVES.format(path=short(joins[0].path)))
        if code := make_way(script, bottom, moving, options.yes):
            return code
        first = Path(moving[0].path)
        point(first, bottom)
        record(anew={each.revision for each in moving})
        print(messages.REBASED.format(path=short(first), head=head, bottom=bottom))
        script = history()
    print(messages.REBASE_DONE.format(file=short(history_file(script))))
    return 0


def leave_squashed() -> None:
    """Point what follows a squashed revision to the one that replaced it."""
    folder = Path(history().versions)
    for path in sorted(folder.glob("*.py")):
        found = POINTS.search(path.read_text(encoding="utf-8"))
        new = replaced_by(folder, found[2].strip("'\"")) if found else None
        if new:
            point(path, new)


def in_order(script: ScriptDirectory, top: str | None) -> list[str]:
    """Return the heads, that of the trunk first, then the older ones; `top` is the last."""
    heads = list(script.get_heads())
    chosen = next((head for head in heads if top and head.startswith(top)), None)
    if top and chosen is None:
        raise CommandError(messages.NO_HEAD.format(name=top, heads=", ".join(heads)))
    trunk = on_trunk(script) or set()

    def place(head: str) -> tuple[bool, bool, str]:
        revision = script.get_revision(head)
        created = CREATED.search(revision.longdoc)
        later = created[1] if created else Path(revision.path).name
        return head == chosen, Path(revision.path).name not in trunk, later

    return sorted(heads, key=place)


def branch(script: ScriptDirectory, head: str, bottom: str) -> list[Script]:
    """Return the revisions up to `head` that `bottom` does not stand on, the first one first."""
    below = {each.revision for each in script.iterate_revisions(bottom, "base")}
    above = script.iterate_revisions(head, "base")
    return [each for each in above if each.revision not in below][::-1]


def make_way(script: ScriptDirectory, bottom: str, moving: list[Script], yes: bool) -> int:
    """Undo what moves where the database has it: else what comes below it would never be applied.

    Returns:
        The exit code: 1 where that drops data and nobody agreed.
    """
    try:
        database = current_heads(database_url())
    except DatabaseUnavailable as error:
        print(messages.REBASE_UNSEEN.format(cause=error))
        return 0
    if not {each.revision for each in moving}.intersection(database):
        return 0
    if bottom in database:  # both are applied: only what the database says of itself changes
        command.stamp(alembic_config(), moving[-1].revision, purge=True)
        return 0
    print(messages.REBASE_UNDOES.format(revision=moving[0].revision))
    to = moving[0].down_revision
    return undo(to if isinstance(to, str) else "base", yes, "make rebase yes=1")


def point(path: Path, bottom: str) -> None:
    """Have the revision at `path` follow `bottom`, in its code and in its docstring."""
    source = path.read_text(encoding="utf-8")
    source = POINTS.sub(lambda found: f'{found[1]}"{bottom}"{found[3] or ""}', source, count=1)
    source = REVISES.sub(f"Revises: {bottom}", source, count=1)
    path.write_text(source, encoding="utf-8", newline="\n")
    # As long as before and in the same second: Python would take the compiled one for it.
    Path(cache_from_source(str(path))).unlink(missing_ok=True)
