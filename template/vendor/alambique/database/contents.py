"""What a database holds, so that two moments of it can be compared: tables, columns, values."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alambique.database.aside import Aside
from alambique.database.changes import Change, Copied, Renamed
from alambique.database.tables import ALEMBIC_TABLES
from alambique.names import ColumnName, TableName

# The tables of PostgreSQL that hold rows of their own; each under its number, which stays.
POSTGRESQL_TABLES = """
SELECT t.oid, s.nspname, t.relname, s.nspname = current_schema(), t.relfilenode
FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
WHERE t.relkind IN ('r', 'p') AND s.nspname !~ '^pg_' AND s.nspname <> 'information_schema'
ORDER BY 2, 3
"""
POSTGRESQL_COLUMNS = """
SELECT c.attrelid, c.attnum, c.attname, format_type(c.atttypid, c.atttypmod)
FROM pg_attribute c JOIN pg_class t ON t.oid = c.attrelid
JOIN pg_namespace s ON s.oid = t.relnamespace
WHERE t.relkind IN ('r', 'p') AND s.nspname !~ '^pg_' AND s.nspname <> 'information_schema'
AND c.attnum > 0 AND NOT c.attisdropped AND c.attgenerated = ''
ORDER BY 1, 2
"""
POSTGRESQL_TOUCHED = """
SELECT relid FROM pg_stat_xact_all_tables WHERE n_tup_upd > 0 OR n_tup_del > 0
"""
# What is generated is computed from the others, and comes back with them.
MYSQL_COLUMNS = """
SELECT table_schema, table_name, column_name, table_schema = database()
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema IN (database(){others})
AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND locate('GENERATED', extra) = 0
ORDER BY table_schema, table_name, ordinal_position
"""


@dataclass
class Table:
    """A table with rows of its own."""

    name: TableName
    columns: dict[Hashable, str] = field(default_factory=dict)
    """The names of those whose values are kept, each under what stays when it is renamed."""
    types: dict[Hashable, str] = field(default_factory=dict)
    """Those of the columns, likewise, where DDL is undone with its transaction and shows them."""
    storage: Hashable = None
    """Where the rows are; it changes when all of them are written anew."""

    def column(self, key: Hashable) -> ColumnName:
        """Return the name of a column."""
        return self.name.column(self.columns[key])


Tables = Mapping[Hashable, Table]
"""Tables, each under what stays when it is renamed."""


@dataclass(frozen=True)
class Count:
    """How many rows a table has, and how many of them have a value in each column."""

    rows: int
    values: Mapping[str, int]


class Names:
    """What things that statements renamed were called at first; who takes a place stands for it."""

    def __init__(self, tables: Tables) -> None:
        """Follow nothing yet.

        Args:
            tables: those that are there at first.
        """
        self._first = {table.name for table in tables.values()}
        self._tables: dict[TableName, TableName | None] = {}
        self._columns: dict[TableName, dict[str, str | None]] = {}
        self._copies: dict[TableName, dict[str, str | None]] = {}

    def copy(self) -> Names:
        """Return the same, to go back to where something is undone."""
        other = Names({})
        other._first = self._first
        other._tables = dict(self._tables)
        other._columns = {table: dict(columns) for table, columns in self._columns.items()}
        other._copies = dict(self._copies)
        return other

    def table(self, name: TableName) -> TableName | None:
        """Return what a table was called at first; None if it is new."""
        found = self._tables.get(name, name)
        return found if found in self._first else None

    def column(self, name: ColumnName) -> ColumnName | None:
        """Return what a column was called at first; None if it, or its table, is new."""
        table = self.table(name.table)
        column = self._columns.get(name.table, {}).get(name.name, name.name)
        return table.column(column) if table and column else None

    def follow(self, change: Change) -> None:
        """Note what a statement calls otherwise."""
        match change:
            case Copied(source, table, columns) if self.table(table) is None:
                read = {new: self.column(source.column(old)) for new, old in columns.items()}
                self._copies[table] = {new: old.name if old else None for new, old in read.items()}
            case Renamed(TableName() as old, TableName() as new):
                self._rename_table(old, new)
            case Renamed(ColumnName() as old, ColumnName() as new):
                known = self._columns.setdefault(old.table, {})
                known[new.name] = known.get(old.name, old.name)
                known[old.name] = None

    def _rename_table(self, old: TableName, new: TableName) -> None:
        if self.table(old) is None:  # a new one, in the place of one that was dropped
            self._columns[new] = self._copies.pop(old, {})
            return
        self._tables[new] = self.table(old)
        self._columns[new] = self._columns.pop(old, {})
        self._tables[old] = None


def tables(
    connection: Connection, names: Names | None = None, others: Iterable[str] = ()
) -> dict[Hashable, Table]:
    """Return the tables that a database holds now, but for those of the migrations.

    Args:
        connection: it may be watched, or in a transaction that is to be undone.
        names: what was renamed meanwhile, where the database itself cannot tell.
        others: on MySQL, databases to look into besides the connection's own.
    """
    aside = Aside(connection)
    match connection.dialect.name:
        case "postgresql":
            found = _of_postgresql(aside)
        case "sqlite":
            found = _by_names(_of_sqlite(aside), names)
        case _:
            found = _by_names(_of_mysql(aside, others), names)
    return {key: table for key, table in found.items() if table.name.name not in ALEMBIC_TABLES}


def touched(connection: Connection, before: Tables, now: Tables, writes: int) -> set[Hashable]:
    """Return those tables of which the open transaction may have changed rows that were there.

    Args:
        connection: the one that has the transaction.
        before: the tables before it.
        now: the tables now.
        writes: what `writes` returned before it.
    """
    if connection.dialect.name != "postgresql":
        return set(before) if writes != total_writes(connection) else set()
    aside = Aside(connection)
    if aside.query("SELECT current_setting('track_counts')") != [("on",)]:
        return set(before)
    found: set[Hashable] = {relation for (relation,) in aside.query(POSTGRESQL_TOUCHED)}
    anew = {key for key in before if key in now and now[key].storage != before[key].storage}
    return (found | anew) & set(before)


def total_writes(connection: Connection) -> int:
    """Return how many rows a connection has written, where only that is known of its writing."""
    if connection.dialect.name != "sqlite":
        return 0
    ((found,),) = Aside(connection).query("SELECT total_changes()")
    return int(found)


def count(connection: Connection, table: TableName, columns: Iterable[str]) -> Count:
    """Count the rows of a table, and the values in some of its columns."""
    names = list(columns)
    counted = [sa.func.count(), *(sa.func.count(sa.column(name)) for name in names)]
    source = sa.table(table.name, schema=table.schema)
    (row,) = Aside(connection).execute(sa.select(*counted).select_from(source))
    return Count(row[0], dict(zip(names, row[1:], strict=True)))


def _of_postgresql(aside: Aside) -> dict[Hashable, Table]:
    found: dict[Hashable, Table] = {}
    for oid, schema, name, is_default, storage in aside.query(POSTGRESQL_TABLES):
        found[oid] = Table(TableName(name, None if is_default else schema), storage=storage)
    for oid, number, name, type_ in aside.query(POSTGRESQL_COLUMNS):
        if oid in found:
            found[oid].columns[number] = name
            found[oid].types[number] = type_
    return found


def _of_sqlite(aside: Aside) -> list[Table]:
    found = []
    for _, schema, _ in aside.query("PRAGMA database_list"):
        if schema == "temp":
            continue
        catalog = f'"{schema}".sqlite_master'
        # Where a virtual table keeps its rows are tables, too.
        rows = aside.query(
            f"SELECT name FROM {catalog} WHERE type = 'table' AND rootpage > 0 "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        )
        for (name,) in rows:
            columns = aside.query(
                "SELECT name FROM pragma_table_xinfo(:name, :schema) WHERE hidden = 0",
                name=name,
                schema=schema,
            )
            table = Table(TableName(name, None if schema == "main" else schema))
            table.columns = {column: column for (column,) in columns}
            found.append(table)
    return found


def _of_mysql(aside: Aside, others: Iterable[str]) -> list[Table]:
    found: dict[TableName, Table] = {}
    given = {f"schema_{place}": schema for place, schema in enumerate(others)}
    query = MYSQL_COLUMNS.format(others="".join(f", :{name}" for name in given))
    for schema, name, column, is_default in aside.query(query, **given):
        table = TableName(name, None if is_default else schema)
        found.setdefault(table, Table(table)).columns[column] = column
    return list(found.values())


def _by_names(found: Iterable[Table], names: Names | None) -> dict[Hashable, Table]:
    """Return tables under the names that they had at first."""
    if names is None:
        return {table.name: table for table in found}

    by_names: dict[Hashable, Table] = {}
    for table in found:
        first = names.table(table.name)
        columns: dict[Hashable, str] = {}
        for column in table.columns.values():
            was = names.column(table.name.column(column))
            columns[was.name if was else ("new", column)] = column
        key: Hashable = first if first else ("new", table.name)
        by_names[key] = Table(table.name, columns)
    return by_names
