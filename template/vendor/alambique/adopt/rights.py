"""Whether a database would take the stamp at the end, asked before anything is written.

The server knows what we may do, and is asked; where it does not tell, the adoption goes on.
"""

from __future__ import annotations

from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from alambique import messages
from alambique.database.creation import quoted_account
from alambique.database.engine import connect
from alambique.database.error_codes import SQLITE_BUSY, codes
from alambique.database.sqlite import WRITES
from alambique.history.environment import hear
from alambique.names import TableName
from alambique.settings import migration_url, shown_url

# To note a revision where there is no table for it, and where there is.
TO_MAKE = {"CREATE", "INSERT"}
TO_WRITE = {"INSERT", "UPDATE"}
GRANTED = "SELECT, INSERT, UPDATE, DELETE"

POSTGRESQL = """\
SELECT quote_ident(current_user) AS who,
  quote_ident(session_user) AS login,
  (SELECT ' IN DATABASE ' || quote_ident(datname)
    FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
    WHERE setrole = quote_ident(session_user)::regrole AND datname = current_database()
      AND setconfig::text LIKE '%default_transaction_read_only%') AS only_here,
  quote_ident(schema) AS schema,
  current_setting('transaction_read_only')::boolean AS read_only,
  to_regclass(:qualified) IS NOT NULL AS there,
  has_table_privilege(to_regclass(:qualified), 'INSERT')
    AND has_table_privilege(to_regclass(:qualified), 'UPDATE') AS writes,
  has_schema_privilege(to_regnamespace(quote_ident(schema)), 'CREATE')
    AND has_schema_privilege(to_regnamespace(quote_ident(schema)), 'USAGE') AS makes
FROM (SELECT coalesce(:schema, current_schema()) AS schema) AS version_table"""

MYSQL = """\
SELECT privilege_type FROM information_schema.user_privileges WHERE grantee = :account
UNION SELECT privilege_type FROM information_schema.schema_privileges
  WHERE grantee = :account AND :schema LIKE table_schema
UNION SELECT privilege_type FROM information_schema.table_privileges
  WHERE grantee = :account AND table_schema = :schema AND table_name = :name"""

# MariaDB comes with databases that everybody may write in, and tells only its administrator so.
EVERYBODYS = "test"


def require_stamp(config: Config) -> None:
    """Refuse a database in which we may not write the table that says where it is.

    Args:
        config: the command's configuration; it says which database.

    Raises:
        CommandError: we may not; the sentence has the statement that allows it.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    url = migration_url(config)
    table = hear(config).version_table
    ask = {"sqlite": _ask_sqlite, "postgresql": _ask_postgresql}.get(
        url.get_backend_name(), _ask_mysql
    )
    with connect(url) as connection:
        if refusal := ask(connection, url, table):
            raise CommandError(refusal)


def _ask_postgresql(connection: Connection, url: URL, table: TableName) -> str | None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    parts = [part for part in (table.schema, table.name) if part is not None]
    asked = {"schema": table.schema, "qualified": ".".join(map(quote, parts))}
    said = connection.execute(text(POSTGRESQL), asked).one()

    if said.read_only:
        role = f"{said.login}{said.only_here or ''}"
        grant = f"ALTER ROLE {role} SET default_transaction_read_only = off;"
        return messages.READ_ONLY.format(who=said.login, url=shown_url(url), grant=grant)
    if said.there and said.writes is False:
        return _may_not(said.who, url, table, f"{GRANTED} ON {asked['qualified']}")
    if not said.there and said.makes is False:
        return _may_not(said.who, url, table, f"USAGE, CREATE ON SCHEMA {said.schema}")
    return None


def _ask_mysql(connection: Connection, url: URL, table: TableName) -> str | None:
    schema = table.schema or str(url.database)
    account = quoted_account(str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one()))
    asked = {"account": account, "schema": schema, "name": table.name}
    may = set(connection.execute(text(MYSQL), asked).scalars())

    there = connection.dialect.has_table(connection, table.name, table.schema)
    if (TO_WRITE if there else TO_MAKE) <= may or _may_more(connection, schema):
        return None

    quote = connection.dialect.identifier_preparer.quote_identifier
    what = f"CREATE, {GRANTED} ON {quote(schema)}.{quote(table.name)}"
    return _may_not(account, url, table, what)


def _may_more(connection: Connection, schema: str) -> bool:
    """Tell whether rights may come from elsewhere, of which the server does not tell us all."""
    if schema == EVERYBODYS or schema.startswith(f"{EVERYBODYS}_"):
        return True
    for question in ("SELECT CURRENT_ROLE()", "SHOW GRANTS FOR PUBLIC"):
        try:
            said = connection.exec_driver_sql(question).scalars().all()
        except DBAPIError:  # a server without them
            continue
        if any(each not in (None, "NONE") for each in said):
            return True
    return False


def _may_not(who: str, url: URL, table: TableName, what: str) -> str:
    grant = f"GRANT {what} TO {who};"
    return messages.NO_STAMP.format(who=who, table=table, url=shown_url(url), grant=grant)


def _ask_sqlite(connection: Connection, url: URL, _: TableName) -> str | None:
    """Write what is there already, and undo it: only that tells of the file and its folder."""
    connection.execution_options(**{WRITES: True})
    try:
        with connection.begin() as transaction:
            number = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            connection.exec_driver_sql(f"PRAGMA user_version = {number}")
            transaction.rollback()
    except DBAPIError as error:
        if not any(str(code).startswith(SQLITE_BUSY) for code in codes(error.orig)):
            return messages.NOT_WRITABLE.format(path=url.database, cause=error.orig)
    return None
