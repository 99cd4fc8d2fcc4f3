"""The views that a rename leaves behind: MySQL and MariaDB keep the old name in them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from alambique.names import ColumnName, TableName

VIEWS = """
SELECT table_name, view_definition FROM information_schema.views
WHERE table_schema = database() ORDER BY table_name
"""


def views_left_behind(connection: Connection, renamed: TableName | ColumnName) -> list[str]:
    """Return the views that go on saying the old name of a table or a column.

    Args:
        connection: the database, before the rename.
        renamed: the table, or the column, as it is called there.

    Returns:
        None of another database's: what those keep of a view follows a rename.
    """
    if connection.dialect.name not in ("mysql", "mariadb"):
        return []

    table = renamed.table if isinstance(renamed, ColumnName) else renamed
    database = table.schema or connection.execute(sa.text("SELECT database()")).scalar_one()
    quote = connection.dialect.identifier_preparer.quote_identifier
    # The server writes each name in a view in full, whatever was typed.
    said = [f"{quote(database)}.{quote(table.name)}"]
    if isinstance(renamed, ColumnName):
        said.append(f".{quote(renamed.name)}")

    views = connection.execute(sa.text(VIEWS)).all()
    return [view for view, text in views if all(name in text for name in said)]
