"""`make stamp`: record where a database is, without running a revision."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from alembic import command

from alambique import messages
from alambique.history.environment import require_obedience
from alambique.settings import alembic_config


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `stamp` takes."""
    parser.add_argument("to", help=messages.OPTIONS["stamp_to"])


def run(options: Namespace) -> int:
    """Record a revision as the one the database is at.

    Raises:
        CommandError: there is no such revision, or the database is at one that the history lacks.
        LockTimeout: another migrator held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    require_obedience(config)
    config.cmd_opts = Namespace(cmd=(command.stamp,), x=None)
    command.stamp(config, options.to)
    return 0
