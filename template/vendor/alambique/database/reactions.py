"""What a database does by itself, besides, when a row is updated: triggers, ON UPDATE."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy import Connection

from alambique.names import ColumnName, TableName

# What begins a trigger of SQLite's, which keeps them as they were typed.
ON_UPDATE = re.compile(
    r"CREATE\s+(?:TEMP\w*\s+)?TRIGGER\b.*?\bUPDATE\b.*?\bON\b", re.IGNORECASE | re.DOTALL
)
OTHER_EVENT = re.compile(r"\b(?:DELETE|INSERT)\s+ON\b", re.IGNORECASE)

TRIGGERS_OF_POSTGRESQL = """
SELECT tgname FROM pg_catalog.pg_trigger
WHERE tgrelid = to_regclass(:quoted) AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 16 <> 0
ORDER BY tgname
"""
TRIGGERS_OF_MYSQL = """
SELECT trigger_name FROM information_schema.triggers
WHERE event_object_schema = coalesce(:schema, database()) AND event_object_table = :name
AND event_manipulation = 'UPDATE' ORDER BY trigger_name
"""
COLUMNS_OF_MYSQL = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = coalesce(:schema, database()) AND table_name = :name
AND extra LIKE '%on update%' ORDER BY ordinal_position
"""
TRIGGERS_OF_SQLITE = """
SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(:name)
ORDER BY name
"""


def triggers_on_update(connection: Connection, table: TableName) -> list[str]:
    """Return the names of the triggers that an UPDATE of a table's rows fires."""
    dialect = connection.dialect
    if dialect.name == "sqlite":
        rows = connection.execute(sa.text(TRIGGERS_OF_SQLITE), {"name": table.name})
        return [name for name, sql in rows if _is_on_update(sql)]
    if dialect.name == "postgresql":
        quoted = dialect.identifier_preparer.format_table(sa.table(table.name, schema=table.schema))
        found = connection.execute(sa.text(TRIGGERS_OF_POSTGRESQL), {"quoted": quoted})
    else:
        said = {"name": table.name, "schema": table.schema}
        found = connection.execute(sa.text(TRIGGERS_OF_MYSQL), said)
    return list(found.scalars())


def columns_on_update(connection: Connection, table: TableName) -> list[ColumnName]:
    """Return the columns that an UPDATE of a row sets although it says nothing of them."""
    if connection.dialect.name not in ("mysql", "mariadb"):
        return []
    said = {"name": table.name, "schema": table.schema}
    found = connection.execute(sa.text(COLUMNS_OF_MYSQL), said).scalars()
    return [table.column(str(name)) for name in found]


def _is_on_update(sql: str) -> bool:
    begin = ON_UPDATE.match(sql)
    return begin is not None and not OTHER_EVENT.search(begin[0])
