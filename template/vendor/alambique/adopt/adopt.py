"""`make adopt`: an existing database comes aboard, and nothing but a stamp is written to it."""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentParser, Namespace

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from alambique import messages
from alambique.adopt import models
from alambique.adopt.baseline import Baseline, say_what_template_left_out, write_baseline
from alambique.adopt.comparison import differences
from alambique.adopt.extra_ddl import read_extra_ddl
from alambique.commands import apply_migrations
from alambique.database.creation import scratch_database
from alambique.history.script import history, source_of
from alambique.history.status import current_heads, status
from alambique.settings import alembic_config, migration_url, shown, shown_url
from alambique.terminal import confirmed


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `adopt` takes: what `models` does, and a yes."""
    models.add_arguments(parser)
    parser.add_argument("--yes", action="store_true")


def run(options: Namespace) -> int:
    """Bring a database aboard: models, a first revision that rebuilds it, and, asked, a stamp.

    Raises:
        CommandError: the project or the database has a history, there is nothing to map, a file is
            in the way, or no database can be built from what was written.
        ModelImportError: a model that there is already cannot be imported.
        DatabaseUnavailable: the server does not let us in, or does not let us make a scratch
            database.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    _refuse_another_history(config)

    # What SQLAlchemy cannot read it warns of; what of that counts is said in sentences.
    with warnings.catch_warnings(action="ignore", category=SAWarning):
        _write_and_compare(config, options)
        url = migration_url(config)
        if not (options.yes or confirmed(messages.ASK_STAMP.format(url=shown_url(url)))):
            print(messages.NOT_STAMPED, file=sys.stderr)
            return 1

        command.stamp(config, "head")
        reached = status(config)
    print(reached.sentence)
    return reached.state


def _refuse_another_history(config: Config) -> None:
    if history(config).get_heads():
        raise CommandError(messages.HISTORY_THERE)
    heads = current_heads(config)
    if heads:
        raise CommandError(messages.OTHER_HISTORY.format(revisions=", ".join(heads)))


def _write_and_compare(config: Config, options: Namespace) -> None:
    """Write models and a revision, rebuild a scratch database from them, and say what differs."""
    url = migration_url(config)

    with scratch_database(url) as empty:  # first of all: may we make one?
        tables = models.write_models(config, options)
        extra = read_extra_ddl(url, tables)
        baseline = Baseline(frozenset(tables), extra)
        written = write_baseline(alembic_config(empty), messages.BASELINE, baseline)
    path = shown(source_of(written))
    say_what_template_left_out(written, baseline, source_of(written))

    with scratch_database(url) as scratch:
        try:
            apply_migrations("head", scratch)
        except (CommandError, SQLAlchemyError) as error:
            raise CommandError(messages.NOT_REBUILT.format(path=path, cause=error)) from error
        rebuilt = status(alembic_config(scratch))
        differ = differences(url, scratch, tables)

    print(messages.REPLAYED.format(path=path, sentence=rebuilt.sentence))
    print("\n".join([messages.DIFFER, *differ.lines()]) if differ else messages.SAME)
    if baseline.notes:
        print(baseline.notes)
