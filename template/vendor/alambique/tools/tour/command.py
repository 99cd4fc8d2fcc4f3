"""The command: lends a scratch database to a walk, and drops it however the walk ends."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from alembic.util import CommandError

from alambique import messages
from alambique.database.creation import scratch_database
from alambique.history.heads import refuse_forks
from alambique.history.script import history, oldest_first
from alambique.settings import alembic_config, migration_url
from alambique.tools.tour.walk import Walk

if TYPE_CHECKING:
    from rich.console import Console

# What else ends a process; Windows does not have all of them.
ENDING_SIGNALS = ("SIGTERM", "SIGHUP")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no argument."""


def run(options: argparse.Namespace) -> int:
    """Walk through the history on a scratch database, showing the schema and the data each time.

    Raises:
        CommandError: there is no revision, a branch has two heads, a revision failed, or rich is
            not installed.
        DatabaseUnavailable: the server does not let us in, or does not let us create.
        InvalidSetting: the database's URL is missing or malformed.
    """
    config = alembic_config(options.url)
    script = history(config)
    refuse_forks(script)
    revisions = oldest_first(script)
    if not revisions:
        raise CommandError(messages.TOUR_EMPTY)

    _end_like_ctrl_c()
    console = _console()
    to_the_end = False
    try:
        console.out(messages.TOUR_START.format(count=len(revisions)))
        with scratch_database(beside=migration_url(config)) as scratch:
            to_the_end = Walk(revisions, scratch, console).walk()
    except (KeyboardInterrupt, EOFError):
        pass  # the reader left

    with suppress(OSError):  # the terminal may be what is gone
        console.out(f"\n{messages.TOUR_END if to_the_end else messages.TOUR_LEFT}")
    return 0


def _end_like_ctrl_c() -> None:
    """Let a closed terminal, too, drop the scratch database."""
    for name in ENDING_SIGNALS:
        number = signal.Signals.__members__.get(name)
        if number is not None:
            signal.signal(number, signal.default_int_handler)


def _console() -> Console:
    """Return where the tour is shown: in colour, if there is somebody who wants it so."""
    try:
        from rich.console import Console
    except ImportError as error:
        raise CommandError(messages.NO_RICH.format(cause=error)) from error

    # A stream that was closed is None.
    is_terminal = all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout))
    # With NO_COLOR, rich itself would keep bold and the like.
    is_plain = not is_terminal or bool(os.environ.get("NO_COLOR"))
    return Console(
        force_terminal=is_terminal,
        color_system=None if is_plain else "auto",
        highlight=False,
        markup=False,
        emoji=False,
    )
