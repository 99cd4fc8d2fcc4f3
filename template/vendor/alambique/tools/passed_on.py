"""Commands that are Alembic's own, with its failures in the project's language."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from alembic import command

from alambique.history.script import history
from alambique.settings import alembic_config

READING: dict[str, Callable[..., Any]] = {
    "current": command.current,
    "heads": command.heads,
    "history": command.history,
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare no argument."""


def run(options: Namespace) -> int:
    """Show what `current`, `history` and `heads` of Alembic show.

    Raises:
        CommandError: the revisions do not make a history, or the database is at one it lacks.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    history(config)  # Alembic's `heads` runs no env.py, which would say what is wrong
    read = READING[options.command]
    needs_database = options.command == "current"
    config.cmd_opts = Namespace(cmd=(read,), x=None)
    if not needs_database:
        config.cmd_opts.indicate_current = False
    read(config)
    return 0
