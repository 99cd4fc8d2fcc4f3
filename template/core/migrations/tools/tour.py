"""`make tour`: the history, a step at a time, on a scratch database that two people live in."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.script import Script
from alembic.util import CommandError, to_tuple
from sqlalchemy import Connection, Inspector, MetaData, Table, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from core.migrations import apply_migrations, messages, revert_migrations
from core.migrations.connection import ALEMBIC_TABLES, connect, scratch_database
from core.migrations.tools.record import history, single_head

if TYPE_CHECKING:
    from rich.console import Console

PEOPLE = [{"nome": "Alice", "idade": 30}, {"nome": "Bob", "idade": 25}]
Schema = dict[str, list[str]]  # what each table looks like, a line for each thing in it


def tour(_: argparse.Namespace) -> int:
    """Walk through the history on a scratch database, showing the schema and the data each time."""
    script = history()
    single_head(script)
    revisions = list(script.walk_revisions())[::-1]
    if not revisions:
        raise CommandError(messages.TOUR_EMPTY)
    # A closed terminal, too, ends like Ctrl-C: the scratch database is dropped.
    for name in {"SIGTERM", "SIGHUP"} & set(dir(signal)):
        signal.signal(getattr(signal, name), signal.default_int_handler)
    console = _console()
    try:
        console.out(messages.TOUR_START.format(count=len(revisions)))
        with scratch_database() as url:
            done = Walk(revisions, url, console).walk()
    except (KeyboardInterrupt, EOFError):
        done = False
    with suppress(OSError):  # the terminal may be what is gone
        console.out(f"\n{messages.TOUR_END if done else messages.TOUR_LEFT}")
    return 0


def _console() -> Console:
    try:
        from rich.console import Console
    except ImportError as error:
        raise CommandError(messages.NO_RICH.format(cause=error)) from error
    terminal = all(each and each.isatty() for each in (sys.stdin, sys.stdout))
    plain: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
    if not terminal or os.environ.get("NO_COLOR"):  # with which rich would keep bold and the like
        plain["color_system"] = None
    return Console(force_terminal=terminal, **plain)


class Walk:
    """Where the reader is in the history, and what the scratch database looked like there."""

    def __init__(self, revisions: list[Script], url: URL, console: Console) -> None:
        self.revisions, self.url, self.console = revisions, url, console
        self.at, self.schema = 0, Schema()  # how many revisions are applied, and what they made

    def walk(self) -> bool:
        """Go to the end, once back on the way; return whether the reader stayed until then."""
        been_back, count = False, len(self.revisions)
        while self.at < count or not been_back:
            forward = self.at < count
            self.announce(forward)
            answer = self.ask()
            if answer in messages.TOUR_QUIT:
                return False
            if answer in messages.TOUR_BACK and forward:
                if not self.at:
                    self.console.out(messages.TOUR_AT_START)
                    continue
                forward = False
                self.announce(forward)
            been_back = been_back or not forward
            self.go(forward)
        return True

    def announce(self, forward: bool) -> None:
        """Say what will happen: which revision, in which file, and the command one would type."""
        step = self.at + forward
        revision = self.revisions[step - 1]
        sentence = messages.TOUR_UP if forward else messages.TOUR_DOWN
        title = sentence.format(step=step, count=len(self.revisions), title=revision.doc)
        self.console.out(f"\n== {title}", style="bold")
        self.console.out(f"   {Path(revision.path).name}")
        self.console.out(f"$ make {'upgrade to=+1' if forward else 'downgrade'}", style="cyan")

    def ask(self) -> str:
        """Return the key typed, "" for Enter and where nobody is; an ended input is an EOFError."""
        while self.console.is_terminal:
            answer = input(messages.TOUR_KEYS).strip().lower()
            if answer in {"", *messages.TOUR_QUIT, *messages.TOUR_BACK}:
                return answer
        return ""

    def go(self, forward: bool) -> None:
        """Apply or revert one revision, and show what that changed.

        Raises:
            CommandError: the revision failed.
        """
        revision = self.revisions[self.at - (not forward)]
        try:
            if forward:
                apply_migrations(revision.revision, self.url)
            else:
                below = to_tuple(revision.down_revision, default=("base",))[0]
                revert_migrations(f"{revision.revision}@{below}", self.url)  # -1 knows no merge
        except CommandError:
            raise
        except Exception as error:  # a revision is anybody's code
            what = {"path": revision.path, "cause": f"{type(error).__name__}: {error}"}
            raise CommandError(messages.TOUR_FAILED.format(**what)) from error
        self.at += 1 if forward else -1
        with connect(self.url) as connection:
            before, self.schema = self.schema, schema_of(inspect(connection))
            self.show_changes(before)
            self.show_people(connection, left="usuarios" in before)
            connection.commit()

    def show_changes(self, before: Schema) -> None:
        """Print the tables that changed, line by line: what went after a -, what came after a +."""
        self.console.out(messages.TOUR_SCHEMA)
        for name in sorted({*before, *self.schema}):
            was, now = before.get(name, []), self.schema.get(name, [])
            for line in list(unified_diff(was, now, n=len(was), lineterm=""))[3:]:
                self.console.out(f"  {line}", style={"+": "green", "-": "red"}.get(line[0]))
        if before == self.schema:
            self.console.out(messages.TOUR_SAME)

    def show_people(self, connection: Connection, left: bool) -> None:
        """Print who lives in `usuarios`; Alice and Bob move in where nobody does."""
        from rich import box, table

        if "usuarios" not in self.schema:
            if left:
                self.console.out(messages.TOUR_GONE)
            return
        usuarios = Table("usuarios", MetaData(), autoload_with=connection)
        found: Any = connection.execute(usuarios.select()).all()
        sentence = messages.TOUR_DATA
        if not found:
            try:
                connection.execute(usuarios.insert(), PEOPLE)
            except SQLAlchemyError as error:  # the owner's `usuarios` may ask for more
                self.console.out(messages.TOUR_NOBODY.format(cause=getattr(error, "orig", error)))
                connection.rollback()
                return
            found, sentence = connection.execute(usuarios.select()).all(), messages.TOUR_ADDED
        self.console.out(sentence)
        grid = table.Table(*usuarios.columns.keys(), box=box.MARKDOWN)
        for row in found:
            grid.add_row(*("" if value is None else str(value) for value in row))
        self.console.print(grid)


def schema_of(inspector: Inspector) -> Schema:
    """Return what the tables of the default schema look like, Alembic's own left out."""
    return {
        name: [name, *(f"  {line}" for line in _parts(inspector, name))]
        for name in set(inspector.get_table_names()) - ALEMBIC_TABLES
    }


def _parts(inspector: Inspector, table: str) -> Iterator[str]:
    for column in inspector.get_columns(table):
        default = f" DEFAULT {column['default']}" if column["default"] else ""
        required = "" if column["nullable"] else " NOT NULL"
        yield f"{column['name']} {column['type']}{default}{required}"
    if columns := inspector.get_pk_constraint(table)["constrained_columns"]:
        yield f"PRIMARY KEY {_names(columns)}"
    for key in inspector.get_foreign_keys(table):
        target = f"{key['referred_table']} {_names(key['referred_columns'])}"
        yield f"FOREIGN KEY {_names(key['constrained_columns'])} -> {target}"
    indexes = {str(each["name"]): each for each in inspector.get_indexes(table)}
    for name, index in sorted(indexes.items()):
        yield f"{'UNIQUE ' * bool(index['unique'])}INDEX {name} {_names(index['column_names'])}"
    for unique in inspector.get_unique_constraints(table):
        if unique["name"] not in indexes:
            yield f"UNIQUE {_names(unique['column_names'])}"


def _names(columns: Sequence[str | None]) -> str:
    return f"({', '.join(str(column) for column in columns)})"
