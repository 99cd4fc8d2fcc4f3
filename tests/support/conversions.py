"""Columns of every type of a dialect, converted to every other on the server itself.

Nothing here knows which conversion is right: values go there and back, and are compared.
"""

from __future__ import annotations

import inspect
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any, ClassVar, Literal
from uuid import UUID

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import CompileError, DBAPIError
from sqlalchemy.types import TypeEngine

Type = TypeEngine[Any]
Outcome = Literal["kept", "changed", "refused"]

# The table whose column is converted, on databases where no savepoint brings it back.
COPY = "converted"

# What a type is made with, by the name that its constructor or its instances have for it.
PARAMETERS: dict[str, Sequence[Any]] = {
    "length": [None, 10, 100],
    "precision": [None, 3, 6, 30],
    "scale": [None, 2, 4],
    "timezone": [False, True],
    "fsp": [None, 3, 6],
    "unsigned": [False, True],
    "charset": [None, "latin1", "utf8mb4"],
    "varying": [False, True],
    "fields": [None, "DAY TO SECOND", "YEAR TO MONTH"],
}
# What no column has, and those that need more than parameters.
ABSTRACT = {
    "TypeEngine",
    "TypeDecorator",
    "NullType",
    "UserDefinedType",
    "TupleType",
    "Variant",
    "MatchType",
    "_Binary",
    "ARRAY",
    "ENUM",
    "Enum",
    "SET",
}
LISTS: list[Type] = [
    sa.Enum("a", "b", name="letters"),
    sa.Enum("b", "a", "cc", name="more_letters"),
    sa.Enum("a", "b", native_enum=False),
    sa.Enum("a", "longer", native_enum=False),
]
IN_DIALECT: dict[str, list[Type]] = {
    "sqlite": [],
    "mysql": [
        mysql.ENUM("a", "b", charset="latin1"),
        mysql.SET("a", "b"),
        mysql.SET("b", "a", "c"),
        mysql.SET("a", "b", "c"),
    ],
    "postgresql": [
        postgresql.ARRAY(item)
        for item in (
            sa.SmallInteger(),
            sa.Integer(),
            sa.Numeric(10, 2),
            sa.Numeric(10, 4),
            sa.Numeric(12, 4),
            sa.String(10),
            sa.Text(),
            sa.REAL(),
            sa.Double(),
            sa.Date(),
            postgresql.TIMESTAMP(precision=3),
            postgresql.TIMESTAMP(),
            postgresql.TIMESTAMP(timezone=True),
            sa.JSON(),
            postgresql.JSONB(),
        )
    ],
}

BOUNDS = [2**bits for bits in (7, 8, 15, 16, 23, 24, 31, 32, 53, 63, 64)]
NUMBERS = [
    *(str(sign * bound + step) for bound in BOUNDS for sign in (1, -1) for step in (-1, 0, 1)),
    *("0", "1", "-1", "0.1", "-0.05", "1.2345678901234567", "123456.789", "99999999.99"),
    *("9.99", "99999999.9999", "9" * 26 + ".9999", "9" * 28, "9" * 30, "0.000001"),
    *("16777217", "1e38", "-1e308", "1e-40", "NaN", "Infinity", "-Infinity"),
]
TEXTS = [
    *("", " ", "a", "b", "cc", "a,b", "longer", "blanks   ", "true", "\ttab"),
    *("São", "€uro", "😀", "Ω" * 10, "é" * 10, "😀" * 10, "😀" * 100, "x" * 100, "x" * 255),
    *("é" * 200, "é" * 255, "😀" * 300, "x" * 65_535, "é" * 32_767, "😀" * 16_383, "x" * 70_000),
]
TIMES = [
    *("0001-01-01", "1582-10-10", "1969-12-31", "2026-02-28", "2040-01-01", "9999-12-31"),
    *("0000-00-00", "infinity", "2026-11-28 12:34:56", "2026-11-28 12:34:56.123456"),
    *("2026-11-28 12:34:56.789", "9999-12-31 23:59:59.999999", "1970-01-02 00:00:00"),
    *("2038-01-18 12:00:00", "2026-11-28 12:34:56.123456+05:30", "2018-11-04 00:30:00"),
    *("00:00:00", "12:34:56", "12:34:56.123456", "23:59:59.999999", "838:59:59", "12:34:56+02"),
    *("1 year 2 months", "3 days 04:05:06.789012", "-1 day", "1901", "2155"),
]
OTHERS = [
    *("{}", "[]", '{"b": 1, "a": 2, "a": 3}', "{1,2}", "{-32768,32767}", "{0.1,99999999.9999}"),
    *('{"a","é","blanks   "}', '{"{\\"b\\": 1, \\"a\\": 1}"}', "{2026-11-28 12:34:56.123456}"),
    *("{2026-02-28}", "{1.2345678901234567}", "{NULL}", "{12345678.12}", '"b"=>"1", "a"=>NULL'),
    *("192.168.0.0/24", "192.168.0.1/24", "::1", "08:00:2b:01:02:03", "08:00:2b:01:02:03:04:05"),
    *("[1,5)", "empty", "[2026-01-01,2026-02-01)", "{[1,5)}", "{[2026-01-01,2026-02-01)}"),
    *('["2026-01-01 10:00:00.123456","2026-02-01 11:00:00")', "[0.1,1e20)", "0101", "1" * 10),
    *("1" * 100, "\\xdeadbeef00", "12345678-1234-1234-1234-123456789abc", "12,34", "english"),
    *(
        "fat:2A & cat",
        "pg_class",
        "top.science",
        '{["2026-01-01 10:00:00.123456","2026-02-01 11:00:00")}',
    ),
]
LITERALS = [*NUMBERS, *TEXTS, *TIMES, *OTHERS]
BINARIES = [b"", b"\x00", b"a\x00", b"\xff" * 10, b"\xfe" * 100, b"\x80" * 255, b"\x01" * 70_000]

# SQLite keeps what it is given: these are what Python hands to a column of a type.
IN_PYTHON: dict[type, list[Any]] = {
    bool: [False, True],
    int: [0, 1, -1, *(sign * bound - 1 for bound in BOUNDS[:-2] for sign in (1, -1))],
    float: [0.0, 0.1, -1.5, 1e38, 1e-40, 1e308],
    Decimal: [Decimal("0.1"), Decimal("99999999.99"), Decimal("-5")],
    str: [*TEXTS, *NUMBERS, *TIMES],
    bytes: BINARIES,
    date: [date(1, 1, 1), date(2026, 2, 28), date(9999, 12, 31)],
    datetime: [datetime(1, 1, 1), datetime(2026, 11, 28, 12, 34, 56, 123456)],
    time: [time(), time(12, 34, 56, 123456)],
    timedelta: [timedelta(), timedelta(days=3, microseconds=5)],
    dict: [{}, {"b": 1, "a": [None, "é"]}],
    UUID: [UUID(int=7)],
}


def types_of(dialect: sa.Dialect) -> Iterator[Type]:
    """Yield the types a dialect knows, those SQLAlchemy has for all, each with several parameters.

    The same definition of a column is not given twice.
    """
    seen = set()
    classes = [*dialect.ischema_names.values(), *vars(sa.types).values()]
    for type_ in [*_with_parameters(classes), *LISTS, *IN_DIALECT[dialect.name]]:
        try:
            written = dialect.type_compiler_instance.process(type_)
        except (CompileError, TypeError):  # without its length, or of another database
            continue
        if written not in seen:
            seen.add(written)
            yield type_


def _with_parameters(classes: Iterable[Any]) -> Iterator[Type]:
    for class_ in classes:
        is_type = isinstance(class_, type) and issubclass(class_, TypeEngine)
        if not is_type or class_.__name__ in ABSTRACT:
            continue
        names = inspect.signature(class_).parameters.keys() | vars(class_()).keys()
        taken = [name for name in PARAMETERS if name in names]
        for values in product(*(PARAMETERS[name] for name in taken)):
            said = {name: value for name, value in zip(taken, values, strict=True) if value}
            if said.get("scale") and said.get("precision", 0) < said["scale"]:
                continue
            try:
                yield class_(**said)
            except (TypeError, sa.exc.ArgumentError):  # an attribute of a constructor's without it
                continue


@dataclass
class Stored:
    """A column with values, and its type as reflection finds it."""

    table: str
    made: Type
    found: Type
    values: list[Any]


class Bench(ABC):
    """A database in which a column is made, filled, converted and converted back."""

    zones: ClassVar[tuple[str, str] | None] = None
    """SQL that sets the session's time zone: as values are written and read, as it converts."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.dialect = connection.dialect
        self.operations = Operations(MigrationContext.configure(connection))

    @abstractmethod
    def stored(self, table: str, type_: Type) -> Stored | None:
        """Make the column, with what it takes of the values there are; None if it is refused."""

    def every_type(self) -> list[Stored]:
        """Make a column of each type."""
        numbered = enumerate(types_of(self.dialect))
        made = [self.stored(f"t{number}", type_) for number, type_ in numbered]
        return [stored for stored in made if stored is not None]

    @abstractmethod
    def converted(self, stored: Stored, after: Type) -> Outcome:
        """Convert a copy of the column as Alembic does, and tell what became of its values."""

    def define(self, type_: Type, table: str, prefixes: Sequence[str] = ()) -> sa.Table:
        """Return a table with a column of this type, not yet made."""
        columns = sa.Column("id", sa.Integer, primary_key=True), sa.Column("c", type_)
        return sa.Table(table, sa.MetaData(), *columns, prefixes=list(prefixes))

    def found(self, table: str) -> Type:
        """Return the type of the column as it is reflected."""
        inspector = sa.inspect(self.connection)
        return next(each["type"] for each in inspector.get_columns(table) if each["name"] == "c")

    def alter(self, table: str, before: Type, after: Type) -> None:
        """Change the type as a generated revision does."""
        with self.operations.batch_alter_table(table) as batch:
            batch.alter_column("c", existing_type=before, type_=after, existing_nullable=True)

    def run(self, sql: str) -> Sequence[Any]:
        """Run one statement; return the last column of what it answers."""
        result = self.connection.exec_driver_sql(sql)
        return [row[-1] for row in result] if result.returns_rows else []

    def set_zone(self, place: int) -> None:
        if self.zones:
            self.run(self.zones[place])

    def distinct(self, table: str, read: str) -> list[Any]:
        """Delete the rows whose value another has, too; return the values that stay."""
        first: dict[Any, int] = {}
        for id, value in self.connection.exec_driver_sql(read).all():
            first.setdefault(value, id)
        kept = ", ".join(map(str, first.values()))
        self.run(f"DELETE FROM {table} WHERE id NOT IN ({kept})")
        return list(first)

    def judge(
        self, stored: Stored, after: Type, there: Sequence[Any], back: Sequence[Any]
    ) -> Outcome:
        """Compare what was stored with what it became, and with what came back."""
        same = all(
            _is_same(old, new, stored.made, after)
            for old, new in zip(stored.values, there, strict=True)
        )
        return "kept" if same and list(back) == stored.values else "changed"


class OnPostgresql(Bench):
    """A database of PostgreSQL's own, in one transaction."""

    zones = "SET LOCAL TimeZone = 'America/Sao_Paulo'", "SET LOCAL TimeZone = 'Asia/Kolkata'"

    FILL = """
    CREATE FUNCTION pg_temp.fill(target text, literals text[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        literal text;
        head text = 'INSERT INTO ' || target || ' (c) VALUES ';
    BEGIN
        FOREACH literal IN ARRAY literals LOOP
            BEGIN
                EXECUTE head || '(' || quote_nullable(literal) || ')';
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
        END LOOP;
    END $$
    """

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection)
        for extension in ("hstore", "citext", "ltree"):
            self.run(f"CREATE EXTENSION {extension}")
        self.run(self.FILL)

    def stored(self, table: str, type_: Type) -> Stored | None:
        self.set_zone(0)
        try:
            with self.connection.begin_nested():
                self.define(type_, table).create(self.connection)
        except DBAPIError:
            return None

        fill = sa.text("SELECT pg_temp.fill(:target, :literals)")
        self.connection.execute(fill, {"target": table, "literals": [*LITERALS, None]})
        values = self.distinct(table, self.read(table))
        return Stored(table, type_, self.found(table), values)

    def converted(self, stored: Stored, after: Type) -> Outcome:
        savepoint = self.connection.begin_nested()
        try:
            self.set_zone(1)
            self.alter(stored.table, stored.found, after)
            self.set_zone(0)
            there = self.run(self.read(stored.table))
        except DBAPIError:
            savepoint.rollback()
            return "refused"

        back = self.back(stored)
        savepoint.rollback()
        return self.judge(stored, after, there, back)

    def back(self, stored: Stored) -> Sequence[Any]:
        """Return what the values are once they are converted to their first type again."""
        type_ = self.dialect.type_compiler_instance.process(stored.made)
        self.set_zone(1)
        for using in ("c", "c::text"):
            with suppress(DBAPIError), self.connection.begin_nested():
                self.run(f"ALTER TABLE {stored.table} ALTER c TYPE {type_} USING {using}::{type_}")
                self.set_zone(0)
                return self.run(self.read(stored.table))
        return []

    def read(self, table: str) -> str:
        """Return what reads the column, as PostgreSQL itself shows its values."""
        return f"SELECT id, c::text FROM {table} ORDER BY id"


class OnMysql(Bench):
    """Temporary tables in a database of MariaDB's own, with a given sql_mode."""

    zones = "SET time_zone = '-03:00'", "SET time_zone = '+05:30'"

    def stored(self, table: str, type_: Type) -> Stored | None:
        self.set_zone(0)
        try:
            self.define(type_, table, ["TEMPORARY"]).create(self.connection)
        except DBAPIError:
            return None

        # Also what does not fit: cut, it is the greatest or the longest value there is.
        rows = [(each,) for each in [*LITERALS, *BINARIES, None]]
        self.connection.exec_driver_sql(f"INSERT IGNORE INTO {table} (c) VALUES (%s)", rows)
        values = self.distinct(table, self.read(type_, table))
        return Stored(table, type_, self.found(table), values)

    def converted(self, stored: Stored, after: Type) -> Outcome:
        self.run(f"DROP TEMPORARY TABLE IF EXISTS {COPY}")
        self.run(f"CREATE TEMPORARY TABLE {COPY} LIKE {stored.table}")
        self.run(f"INSERT INTO {COPY} SELECT * FROM {stored.table}")
        try:
            self.set_zone(1)
            self.alter(COPY, stored.found, after)
            self.set_zone(0)
            there = self.run(self.read(after, COPY))
        except DBAPIError:
            return "refused"
        return self.judge(stored, after, there, self.back(stored, after))

    def back(self, stored: Stored, after: Type) -> Sequence[Any]:
        """Return what the values are once they are converted to their first type again.

        No mode of the server hinders that: some values come into a column by another mode only.
        """
        mode = self.run("SELECT @@sql_mode")[0]
        self.run("SET sql_mode = ''")
        try:
            self.set_zone(1)
            self.alter(COPY, after, stored.made)
            self.set_zone(0)
            return self.run(self.read(stored.made, COPY))
        except DBAPIError:
            return []
        finally:
            self.run(f"SET sql_mode = '{mode}'")

    def read(self, type_: Type, table: str) -> str:
        """Return what reads the column; a FLOAT shows six digits only unless it is a DOUBLE."""
        column = "c + 0e0" if isinstance(type_, sa.Float) else "c"
        return f"SELECT id, {column} FROM {table} ORDER BY id"


class OnSqlite(Bench):
    """Tables of a SQLite database, which Alembic makes anew to change them."""

    def stored(self, table: str, type_: Type) -> Stored | None:
        defined = self.define(type_, table)
        defined.create(self.connection)
        for value in [*IN_PYTHON.get(_python_type(type_), []), None]:
            with suppress(DBAPIError):  # of a newer SQLite
                self.connection.execute(defined.insert().values(c=value))
        return Stored(table, type_, self.found(table), list(self.run(self.read(table))))

    def converted(self, stored: Stored, after: Type) -> Outcome:
        self.run(f"DROP TABLE IF EXISTS {COPY}")
        self.define(stored.made, COPY).create(self.connection)
        self.run(f"INSERT INTO {COPY} SELECT * FROM {stored.table}")
        try:
            self.alter(COPY, stored.found, after)
            there = self.run(self.read(COPY))
            self.alter(COPY, self.found(COPY), stored.found)
            return self.judge(stored, after, there, self.run(self.read(COPY)))
        except DBAPIError:  # bytes that are no text
            return "changed"

    def read(self, table: str) -> str:
        """Return what reads the column."""
        return f"SELECT id, c FROM {table} ORDER BY id"


def _python_type(type_: Type) -> type:
    try:
        return type_.python_type
    except NotImplementedError:
        return object


def _is_same(old: Any, new: Any, before: Type, after: Type) -> bool:
    """Tell whether a value is what it was, though it may be shown otherwise."""
    if old == new:
        return type(old) is type(new) or not isinstance(old, str)
    if old is None or new is None:
        return False
    if isinstance(before, sa.ARRAY) and isinstance(after, sa.ARRAY):
        items = zip(_items(old), _items(new), strict=True)
        return all(_is_same(*each, before.item_type, after.item_type) for each in items)

    kinds = _python_type(before), _python_type(after)
    if kinds == (date, datetime):  # both as texts, where Python has no such date
        return _without_zeros(str(new)) == f"{old} 00:00:00"
    if kinds == (datetime, datetime):
        return _without_zeros(str(new)) == _without_zeros(str(old))
    if kinds == (float, float):
        return _single(old) == _single(new)
    if set(kinds) <= {int, bool, float, Decimal}:
        return Decimal(str(old)) == Decimal(str(new))
    if kinds[0] in {int, bool, Decimal} and isinstance(new, str):
        return _as_number(new) == Decimal(str(old))
    return False


def _as_number(text: str) -> Decimal | None:
    """Return the number that a text is; None if it is none."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _without_zeros(moment: str) -> str:
    """Return a moment as it is shown where seconds have no fraction, if it has none."""
    return moment.removesuffix(".000000").removesuffix(".000")


def _items(array: str) -> list[str]:
    """Return what is in an array as PostgreSQL shows it, where no item has a comma."""
    return [item.strip('"') for item in array.strip("{}").split(",")]


def _single(number: Any) -> bytes | float:
    """Return a number as four octets have it."""
    value = float(number)
    try:
        return struct.pack("f", value)
    except OverflowError:
        return value


BENCHES: dict[str, type[Bench]] = {
    "postgresql": OnPostgresql,
    "mysql": OnMysql,
    "sqlite": OnSqlite,
}
