"""SQLite as migrations need it: real transactions, keys that do not cascade, keys read whole.

Its driver begins a transaction only before a write, and commits before DDL; both are switched off,
so that a revision is one transaction of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.interfaces import (
    DBAPIConnection,
    DBAPICursor,
    ReflectedColumn,
    ReflectedForeignKeyConstraint,
)

from alambique import messages

# Set on a connection whose command will write: it then takes its turn as it begins.
WRITES = "migration_writes"

# What Alembic calls the table that takes another's place in a batch operation.
BATCH_TABLE = "_alembic_tmp_"


def prepare_engine(engine: Engine) -> None:
    """Have every connection of an engine keep transactions as migrations need them."""
    read_keys_whole(engine.dialect)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _let_views_wait)


@contextmanager
def borrowed(connection: Connection) -> Iterator[None]:
    """Keep transactions as migrations need them on a caller's connection, then as they were."""
    driver: Any = connection.connection.dbapi_connection
    isolation_level = driver.isolation_level
    (foreign_keys,) = driver.execute("PRAGMA foreign_keys").fetchone()

    _prepare(driver, None)
    event.listen(connection, "begin", _begin)
    event.listen(connection, "before_cursor_execute", _let_views_wait)
    try:
        yield
    finally:
        event.remove(connection, "begin", _begin)
        event.remove(connection, "before_cursor_execute", _let_views_wait)
        connection.rollback()
        driver.execute(f"PRAGMA foreign_keys={foreign_keys}")
        driver.isolation_level = isolation_level


def check_foreign_keys(ctx: MigrationContext, *_: object, **__: object) -> None:
    """Refuse to commit a revision that leaves SQLite rows pointing at nothing.

    Alembic calls this inside the revision's transaction, so that raising undoes the revision.

    Raises:
        CommandError: a row refers to a parent that is not there.
    """
    if ctx.as_sql or ctx.connection is None or ctx.dialect.name != "sqlite":
        return
    broken = ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = sorted({f"{child} -> {parent}" for child, _, parent, _ in broken})
        raise CommandError(
            messages.FOREIGN_KEYS_BROKEN.format(rows=len(broken), tables=", ".join(tables))
        )


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
    _connection: Connection, cursor: DBAPICursor, statement: str, *_: object
) -> None:
    # A batch operation renames its new table into place while a view misses the old one.
    if statement.startswith("ALTER TABLE"):
        in_batch = BATCH_TABLE in statement.partition(" RENAME ")[0]
        cursor.execute(f"PRAGMA legacy_alter_table={'ON' if in_batch else 'OFF'}")
