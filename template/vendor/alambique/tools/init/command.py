"""`alambique init`: the body of env.py becomes a call of the library's; `--undo` gives it back."""

from __future__ import annotations

import os
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from alembic.util import CommandError

from alambique import messages
from alambique.database.tables import BOOKKEEPING
from alambique.settings import project, shown, use_project
from alambique.terminal import confirmed
from alambique.tools.init.machinery import SeveralDatabases
from alambique.tools.init.models import models_of
from alambique.tools.init.rewriting import Left, is_converted, rewritten
from alambique.tools.init.settings import forget_models, make_root_ini, say_models, take_root_ini
from alambique.tools.init.stock import stock, unhooked
from alambique.tools.init.whereabouts import Place, find_env


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `init` takes."""
    parser.add_argument("--undo", action="store_true", help=messages.INIT_UNDO_HELP)
    parser.add_argument("--yes", action="store_true", help=messages.OPTIONS["yes"])


def run(options: Namespace) -> int:
    """Put the library into env.py, or take it out of it; no revision and no database is touched.

    Raises:
        CommandError: there is no env.py, it cannot be read, or it migrates several databases; or it
            says what cannot be carried, and nobody agreed to lose that.
        ModelImportError: taking it out, a model cannot be imported.
        InvalidSetting: a setting is missing or malformed.
    """
    place = find_env()
    source = _read(place.env)
    try:
        is_ours = is_converted(source)
        if options.undo:
            return _leave(place, source, is_ours, options.yes)
        if is_ours:
            print(messages.INIT_ALREADY.format(path=shown(place.env)))
            return 0
        return _come(place, source, options.yes)
    except SyntaxError as error:
        cause = f"{error.msg}, line {error.lineno}"
        message = messages.INIT_NOT_READ.format(path=shown(place.env), cause=cause)
        raise CommandError(message) from error
    except SeveralDatabases as error:
        message = messages.INIT_SEVERAL.format(place=f"{shown(place.env)}:{error.line}")
        raise CommandError(message) from error


def _come(place: Place, source: str, yes: bool) -> int:
    """Write the new env.py, the former one beside it."""
    made = rewritten(source)
    _agree(place, made.left, yes)

    shutil.copy2(place.env, place.aside)
    place.env.write_text(made.source, encoding="utf-8", newline="\n")
    print(messages.INIT_DONE.format(path=shown(place.env), aside=shown(place.aside)))

    if made_ini := make_root_ini(place):
        print(messages.INIT_INI_MADE.format(path=shown(made_ini)))
    if added_to := say_models(place, models_of(made.source, place.root)):
        print(messages.INIT_MODELS_SAID.format(path=shown(added_to)))
    use_project(project().root)
    print(messages.INIT_NEXT)
    return 0


def _leave(place: Place, source: str, is_ours: bool, yes: bool) -> int:
    """Bring the former env.py back, or write a stock one, and say what else there is of ours."""
    if not is_ours:
        print(messages.INIT_NOT_OURS.format(path=shown(place.env)))
        return 0

    if place.aside.is_file():
        os.replace(place.aside, place.env)
        print(messages.INIT_BROUGHT_BACK.format(path=shown(place.env)))
    else:
        text, left = stock(source)
        _agree(place, left, yes)
        place.env.write_text(text, encoding="utf-8", newline="\n")
        print(messages.INIT_STOCK.format(path=shown(place.env)))
        _unhook(place.ini)

    for path in (forget_models(place), take_root_ini(place)):
        if path is not None:
            print(messages.INIT_TAKEN_AWAY.format(path=shown(path)))
    drops = "\n".join(f"  DROP TABLE IF EXISTS {name};" for name in sorted(BOOKKEEPING))
    print(messages.INIT_TABLES.format(drops=drops))
    return 0


def _agree(place: Place, left: Sequence[Left], yes: bool) -> None:
    """Say what cannot be carried, line by line, and go on only if somebody agrees.

    Raises:
        CommandError: nobody does.
    """
    if not left:
        return
    print(messages.INIT_LEFT.format(path=shown(place.env)))
    for each in left:
        print(f"  {shown(place.env)}:{each.line}: {each.source}")
    if not (yes or confirmed(messages.INIT_CONFIRM)):
        raise CommandError(messages.INIT_NOT_WRITTEN)


def _unhook(ini: Path) -> None:
    """Take out of alembic.ini the hooks that Alembic alone does not know."""
    if not ini.is_file():
        return
    said = _read(ini)
    left = unhooked(said)
    if left.split() != said.split():
        ini.write_text(left, encoding="utf-8", newline="\n")
        print(messages.INIT_UNHOOKED.format(path=shown(ini)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = messages.INIT_NOT_READ.format(path=shown(path), cause=error)
        raise CommandError(message) from error
