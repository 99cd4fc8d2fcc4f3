"""What SQLAlchemy's types are in each database: how much a column of theirs holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import CompileError
from sqlalchemy.types import TypeDecorator, TypeEngine

from alambique import private
from alambique.autogenerate.capacity import (
    UNLIMITED,
    Bits,
    Capacity,
    Characters,
    Day,
    Exact,
    Floating,
    Members,
    Moment,
    Network,
    Octets,
    Several,
    Span,
    TimeOfDay,
    Whole,
)

# Bits of the two floating-point types that there are.
SINGLE, DOUBLE = 24, 53

# The places of seconds that PostgreSQL keeps if none are said; MariaDB and MySQL keep none.
MICROSECONDS = 6

# How many digits MariaDB and MySQL give a NUMERIC that says none.
MYSQL_PRECISION = 10

# The sizes of the texts and of the binary data of MariaDB and MySQL, in octets: TEXT(n) is the
# first that holds n. A row, and with it VARCHAR and VARBINARY, ends where the second does.
TINY, PLAIN, MEDIUM, LONG = 2**8 - 1, 2**16 - 1, 2**24 - 1, 2**32 - 1
MYSQL_SIZES: list[tuple[type[TypeEngine[Any]], int]] = [
    (mysql.TINYTEXT, TINY),
    (mysql.MEDIUMTEXT, MEDIUM),
    (mysql.LONGTEXT, LONG),
    (mysql.TINYBLOB, TINY),
    (mysql.MEDIUMBLOB, MEDIUM),
    (mysql.LONGBLOB, LONG),
]

# The types of MariaDB and MySQL that may name a character set, and those that may have no sign.
MYSQL_TEXTS = (
    mysql.CHAR,
    mysql.VARCHAR,
    mysql.TINYTEXT,
    mysql.TEXT,
    mysql.MEDIUMTEXT,
    mysql.LONGTEXT,
    mysql.ENUM,
    mysql.SET,
)
MYSQL_BLOBS = (sa.LargeBinary, mysql.TINYBLOB, mysql.MEDIUMBLOB, mysql.LONGBLOB)
MYSQL_NUMBERS = (
    mysql.TINYINT,
    mysql.SMALLINT,
    mysql.MEDIUMINT,
    mysql.INTEGER,
    mysql.BIGINT,
    mysql.DECIMAL,
    mysql.NUMERIC,
    mysql.FLOAT,
    mysql.DOUBLE,
)


def capacity_of(type_: TypeEngine[Any], dialect: Dialect) -> Capacity | None:
    """Return how much a column of this type holds.

    Args:
        type_: as it was found in the database, or as a model has it.
        dialect: of that database.

    Returns:
        None where nobody knows: a type that is not SQLAlchemy's, one that is like no other.
    """
    plain = _plain(type_, dialect)
    if plain is None:
        return None
    if isinstance(plain, sa.ARRAY):
        item = capacity_of(plain.item_type, dialect)
        return None if item is None else Several(item)

    describe = DESCRIBE.get(dialect.name)
    return None if describe is None else describe(plain)


def ddl_of(type_: TypeEngine[Any], dialect: Dialect) -> str | None:
    """Return a type as a column's definition has it; None where the database has no such type."""
    try:
        return dialect.type_compiler_instance.process(type_)
    except CompileError:
        return None


def _plain(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any] | None:
    """Return the type of SQLAlchemy's that a revision writes for this one, if there is one."""
    chosen = private.variant_of(type_, dialect)
    if isinstance(chosen, TypeDecorator):
        # It may be one type for Python's eyes, and another one in each database.
        behind = chosen.impl_instance
        is_same = ddl_of(chosen, dialect) == ddl_of(behind, dialect)
        return _plain(behind, dialect) if is_same else None

    # A class of somebody else's may be any type of the database, whatever it derives from.
    is_ours = type(chosen).__module__.startswith("sqlalchemy.")
    return chosen if is_ours else None


def _in_postgresql(type_: TypeEngine[Any]) -> Capacity | None:
    if isinstance(type_, sa.Enum) and type_.native_enum:
        return Members(tuple(type_.enums), name=f"{type_.schema or ''}.{type_.name}")
    if isinstance(type_, (sa.CHAR, sa.NCHAR)):
        return Characters(type_.length or 1, blanks="added")
    if isinstance(type_, sa.String):
        return Characters(type_.length or UNLIMITED)
    if isinstance(type_, sa.LargeBinary):
        return Octets()
    if isinstance(type_, postgresql.BIT):
        return Bits(type_.length or (UNLIMITED if type_.varying else 1), bool(type_.varying))

    if isinstance(type_, sa.Integer):
        return _signed(_bits(type_))
    if isinstance(type_, sa.Float):
        return _float_in_postgresql(type_)
    if isinstance(type_, sa.Numeric):
        return _numeric(type_)

    if isinstance(type_, sa.Date):
        return Day()
    if isinstance(type_, sa.DateTime):
        said = type_.precision if isinstance(type_, postgresql.TIMESTAMP) else None
        return Moment(_places(said), is_instant=type_.timezone)
    if isinstance(type_, sa.Time):
        said = type_.precision if isinstance(type_, postgresql.TIME) else None
        return TimeOfDay(_places(said), has_zone=type_.timezone)
    if isinstance(type_, postgresql.INTERVAL):
        return Span(_places(type_.precision), (type_.fields or "").upper())

    if isinstance(type_, (postgresql.INET, postgresql.CIDR)):
        return Network(with_hosts=isinstance(type_, postgresql.INET))
    return None


def _in_mysql(type_: TypeEngine[Any]) -> Capacity | None:
    if isinstance(type_, mysql.SET):
        return Members(tuple(type_.values), charset=_charset(type_), at_once=True)
    if isinstance(type_, sa.Enum) and type_.native_enum:
        return Members(tuple(type_.enums), charset=_charset(type_))
    if isinstance(type_, sa.String):
        return _text_in_mysql(type_)
    if isinstance(type_, sa.BINARY):
        return Octets(type_.length or 1, filled_up=True)
    if isinstance(type_, sa.VARBINARY):
        return Octets(type_.length or PLAIN)
    if isinstance(type_, MYSQL_BLOBS):
        return Octets(_size_in_mysql(type_))

    if isinstance(type_, sa.Boolean):  # a TINYINT under another name
        return _signed(8)
    if isinstance(type_, sa.Integer):
        bits = _bits(type_)
        return Whole(0, 2**bits - 1) if _is_unsigned(type_) else _signed(bits)
    if isinstance(type_, sa.Float):
        return _float_in_mysql(type_)
    if isinstance(type_, sa.Numeric):
        return _numeric(type_, MYSQL_PRECISION, has_sign=not _is_unsigned(type_))

    if isinstance(type_, sa.Date):
        return Day()
    if isinstance(type_, sa.DateTime):
        said = type_.fsp if isinstance(type_, (mysql.DATETIME, mysql.TIMESTAMP)) else None
        return Moment(said or 0, is_instant=isinstance(type_, sa.TIMESTAMP))
    if isinstance(type_, sa.Time):
        said = type_.fsp if isinstance(type_, mysql.TIME) else None
        return TimeOfDay(said or 0, has_zone=False)
    return None


def _in_sqlite(type_: TypeEngine[Any]) -> Capacity | None:
    """Describe what SQLite takes as declared: it holds to none of it, but models mean it.

    Dates and times are texts there, which a cast to another type would make numbers.
    """
    if isinstance(type_, sa.String):
        return Characters(type_.length or UNLIMITED)
    if isinstance(type_, (sa.BINARY, sa.VARBINARY, sa.LargeBinary)):
        return Octets(type_.length or UNLIMITED)
    if isinstance(type_, sa.Boolean):
        return Whole(0, 1)
    if isinstance(type_, sa.Integer):
        return _signed(_bits(type_))
    if isinstance(type_, sa.Float):
        return Floating(DOUBLE)
    if isinstance(type_, sa.Numeric):
        return _numeric(type_)
    return None


DESCRIBE: dict[str, Callable[[TypeEngine[Any]], Capacity | None]] = {
    "postgresql": _in_postgresql,
    "mysql": _in_mysql,
    "mariadb": _in_mysql,
    "sqlite": _in_sqlite,
}


def _signed(bits: int) -> Whole:
    return Whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _bits(type_: sa.Integer) -> int:
    if isinstance(type_, mysql.TINYINT):
        return 8
    if isinstance(type_, sa.SmallInteger):
        return 16
    if isinstance(type_, mysql.MEDIUMINT):
        return 24
    return 64 if isinstance(type_, sa.BigInteger) else 32


def _numeric(type_: sa.Numeric[Any], default: float = UNLIMITED, has_sign: bool = True) -> Exact:
    """Describe decimal numbers; `default` are the digits of those whose type says none."""
    if type_.precision is None and default == UNLIMITED:
        return Exact(UNLIMITED, UNLIMITED, has_sign)
    scale = type_.scale or 0
    precision = default if type_.precision is None else type_.precision
    return Exact(precision - scale, scale, has_sign)


def _places(said: int | None) -> int:
    return MICROSECONDS if said is None else said


def _float_in_postgresql(type_: sa.Float[Any]) -> Floating:
    if isinstance(type_, sa.REAL):
        return Floating(SINGLE)
    if isinstance(type_, sa.Double):
        return Floating(DOUBLE)
    return Floating(SINGLE if (type_.precision or DOUBLE) <= SINGLE else DOUBLE)


def _text_in_mysql(type_: sa.String) -> Characters | None:
    charset = _charset(type_)
    if isinstance(type_, (sa.Text, mysql.TINYTEXT, mysql.MEDIUMTEXT, mysql.LONGTEXT)):
        return Characters(octets=_size_in_mysql(type_), charset=charset)
    if isinstance(type_, (sa.CHAR, sa.NCHAR)):
        return Characters(type_.length or 1, PLAIN, charset, blanks="dropped")

    # Without a length, or with one that no row has room for, it is refused, or another type.
    if type_.length is None or type_.length >= PLAIN:
        return None
    return Characters(type_.length, PLAIN, charset)


def _size_in_mysql(type_: TypeEngine[Any]) -> int:
    """Return how many octets a text, or binary data, may have."""
    for class_, size in MYSQL_SIZES:
        if isinstance(type_, class_):
            return size
    assert isinstance(type_, (sa.Text, sa.LargeBinary))
    said = type_.length or PLAIN
    return next((size for size in (TINY, PLAIN, MEDIUM) if size >= said), LONG)


def _charset(type_: sa.String) -> str:
    """Return what a text's type says of its character set; "" where it leaves that to the table."""
    if isinstance(type_, (sa.NCHAR, sa.NVARCHAR)):
        return "utf8mb3"
    if isinstance(type_, MYSQL_TEXTS):
        said = {type_.national: "utf8mb3", type_.unicode: "ucs2", type_.ascii: "latin1"}
        charset = type_.charset or said.get(True)
        if charset is not None:
            return charset
    # Each collation but the newest begins with the name of its character set.
    return "" if type_.collation is None else type_.collation.partition("_")[0]


def _float_in_mysql(type_: sa.Float[Any]) -> Floating | None:
    # REAL is either, as the server is set; FLOAT(7, 3) rounds what it is given.
    if isinstance(type_, sa.REAL):
        return None
    if isinstance(type_, (mysql.FLOAT, mysql.DOUBLE)) and type_.scale is not None:
        return None

    has_sign = not _is_unsigned(type_)
    if isinstance(type_, sa.Double):
        return Floating(DOUBLE, has_sign)
    return Floating(SINGLE if (type_.precision or SINGLE) <= SINGLE else DOUBLE, has_sign)


def _is_unsigned(type_: TypeEngine[Any]) -> bool:
    """Tell whether a number of MySQL's has no sign; one that is filled up with zeros has none."""
    return isinstance(type_, MYSQL_NUMBERS) and (type_.unsigned or type_.zerofill)
