"""How the database itself would write down a column's type and default.

Each keeps them in words of its own: 0 as 0.00, now() as CURRENT_TIMESTAMP, FLOAT(24) as REAL. A
temporary table with what the models say shows those words, without a list of ours to keep.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import DBAPIError

from alambique import private

SCRATCH_TABLE = "alembic_scratch"

# Where a comparison keeps the columns it has seen stored, in its migration's options.
KNOWN = "stored_columns"


def stored_column(context: AutogenContext, mapped: sa.Column[Any]) -> sa.Column[Any] | None:
    """Return a column with the type and the default of `mapped`, as the database keeps them.

    Returns:
        None where the database refuses the column: its message comes with the upgrade.
    """
    connection = context.connection
    assert connection is not None
    column = sa.Column("c", mapped.type, server_default=mapped.server_default)
    scratch = sa.Table(SCRATCH_TABLE, sa.MetaData(), column, prefixes=["TEMPORARY"])

    # Most columns of a project share a few types and defaults.
    known: dict[str, sa.Column[Any] | None] = context.migration_context.opts.setdefault(KNOWN, {})
    ddl = str(sa.schema.CreateTable(scratch).compile(connection))
    if ddl not in known:
        known[ddl] = _stored_in(scratch, connection, context)
    return known[ddl]


def _stored_in(
    scratch: sa.Table, connection: sa.Connection, context: AutogenContext
) -> sa.Column[Any] | None:
    """Make the table, read its column back, and leave nothing behind."""
    with suppress(DBAPIError), connection.begin_nested() as savepoint:
        scratch.create(connection)
        inspector = sa.inspect(connection)
        (found,) = inspector.get_columns(scratch.name)
        private.correct_reflected_column(context, inspector, scratch, found)

        if connection.dialect.name == "postgresql":
            savepoint.rollback()  # with the Enum type that may have come with it
        else:  # a rollback would make SQLite read its whole schema again, and MySQL commits
            temporary = "" if connection.dialect.name == "sqlite" else "TEMPORARY "
            connection.exec_driver_sql(f"DROP {temporary}TABLE {SCRATCH_TABLE}")
        return _as_column(found)
    return None


def _as_column(found: ReflectedColumn) -> sa.Column[Any]:
    default = None if found["default"] is None else sa.text(found["default"])
    return sa.Column("c", found["type"], server_default=default)
