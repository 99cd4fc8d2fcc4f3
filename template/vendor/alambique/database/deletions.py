"""What MariaDB takes away besides when rows of a table are deleted, by keys and triggers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from alambique.database.aside import Aside
from alambique.database.changes import Change, changes
from alambique.database.contents import count
from alambique.names import ColumnName, TableName

KEYS = """
SELECT constraint_schema, constraint_name, delete_rule,
  k.table_schema, k.table_name, k.column_name, k.table_schema = database()
FROM information_schema.referential_constraints r
JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name, table_name)
WHERE unique_constraint_schema = coalesce(:schema, database())
AND r.referenced_table_name = :name AND delete_rule IN ('CASCADE', 'SET NULL')
ORDER BY constraint_schema, constraint_name, k.ordinal_position
"""
TRIGGERS = """
SELECT action_statement FROM information_schema.triggers
WHERE event_object_schema = coalesce(:schema, database()) AND event_object_table = :name
AND event_manipulation = 'DELETE' ORDER BY trigger_name
"""


@dataclass(frozen=True)
class Taken:
    """Rows of a table, or values of a column, that may go with the rows they refer to."""

    name: TableName | ColumnName
    rows: int


@dataclass
class _Key:
    table: TableName
    rule: str
    columns: list[str] = field(default_factory=list)


def taken_by_keys(connection: Connection, table: TableName) -> Iterator[Taken]:
    """Yield what goes by ON DELETE when rows of a table do, and what goes with that in its turn.

    Args:
        connection: to MariaDB; of what is counted, nothing was carried out yet.
        table: the one whose rows are deleted.
    """
    seen = {table}
    waiting = [table]
    while waiting:
        for key in _keys(connection, waiting.pop()):
            counted = count(connection, key.table, key.columns)
            referring = min(counted.values.values())
            if not referring:
                continue
            if key.rule == "SET NULL":
                for column in key.columns:
                    yield Taken(key.table.column(column), counted.values[column])
            elif key.table not in seen:
                yield Taken(key.table, referring)
                seen.add(key.table)
                waiting.append(key.table)


def taken_by_triggers(connection: Connection, table: TableName) -> Iterator[Change]:
    """Yield what the triggers on DELETE of a table take away; rows that a key takes fire none."""
    said = {"schema": table.schema, "name": table.name}
    for (sql,) in Aside(connection).query(TRIGGERS, **said):
        yield from changes(sql)


def _keys(connection: Connection, table: TableName) -> list[_Key]:
    """Return the keys by which rows go, or lose a value, with rows of a table."""
    said = {"schema": table.schema, "name": table.name}
    found: dict[tuple[str, str], _Key] = {}
    for at, name, rule, schema, child, column, is_default in Aside(connection).query(KEYS, **said):
        where = TableName(child, None if is_default else schema)
        found.setdefault((at, name), _Key(where, rule)).columns.append(column)
    return list(found.values())
