"""SQLite's own words: `sqlite_master` keeps the text of each statement."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection

from alambique.adopt.definitions.definition import Definition
from alambique.database.sqlite_ddl import NotUnderstood, TableText, words_of
from alambique.names import TableName

# What SQLite made itself has no text, or a name that nobody may give. The tables behind a virtual
# one come with it.
MASTER = """
    SELECT type, name, tbl_name, sql
    FROM sqlite_master
    WHERE sql IS NOT NULL
        AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')
    ORDER BY CASE type WHEN 'table' THEN 1 WHEN 'index' THEN 2 WHEN 'view' THEN 3 ELSE 4 END, rowid
"""


def read(connection: Connection) -> list[Definition]:
    """Return all that a SQLite database is made of."""
    rows = connection.exec_driver_sql(MASTER).all()
    views = {name for type_, name, _, _ in rows if type_ == "view"}
    return [_on_its_view(_definition(connection, *row), views) for row in rows]


def _on_its_view(made: Definition, views: Collection[str]) -> Definition:
    """Have a trigger on a view need it: SQLite drops both together."""
    if made.kind == "TRIGGER" and made.table is not None and made.table.name in views:
        return replace(made, needs=frozenset({f"VIEW {made.table.name}"}))
    return made


def _definition(connection: Connection, type_: str, name: str, table: str, sql: str) -> Definition:
    kind, words = type_.upper(), words_of(sql)
    drop = f"DROP {kind} {connection.dialect.identifier_preparer.quote_identifier(name)}"
    if kind == "VIEW":
        return Definition(kind, name, sql, drop=drop, words=words, kept=sql)
    if kind != "TABLE":
        return Definition(kind, name, sql, table=TableName(table), words=words, kept=sql)

    try:
        text = TableText.read(sql)
    except NotUnderstood:
        return Definition("VIRTUAL TABLE", name, sql, drop=drop, words=words, kept=sql)
    return Definition(
        kind,
        name,
        sql,
        table=TableName(name),
        drop=drop,
        columns=tuple((each.bare_name, words_of(each.text)) for each in text.columns),
        parts=frozenset(words_of(each.text) for each in text.clauses),
        options=words_of(text.closing),
        kept=sql,
    )
