"""`make squash`: the history up to head as one revision. Existing databases do not notice."""

import re
import sys
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import func, select, table
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from core.migrations import alembic_config, apply_migrations, confirmed, messages
from core.migrations.adoption.baseline import complete, whole_baseline
from core.migrations.adoption.legacy import Key, carried, differences, left_over
from core.migrations.connection import connect, scratch_database
from core.migrations.ownership import created_tables
from core.migrations.status import State, status
from core.migrations.tools.record import history, record, short, single_head


def squash(options: Namespace) -> int:
    """Write the one revision, rebuild a scratch database from it, and ask before it stays.

    It keeps the id of the old head: a database there is where it was, one beyond goes on from it.
    Nothing is asked of the project's own database, and no file changes before the yes.

    Raises:
        CommandError: the models and the history differ, or the revision does not rebuild them.
    """
    script = history()
    head, old = single_head(script), list(script.walk_revisions())[::-1]
    if head is None or len(old) < 2:
        print(messages.NOTHING_TO_SQUASH)
        return 0
    names = [each.rpartition(".") for each in sorted(created_tables(script))]
    tables: list[Key] = [(schema or None, name) for schema, _, name in names]
    with TemporaryDirectory() as folder, scratch_database() as before, scratch_database() as after:
        apply_migrations("head", before)
        found = status(alembic_config(before), before)
        if found.state is not State.CURRENT:
            raise CommandError(found.sentence)
        path, left = written(folder, head, before, after, tables)
        add_replaced(path, [each.revision for each in old[:-1]])
        try:
            command.upgrade(elsewhere(folder, after), "head")
        except (CommandError, SQLAlchemyError) as error:
            raise CommandError(messages.NOT_SQUASHED.format(cause=error)) from error
        lost = [*unlike(before, after, tables), *rows_lost(before, after, tables), *left]
        print(messages.SQUASHED_INTO.format(count=len(old), head=head))
        if lost:
            print("\n".join([messages.SQUASH_LOSES, *(f"  {each.strip()}" for each in lost)]))
        if not (options.yes or confirmed(messages.ASK_SQUASH)):
            print(messages.SQUASH_UNDONE, file=sys.stderr)
            return 1
        for each in reversed(old):
            Path(each.path).unlink()
        new = Path(script.versions, path.name)
        new.write_bytes(path.read_bytes())
    record(anew={each.revision for each in old})
    print(messages.SQUASH_DONE.format(path=short(new)))
    return 0


def written(
    folder: str, head: str, before: URL, after: URL, tables: list[Key]
) -> tuple[Path, list[str]]:
    """Write to `folder` a revision called `head` that makes these tables.

    Returns:
        Its path, and what else the old history made and a revision from models cannot carry.
    """
    with connect(before) as connection:
        needed = carried(connection, tables)
        left = [name for name in left_over(connection) if name not in needed.made]
    ours = {f"{schema}.{name}" if schema else name for schema, name in tables}
    with whole_baseline(after, ours) as late:
        config = elsewhere(folder, after)
        config.cmd_opts = Namespace(autogenerate=True, x=[], quiet=True)
        made: Any = command.revision(config, messages.SQUASH, autogenerate=True, rev_id=head)
        complete(Path(made.path), needed, late, left)
    return Path(made.path), left


def elsewhere(folder: str, url: URL) -> Config:
    """Return the project's configuration with its history in `folder`."""
    config = alembic_config(url)
    config.set_main_option("version_locations", folder.replace("%", "%%"))
    return config


def add_replaced(path: Path, ids: list[str]) -> None:
    """Note in a revision which ones it replaces, for databases that are still at one of them."""
    lines = "".join(f'    "{each}",\n' for each in ids)
    source = path.read_text(encoding="utf-8")
    source = source.replace("\nbranch_labels", f"\nreplaces = (\n{lines})\nbranch_labels", 1)
    path.write_text(source, encoding="utf-8", newline="\n")


def unlike(before: URL, after: URL, tables: list[Key]) -> list[str]:
    """Return what differs between two databases, but for the order of columns."""
    found = [re.sub(r", position=\d+", "", each) for each in differences(before, after, tables)]
    one, other = ({each[4:] for each in found if each[2] == mark} for mark in "-+")
    return [each for each in found if each[4:] not in one & other]


def rows_lost(before: URL, after: URL, tables: list[Key]) -> list[str]:
    """Return a line for each table that the old history put rows in and the new one does not."""
    counted = [rows(url, tables) for url in (before, after)]
    return [
        messages.ROWS.format(name=name, rows=number - counted[1][name])
        for name, number in counted[0].items()
        if number > counted[1][name]
    ]


def rows(url: URL, tables: list[Key]) -> dict[str, int]:
    """Return how many rows each of these tables has."""
    with connect(url) as connection:
        return {
            name: connection.execute(
                select(func.count()).select_from(table(name, schema=schema))
            ).scalar_one()
            for schema, name in tables
        }
