"""`make migration` and `make revision`: write a revision, from the models or to fill by hand."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import nullcontext

from alembic import command
from alembic.script import Script

from alambique import messages, private
from alambique.history.environment import hear, require_obedience
from alambique.history.outcome import spoken
from alambique.history.script import source_of
from alambique.history.trial import is_asked_for
from alambique.settings import alembic_config, shown
from alambique.terminal import is_verbose


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `migration` and `revision` take."""
    value, said = messages.PLACEHOLDERS, messages.OPTIONS
    parser.add_argument(
        "-m", "--message", required=True, metavar=value["message"], help=said["message"]
    )
    parser.add_argument("--head", default="head", metavar=value["revision"], help=said["head"])
    parser.add_argument("-x", action="append", default=[], metavar=value["pair"], help=said["x"])


def run(options: Namespace) -> int:
    """Write a revision; `migration` fills it from the models.

    Raises:
        CommandError: nothing is mapped, the database is not at head, the history has two, the
            revision would lose data that nothing after `-x` gives up, or it does not run.
        ModelImportError: a model cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    autogenerate = options.command == "migration"
    # As Alembic's command line has it: who typed this is told in a sentence what happened.
    config.cmd_opts = Namespace(cmd=(command.revision,), autogenerate=autogenerate, x=options.x)

    require_obedience(config)
    if autogenerate and is_asked_for(config) and hear(config).connects_by_itself:
        print(messages.NOT_TRIED.format(why=messages.NOT_TRIED_ENV), file=sys.stderr)

    began = time.monotonic()
    with nullcontext() if is_verbose() else private.nothing_announced():
        written = command.revision(
            config, options.message, autogenerate=autogenerate, head=options.head
        )
    if isinstance(written, Script):
        took = spoken(time.monotonic() - began)
        sentence = messages.WRITTEN if autogenerate else messages.WRITTEN_EMPTY
        print(sentence.format(path=shown(source_of(written)), took=took))
    return 0
