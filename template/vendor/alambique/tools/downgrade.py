"""`make downgrade`: says which data it loses, and asks."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace

from alembic import command

from alambique import messages
from alambique.history.status import current_heads
from alambique.history.undo import require_one_meaning, undo
from alambique.settings import alembic_config


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `downgrade` takes."""
    value, said = messages.PLACEHOLDERS, messages.OPTIONS
    parser.add_argument("to", nargs="?", default="-1", help=said["down_to"])
    parser.add_argument(
        "--lose", action="append", default=[], metavar=value["lose"], help=said["lose"]
    )
    # Until 2.0 it gave up whatever there was; now it says nothing of what may be lost.
    parser.add_argument("--yes", action="store_true", help=said["yes_loses_nothing"])


def run(options: Namespace) -> int:
    """Downgrade to a revision, a step such as `-1`, or the base; ask if that loses data.

    Raises:
        CommandError: there is no such revision, the downgrade failed, it would lose data that
            nobody gave up, or a step does not say from which of several heads.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    # As Alembic's command line has it: who typed this is told in a sentence what happened.
    config.cmd_opts = Namespace(cmd=(command.downgrade,), x=None)
    if not current_heads(config):
        print(messages.NOTHING_TO_UNDO)
        return 0
    require_one_meaning(config, options.to)
    undo(config, options.to, options.lose, f"make downgrade to={shlex.quote(options.to)}")
    return 0
