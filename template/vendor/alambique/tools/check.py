"""`make check`: where the database stands against the code."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from alambique import messages
from alambique.history.status import status
from alambique.settings import alembic_config
from alambique.tools.report import print_report


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `check` takes."""
    parser.add_argument("--json", action="store_true", help=messages.OPTIONS["json"])


def run(options: Namespace) -> int:
    """Say where the database stands; the exit code is the state's.

    Raises:
        CommandError: the revisions do not make a history, or nothing is mapped.
        ModelImportError: a model cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    found = status(alembic_config(options.url))
    if options.json:
        said = {"state": found.state.name.lower(), "exit_code": int(found.state)}
        ignored = [str(table) for table in found.ignored]
        print_report("check", {**said, "sentence": found.sentence, "ignored": ignored})
        return found.state

    print(found.sentence)
    if found.ignored:
        print(messages.IGNORED.format(tables=", ".join(map(str, found.ignored))))
    return found.state
