"""`make upgrade`: all that is not applied yet, of each branch that the history is meant to have."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from alembic import command

from alambique import messages
from alambique.history.heads import upgrade
from alambique.settings import alembic_config


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `upgrade` takes."""
    parser.add_argument("to", nargs="?", help=messages.OPTIONS["up_to"])


def run(options: Namespace) -> int:
    """Upgrade to a revision, by a step such as `+1`, or to all heads.

    Raises:
        CommandError: there is no such revision, a branch has two heads, the database is at a
            revision that the history lacks, it refused a statement, or an interrupted revision
            cannot be finished.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
        SystemExit: Ctrl-C.
    """
    config = alembic_config(options.url)
    # As Alembic's command line has it: who typed this is told in a sentence what happened.
    config.cmd_opts = Namespace(cmd=(command.upgrade,), x=None)
    upgrade(config, options.to)
    return 0
