"""`alambique <command>`, and `python -m alambique <command>`: finds the command, and runs it.

A command is a module with `add_arguments(parser)` and `run(options)`, which returns the exit code.
Only the one that is asked for is imported.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from alambique import __version__, messages
from alambique.logs import log_as_asked, say_what_went_wrong
from alambique.settings import InvalidSetting, nearest_root, project, use_history, use_project
from alambique.terminal import code_of, print_anything
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
    logs: bool = True
    """Are warnings shown? If not, logging is left to the application."""

    def load(self) -> Module:
        """Import the module, and all it needs."""
        return cast("Module", import_module(self.module))


# The command behind which another program's stands.
GIVES_WAY = "entrypoint"

COMMANDS = {
    "init": Command("alambique.tools.init", uses_database=False),
    "setup": Command("alambique.tools.setup"),
    "migration": Command("alambique.tools.migration"),
    "revision": Command("alambique.tools.migration"),
    "redefine": Command("alambique.tools.redefine"),
    "upgrade": Command("alambique.tools.upgrade"),
    GIVES_WAY: Command("alambique.tools.entrypoint", uses_database=False),
    "status": Command("alambique.tools.status"),
    "check": Command("alambique.tools.check"),
    "plan": Command("alambique.tools.plan"),
    "downgrade": Command("alambique.tools.downgrade"),
    "current": Command("alambique.tools.passed_on"),
    "history": Command("alambique.tools.passed_on"),
    "heads": Command("alambique.tools.passed_on"),
    "sql": Command("alambique.tools.sql"),
    "stamp": Command("alambique.tools.stamp"),
    "rebase": Command("alambique.history.rebase"),
    "squash": Command("alambique.tools.squash"),
    "lint": Command("alambique.tools.lint"),
    "tour": Command("alambique.tools.tour"),
    "diagram": Command("alambique.tools.diagram", uses_database=False),
    "doctor": Command("alambique.tools.doctor"),
    "models": Command("alambique.adopt.command"),
    "adopt": Command("alambique.adopt.adopt"),
    "shell": Command("alambique.tools.shell"),
    "dbshell": Command("alambique.tools.dbshell"),
    "template-check": Command("alambique.tools.template_check", uses_database=False),
    "template-update": Command("alambique.tools.template_update", uses_database=False),
    "run": Command("alambique.tools.serve", uses_database=False, logs=False),
    "openapi": Command("alambique.tools.openapi", uses_database=False, logs=False),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and turn what went wrong into a sentence.

    Args:
        arguments: the command's name and what follows; by default those of this process.

    Returns:
        The exit code: the command's own, 1 after a failure, 130 after Ctrl-C, 143 after a SIGTERM.

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
        say_what_went_wrong(messages.FAILED.format(error=error))
        return 1
    except KeyboardInterrupt as end:
        say_what_went_wrong(messages.INTERRUPTED)
        return code_of(end)


def _run(given: list[str]) -> int:
    given = _choose_history(given)
    with suppress(InvalidSetting):  # every command says it that needs the project; the doctor not
        _declare_project()

    options = _parse(given)

    command = COMMANDS[options.command]
    if command.logs:
        log_as_asked()
    return int(command.load().run(options))


def _parse(given: list[str]) -> argparse.Namespace:
    """Read what was typed; where there is no such command, the program ends here."""
    from alambique import private  # it needs the versions that were looked at by now

    with private.argparse_speaking(messages.ARGPARSE):
        parser, parsers = _parsers()
        asked = next((each for each in given if each in COMMANDS), None)
        if asked is not None:
            COMMANDS[asked].load().add_arguments(parsers[asked])
        return parser.parse_args(given)


def _choose_history(given: list[str]) -> list[str]:
    """Work on the history that `-c` and `-n` name, as they do for `alembic`; return the rest."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_history(parser)
    ours, others = _without_another_command(given)
    options, rest = parser.parse_known_args(ours)
    use_history(options.config and Path(options.config).resolve(), options.name)
    return [*rest, *others]


def _without_another_command(given: list[str]) -> tuple[list[str], list[str]]:
    """Return what is said to us, and what `entrypoint` gives way to: its `-c` is not ours."""
    if GIVES_WAY not in given:
        return given, []
    end = given.index(GIVES_WAY) + 1
    return given[:end], given[end:]


def _add_history(parser: argparse.ArgumentParser) -> None:
    value, said = messages.PLACEHOLDERS, messages.OPTIONS
    parser.add_argument("-c", "--config", metavar=value["file"], help=said["config"])
    parser.add_argument(
        "-n", "--name", metavar=value["section"], default="alembic", help=said["section"]
    )


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
    version, said = f"%(prog)s {__version__}", messages.OPTIONS["version"]
    parser.add_argument("--version", action="version", version=version, help=said)
    _add_history(parser)
    metavar = messages.PLACEHOLDERS["command"]
    commands = parser.add_subparsers(dest="command", required=True, metavar=metavar)

    parsers = {}
    for name, command in COMMANDS.items():
        summary = messages.COMMANDS[name]
        parsers[name] = commands.add_parser(name, help=summary, description=summary)
        if command.uses_database:
            parsers[name].add_argument("--url", metavar="URL", help=messages.OPTIONS["url"])
    return parser, parsers
