"""Downgrading, after saying which rows that drops."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from alembic import command as alembic
from alembic.config import Config
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy import Connection

from alambique import messages
from alambique.history.script import history, source_of
from alambique.history.source import Operation, operations
from alambique.history.status import connected, current_heads, unknown_revision
from alambique.names import ColumnName, TableName
from alambique.terminal import confirmed


@dataclass(frozen=True)
class Loss:
    """What a downgrade drops."""

    name: TableName | ColumnName
    """As it is called in the database now."""

    rows: int
    """How many rows a table has, or how many have a value in a column."""


def undo(config: Config, to: str, yes: bool, command: str) -> int:
    """Downgrade, after saying which rows that drops and asking.

    Args:
        config: the command's configuration; it says which database.
        to: a revision, a step such as `-1`, or `base`.
        yes: do not ask.
        command: what one types to do it unasked.

    Returns:
        The exit code: 1 where rows would be dropped and nobody agreed.

    Raises:
        CommandError: there is no such revision, or the downgrade failed.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    losses = rows_lost(config, to)
    if losses:
        print(messages.WILL_DROP.format(losses="\n".join(f"  {_line(each)}" for each in losses)))
        if not (yes or confirmed(messages.CONFIRM)):
            print(messages.NOT_CONFIRMED.format(command=command), file=sys.stderr)
            return 1

    alembic.downgrade(config, to)
    return 0


def rows_lost(config: Config, to: str) -> list[Loss]:
    """Return the tables and columns with data that a downgrade drops.

    It is what the sources of the revisions say, so a DROP in plain SQL is not seen.

    Args:
        config: the command's configuration; it says which database.
        to: a revision, a step such as `-1`, or `base`.

    Raises:
        CommandError: there is no such revision, or the database is at one the history lacks.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
        SyntaxError: a revision is no Python.
    """
    undone = _undone(config, to)
    with connected(config) as connection:
        losses = _Losses(connection)
        for operation in _downgrades(undone):
            losses.note(operation)
    return [Loss(name, rows) for name, rows in losses.found.items() if rows]


def _undone(config: Config, to: str) -> list[Script]:
    """Return the revisions that a downgrade undoes, the newest first."""
    script = history(config)
    database = current_heads(config)
    if not database:
        return []
    if unknown := unknown_revision(script, database):
        raise CommandError(unknown.sentence)
    return list(script.iterate_revisions(database, to, select_for_downgrade=True))


def _downgrades(revisions: Iterable[Script]) -> Iterator[Operation]:
    for revision in revisions:
        yield from operations(source_of(revision), "downgrade")


def _line(loss: Loss) -> str:
    return messages.ROWS.format(name=loss.name, rows=loss.rows)


class _Losses:
    """Counts what operations drop, in a database that they have not changed yet.

    A downgrade that also undoes renames calls things by names that they do not have yet: what each
    is called in the database is noted on the way.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.inspector = sa.inspect(connection)
        self.found: dict[TableName | ColumnName, int] = {}
        self.tables: dict[TableName, TableName] = {}
        self.columns: dict[ColumnName, ColumnName] = {}

    def note(self, operation: Operation) -> None:
        """Note what an operation drops, or what it calls otherwise."""
        table = self.tables.get(operation.table, operation.table)
        if operation.new_table is not None:
            self.tables[operation.new_table] = table
        if not (table.name and self.inspector.has_table(table.name, schema=table.schema)):
            return

        if operation.name == "drop_table":
            self.found[table] = self.count(table)
            return

        said = table.column(operation.column)
        column = self.columns.get(said, said)
        if operation.new_column:
            self.columns[table.column(operation.new_column)] = column
        elif operation.name == "drop_column" and self.is_there(column):
            self.found[column] = self.count(table, column)

    def is_there(self, column: ColumnName) -> bool:
        """Tell whether the database has this column."""
        table = column.table
        found = self.inspector.get_columns(table.name, schema=table.schema)
        return column.name in {each["name"] for each in found}

    def count(self, table: TableName, column: ColumnName | None = None) -> int:
        """Count the rows of a table; those that have a value in `column`, if one is given."""
        counted = sa.func.count() if column is None else sa.func.count(sa.column(column.name))
        source = sa.table(table.name, schema=table.schema)
        return self.connection.execute(sa.select(counted).select_from(source)).scalar_one()
