"""`make squash`: the history up to head as one revision. Existing databases do not notice."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, func, select, table
from sqlalchemy.exc import SQLAlchemyError

from alambique import messages
from alambique.adopt.baseline import Baseline, say_what_template_left_out, write_baseline
from alambique.adopt.comparison import differences
from alambique.adopt.extra_ddl import read_extra_ddl
from alambique.commands import apply_migrations
from alambique.database.creation import scratch_database
from alambique.database.engine import connect
from alambique.history.heads import declared_labels, heads_for, refuse_forks
from alambique.history.manifest import write_manifest
from alambique.history.script import (
    folders,
    history,
    oldest_first,
    replaced_revisions,
    source_of,
)
from alambique.history.source import created_tables, is_adopted
from alambique.history.status import State, status
from alambique.names import TableName
from alambique.settings import alembic_config, migration_url, project, shown
from alambique.terminal import confirmed


@dataclass(frozen=True)
class Squashed:
    """The one revision, from which a scratch database was built."""

    written: Script
    baseline: Baseline
    lost: list[str]
    """A line for each thing that the old history made and this revision does not."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `squash` takes."""
    parser.add_argument("--yes", action="store_true", help=messages.OPTIONS["yes"])


def run(options: Namespace) -> int:
    """Write the one revision, rebuild a scratch database from it, and ask before it stays.

    It keeps the id of the old head: a database there is where it was, one beyond goes on from it.
    Nothing is asked of the project's own database, and no file changes before the yes.

    Raises:
        CommandError: the history has several heads, or several folders; the models and the history
            differ, or the revision does not rebuild them.
        LockTimeout: another migrator held a scratch database for too long.
        ModelImportError: a model cannot be imported.
        DatabaseUnavailable: the server does not let us in, or does not let us make a scratch
            database.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    script = history(config)
    _require_one_line(script)
    old = oldest_first(script)
    if len(old) < 2:
        print(messages.NOTHING_TO_SQUASH)
        return 0

    # In the project's folder, whose settings ruff then follows.
    with TemporaryDirectory(dir=project().root) as folder:
        squashed = _squashed(script, migration_url(config), folder)
        print(messages.SQUASHED_INTO.format(count=len(old), head=old[-1].revision))
        if squashed.lost:
            print("\n".join([messages.SQUASH_LOSES, *(f"  {each}" for each in squashed.lost)]))

        if not (options.yes or confirmed(messages.ASK_SQUASH)):
            print(messages.SQUASH_UNDONE, file=sys.stderr)
            return 1
        new = _replace(script, old, source_of(squashed.written))

    write_manifest(config, anew={each.revision for each in old})
    say_what_template_left_out(squashed.written, squashed.baseline, new)
    print(messages.SQUASH_DONE.format(path=shown(new)))
    return 0


def _require_one_line(script: ScriptDirectory) -> None:
    """Refuse a history that is not to be one revision, or has no one folder for it.

    Raises:
        CommandError: it has several heads, or several folders.
    """
    refuse_forks(script)
    if len(script.get_heads()) > 1:
        raise CommandError(messages.SQUASH_BRANCHES.format(**heads_for(script)))
    if len(folders(script)) > 1:
        raise CommandError(messages.SQUASH_FOLDERS)


def _squashed(script: ScriptDirectory, url: URL, folder: str) -> Squashed:
    """Write the one revision, and build a database from it and one from the old history.

    Args:
        script: the old history.
        url: the database to make scratch ones beside.
        folder: where to write the revision.

    Raises:
        CommandError: the models and the history differ, or the revision does not rebuild them.
    """
    old = oldest_first(script)
    head = old[-1].revision
    replaces = _replaced_by_one(old)
    tables = frozenset(created_tables(script))

    with scratch_database(url) as before, scratch_database(url) as after:
        apply_migrations("head", before)
        found = status(alembic_config(before))
        if found.state is not State.CURRENT:
            raise CommandError(found.sentence)

        extra = read_extra_ddl(before, tables)
        labels = tuple(chain.from_iterable(declared_labels(each) for each in old))
        adopted = any(is_adopted(source_of(each)) for each in old)
        baseline = Baseline(tables, extra, replaces=replaces, labels=labels, adopted=adopted)
        elsewhere = _config_in(folder, after)
        written = write_baseline(elsewhere, messages.SQUASH, baseline, revision=head)
        try:
            command.upgrade(_config_in(folder, after), "head")
        except (CommandError, SQLAlchemyError) as error:
            raise CommandError(messages.NOT_SQUASHED.format(cause=error)) from error

        # A column that a revision added stands last in the old tables, and in its place in the new.
        differ = differences(before, after, tables).without_order()
        lost = [line.strip() for line in differ.lines()]
        lost += _rows_lost(before, after, tables)
        lost += [str(each) for each in extra.left_over]
    return Squashed(written, baseline, lost)


def _replaced_by_one(old: Sequence[Script]) -> tuple[str, ...]:
    """Return what one revision in the place of these replaces, with what they had replaced."""
    found: list[str] = []
    for each in old:
        found += [*replaced_revisions(each), each.revision]
    return tuple(found[:-1])  # the head's own id is the new revision's


def _config_in(folder: str, url: URL) -> Config:
    """Return the project's configuration with its history in `folder`."""
    config = alembic_config(url)
    config.set_main_option("version_locations", folder.replace("%", "%%"))
    return config


def _replace(script: ScriptDirectory, old: Collection[Script], squashed: Path) -> Path:
    """Put the one revision in the place of the old ones; return its path."""
    source = squashed.read_bytes()
    for each in old:
        source_of(each).unlink()
    new = folders(script)[0] / squashed.name
    new.write_bytes(source)
    return new


def _rows_lost(before: URL, after: URL, tables: Collection[TableName]) -> list[str]:
    """Return a line for each table that the old history put rows in and the new one does not."""
    old, new = _rows(before, tables), _rows(after, tables)
    return [
        messages.ROWS.format(name=name, rows=old[name] - new[name])
        for name in sorted(old)
        if old[name] > new[name]
    ]


def _rows(url: URL, tables: Collection[TableName]) -> dict[TableName, int]:
    """Return how many rows each of these tables has."""
    found: dict[TableName, int] = {}
    with connect(url) as connection:
        for name in tables:
            counted = select(func.count()).select_from(table(name.name, schema=name.schema))
            found[name] = connection.execute(counted).scalar_one()
    return found
