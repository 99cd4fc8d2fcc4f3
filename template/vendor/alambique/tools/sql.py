"""`make sql`: an upgrade as SQL, without a database."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from alembic import command

from alambique import messages
from alambique.history.heads import refuse_range
from alambique.settings import alembic_config


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `sql` takes."""
    metavar, said = messages.PLACEHOLDERS["range"], messages.OPTIONS["range"]
    parser.add_argument("to", nargs="?", default="head", metavar=metavar, help=said)


def run(options: Namespace) -> int:
    """Print what an upgrade would run on an empty database, or on one that is at FROM.

    Raises:
        CommandError: there is no such revision, or one cannot be written down as SQL.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    start, _, _ = options.to.rpartition(":")
    refuse_range(start)
    config.cmd_opts = Namespace(cmd=(command.upgrade,), x=None)
    command.upgrade(config, options.to, sql=True)
    return 0
