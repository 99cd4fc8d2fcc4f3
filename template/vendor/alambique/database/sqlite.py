"""SQLite as migrations need it: real transactions, keys that do not cascade, keys read whole.

Its driver begins a transaction only before a write, and commits before DDL; both are switched off,
so that a revision is one transaction of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.ddl.base import RenameTable
from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.interfaces import (
    DBAPIConnection,
    DBAPICursor,
    ExecutionContext,
    ReflectedColumn,
    ReflectedForeignKeyConstraint,
)

from alambique.database.foreign_keys import unwatch_foreign_keys, watch_foreign_keys
from alambique.database.watched import unwatched

# Set on a connection whose command will write: it then takes its turn as it begins.
WRITES = "migration_writes"

# What Alembic calls the table that takes another's place in a batch operation.
BATCH_TABLE = "_alembic_tmp_"

# Where a connection keeps how SQLite renamed before a batch operation.
LEGACY = "alambique_legacy_alter_table"


def prepare_engine(engine: Engine) -> None:
    """Have every connection of an engine keep transactions as migrations need them."""
    read_keys_whole(engine.dialect)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _let_views_wait)
    event.listen(engine, "after_cursor_execute", _wait_no_longer)
    watch_foreign_keys(engine)


@contextmanager
def borrowed(connection: Connection) -> Iterator[None]:
    """Keep transactions as migrations need them on a caller's connection, then as they were."""
    driver: Any = connection.connection.dbapi_connection
    isolation_level = driver.isolation_level
    (foreign_keys,) = driver.execute("PRAGMA foreign_keys").fetchone()

    _prepare(driver, None)
    event.listen(connection, "begin", _begin)
    event.listen(connection, "before_cursor_execute", _let_views_wait)
    event.listen(connection, "after_cursor_execute", _wait_no_longer)
    watch_foreign_keys(connection)
    try:
        yield
    finally:
        event.remove(connection, "begin", _begin)
        event.remove(connection, "before_cursor_execute", _let_views_wait)
        event.remove(connection, "after_cursor_execute", _wait_no_longer)
        unwatch_foreign_keys(connection)
        connection.rollback()
        if not connection.invalidated:  # Ctrl-C during a statement: SQLAlchemy drops the connection
            _wait_no_longer(connection)
            driver.execute(f"PRAGMA foreign_keys={foreign_keys}")
            driver.isolation_level = isolation_level


def read_keys_whole(dialect: Dialect) -> None:
    """Have SQLite's keys say what SQLAlchemy overlooks: NOT NULL, ON DELETE, ON UPDATE, names.

    A primary key without NOT NULL holds no NULL, either. What is written beside a column,
    `REFERENCES p ON DELETE CASCADE`, is reflected without its actions; SQLite itself knows them. A
    key may write names in other letters than their table: to SQLite `Order` and `order` are one.
    """
    read_columns, read_keys = dialect.get_columns, dialect.get_foreign_keys

    def get_columns(
        connection: Connection, table_name: str, schema: str | None = None, **options: Any
    ) -> list[ReflectedColumn]:
        found = read_columns(connection, table_name, schema, **options)
        for column in found:
            in_key: Any = column.get("primary_key")
            column["nullable"] = column["nullable"] and not in_key
        return found

    def get_foreign_keys(
        connection: Connection, table_name: str, schema: str | None = None, **options: Any
    ) -> list[ReflectedForeignKeyConstraint]:
        found = read_keys(connection, table_name, schema, **options)
        known = _keys(connection, table_name, schema)
        for key in found:
            for each in known:
                if key["constrained_columns"] == each.columns:
                    key["options"] = {**key.get("options", {}), **each.actions}
                    if key["referred_table"].lower() == each.referred_table.lower():
                        key["referred_table"] = each.referred_table
                        key["referred_columns"] = each.referred_columns
        return found

    vars(dialect)["get_columns"] = get_columns
    vars(dialect)["get_foreign_keys"] = get_foreign_keys


@dataclass
class _Key:
    """A foreign key as SQLite itself knows it."""

    columns: list[str]
    actions: dict[str, str]
    """What happens as its parent goes or changes."""

    referred_table: str
    """As that table is called; as the key writes it where there is none."""

    referred_columns: list[str]


def _keys(connection: Connection, table: str, schema: str | None) -> Iterable[_Key]:
    """Return the foreign keys of a table."""
    in_schema = ", :schema" if schema else ""
    tables = f"{connection.dialect.identifier_preparer.quote(schema or 'main')}.sqlite_master"
    query = sa.text(f"""
        SELECT key.*, parent.name AS parent_name, there.name AS there_name
        FROM pragma_foreign_key_list(:name{in_schema}) AS key
        LEFT JOIN {tables} AS parent
            ON parent.type = 'table' AND parent.name = key."table" COLLATE NOCASE
        LEFT JOIN pragma_table_info(parent.name{in_schema}) AS there
            ON there.name = key."to" COLLATE NOCASE OR key."to" IS NULL AND there.pk = key.seq + 1
        ORDER BY key.id, key.seq
    """)
    given = {"name": table, "schema": schema} if schema else {"name": table}

    found: dict[int, _Key] = {}
    for row in connection.execute(query, given).mappings():
        actions = {"ondelete": row["on_delete"], "onupdate": row["on_update"]}
        said = {when: what for when, what in actions.items() if what != "NO ACTION"}
        key = found.setdefault(row["id"], _Key([], said, row["parent_name"] or row["table"], []))
        key.columns.append(row["from"])
        name = row["there_name"] or row["to"]
        if name is not None:
            key.referred_columns.append(name)
    return found.values()


def _prepare(dbapi_connection: DBAPIConnection, _record: object) -> None:
    driver: Any = dbapi_connection
    driver.isolation_level = None  # else Python commits before DDL, and BEGIN is not ours
    # A batch operation drops and recreates its table: enforced keys would cascade to the children.
    driver.execute("PRAGMA foreign_keys=OFF")
    driver.execute("PRAGMA schema_version")  # a file that is no database says so now


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == "AUTOCOMMIT":
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES) else "BEGIN")


def _let_views_wait(
    connection: Connection,
    _cursor: DBAPICursor,
    _statement: str,
    _parameters: object,
    context: ExecutionContext | None,
    _many: bool,
) -> None:
    """Let a batch operation rename its new table into place, while a view misses the old one.

    Only then: what else is renamed under `legacy_alter_table` leaves keys and views behind.
    """
    _wait_no_longer(connection)  # one that failed was not followed by it
    if not _puts_in_place(context):
        return

    cursor = unwatched(connection).cursor()
    cursor.execute("PRAGMA legacy_alter_table")
    ((connection.info[LEGACY],),) = cursor.fetchall()
    cursor.execute("PRAGMA legacy_alter_table=ON")


def _wait_no_longer(connection: Connection, *_: object) -> None:
    """Have SQLite rename as it did before `_let_views_wait`."""
    if not connection.invalidated and LEGACY in connection.info:
        before = connection.info.pop(LEGACY)
        unwatched(connection).cursor().execute(f"PRAGMA legacy_alter_table={before}")


def _puts_in_place(context: ExecutionContext | None) -> bool:
    """Tell whether a statement is the rename that ends a batch operation of Alembic's."""
    compiled = context.compiled if context else None
    statement = compiled.statement if compiled else None
    return isinstance(statement, RenameTable) and statement.table_name.startswith(BATCH_TABLE)
