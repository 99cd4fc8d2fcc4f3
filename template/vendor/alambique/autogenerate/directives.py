"""What Alembic calls once a revision is generated, for `process_revision_directives`.

An upgrade generates none, and each start of a service is one: what looks at a revision is imported
when there is one to write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.operations.ops import MigrationScript
from alembic.runtime.environment import ProcessRevisionDirectiveFn
from alembic.runtime.migration import MigrationContext

from alambique import messages
from alambique.autogenerate.filters import compares, leave_out_marked
from alambique.autogenerate.unseen import unseen_models
from alambique.settings import project
from alambique.text import ascii_only

# In a command's options: did a revision pass by here?
REVIEWED = "alambique_reviewed"

# How many models that nobody imports are named.
SHOWN = 5


def review(
    migration: MigrationContext,
    revision: str | Iterable[str | None] | Iterable[str],
    directives: list[MigrationScript],
) -> None:
    """Ask about every loss, or refuse; then give the file a name every file system can carry.

    Args:
        migration: connected, if models are compared.
        revision: what the new revision follows.
        directives: the revision, changed in place; left empty where there is nothing to write.

    Raises:
        CommandError: nothing is mapped, a loss was neither said nor agreed to, something was said
            of a name that is not there, or something speaks of a type of PostgreSQL's that is to
            lose members.
    """
    migration.opts[REVIEWED] = True
    script = directives[0]
    upgrade = script.upgrade_ops
    if upgrade is None or not compares(migration):
        _name(migration, script)
        return

    _say_what_nobody_imports(migration)
    options = _typed_options(migration)
    if _is_check(options):
        leave_out_marked(migration, upgrade)
        return

    from alambique.autogenerate.last_look import look

    if look(migration, script, options):
        _name(migration, script)
    else:
        directives.clear()
        print(messages.NO_CHANGE)


def after(theirs: ProcessRevisionDirectiveFn) -> ProcessRevisionDirectiveFn:
    """Return directives that come before `review`, which looks at whatever these make of it.

    Args:
        theirs: somebody else's; they may call `review` themselves.
    """

    def both(
        migration: MigrationContext,
        revision: str | Iterable[str | None] | Iterable[str],
        directives: list[MigrationScript],
    ) -> None:
        migration.opts[REVIEWED] = False
        theirs(migration, revision, directives)
        if directives and not migration.opts[REVIEWED]:
            review(migration, revision, directives)

    return both


def _say_what_nobody_imports(migration: MigrationContext) -> None:
    """Name the models that are not compared, as they are in files which nothing imports."""
    surrounding = migration.environment_context
    if surrounding is None or not surrounding.script:
        return
    unseen = unseen_models(project(), Path(surrounding.script.dir))
    for each in unseen[:SHOWN]:
        place = f"{each.path.as_posix()}:{each.line}"
        print(messages.MODEL_UNSEEN.format(place=place, model=each.name), file=sys.stderr)
    if len(unseen) > SHOWN:
        print(messages.MORE_UNSEEN.format(count=len(unseen) - SHOWN), file=sys.stderr)


def _typed_options(migration: MigrationContext) -> dict[str, Any]:
    """Return the options of the command, as Alembic's command line keeps them."""
    config = migration.config
    if config is None or config.cmd_opts is None:
        return {}
    return vars(config.cmd_opts)


def _is_check(options: dict[str, Any]) -> bool:
    """Tell whether the command compares only, as `alembic check`, and writes nothing."""
    typed_command = options.get("cmd") or (None,)
    return typed_command[0] is command.check


def _name(migration: MigrationContext, script: MigrationScript) -> None:
    # The title keeps its accents inside the file; only the file's name is folded.
    title = (script.message or "").replace("\\", r"\\").replace('"', r"\"")
    migration.opts["template_args"]["title"] = title
    script.message = ascii_only(script.message or "")
