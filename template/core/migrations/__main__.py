"""The make targets that are more than one Alembic command: `python -m core.migrations <target>`."""

import argparse
import logging
import shutil
import sys
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, Table, column, func, inspect, select, table
from sqlalchemy.engine import URL

from core import ROOT, database_url
from core.migrations import (
    alembic_config,
    apply_migrations,
    confirmed,
    log_to_terminal,
    messages,
    revert_migrations,
)
from core.migrations.adoption.commands import adopt, models
from core.migrations.connection import (
    ALEMBIC_TABLES,
    connect,
    create_missing_database,
    scratch_database,
)
from core.migrations.ownership import operations
from core.migrations.status import current_heads, status
from core.migrations.status import plan as upgrade_plan


def setup(_: argparse.Namespace) -> int:
    """Make what a fresh clone lacks: `.env`, the database, the tables."""
    if not (ROOT / ".env").exists():
        shutil.copy(ROOT / ".env.example", ROOT / ".env")
        print(messages.ENV_MADE)
    url = database_url()
    if create_missing_database(url):
        print(messages.DATABASE_MADE.format(url=url))
    apply_migrations()
    print(messages.NEXT_STEPS)
    return 0


def check(_: argparse.Namespace) -> int:
    """Say where the database stands; the exit code is the state's."""
    found = status(alembic_config(), database_url())
    print(found.sentence)
    if found.ignored:
        print(messages.IGNORED.format(tables=", ".join(found.ignored)))
    return found.state


def plan(_: argparse.Namespace) -> int:
    """Print the SQL an upgrade would run, with what loses data or rewrites a table marked."""
    statements = upgrade_plan(alembic_config(), database_url())
    print("\n\n".join(statements) or messages.NOTHING_TO_DO)
    return 0


def downgrade(options: argparse.Namespace) -> int:
    """Downgrade, after saying which rows that drops and asking."""
    if not current_heads(database_url()):
        print(messages.NOTHING_TO_UNDO)
        return 0
    losses = list(rows_lost(options.to, database_url()))
    if losses:
        print(messages.WILL_DROP.format(losses="\n".join(f"  {line}" for line in losses)))
        if not (options.yes or confirmed(messages.CONFIRM)):
            print(messages.NOT_CONFIRMED.format(to=options.to), file=sys.stderr)
            return 1
    revert_migrations(options.to)
    return 0


def rows_lost(to: str, url: URL) -> list[str]:
    """Return a line for each table or column with data that downgrading to `to` drops."""
    script = ScriptDirectory.from_config(alembic_config())
    database = current_heads(url)
    undone = script.iterate_revisions(database, to, select_for_downgrade=True) if database else ()
    losses: dict[str, int] = {}
    names: dict[str, str] = {}  # what a table is called now, where a rename is undone on the way
    with connect(url) as connection:
        inspector = inspect(connection)
        for revision in undone:
            for call in operations(Path(revision.path), "downgrade"):
                now = names.get(call.table, call.table)
                if call.name == "rename_table":
                    names[call.other] = now
                if not inspector.has_table(now):
                    continue
                if call.name == "drop_table":
                    rows = select(func.count()).select_from(table(now))
                    losses[now] = connection.execute(rows).scalar_one()
                elif call.name == "drop_column":
                    filled = select(func.count(column(call.other))).select_from(table(now))
                    losses[f"{now}.{call.other}"] = connection.execute(filled).scalar_one()
    return [messages.ROWS.format(name=name, rows=rows) for name, rows in losses.items() if rows]


def tour(_: argparse.Namespace) -> int:
    """Walk through the history on a scratch database, showing the schema and the data each time."""
    script = ScriptDirectory.from_config(alembic_config())
    revisions = list(script.walk_revisions())[::-1]
    print(messages.TOUR_START.format(count=len(revisions)))
    with scratch_database() as url:
        for step, revision in enumerate(revisions, start=1):
            title = messages.TOUR_UP.format(step=step, count=len(revisions), title=revision.doc)
            print(f"\n== {title}\n   {Path(revision.path).name}\n$ make upgrade to=+1")
            apply_migrations("+1", url)
            show(url)
        print(f"\n== {messages.TOUR_DOWN}\n$ make downgrade to=-1")
        revert_migrations("-1", url)
        show(url)
        print(f"\n== {messages.TOUR_AGAIN}\n$ make upgrade")
        apply_migrations("head", url)
        show(url)
    print(f"\n{messages.TOUR_END}")
    return 0


def show(url: URL) -> None:
    """Print every table with its columns, then who lives in `usuarios`."""
    with connect(url) as connection:
        inspector = inspect(connection)
        print(messages.TOUR_SCHEMA)
        for name in sorted(set(inspector.get_table_names()) - ALEMBIC_TABLES):
            columns = [
                f"{column['name']} {column['type']}" for column in inspector.get_columns(name)
            ]
            print(f"  {name}({', '.join(columns)})")
        if inspector.has_table("usuarios"):
            _show_people(connection)
        connection.commit()


def _show_people(connection: Connection) -> None:
    people = [{"nome": "Alice", "idade": 30}, {"nome": "Bob", "idade": 25}]
    usuarios = Table("usuarios", MetaData(), autoload_with=connection)
    found = connection.execute(usuarios.select()).mappings().all()
    print(messages.TOUR_DATA if found else messages.TOUR_ADDED)
    if not found:
        connection.execute(usuarios.insert(), people)
        found = connection.execute(usuarios.select()).mappings().all()
    for row in found:
        print("  " + ", ".join(f"{key}={value}" for key, value in row.items()))


def main() -> int:
    """Run one target and turn what went wrong into a sentence."""
    parser = argparse.ArgumentParser(prog="python -m core.migrations")
    targets = parser.add_subparsers(required=True, metavar="TARGET")
    for target in (setup, check, plan, downgrade, tour, models, adopt):
        sub = targets.add_parser(target.__name__, help=target.__doc__)
        sub.set_defaults(run=target)
        if target is downgrade:
            sub.add_argument("to", nargs="?", default="-1")
        if target in (downgrade, models, adopt):
            sub.add_argument("--yes", action="store_true")
        for option in ("url", "schema", "tables", "module") if target in (models, adopt) else ():
            sub.add_argument(f"--{option}")
    options = parser.parse_args()
    log_to_terminal(logging.WARNING if options.run in (check, plan, tour, adopt) else logging.INFO)
    try:
        return int(options.run(options))
    except CommandError as error:
        print(messages.FAILED.format(error=error), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
