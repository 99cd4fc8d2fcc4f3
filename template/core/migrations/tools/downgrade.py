"""`make downgrade`: says which rows it drops, and asks."""

import sys
from argparse import Namespace
from pathlib import Path

from sqlalchemy import column, func, inspect, select, table
from sqlalchemy.engine import URL

from core import database_url
from core.migrations import confirmed, messages, revert_migrations
from core.migrations.connection import connect
from core.migrations.ownership import operations
from core.migrations.status import current_heads
from core.migrations.tools.record import history


def downgrade(options: Namespace) -> int:
    """Downgrade to a revision, a step such as `-1`, or the base."""
    if not current_heads(database_url()):
        print(messages.NOTHING_TO_UNDO)
        return 0
    return undo(options.to, options.yes, f"make downgrade to={options.to} yes=1")


def undo(to: str, yes: bool, command: str) -> int:
    """Downgrade, after saying which rows that drops and asking; `command` does it unasked.

    Returns:
        The exit code: 1 where rows would be dropped and nobody agreed.
    """
    losses = rows_lost(to, database_url())
    if losses:
        print(messages.WILL_DROP.format(losses="\n".join(f"  {line}" for line in losses)))
        if not (yes or confirmed(messages.CONFIRM)):
            print(messages.NOT_CONFIRMED.format(command=command), file=sys.stderr)
            return 1
    revert_migrations(to)
    return 0


def rows_lost(to: str, url: URL) -> list[str]:
    """Return a line for each table or column with data that downgrading to `to` drops."""
    script = history()
    database = current_heads(url)
    undone = script.iterate_revisions(database, to, select_for_downgrade=True) if database else ()
    losses: dict[str, int] = {}
    names: dict[str, str] = {}  # what is called otherwise now, where a rename is undone on the way
    with connect(url) as connection:
        inspector = inspect(connection)
        for revision in undone:
            for call in operations(Path(revision.path), "downgrade"):
                now = names.get(call.table, call.table)
                if call.name == "rename_table":
                    names[call.other] = now
                if not inspector.has_table(now):
                    continue
                name = f"{now}.{call.other}"
                if call.renamed:
                    names[f"{now}.{call.renamed}"] = names.get(name, name)
                if call.name == "drop_table":
                    rows = select(func.count()).select_from(table(now))
                    losses[now] = connection.execute(rows).scalar_one()
                elif call.name == "drop_column":
                    name = names.get(name, name)
                    _, _, there = name.rpartition(".")
                    if there in {each["name"] for each in inspector.get_columns(now)}:
                        filled = select(func.count(column(there))).select_from(table(now))
                        losses[name] = connection.execute(filled).scalar_one()
    return [messages.ROWS.format(name=name, rows=rows) for name, rows in losses.items() if rows]
