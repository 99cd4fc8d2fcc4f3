"""MySQL's and MariaDB's own words: what SHOW CREATE says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.mysql.base import MySQLDialect

from alambique.adopt.definitions.definition import Definition
from alambique.database.error_codes import ER_VIEW_INVALID
from alambique.names import TableName

# What is counted, and who made it, are no part of a schema.
COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
NAME = r"`(?:[^`]|``)*`"
WHO = rf"(?:{NAME}|\"[^\"]*\"|[^\s@]+)"
DEFINER = re.compile(rf" DEFINER={WHO}@{WHO}")

COLUMN = re.compile(rf"  ({NAME}) (.*)", re.DOTALL)
FOREIGN_KEY = re.compile(rf"  CONSTRAINT ({NAME}) FOREIGN KEY .*", re.DOTALL)

# Of a sequence that a default counts on MariaDB says the database, whichever it is.
COUNTED = re.compile(rf"((?:next|last|set)val\(){NAME}\.", re.IGNORECASE)

OBJECTS = """
    SELECT table_type, table_name
    FROM information_schema.tables
    WHERE table_schema = database()
    ORDER BY table_name
"""
ROUTINES = """
    SELECT routine_type, routine_name
    FROM information_schema.routines
    WHERE routine_schema = database()
    ORDER BY routine_name
"""
TRIGGERS = """
    SELECT trigger_name, event_object_table
    FROM information_schema.triggers
    WHERE trigger_schema = database()
    ORDER BY event_object_table, event_manipulation, action_timing, action_order
"""
EVENTS = """
    SELECT event_name
    FROM information_schema.events
    WHERE event_schema = database()
    ORDER BY event_name
"""

# Where each SHOW CREATE has the statement, counted from 0; and the sql_mode it was read under.
PLACE = {
    "TABLE": 1,
    "SEQUENCE": 1,
    "VIEW": 1,
    "FUNCTION": 2,
    "PROCEDURE": 2,
    "TRIGGER": 2,
    "EVENT": 3,
}
TABLES = ["BASE TABLE", "SYSTEM VERSIONED"]
PROGRAMS = {"FUNCTION", "PROCEDURE", "TRIGGER", "EVENT"}
PLACE_OF_MODE = 1


def read(connection: Connection) -> list[Definition]:
    """Return all that a database of MySQL or MariaDB is made of."""
    objects = [tuple(row) for row in connection.execute(sa.text(OBJECTS))]
    names = {kind: [name for each, name in objects if each == kind] for kind, _ in objects}
    shown = _Shown(connection)

    tables = [shown.table(name) for kind in TABLES for name in names.get(kind, [])]
    views = [shown.view(name) for name in names.get("VIEW", [])]
    return [
        *[shown.sequence(name) for name in names.get("SEQUENCE", [])],
        *[table for table, _ in tables],
        *[key for _, keys in tables for key in keys],
        *shown.routines(),
        *_in_order(views),
        *shown.triggers(),
        *shown.events(),
    ]


class _Shown:
    """Asks SHOW CREATE."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.quote = connection.dialect.identifier_preparer.quote_identifier
        self.mode = connection.exec_driver_sql("SELECT @@session.sql_mode").scalar_one()
        dialect = connection.dialect
        self.sets_for_one = isinstance(dialect, MySQLDialect) and dialect.is_mariadb

    def show(self, kind: str, name: str) -> str:
        """Return the statement, without who made it; "" where it is not shown to us."""
        rows = self.connection.exec_driver_sql(f"SHOW CREATE {kind} {self._escaped(name)}")
        row = rows.one()
        said = row[PLACE[kind]] or ""
        text = said.decode() if isinstance(said, bytes) else str(said)
        text = DEFINER.sub("", text, count=1)
        if kind in PROGRAMS and text and row[PLACE_OF_MODE] != self.mode and self.sets_for_one:
            # A program goes on being read under the mode that it was made in.
            return f"SET STATEMENT sql_mode = '{row[PLACE_OF_MODE]}' FOR {text}"
        return text

    def table(self, name: str) -> tuple[Definition, list[Definition]]:
        """Return a table, and its foreign keys, which are made when all tables are there."""
        said = COUNTED.sub(r"\1", self.show("TABLE", name))
        opening, *lines = said.split("\n")
        end = next(number for number, line in enumerate(lines) if line.startswith(")"))
        inside = [line.removesuffix(",") for line in lines[:end]]
        closing = COUNTER.sub("", "\n".join(lines[end:]))

        table = TableName(name)
        keys = [line for line in inside if FOREIGN_KEY.fullmatch(line)]
        inside = [line for line in inside if line not in keys]
        columns = [found.groups() for line in inside if (found := COLUMN.fullmatch(line))]
        parts = frozenset(line.strip() for line in inside if not COLUMN.fullmatch(line))
        body = ",\n".join(inside)
        made = Definition(
            "TABLE",
            self.quote(name),
            f"{opening}\n{body}\n{closing}",
            table=table,
            drop=f"DROP TABLE {self.quote(name)}",
            columns=tuple((column, f"{column} {text}") for column, text in columns),
            parts=parts,
            options=closing.removeprefix(") "),
        )
        return made, [self._foreign_key(table, line.strip()) for line in keys]

    def view(self, name: str) -> Definition:
        """Return a view; one of what is gone cannot be made again, and has no statement."""
        view = self._made("VIEW", name)
        warnings = self.connection.exec_driver_sql("SHOW WARNINGS")
        is_broken = any(code == ER_VIEW_INVALID for _, code, _ in warnings)
        return replace(view, create="") if is_broken else view

    def sequence(self, name: str) -> Definition:
        """Return a sequence, which MariaDB has."""
        said = re.sub(rf"^(CREATE SEQUENCE ){NAME}\.", r"\1", self.show("SEQUENCE", name))
        drop = f"DROP SEQUENCE {self.quote(name)}"
        return Definition("SEQUENCE", self.quote(name), said, drop=drop)

    def routines(self) -> Iterator[Definition]:
        """Yield functions and procedures; of others, such as packages, only that they are there."""
        for kind, name in self.connection.execute(sa.text(ROUTINES)):
            if kind in {"FUNCTION", "PROCEDURE"}:
                yield self._made(kind, name)
            else:
                yield Definition(kind, self.quote(name), "")

    def triggers(self) -> Iterator[Definition]:
        """Yield triggers, those of one moment in the order in which they fire."""
        for name, table in self.connection.execute(sa.text(TRIGGERS)):
            said = self.show("TRIGGER", name)
            yield Definition("TRIGGER", self.quote(name), said, table=TableName(table))

    def events(self) -> Iterator[Definition]:
        """Yield what the server does by itself, at its time."""
        for (name,) in self.connection.execute(sa.text(EVENTS)):
            yield self._made("EVENT", name)

    def _made(self, kind: str, name: str) -> Definition:
        quoted = self.quote(name)
        return Definition(kind, quoted, self.show(kind, name), drop=f"DROP {kind} {quoted}")

    def _foreign_key(self, table: TableName, line: str) -> Definition:
        name = FOREIGN_KEY.sub(r"\1", f"  {line}")
        owner = self.quote(table.name)
        return Definition(
            "FOREIGN KEY",
            f"{owner}.{name}",
            f"ALTER TABLE {owner} ADD {line}",
            table=table,
            drop=f"ALTER TABLE {owner} DROP FOREIGN KEY {name}",
        )

    def _escaped(self, name: str) -> str:
        return self.quote(name).replace("%", "%%")


def _in_order(views: list[Definition]) -> list[Definition]:
    """Return views, those that others select from before those others.

    No catalog of MariaDB's says which; their names, in quotes, stand in the others' statements.
    """
    waiting = {view.name: view for view in views}
    found: list[Definition] = []

    while waiting:
        free = [
            view
            for view in waiting.values()
            if not any(name in view.create for name in waiting if name != view.name)
        ]
        free = free or list(waiting.values())[:1]
        found += free
        for view in free:
            del waiting[view.name]
    return found
