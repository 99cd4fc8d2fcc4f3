"""What servers call their errors: each code by the name that its server's documentation gives it.

PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html (the five characters of
SQLSTATE). MySQL: https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html, and
MariaDB: https://mariadb.com/kb/en/mariadb-error-code-reference/ (the numbers; where the two give
one number to two errors, both names are said). SQLite: https://sqlite.org/rescode.html.
"""

from __future__ import annotations

# PostgreSQL
ACTIVE_SQL_TRANSACTION = "25001"
"""Of what must be a transaction of its own: "cannot run inside a transaction block"."""
INVALID_TRANSACTION_TERMINATION = "2D000"
"""Of a COMMIT in a procedure or a DO that was called within a transaction."""
INSUFFICIENT_PRIVILEGE = "42501"
SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
LOCK_NOT_AVAILABLE = "55P03"
UNIQUE_VIOLATION = "23505"
DUPLICATE_COLUMN = "42701"
DUPLICATE_OBJECT = "42710"
DUPLICATE_TABLE = "42P07"
UNDEFINED_COLUMN = "42703"
UNDEFINED_OBJECT = "42704"
UNDEFINED_TABLE = "42P01"
INVALID_SCHEMA_NAME = "3F000"

# MySQL and MariaDB
ER_CHECKREAD = 1020
"""MariaDB, with innodb_snapshot_isolation: a row has changed since the transaction began."""
ER_DBACCESS_DENIED_ERROR = 1044
ER_TABLE_EXISTS_ERROR = 1050
ER_BAD_TABLE_ERROR = 1051
ER_BAD_FIELD_ERROR = 1054
ER_DUP_FIELDNAME = 1060
ER_DUP_KEYNAME = 1061
ER_DUP_ENTRY = 1062
ER_MULTIPLE_PRI_KEY = 1068
ER_CANT_DROP_FIELD_OR_KEY = 1091
ER_TABLE_NOT_LOCKED = 1100
ER_UNKNOWN_TABLE = 1109
ER_NO_SUCH_TABLE = 1146
ER_KEY_DOES_NOT_EXIST = 1176
ER_LOCK_WAIT_TIMEOUT = 1205
ER_LOCK_DEADLOCK = 1213
ER_SPECIFIC_ACCESS_DENIED_ERROR = 1227
ER_SP_ALREADY_EXISTS = 1304
ER_SP_DOES_NOT_EXIST = 1305
ER_TRG_ALREADY_EXISTS = 1359
ER_TRG_DOES_NOT_EXIST = 1360
ER_SAME_NAME_PARTITION = 1517
ER_VIEW_INVALID = 1356
ER_TABLE_DEF_CHANGED = 1412
"""Of a table that was altered since the transaction began to read."""
ER_EVENT_ALREADY_EXISTS = 1537
ER_EVENT_DOES_NOT_EXIST = 1539
ER_FK_DUP_NAME = 1826
"""MariaDB: ER_DUP_CONSTRAINT_NAME."""
ER_CHECK_CONSTRAINT_NOT_FOUND = 3821
ER_CHECK_CONSTRAINT_DUP_NAME = 3822
ER_ALTER_OPERATION_NOT_SUPPORTED = 1845
ER_ALTER_OPERATION_NOT_SUPPORTED_REASON = 1846
ER_UNKNOWN_SEQUENCES = 4091
ER_UNKNOWN_VIEW = 4092

# SQLite
SQLITE_BUSY = "SQLITE_BUSY"
SQLITE_ERROR = "SQLITE_ERROR"
"""A statement that is wrong, for whatever reason has no code of its own."""

BUSY: frozenset[str | int] = frozenset(
    {
        DEADLOCK_DETECTED,
        LOCK_NOT_AVAILABLE,
        SERIALIZATION_FAILURE,
        ER_LOCK_WAIT_TIMEOUT,
        ER_LOCK_DEADLOCK,
        ER_CHECKREAD,
        ER_TABLE_DEF_CHANGED,
        SQLITE_BUSY,
    }
)
"""Somebody else is at the table or the database: later, the same statement may succeed."""

NOT_ALLOWED: frozenset[str | int] = frozenset(
    {INSUFFICIENT_PRIVILEGE, ER_DBACCESS_DENIED_ERROR, ER_SPECIFIC_ACCESS_DENIED_ERROR}
)
"""Who we are may not do what was asked; somebody who may can grant it."""

ALREADY_DONE: frozenset[str | int] = frozenset(
    {
        DUPLICATE_COLUMN,
        DUPLICATE_OBJECT,
        DUPLICATE_TABLE,
        UNDEFINED_COLUMN,
        UNDEFINED_OBJECT,
        UNDEFINED_TABLE,
        ER_TABLE_EXISTS_ERROR,
        ER_BAD_TABLE_ERROR,
        ER_BAD_FIELD_ERROR,
        ER_DUP_FIELDNAME,
        ER_DUP_KEYNAME,
        ER_MULTIPLE_PRI_KEY,
        ER_CANT_DROP_FIELD_OR_KEY,
        ER_NO_SUCH_TABLE,
        ER_KEY_DOES_NOT_EXIST,
        ER_SP_ALREADY_EXISTS,
        ER_SP_DOES_NOT_EXIST,
        ER_TRG_ALREADY_EXISTS,
        ER_TRG_DOES_NOT_EXIST,
        ER_SAME_NAME_PARTITION,
        ER_EVENT_ALREADY_EXISTS,
        ER_EVENT_DOES_NOT_EXIST,
        ER_FK_DUP_NAME,
        ER_CHECK_CONSTRAINT_NOT_FOUND,
        ER_CHECK_CONSTRAINT_DUP_NAME,
        ER_UNKNOWN_SEQUENCES,
        ER_UNKNOWN_VIEW,
    }
)
"""What a statement answers that had been carried out before: it exists, or is gone, already."""


def codes(error: BaseException | None) -> frozenset[str | int]:
    """Return the codes that a driver's error carries: SQLSTATE, number or SQLite's name.

    Args:
        error: what the driver raised; of SQLAlchemy's DBAPIError, its `orig`.
    """
    if error is None:
        return frozenset()

    # psycopg has `sqlstate`, sqlite3 `sqlite_errorname`, PyMySQL a number as its first argument.
    said = [
        getattr(error, "sqlstate", None),
        getattr(error, "sqlite_errorname", None),
        *error.args[:1],
    ]
    return frozenset(code for code in said if isinstance(code, (str, int)))
