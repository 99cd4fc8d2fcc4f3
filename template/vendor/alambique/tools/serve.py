"""`make run`: the application, on this machine."""

from __future__ import annotations

import argparse

from alambique import messages
from alambique.web.serving import serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where to listen."""
    value, said = messages.PLACEHOLDERS["port"], messages.OPTIONS["port"]
    parser.add_argument("--port", default="8000", metavar=value, help=said)


def run(options: argparse.Namespace) -> int:
    """Serve the application, and start it again when a file changes.

    Raises:
        CommandError: there is no application, or no such port.
        InvalidSetting: a setting is missing or malformed.
        SystemExit: the database is not ready; the sentence says why.
    """
    serve(options.port)
    return 0
