"""`make downgrade`: says which data it loses, and asks."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace

from alambique import messages
from alambique.history.status import current_heads
from alambique.history.undo import require_one_meaning, undo
from alambique.settings import alembic_config


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `downgrade` takes."""
    parser.add_argument("to", nargs="?", default="-1")
    parser.add_argument("--lose", action="append", default=[], metavar="DATABASE:NAME,...")
    # Until 2.0 it gave up whatever there was; now it says nothing of what may be lost.
    parser.add_argument("--yes", action="store_true")


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
    if not current_heads(config):
        print(messages.NOTHING_TO_UNDO)
        return 0
    require_one_meaning(config, options.to)
    undo(config, options.to, options.lose, f"make downgrade to={shlex.quote(options.to)}")
    return 0
