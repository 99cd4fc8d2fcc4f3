"""The walk: which step comes next, and what it did to the schema and to the two people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, Row, Table, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from alambique import messages
from alambique.commands import apply_migrations, revert_migrations
from alambique.database.engine import connect
from alambique.history.script import source_of, without
from alambique.tools.tour.schema import Change, Schema, changes, schema_of

if TYPE_CHECKING:
    from rich.console import Console

# Who moves into the example's table, by its name. Up to 2.0 English projects had the Portuguese
# example, too: the history tells which one it is, not the language.
PEOPLE = {
    "users": [{"name": "Alice", "age": 30}, {"name": "Bob", "age": 25}],
    "usuarios": [{"nome": "Alice", "idade": 30}, {"nome": "Bob", "idade": 25}],
}

STYLES = {Change.CAME: "green", Change.WENT: "red", Change.STAYED: None}


class Key(Enum):
    """What a reader may type."""

    GO_ON = "go on"
    BACK = "back"
    QUIT = "quit"


@dataclass
class Walk:
    """Where the reader is in the history, and what the scratch database looked like there."""

    revisions: Sequence[Script]
    """The whole history, the oldest first."""
    url: URL
    """The scratch database, empty at first."""
    console: Console
    applied: int = 0
    """How many of the revisions are."""
    schema: Schema = field(default_factory=dict)
    home: str | None = None
    """The example's table, once one of its names has come up."""
    been_back: bool = False

    def walk(self) -> bool:
        """Go to the end, once back on the way; return whether the reader stayed until then.

        Raises:
            CommandError: a revision failed.
            EOFError: the input ended.
        """
        while self.applied < len(self.revisions) or not self.been_back:
            # Who comes to the end without having been back is taken back.
            forward = self.applied < len(self.revisions)
            self.announce(forward)

            key = self.ask()
            if key is Key.QUIT:
                return False
            if key is Key.BACK and forward:
                if self.applied == 0:
                    self.console.out(messages.TOUR_AT_START)
                    continue
                forward = False
                self.announce(forward)

            self.been_back = self.been_back or not forward
            self.go(forward)
        return True

    def announce(self, forward: bool) -> None:
        """Say what will happen: which revision, in which file, and the command one would type."""
        step = self._step(forward)
        revision = self.revisions[step - 1]
        sentence = messages.TOUR_UP if forward else messages.TOUR_DOWN
        title = sentence.format(step=step, count=len(self.revisions), title=revision.doc)
        command = "make upgrade to=+1" if forward else "make downgrade"

        self.console.out(f"\n== {title}", style="bold")
        self.console.out(f"   {source_of(revision).name}")
        self.console.out(f"$ {command}", style="cyan")

    def ask(self) -> Key:
        """Return the key typed; where nobody is, the tour goes on by itself.

        Raises:
            EOFError: the input ended.
        """
        while self.console.is_terminal:
            answer = input(messages.TOUR_KEYS).strip().lower()
            if answer == "":
                return Key.GO_ON
            if answer in messages.TOUR_BACK:
                return Key.BACK
            if answer in messages.TOUR_QUIT:
                return Key.QUIT
        return Key.GO_ON

    def go(self, forward: bool) -> None:
        """Apply or revert one revision, and show what that changed.

        Raises:
            CommandError: the revision failed.
        """
        revision = self.revisions[self._step(forward) - 1]
        try:
            if forward:
                apply_migrations(revision.revision, self.url)
            else:
                revert_migrations(without(revision), self.url)
        except CommandError:
            raise
        except Exception as error:  # a revision is anybody's code
            cause = f"{type(error).__name__}: {error}"
            sentence = messages.TOUR_FAILED.format(path=source_of(revision), cause=cause)
            raise CommandError(sentence) from error

        self.applied += 1 if forward else -1
        self.show()

    def show(self) -> None:
        """Print what changed in the schema since the last time, and who lives in it now."""
        before = self.schema
        with connect(self.url) as connection:
            self.schema = schema_of(inspect(connection))
            self.show_changes(before)
            self.show_people(connection, before)
            connection.commit()

    def show_changes(self, before: Schema) -> None:
        """Print the tables that changed, a fact a line: what went has a -, what came a +."""
        self.console.out(messages.TOUR_SCHEMA)
        for change, fact in changes(before, self.schema):
            self.console.out(f"  {change.value}{fact}", style=STYLES[change])
        if before == self.schema:
            self.console.out(messages.TOUR_SAME)

    def show_people(self, connection: Connection, before: Schema) -> None:
        """Print who lives in the example's table; Alice and Bob move in where nobody does."""
        if self.home is None:
            self.home = next((name for name in PEOPLE if name in self.schema), None)
        if self.home is None:
            return
        if self.home not in self.schema:
            if self.home in before:
                self.console.out(messages.TOUR_GONE.format(table=self.home))
            return

        table = Table(self.home, MetaData(), autoload_with=connection)
        rows = connection.execute(table.select()).all()
        if rows:
            self.console.out(messages.TOUR_DATA)
            self.show_rows(table, rows)
            return

        try:
            connection.execute(table.insert(), PEOPLE[self.home])
        except SQLAlchemyError as error:  # the owner's table may ask for more
            cause = error.orig if isinstance(error, DBAPIError) else error
            self.console.out(messages.TOUR_NOBODY.format(table=self.home, cause=cause))
            connection.rollback()
            return
        self.console.out(messages.TOUR_ADDED)
        self.show_rows(table, connection.execute(table.select()).all())

    def show_rows(self, table: Table, rows: Sequence[Row[Any]]) -> None:
        """Print rows as a grid."""
        from rich import box
        from rich.table import Table as Grid

        grid = Grid(*table.columns.keys(), box=box.MARKDOWN)
        for row in rows:
            grid.add_row(*("" if value is None else str(value) for value in row))
        self.console.print(grid)

    def _step(self, forward: bool) -> int:
        """Return the number of the revision that comes next, the first one being 1."""
        return self.applied + 1 if forward else self.applied
