"""What a database holds, in its server's own words: two that hold the same give the same text.

Left out is what no promise speaks of: the next value of a counter, and the order of a table's keys,
which SQLAlchemy creates as they come out of a set. Keys that the server gave (`gk…`, and `gk…_ref`
where they are referred to) are counted anew, as what was undone leaves a gap; so are UUIDs.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pymysql
from sqlalchemy.engine import URL

Rows = list[tuple[Any, ...]]

# What migrations keep, and what of it is empty when all is well.
OURS = ("alembic_journal", "alembic_ledger", "alembic_lock")
NOTES = ("alembic_journal", "alembic_lock")
COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
GIVEN_KEY = re.compile(r"(gk\d+)(_ref)?")


class Catalog(Protocol):
    """A database, emptied and described."""

    def empty(self) -> None:
        """Make it anew."""

    def describe(self) -> str:
        """Return its schema and its rows, as text."""

    def notes(self) -> int:
        """Return how many rows the tables of an unfinished upgrade hold."""


def described(catalog: Catalog) -> str:
    """Describe a database in which a dead process's last statement may still be at work."""
    for _ in range(20):
        try:
            return catalog.describe()
        except (pymysql.err.MySQLError, psycopg.Error):  # what was listed is gone
            time.sleep(0.05)
    return catalog.describe()


def catalog_of(url: URL) -> Catalog:
    """Return the catalog of a database, connected where it is a server's."""
    return {"sqlite": SQLite, "postgresql": PostgreSQL, "mysql": MariaDB}[url.get_backend_name()](
        url
    )


class MariaDB:
    """Reads with SHOW CREATE."""

    def __init__(self, url: URL) -> None:
        self.name = url.database
        self.driver = pymysql.connect(
            host=url.host,
            port=url.port or 3306,
            user=url.username,
            password=str(url.password or ""),
            charset="utf8mb4",
            autocommit=True,
        )

    def query(self, sql: str) -> Rows:
        with self.driver.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def empty(self) -> None:
        self.query(f"DROP DATABASE IF EXISTS {self.name}")
        self.query(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")
        self.query(f"USE {self.name}")

    def describe(self) -> str:
        self.query(f"USE {self.name}")
        parts: list[str] = []
        tables: dict[str, tuple[Sequence[str], Rows]] = {}
        for name, kind in self.query("SHOW FULL TABLES"):
            if name in OURS:
                continue
            (found,) = self.query(f"SHOW CREATE TABLE `{name}`")
            parts.append(_sorted_keys(COUNTER.sub("", found[1])))
            if kind == "BASE TABLE":
                tables[name] = self._rows(name)
        for kind in ("PROCEDURE", "FUNCTION"):
            for routine in self.query(f"SHOW {kind} STATUS WHERE Db = '{self.name}'"):
                parts.append(self.query(f"SHOW CREATE {kind} `{routine[1]}`")[0][2])
        parts += [
            f"TRIGGER {row[0]} {row[4]} {row[1]} ON {row[2]}: {row[3]}"
            for row in self.query("SHOW TRIGGERS")
        ]
        return "\n".join([*parts, *_rows_as_text(tables)])

    def notes(self) -> int:
        there = {row[0] for row in self.query("SHOW TABLES")} & set(NOTES)
        return sum(self.query(f"SELECT count(*) FROM `{name}`")[0][0] for name in there)

    def _rows(self, name: str) -> tuple[Sequence[str], Rows]:
        with self.driver.cursor() as cursor:
            cursor.execute(f"SELECT * FROM `{name}`")
            assert cursor.description is not None
            return [each[0] for each in cursor.description], list(cursor.fetchall())


class PostgreSQL:
    """Reads with the functions that psql's \\d uses."""

    SHAPE = """
SELECT 'column', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), a.attnum::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND {ours}
UNION ALL SELECT 'constraint', c.oid::regclass, k.conname, pg_get_constraintdef(k.oid),
    k.convalidated, NULL, NULL
FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid WHERE {ours}
UNION ALL SELECT 'index', c.oid::regclass, i.indexrelid::regclass::text,
    pg_get_indexdef(i.indexrelid), i.indisvalid, NULL, NULL
FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid WHERE {ours}
UNION ALL SELECT 'trigger', c.oid::regclass, t.tgname, pg_get_triggerdef(t.oid), NULL, NULL, NULL
FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal AND {ours}
UNION ALL SELECT 'view', c.oid::regclass, '', pg_get_viewdef(c.oid), NULL, NULL, NULL
FROM pg_class c WHERE c.relkind = 'v' AND {ours}
UNION ALL SELECT 'sequence', c.oid::regclass, '', '', NULL, NULL, NULL
FROM pg_class c WHERE c.relkind = 'S' AND {ours}
UNION ALL SELECT 'function', NULL, c.proname, c.prosrc, NULL, NULL, NULL
FROM pg_proc c JOIN pg_namespace n ON n.oid = c.pronamespace WHERE {user_schema}
UNION ALL SELECT 'label', NULL, t.typname, e.enumlabel, NULL, NULL, e.enumsortorder::text
FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
UNION ALL SELECT 'schema', NULL, n.nspname, '', NULL, NULL, NULL
FROM pg_namespace n WHERE {user_schema}
"""
    USER_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    OF_USER = f"""c.relname !~ '^alembic_(journal|ledger|lock)' AND
    c.relnamespace IN (SELECT n.oid FROM pg_namespace n WHERE {USER_SCHEMA})"""

    def __init__(self, url: URL) -> None:
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self.driver = psycopg.connect(plain, autocommit=True, prepare_threshold=None)

    def query(self, sql: str) -> Rows:
        cursor = self.driver.execute(sql)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []

    def empty(self) -> None:
        for (schema,) in self.query(
            f"SELECT n.nspname FROM pg_namespace n WHERE {self.USER_SCHEMA}"
        ):
            self.query(f'DROP SCHEMA "{schema}" CASCADE')
        self.query("CREATE SCHEMA public")

    def describe(self) -> str:
        shape = self.SHAPE.format(ours=self.OF_USER, user_schema=self.USER_SCHEMA)
        parts = sorted(
            " ".join(str(each) for each in row if each is not None) for row in self.query(shape)
        )
        tables = {}
        for (name,) in self.query(
            f"SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r' AND {self.OF_USER}"
        ):
            cursor = self.driver.execute(f"SELECT * FROM {name}")  # type: ignore[call-overload]
            tables[name] = ([each.name for each in cursor.description], cursor.fetchall())
        return "\n".join([*parts, *_rows_as_text(tables)])

    def notes(self) -> int:
        there = [name for name in NOTES if self.query(f"SELECT to_regclass('{name}')")[0][0]]
        return sum(self.query(f"SELECT count(*) FROM {name}")[0][0] for name in there)


class SQLite:
    """Reads sqlite_master; the file is opened for each answer only."""

    def __init__(self, url: URL) -> None:
        self.path = Path(str(url.database))

    def empty(self) -> None:
        for file in self.path.parent.glob(f"{self.path.name}*"):
            file.unlink()

    def describe(self) -> str:
        with self._opened() as driver:
            found = driver.execute(
                "SELECT name, type, sql FROM sqlite_master"
                " WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name NOT IN (?, ?, ?)",
                OURS,
            ).fetchall()
            tables = {}
            for name, kind, _ in found:
                if kind == "table":
                    cursor = driver.execute(f'SELECT * FROM "{name}"')
                    columns = [each[0] for each in cursor.description]
                    tables[name] = (columns, cursor.fetchall())
            (intact,) = driver.execute("PRAGMA integrity_check").fetchone()
        schema = sorted(_laid_out(f"{row[2]}") for row in found)
        return "\n".join([*schema, intact, *_rows_as_text(tables)])

    def notes(self) -> int:
        with self._opened() as driver:
            there = driver.execute(
                "SELECT name FROM sqlite_master WHERE name IN (?, ?)", NOTES
            ).fetchall()
            counts = [
                driver.execute(f"SELECT count(*) FROM {name}").fetchone() for (name,) in there
            ]
        return sum(count for (count,) in counts)

    def _opened(self) -> Any:
        return closing(sqlite3.connect(self.path, isolation_level=None))


def _laid_out(create: str) -> str:
    """Return a statement, laid out one way: SQLite keeps the blanks and line ends it was sent."""
    return " ".join(create.split()).replace(", ", ",\n")


def _sorted_keys(create: str) -> str:
    """Return a CREATE TABLE whose keys are in the order of their names."""
    lines = [line.rstrip(",") for line in create.splitlines()]
    keys = sorted(line for line in lines if re.match(r"\s+(UNIQUE )?KEY ", line))
    return "\n".join([*(line for line in lines if line not in keys), *keys])


def _rows_as_text(tables: dict[str, tuple[Sequence[str], Rows]]) -> Iterator[str]:
    """Write each row on a line, in the order of its values."""
    given: dict[str, set[Any]] = {}
    for columns, rows in tables.values():
        for place, column in enumerate(columns):
            if (key := GIVEN_KEY.fullmatch(column)) and not key[2]:
                given.setdefault(key[1], set()).update(row[place] for row in rows)
    ranks = {
        key: {value: f"#{rank}" for rank, value in enumerate(sorted(values), 1)}
        for key, values in given.items()
    }

    labels: dict[str, str] = {}

    def label(found: re.Match[str]) -> str:
        return labels.setdefault(found[0], f"uuid {len(labels) + 1}")

    for name in sorted(tables):
        columns, rows = tables[name]
        keys = [GIVEN_KEY.fullmatch(column) for column in columns]
        lines = []
        for row in rows:
            values = [
                ranks[key[1]].get(value, value) if key and key[1] in ranks else value
                for key, value in zip(keys, row, strict=True)
            ]
            lines.append(f"{name}: {values!r}")
        for line in sorted(lines):
            yield UUID.sub(label, line)
