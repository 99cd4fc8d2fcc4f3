"""Two defaults of a column are one if the database does the same for both, however they are said.

0 and '0' store one number, now() and CURRENT_TIMESTAMP one moment. What is the same for how the
database would write it down, `stored` finds out; this asks what it would put into a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Dialect
from sqlalchemy.exc import SQLAlchemyError

from alambique.autogenerate.stored import (
    SCRATCH_TABLE,
    escaped,
    made,
    scratch_table,
    stored_column,
    stored_computed,
)

Effect = frozenset[tuple[object, ...]]
"""Ways to say what a default does: two defaults that have one of them in common do the same."""

# Where a comparison keeps what it found out, in its migration's options.
KNOWN = "effects_of_defaults"

# In minutes.
DAY = 24 * 60

MOMENT = ("moment",)

# What has SQLite speak of another zone than its own, which is UTC.
ZONES = re.compile(r"(?i)localtime|utc")

# Whether the default of the newest temporary table depends on what is not the server's own.
CALLS_ON_POSTGRESQL = f"""
SELECT count(*) FROM pg_attrdef AS d JOIN pg_depend AS on_it ON on_it.objid = d.oid
WHERE d.adrelid = 'pg_temp.{SCRATCH_TABLE}'::regclass
AND on_it.classid = 'pg_attrdef'::regclass AND on_it.refobjid <> d.adrelid
"""

# What the server keeps of the defaults of that table, but for where and in what form it was said.
TREES = f"""
SELECT a.attname::text, regexp_replace(d.adbin::text, ':(location|funcformat) -?[0-9]+', '', 'g')
FROM pg_attrdef AS d JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE d.adrelid = 'pg_temp.{SCRATCH_TABLE}'::regclass
"""

# What of a program of SQLite's may give another value another time, or on another machine.
CALLS = frozenset({"Function", "PureFunc"})


def is_left_to_the_database(default: object) -> bool:
    """Tell whether models say that there is a default, and not which: `FetchedValue()`."""
    is_said = isinstance(default, (sa.DefaultClause, sa.Computed, sa.Identity))
    return isinstance(default, sa.FetchedValue) and not is_said


def is_same_computed(
    context: AutogenContext, found: sa.Column[Any], mapped: sa.Column[Any]
) -> bool:
    """Tell whether a computed column of the models is computed so in the database.

    Args:
        context: of the comparison.
        found: the column in the database, computed or not.
        mapped: the column in the models.
    """
    if not isinstance(found.server_default, sa.Computed):
        return False
    stored = stored_computed(context, mapped)
    return stored is not None and _said(stored) == _said(found.server_default)


def is_same_default(context: AutogenContext, found: sa.Column[Any], mapped: sa.Column[Any]) -> bool:
    """Tell whether a column of the models has the default that it has in the database.

    Args:
        context: of the comparison.
        found: the column in the database, with a plain default or without one.
        mapped: the column in the models, likewise.
    """
    stored = mapped if mapped.server_default is None else stored_column(context, mapped)
    if stored is None:
        return False
    return default_text(found) == default_text(stored) or _has_same_effect(context, found, stored)


def default_text(column: sa.Column[Any]) -> str | None:
    """Return a column's default as its SQL says it; None where it has none."""
    default = column.server_default
    if isinstance(default, sa.DefaultClause) and isinstance(default.arg, sa.TextClause):
        return default.arg.text
    return None


def _said(computed: sa.Computed) -> tuple[str, bool | None]:
    """Return what the database says of a computed column."""
    words = computed.sqltext
    return words.text if isinstance(words, sa.TextClause) else str(words), computed.persisted


def _has_same_effect(context: AutogenContext, one: sa.Column[Any], other: sa.Column[Any]) -> bool:
    """Tell whether rows get the same from the defaults of two columns; False if nobody can."""
    effect, others = _effect(context, one), _effect(context, other)
    return effect is not None and others is not None and not effect.isdisjoint(others)


def _effect(context: AutogenContext, column: sa.Column[Any]) -> Effect | None:
    """Return what a row gets where nothing is said of a column; None where nobody can tell.

    Args:
        context: of the comparison.
        column: as the database keeps it.
    """
    connection = context.connection
    assert connection is not None
    find_out = EFFECTS.get(connection.dialect.name)
    if find_out is None:  # it keeps equal defaults in equal words
        return None

    known: dict[str, Effect | None] = context.migration_context.opts.setdefault(KNOWN, {})
    try:
        key = f"{column.type.compile(connection.dialect)} {default_text(column)}"
        if key not in known:
            known[key] = None
            known[key] = find_out(column.type, default_text(column), connection)
    except SQLAlchemyError:  # a type that was not read, a default that fails
        return None
    return known[key]


def _effect_on_sqlite(
    type_: sa.types.TypeEngine[Any], default: str | None, connection: sa.Connection
) -> Effect:
    """Return what SQLite stores, with its kind: '1' and 1 may differ. Of a call, what it does."""
    program = connection.exec_driver_sql(f"EXPLAIN SELECT ({default or 'NULL'}\n)").all()
    if CALLS.intersection(step.opcode for step in program):
        # One statement has one moment. A text of another zone may be equal here, and not elsewhere.
        is_moment = connection.exec_driver_sql(
            f"SELECT ({default}\n) IS CURRENT_TIMESTAMP"
        ).scalar()
        is_local = ZONES.search(default or "") is not None
        does = ("does", repr(program))
        return frozenset([does, MOMENT] if is_moment and not is_local else [does])

    scratch, name = _scratch(type_, default, connection.dialect)
    with made(scratch, connection):
        connection.exec_driver_sql(f"INSERT INTO {name} DEFAULT VALUES")
        row = connection.exec_driver_sql(f"SELECT typeof(c), quote(c) FROM {name}").one()
    return frozenset([("stores", *row)])


def _effect_on_postgresql(
    type_: sa.types.TypeEngine[Any], default: str | None, connection: sa.Connection
) -> Effect:
    """Return what PostgreSQL plans to store: what is constant it works out beforehand.

    And what it understood, and whether that is the moment of a row's transaction.
    """
    scratch, name = _scratch(type_, default, connection.dialect)
    with made(scratch, connection):
        explain = f"EXPLAIN (VERBOSE, COSTS OFF) INSERT INTO {name} DEFAULT VALUES"
        lines = connection.exec_driver_sql(explain).scalars().all()
        output = [line for line in lines if "Output:" in line]
        plan = ("plan", *(_moments_alike(line, connection.dialect) for line in output))
        found = {plan, ("tree", _tree(name, connection))}

        is_time = isinstance(type_, (sa.DateTime, sa.Date, sa.Time))
        calls_others = connection.exec_driver_sql(CALLS_ON_POSTGRESQL).scalar()
        if is_time and not calls_others and _is_moment(name, connection):
            found.add(MOMENT)
    return frozenset(found)


def _tree(table: str, connection: sa.Connection) -> str | None:
    """Return what the server understood by a default, however it was written.

    It goes by two names for the moment of a transaction; both are read, too.
    """
    for column, moment in (("n", "now()"), ("m", "CURRENT_TIMESTAMP")):
        sql = f"ALTER TABLE {table} ADD COLUMN {column} timestamptz DEFAULT {moment}"
        connection.exec_driver_sql(sql)
    trees = {name: str(tree) for name, tree in connection.exec_driver_sql(TREES)}
    found = trees.get("c")
    return None if found is None else found.replace(trees["m"], trees["n"])


def _is_moment(table: str, connection: sa.Connection) -> bool:
    """Tell whether a row gets the moment of its transaction, in the session's zone.

    It is looked at where a day is in its last minute, and where it is in its first: no constant is
    equal in both, and of moments none that is a minute apart, not even as a date.
    """
    sql = "SELECT floor(extract(epoch FROM now()))::bigint"
    minute = connection.exec_driver_sql(sql).scalar_one() // 60
    last_minute = (DAY - 1 - minute % DAY + DAY // 2) % DAY - DAY // 2
    is_equal = True
    for east in (last_minute, last_minute + 1):
        connection.exec_driver_sql(f"SET LOCAL TimeZone = '{_zone(east)}'")
        rows = connection.exec_driver_sql(
            f"WITH d AS (INSERT INTO {table} DEFAULT VALUES RETURNING c), "
            f"m AS (INSERT INTO {table} (c) VALUES (now()) RETURNING c) "
            "SELECT d.c = m.c FROM d, m"
        )
        is_equal = bool(rows.scalar()) and is_equal
    return is_equal


def _zone(east: int) -> str:
    """Return a zone so many minutes east of Greenwich, as POSIX writes one: west is plus."""
    hours, minutes = divmod(abs(east), 60)
    return f"<here>{'-' if east > 0 else '+'}{hours:02}:{minutes:02}"


EFFECTS: dict[str, Callable[[sa.types.TypeEngine[Any], str | None, sa.Connection], Effect]] = {
    "sqlite": _effect_on_sqlite,
    "postgresql": _effect_on_postgresql,
}


def _moments_alike(sql: str, dialect: Dialect) -> str:
    """Return SQL with one name for the moment of a transaction, for which SQLAlchemy has two."""
    now, current = (
        str(function.compile(dialect=dialect))
        for function in (sa.func.now(), sa.func.current_timestamp())
    )
    literal_or_now = rf"'(?:[^']|'')*'|\b{re.escape(now)}"
    return re.sub(literal_or_now, lambda it: current if it[0] == now else it[0], sql)


def _scratch(
    type_: sa.types.TypeEngine[Any], default: str | None, dialect: Dialect
) -> tuple[sa.Table, str]:
    """Return a table with a column that has a default, and the table's name as SQL."""
    said: Any = None if default is None else sa.text(f"({escaped(default)})")
    column = sa.Column("c", type_, server_default=said)
    scratch = scratch_table(SCRATCH_TABLE, [column], dialect)
    return scratch, dialect.identifier_preparer.format_table(scratch)
