"""What a database has by name: schemas, tables, columns, constraints, functions, types."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from alambique.database.engine import connect

# Each names a thing, and the table that it is a column of; nothing where it stands by itself.
POSTGRESQL = """\
SELECT nspname::text AS name, '' AS inside FROM pg_namespace
UNION SELECT relname, '' FROM pg_class
UNION SELECT proname, '' FROM pg_proc
UNION SELECT typname, '' FROM pg_type
UNION SELECT conname, '' FROM pg_constraint
UNION SELECT collname, '' FROM pg_collation
UNION SELECT cfgname, '' FROM pg_ts_config
UNION SELECT attname, relname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
  WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm', 'f')"""

MYSQL = """\
SELECT table_name AS name, '' AS inside FROM information_schema.tables
  WHERE table_schema = database()
UNION SELECT routine_name, '' FROM information_schema.routines
  WHERE routine_schema = database()
UNION SELECT constraint_name, '' FROM information_schema.table_constraints
  WHERE table_schema = database()
UNION SELECT index_name, '' FROM information_schema.statistics WHERE table_schema = database()
UNION SELECT column_name, table_name FROM information_schema.columns
  WHERE table_schema = database()"""

SQLITE = """\
SELECT name, '' AS inside FROM sqlite_master
UNION SELECT columns.name, sqlite_master.name
  FROM sqlite_master JOIN pragma_table_xinfo(sqlite_master.name) AS columns
  WHERE sqlite_master.type = 'table'"""

SCHEMAS = text(
    "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'"
    " AND nspname <> 'information_schema'"
)


def only_in(url: URL, other: Connection) -> set[str]:
    """Return the names that one database has and another of the same kind lacks.

    Args:
        url: the one.
        other: to the other one. A table that it lacks is named, and not its columns.

    Raises:
        DatabaseUnavailable: the database does not let us in.
    """
    with connect(url) as connection:
        there = _names(connection)
    here = _names(other)
    known = {name for name, _ in here} | {""}
    return {name for name, table in there - here if table in known}


def schemas_of(url: URL) -> set[str]:
    """Return the schemas of a database of PostgreSQL's, those of the server left out.

    Raises:
        DatabaseUnavailable: the database does not let us in.
    """
    with connect(url) as connection:
        return {str(name) for name in connection.execute(SCHEMAS).scalars()}


def _names(connection: Connection) -> set[tuple[str, str]]:
    sql = {"postgresql": POSTGRESQL, "sqlite": SQLITE}.get(connection.dialect.name, MYSQL)
    found = {(str(name), str(inside)) for name, inside in connection.exec_driver_sql(sql)}
    connection.rollback()
    return found
