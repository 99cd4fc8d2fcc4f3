"""`python -m alambique entrypoint <command>`: how a container starts.

It applies the revisions and gives way to the command, which is the container's first process from
then on and hears its signals. MIGRATE says which of the two it does.
"""

from __future__ import annotations

import os
from argparse import REMAINDER, ArgumentParser, Namespace
from enum import StrEnum

from alembic.util import CommandError

from alambique import messages
from alambique.settings import InvalidSetting
from alambique.terminal import ended_by_signals
from alambique.tools import upgrade


class Migrate(StrEnum):
    """What a container does."""

    BEFORE = "before"
    """Applies the revisions, then runs its command."""

    ONLY = "only"
    """Applies the revisions, and ends: a job of its own."""

    NEVER = "never"
    """Runs its command: somebody else migrates."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command to give way to."""
    parser.add_argument(
        "instead", nargs=REMAINDER, metavar="COMMAND", help=messages.OPTIONS["instead"]
    )


def run(options: Namespace) -> int:
    """Migrate, serve, or both, as MIGRATE says: `before` (the default), `only` or `never`.

    Raises:
        CommandError: the revisions could not be applied, or there is no such command.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
        SystemExit: Ctrl-C, or a signal that ends it.
    """
    migrate = _wanted()
    if migrate is not Migrate.NEVER:
        with ended_by_signals():
            upgrade.run(Namespace(url=None, to=None))
    if migrate is Migrate.ONLY:
        return 0

    command: list[str] = options.instead
    if not command:
        raise CommandError(messages.NO_COMMAND)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise CommandError(messages.COMMAND_NOT_RUN.format(name=command[0], cause=error)) from error


def _wanted() -> Migrate:
    said = os.environ.get("MIGRATE") or Migrate.BEFORE
    try:
        return Migrate(said)
    except ValueError as error:
        raise InvalidSetting(messages.MIGRATE_UNKNOWN.format(value=said)) from error
