"""SQLite as migrations need it: real transactions, keys that do not cascade, keys read whole.

Its driver begins a transaction only before a write, and commits before DDL; both are switched off,
so that a revision is one transaction of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    """Have SQLite's keys say what SQLAlchemy overlooks: NOT NULL, ON DELETE, ON UPDATE.

    A primary key without NOT NULL holds no NULL, either. What is written beside a column,
    `REFERENCES p ON DELETE CASCADE`, is reflected without its actions; SQLite itself knows them.
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
        actions = _actions(connection, table_name, schema)
        for key in found:
            for columns, said in actions:
                if key["constrained_columns"] == columns:
                    key["options"] = {**key.get("options", {}), **said}
        return found

    vars(dialect)["get_columns"] = get_columns
    vars(dialect)["get_foreign_keys"] = get_foreign_keys


def _actions(
    connection: Connection, table: str, schema: str | None
) -> list[tuple[list[str], dict[str, str]]]:
    """Return, for each foreign key, its columns and what happens as its parent goes or changes."""
    where = "(:name, :schema)" if schema else "(:name)"
    query = sa.text(f"SELECT * FROM pragma_foreign_key_list{where} ORDER BY id, seq")
    given = {"name": table, "schema": schema} if schema else {"name": table}
    rows = connection.execute(query, given).mappings()

    columns: dict[int, list[str]] = {}
    said: dict[int, dict[str, str]] = {}
    for row in rows:
        columns.setdefault(row["id"], []).append(row["from"])
        actions = {"ondelete": row["on_delete"], "onupdate": row["on_update"]}
        said[row["id"]] = {when: what for when, what in actions.items() if what != "NO ACTION"}
    return [(columns[key], said[key]) for key in columns]


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
