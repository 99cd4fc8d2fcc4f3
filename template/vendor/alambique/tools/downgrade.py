"""`make downgrade`: says which rows it drops, and asks."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from alambique import messages
from alambique.history.status import current_heads
from alambique.history.undo import undo
from alambique.settings import alembic_config


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `downgrade` takes."""
    parser.add_argument("to", nargs="?", default="-1")
    parser.add_argument("--yes", action="store_true")


def run(options: Namespace) -> int:
    """Downgrade to a revision, a step such as `-1`, or the base; ask if that drops data.

    Raises:
        CommandError: there is no such revision, or the downgrade failed.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    if not current_heads(config):
        print(messages.NOTHING_TO_UNDO)
        return 0
    return undo(config, options.to, options.yes, f"make downgrade to={options.to} yes=1")
