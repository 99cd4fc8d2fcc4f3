"""`alambique <command>`, and `python -m alambique <command>`: finds the command, and runs it.

A command is a module with `add_arguments(parser)` and `run(options)`, which returns the exit code.
Only the one that is asked for is imported.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from alambique import __version__, messages
from alambique.settings import InvalidSetting, nearest_root, project, use_history, use_project
from alambique.terminal import INTERRUPTED, log_to_terminal, print_anything
from alambique.versions import Unfit, require_versions


class Module(Protocol):
    """What the module of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Do it, and return the exit code."""
        ...


@dataclass(frozen=True)
class Command:
    """Where a command lives, and what the command line has to know of it before."""

    module: str
    uses_database: bool = True
    detail: int | None = logging.WARNING
    """From which level on Alembic's log is shown; None leaves logging to the application."""

    def load(self) -> Module:
        """Import the module, and all it needs."""
        return cast("Module", import_module(self.module))


COMMANDS = {
    "init": Command("alambique.tools.init", uses_database=False),
    "setup": Command("alambique.tools.setup", detail=logging.INFO),
    "upgrade": Command("alambique.tools.upgrade", detail=logging.INFO),
    "check": Command("alambique.tools.check"),
    "plan": Command("alambique.tools.plan"),
    "downgrade": Command("alambique.tools.downgrade", detail=logging.INFO),
    "rebase": Command("alambique.history.rebase"),
    "squash": Command("alambique.tools.squash"),
    "lint": Command("alambique.tools.lint"),
    "tour": Command("alambique.tools.tour"),
    "diagram": Command("alambique.tools.diagram", uses_database=False),
    "doctor": Command("alambique.tools.doctor"),
    "models": Command("alambique.adopt.models", detail=logging.INFO),
    "adopt": Command("alambique.adopt.adopt"),
    "template-check": Command("alambique.tools.template_check", uses_database=False),
    "template-update": Command("alambique.tools.template_update", uses_database=False),
    "run": Command("alambique.tools.serve", uses_database=False, detail=None),
    "openapi": Command("alambique.tools.openapi", uses_database=False, detail=None),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and turn what went wrong into a sentence.

    Args:
        arguments: the command's name and what follows; by default those of this process.

    Returns:
        The exit code: the command's own, 1 after a failure, 130 after Ctrl-C.

    Raises:
        SystemExit: the arguments are none that the command takes, or ask for help.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    print_anything()
    try:
        require_versions()  # before the project's folder is where Python looks first
    except Unfit as error:
        print(messages.FAILED.format(error=error), file=sys.stderr)
        return 1

    from alembic.util import CommandError

    try:
        return _run(given)
    except (CommandError, InvalidSetting) as error:
        print(messages.FAILED.format(error=error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(messages.INTERRUPTED, file=sys.stderr)
        return INTERRUPTED


def _run(given: list[str]) -> int:
    given = _choose_history(given)
    with suppress(InvalidSetting):  # every command says it that needs the project; the doctor not
        _declare_project()

    parser, parsers = _parsers()
    asked = next((each for each in given if each in COMMANDS), None)
    if asked is not None:
        COMMANDS[asked].load().add_arguments(parsers[asked])
    options = parser.parse_args(given)  # where there is no such command, it ends here

    command = COMMANDS[options.command]
    if command.detail is not None:
        log_to_terminal(command.detail)
    return int(command.load().run(options))


def _choose_history(given: list[str]) -> list[str]:
    """Work on the history that `-c` and `-n` name, as they do for `alembic`; return the rest."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_history(parser)
    options, rest = parser.parse_known_args(given)
    use_history(options.config and Path(options.config).resolve(), options.name)
    return rest


def _add_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", metavar="FILE")
    parser.add_argument("-n", "--name", metavar="SECTION", default="alembic")


def _declare_project() -> None:
    """Work for the project that the command was typed in; elsewhere, for the library's own.

    The language of all that follows is the project's, and its application can be imported.

    Raises:
        InvalidSetting: pyproject.toml cannot be read, or `[tool.alambique]` is malformed.
    """
    typed_in = nearest_root(Path.cwd())
    root = str((use_project(typed_in) if typed_in else project()).root)
    if root not in sys.path:
        sys.path.insert(0, root)


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser of the command line, and that of each command, by its name.

    The commands' own arguments are still missing, but for `--url`.
    """
    parser = argparse.ArgumentParser(prog="alambique")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    _add_history(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    parsers = {}
    for name, command in COMMANDS.items():
        summary = messages.COMMANDS[name]
        parsers[name] = commands.add_parser(name, help=summary, description=summary)
        if command.uses_database:
            parsers[name].add_argument("--url", metavar="URL")
    return parser, parsers
