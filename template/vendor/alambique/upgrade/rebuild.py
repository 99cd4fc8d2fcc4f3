"""On SQLite, a batch operation changes what it says of its table, and nothing else.

SQLite alters little of a table. For the rest Alembic makes it anew from what SQLAlchemy read of it,
which is not all: without its inline UNIQUE, its collations, CHECKs, AUTOINCREMENT and triggers. So
the operations of a batch are carried out here, by the procedure that SQLite's manual gives: a
column is renamed in place, with all that speaks of it; for what is left, the table's own text is
edited and the table made anew by it, with its rows, their numbers and its counter; its indexes and
triggers follow, in their own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import NoSuchTableError

from alambique import messages, private
from alambique.database.sqlite import BATCH_TABLE
from alambique.database.sqlite_ddl import (
    Kind,
    NotUnderstood,
    TableText,
    fold,
    tokens,
)
from alambique.private import Batch
from alambique.text import literal
from alambique.upgrade.dependents import Dependents, forget_broken
from alambique.upgrade.table_edit import OldIndex, TableEdit

Operation = tuple[str, tuple[Any, ...], dict[str, Any]]

# What a table's rows are numbered by, unless a column has the name.
ROW_NUMBERS = ("rowid", "_rowid_", "oid")

# Where SQLite keeps what ANALYZE found; dropping a table forgets it.
STATISTICS = ("sqlite_stat1", "sqlite_stat4")


@dataclass
class Round:
    """Columns to rename, by their old names, and what to do with the table then."""

    renames: list[tuple[str, str]] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)


@contextmanager
def batches_keep_what_they_do_not_name(connection: Connection) -> Iterator[None]:
    """Have the batch operations of revisions change nothing but what they say; SQLite's only."""
    if connection.dialect.name != "sqlite":
        yield
        return
    with private.batches_by(carry_out):
        try:
            yield
        finally:
            forget_broken(connection)


def carry_out(batch: Batch) -> bool:
    """Carry out a batch operation that Alembic would make a table anew for.

    Returns:
        Whether it was; the others are plain ALTER TABLE, and none is carried out offline.

    Raises:
        CommandError: the text of the table cannot be read, or something that the batch does not
            drop speaks of a column that it drops.
        NoSuchTableError: there is no such table.
        DBAPIError: SQLite refuses a statement.
    """
    connection = batch.impl.connection
    is_ours = batch.impl.dialect.name == "sqlite" and connection is not None
    if not (is_ours and batch.makes_anew):
        return False

    assert connection is not None
    with nullcontext() if connection.in_transaction() else connection.begin():
        dependents = Dependents(connection, batch.schema)
        Rebuild(batch, connection).run()
        dependents.note_broken()
    return True


class Rebuild:
    """One batch operation."""

    def __init__(self, batch: Batch, connection: Connection) -> None:
        """Change nothing yet."""
        self._batch = batch
        self._connection = connection
        self._quote = connection.dialect.identifier_preparer.quote
        self._within = "" if batch.schema is None else f"{self._quote(batch.schema)}."
        self._renamed: dict[str, str] = {}

    def run(self) -> None:
        """Carry the operations out: in the order they were asked for, but for renames."""
        rounds = self._rounds()
        for each in rounds:
            for old, new in each.renames:
                self._rename_column(old, new)
            is_last = each is rounds[-1]
            if each.operations or is_last and self._is_asked_anyway():
                self._make_anew(each.operations, is_last)

    def _is_asked_anyway(self) -> bool:
        return self._batch.always or bool(self._batch.said or self._batch.options)

    def _rounds(self) -> list[Round]:
        """Return what to rename, and what to do then: once, unless a name is used twice.

        Alembic, too, takes what a batch says of a column to be of the one under its new name.
        """
        names = {fold(column.bare_name) for column in self._text().columns}
        names_are_clear = True
        rounds = [Round()]
        for operation in self._batch.operations:
            method, arguments, options = operation
            new = options.get("name") if method == "alter_column" else None
            if new is None or new == arguments[1]:
                rounds[-1].operations.append(operation)
                continue

            old = arguments[1]
            names_are_clear = names_are_clear and fold(old) in names and fold(new) not in names
            names.add(fold(new))
            rounds.append(Round([(old, new)]))
            if _alters(options):
                left = {key: value for key, value in options.items() if key != "name"}
                rounds[-1].operations.append((method, (arguments[0], new), left))

        if not names_are_clear:
            return rounds
        renames = [rename for each in rounds for rename in each.renames]
        return [Round(renames, [operation for each in rounds for operation in each.operations])]

    def _rename_column(self, old: str, new: str) -> None:
        """Rename a column in place: what speaks of it, wherever, is rewritten by SQLite."""
        now = old if self._text().column(old) else self._renamed.get(fold(old), old)
        self._batch.impl.alter_column(self._batch.table, now, name=new, schema=self._batch.schema)
        self._renamed[fold(old)] = new

    def _make_anew(self, operations: Sequence[Operation], is_last: bool) -> None:
        before = self._text()
        objects = self._objects()
        triggers = [(name, sql) for kind, name, sql in objects if kind == "trigger"]
        indexes = [OldIndex(name, sql) for kind, name, sql in objects if kind == "index"]
        edit = TableEdit(self._batch, self._text(), indexes, self._types(operations), self._renamed)
        edit.apply(operations)
        edit.finish(is_last)
        for _, sql in triggers:
            edit.require_not_awaited(sql)

        self._swap(before, edit)
        for sql in [*(index.sql for index in edit.indexes), *(sql for _, sql in triggers)]:
            self._execute(self._placed(sql))
        for index, options in edit.new_indexes:
            self._batch.impl.create_index(index, **options)

    def _swap(self, before: TableText, edit: TableEdit) -> None:
        """Put a table by the new text in the place of the old one."""
        table, new_name = before.name, f"{BATCH_TABLE}{before.name}"
        new = f"{self._within}{self._quote(new_name)}"
        old = f"{self._within}{self._quote(table)}"

        self._execute(edit.text.written(new))
        try:
            self._copy_rows(old, new, before, edit)
        except BaseException:
            if self._connection.in_transaction() and not self._connection.invalidated:
                self._execute(f"DROP TABLE {new}")
            raise
        if before.is_counted and edit.text.is_counted:
            counter = f"{self._within}sqlite_sequence"
            self._execute(f"DELETE FROM {counter} WHERE name = {literal(new_name)}")
            self._put_name(counter, "name", table, new_name)

        statistics = self._statistics()
        for each in statistics:
            self._put_name(each, "tbl", table, new_name)
        self._execute(f"DROP TABLE {old}")
        self._batch.impl.rename_table(new_name, table, schema=self._batch.schema)
        for each in statistics:
            self._put_name(each, "tbl", new_name, table)

    def _copy_rows(self, old: str, new: str, before: TableText, edit: TableEdit) -> None:
        pairs = [
            (self._quote(column.bare_name), edit.values[fold(column.bare_name)])
            for column in edit.text.columns
            if fold(column.bare_name) in edit.values and column.clause(Kind.GENERATED) is None
        ]
        number = _row_number(before, edit.text)
        if number is not None:
            pairs.insert(0, (number, number))
        if not pairs:
            return
        into = ", ".join(column for column, _ in pairs)
        values = ", ".join(value for _, value in pairs)

        # A row that breaks a constraint is not to be passed over, whatever the table says of that.
        says_more = any("CONFLICT" in clause.text.upper() for clause in edit.text.all_clauses())
        insert = "INSERT OR ABORT" if says_more else "INSERT"
        self._execute(f"{insert} INTO {new} ({into}) SELECT {values} FROM {old}")

    def _put_name(self, table: str, column: str, old: str, new: str) -> None:
        self._execute(
            f"UPDATE {table} SET {column} = {literal(new)} WHERE {column} = {literal(old)}"
        )

    # What is there

    def _text(self) -> TableText:
        """Return the table's own text.

        Raises:
            NoSuchTableError: there is no such table.
            CommandError: it cannot be read.
        """
        found = [sql for kind, _, sql in self._objects() if kind == "table"]
        if not found:
            raise NoSuchTableError(self._batch.table)
        try:
            return TableText.read(found[0])
        except NotUnderstood as error:
            said = {"table": self._batch.table, "what": str(error)}
            raise CommandError(messages.REBUILD_NOT_UNDERSTOOD.format(**said)) from error

    def _objects(self) -> list[tuple[str, str, str]]:
        """Return the table, its indexes and triggers: each with its kind, name and text."""
        rows = self._execute(
            f"SELECT type, name, sql FROM {self._within}sqlite_master"
            f" WHERE tbl_name = {literal(self._batch.table)} COLLATE NOCASE AND sql IS NOT NULL"
            " AND type IN ('table', 'index', 'trigger') ORDER BY rowid"
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def _types(self, operations: Sequence[Operation]) -> dict[str, Any]:
        """Return the columns' types as SQLAlchemy knows them, if an operation changes any."""
        if not any(options.get("type_") is not None for _, _, options in operations):
            return {}
        inspector = sa.inspect(self._connection)
        columns = inspector.get_columns(self._batch.table, schema=self._batch.schema)
        return {fold(column["name"]): column["type"] for column in columns}

    def _statistics(self) -> list[str]:
        rows = self._execute(
            f"SELECT name FROM {self._within}sqlite_master WHERE type = 'table'"
            f" AND name IN ({', '.join(map(literal, STATISTICS))})"
        )
        return [f"{self._within}{row[0]}" for row in rows]

    def _placed(self, sql: str) -> str:
        """Return what makes an index or a trigger, in the database among those attached."""
        name_at = next(token.end for token in tokens(sql) if token.word in {"INDEX", "TRIGGER"})
        return f"{sql[:name_at]} {self._within}{sql[name_at:].lstrip()}" if self._within else sql

    def _execute(self, sql: str) -> list[tuple[Any, ...]]:
        result = self._connection.exec_driver_sql(sql)
        return [tuple(row) for row in result] if result.returns_rows else []


def _alters(options: dict[str, Any]) -> bool:
    """Tell whether an `alter_column` does more than to rename."""
    return (
        options.get("nullable") is not None
        or options.get("type_") is not None
        or options.get("server_default", False) is not False
    )


def _row_number(before: TableText, after: TableText) -> str | None:
    """Return what copies the numbers of rows, where no column has them; None where one does."""
    if not (before.has_rowid and after.has_rowid) or _has_numbers(before) or _has_numbers(after):
        return None
    names = {fold(column.bare_name) for column in [*before.columns, *after.columns]}
    return next((each for each in ROW_NUMBERS if each not in names), None)


def _has_numbers(text: TableText) -> bool:
    """Tell whether a column of a table is another name for the numbers of its rows."""
    for clause in text.all_clauses():
        if clause.kind is Kind.PRIMARY_KEY and len(clause.columns) == 1:
            column = text.column(clause.columns[0])
            return column is not None and column.type.text.upper() == "INTEGER"
    return False
