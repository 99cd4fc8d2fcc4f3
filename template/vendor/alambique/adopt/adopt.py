"""`make adopt`: an existing database comes aboard, and nothing but a stamp is written to it."""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentParser, Namespace

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from alambique import messages
from alambique.adopt import models
from alambique.adopt.baseline import Baseline, say_what_template_left_out, write_baseline
from alambique.adopt.catalog import CatalogObject
from alambique.adopt.comparison import compared
from alambique.adopt.definitions import Definition, read_definitions
from alambique.adopt.extra_ddl import ExtraDDL
from alambique.adopt.further import only_new, refuse_another_history
from alambique.adopt.made import MadeFiles, ToBeMended, taken_back
from alambique.adopt.rights import require_stamp
from alambique.adopt.scratch import ScratchPlace
from alambique.adopt.trial import Trial, carried, left
from alambique.commands import apply_migrations
from alambique.database.engine import connect
from alambique.history.script import folders, history, source_of
from alambique.history.status import State, status
from alambique.settings import InvalidSetting, alembic_config, migration_url, shown, shown_url
from alambique.terminal import confirmed


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `adopt` takes: what `models` does, a place for scratch databases, and a yes."""
    models.add_arguments(parser)
    said = messages.OPTIONS
    parser.add_argument("--scratch", metavar="URL", help=said["scratch"])
    parser.add_argument("--yes", action="store_true", help=said["yes"])


def run(options: Namespace) -> int:
    """Bring a database aboard: models, a first revision that rebuilds it, and, asked, a stamp.

    Raises:
        CommandError: the project or the database has a history, we may not make a scratch database
            or note a revision, there is nothing to map, or a file is in the way.
        ToBeMended: no database can be built from what was written.
        ModelImportError: a model that there is already cannot be imported.
        DatabaseUnavailable: the server does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    is_further = refuse_another_history(config)
    require_stamp(config)
    place = ScratchPlace(migration_url(config), options.scratch)

    # What SQLAlchemy cannot read it warns of; what of that counts is said in sentences.
    with warnings.catch_warnings(action="ignore", category=SAWarning):
        with taken_back() as made:
            _write_and_compare(config, options, is_further, place, made)
        if not _note(config, options):
            return 1
        reached = status(config)
    print(reached.sentence)

    url = migration_url(config)
    if not _is_the_projects(url):
        print(messages.ENV_NAMES_ANOTHER.format(url=shown_url(url)))
    return reached.state


def _note(config: Config, options: Namespace) -> bool:
    """Note the revision in the database, if that is wanted; if not, say how to finish."""
    noted = False
    try:
        url = shown_url(migration_url(config))
        if options.yes or confirmed(messages.ASK_STAMP.format(url=url)):
            command.stamp(config, "head")
            noted = True
    finally:  # of Ctrl-C and a server that is gone, too: the files are there
        if not noted:
            print(messages.NOT_STAMPED, file=sys.stderr)
    return noted


def _is_the_projects(url: URL) -> bool:
    """Tell whether commands that are told no URL work on this database, too."""
    try:
        return migration_url(alembic_config()) == url
    except InvalidSetting:  # nothing names one
        return False


def _write_and_compare(
    config: Config, options: Namespace, is_further: bool, place: ScratchPlace, made_files: MadeFiles
) -> None:
    """Write models and a revision, rebuild a scratch database from them, and say what differs."""
    url = migration_url(config)

    with place.database() as empty, place.database() as tried:  # may we make them?
        made: list[Definition] = []
        if is_further:
            for scratch in (empty, tried):
                apply_migrations("head", scratch)
            made = read_definitions(empty)
        before = {each.table for each in made if each.table is not None}

        tables = frozenset(models.write_models(config, options, made_files))
        definitions = read_definitions(url)
        wanted = carried(definitions, tables | before, _schemas(url, options))
        original = only_new(wanted, made, tables)
        left_over = [
            CatalogObject(each.kind, each.name)
            for each in left(definitions, [*made, *original], tables)
        ]
        trial = Trial(original, tables, tried)
        baseline = Baseline(tables, ExtraDDL(left_over=left_over), trial=trial, adopted=True)
        message = messages.FURTHER if is_further else messages.BASELINE
        with made_files.those_new_in(folders(history(config))):
            written = write_baseline(alembic_config(empty), message, baseline)
    path = shown(source_of(written))
    say_what_template_left_out(written, baseline, source_of(written))

    with place.database() as scratch:
        try:
            apply_migrations("head", scratch)
        except (CommandError, SQLAlchemyError) as error:
            raise ToBeMended(messages.NOT_REBUILT.format(path=path, cause=error)) from error
        rebuilt = status(alembic_config(scratch))
        differ = compared(trial.original, only_new(read_definitions(scratch), made, tables))

    print(messages.REPLAYED.format(path=path, sentence=rebuilt.sentence))
    print("\n".join([messages.DIFFER, *differ.lines()]) if differ else messages.SAME)
    if baseline.notes:
        print(baseline.notes)
    if rebuilt.state is not State.CURRENT:
        raise ToBeMended(messages.REBUILT_DRIFTS.format(path=path))


def _schemas(url: URL, options: Namespace) -> list[str] | None:
    """Return the schemas of which everything comes aboard; None if only some tables do."""
    if options.tables:
        return None
    asked = [name.strip() for name in (options.schema or "").split(",") if name.strip()]
    if asked:
        return asked
    with connect(url) as connection:
        return [str(connection.dialect.default_schema_name)]
