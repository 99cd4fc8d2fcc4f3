"""What is said to fit does: every pair of a dialect's types, converted on the server itself.

By default each fourth pair that is not asked about; with --full all, and of those that are asked
about a sample, which tells how much is asked in vain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from secrets import token_hex

import pytest
import sqlalchemy as sa
from alambique import messages, terminal
from alambique.autogenerate.capacities import ddl_of
from alambique.autogenerate.casts import may_cut
from alambique.versions import at_least
from alembic.util import CommandError
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.pool import NullPool
from sqlalchemy_utils import create_database

from support.comparison import revision_for
from support.conversions import BENCHES, Bench, Stored, Type
from support.database import drop
from support.servers import server_url

# Of the pairs that are not asked about, and of those that are: one of how many is converted.
SAMPLE = 4, None
FULL = 1, 60

# What a dialect knows and no column here is of, and why.
NOT_HERE: dict[str, set[str]] = {
    "sqlite": {"JSONB"} if at_least("2.1") else set(),  # of a newer SQLite
    "mysql": set(),
    "postgresql": {"String"},  # what "char" and name are taken for
}


@contextmanager
def bench_on(server: str) -> Iterator[Bench]:
    """Lend an empty database; `server` may say how it treats what does not fit."""
    database, _, mode = server.partition(" ")
    if database == "sqlite":
        with sa.create_engine("sqlite://").connect() as connection:
            yield BENCHES[database](connection)
        return

    url = server_url(database).set(database=f"t_{token_hex(6)}")
    create_database(url, "utf8mb4" if database == "mysql" else "utf8")
    try:
        with sa.create_engine(url, poolclass=NullPool).connect() as connection:
            if mode:
                sql_mode = "STRICT_ALL_TABLES" if mode == "strict" else ""
                connection.exec_driver_sql(f"SET sql_mode = '{sql_mode}'")
            yield BENCHES[database](connection)
    finally:
        drop(url)


def pairs_of(bench: Bench, columns: list[Stored]) -> Iterator[tuple[Stored, Type, bool]]:
    """Yield each column with each type that it may be converted to, and whether it would fit.

    A column of the same definition is left out: the server has nothing to do.
    """
    written = [(column.made, ddl_of(column.made, bench.dialect)) for column in columns]
    for column in columns:
        own = ddl_of(column.found, bench.dialect)
        for after, definition in written:
            if definition != own:
                yield column, after, not may_cut(column.found, after, bench.dialect)


@pytest.mark.parametrize("server", ["sqlite", "postgresql", "mysql strict", "mysql lax"])
def test_what_is_not_asked_about_is_kept(
    server: str, full: bool, record_property: Callable[[str, int], None]
) -> None:
    of_fitting, of_asked = FULL if full else SAMPLE
    counted: Counter[str] = Counter()
    wrong = []

    with bench_on(server) as bench:
        columns = bench.every_type()
        assert untried(bench, columns) == NOT_HERE[bench.dialect.name]

        for column, after, fits in pairs_of(bench, columns):
            said = "not asked about" if fits else "asked about"
            step = of_fitting if fits else of_asked
            counted[said] += 1
            if step is None or counted[said] % step:
                continue

            outcome = bench.converted(column, after)
            counted[f"{said}, {outcome}"] += 1
            if fits and outcome != "kept":
                wrong.append(f"{column.made!r} -> {after!r}: {outcome}")

    assert not wrong, "\n".join(wrong)
    assert counted["not asked about, kept"] > 50
    for what, number in counted.items():
        record_property(f"casts {what}", number)


def untried(bench: Bench, columns: list[Stored]) -> set[str]:
    """Return the types that the dialect knows and that no column with a value has."""
    known = {each.__name__ for each in bench.dialect.ischema_names.values()}
    filled = [column for column in columns if any(each is not None for each in column.values)]
    return known - {type(column.made).__name__ for column in filled}


# What Alembic sees a change in: those that may cut, as the question names them, and those that fit.
ASKED: dict[str, dict[str, tuple[Type, Type]]] = {
    "postgresql": {
        "DOUBLE PRECISION to REAL": (sa.Double(), sa.REAL()),
        "NUMERIC(10, 4)[] to NUMERIC(10, 2)[]": (
            postgresql.ARRAY(sa.Numeric(10, 4)),
            postgresql.ARRAY(sa.Numeric(10, 2)),
        ),
        "INET to CIDR": (postgresql.INET(), postgresql.CIDR()),
        "TIMESTAMP WITH TIME ZONE to TIMESTAMP WITHOUT TIME ZONE": (
            sa.DateTime(timezone=True),
            sa.DateTime(),
        ),
        "TIMESTAMP WITHOUT TIME ZONE to TIMESTAMP WITH TIME ZONE": (
            sa.DateTime(),
            sa.DateTime(timezone=True),
        ),
        "JSON to JSONB": (sa.JSON(), postgresql.JSONB()),
    },
    "mysql": {
        "LONGTEXT to TEXT": (mysql.LONGTEXT(), sa.Text()),
        "INTEGER(11) to TINYINT": (mysql.INTEGER(), mysql.TINYINT()),
        "DATETIME to TIMESTAMP": (sa.DateTime(), sa.TIMESTAMP()),
        "TIMESTAMP to DATETIME": (sa.TIMESTAMP(), sa.DateTime()),
        "VARBINARY(100) to VARBINARY(10)": (sa.VARBINARY(100), sa.VARBINARY(10)),
        "LONGBLOB to BLOB": (mysql.LONGBLOB(), sa.LargeBinary()),
        "DOUBLE to FLOAT": (sa.Double(), sa.Float()),
    },
    "sqlite": {"DATE to DATETIME": (sa.Date(), sa.DateTime())},
}
NOT_ASKED: dict[str, list[tuple[Type, Type]]] = {
    "postgresql": [
        (sa.Integer(), sa.BigInteger()),
        (sa.Date(), sa.DateTime()),
        (postgresql.ARRAY(sa.Numeric(10, 2)), postgresql.ARRAY(sa.Numeric(12, 4))),
    ],
    "mysql": [
        (sa.Integer(), sa.BigInteger()),
        (sa.String(50), sa.Text()),
        (sa.Boolean(), sa.Integer()),
        (sa.Enum("a", "b"), sa.Enum("b", "a", "c")),
    ],
    "sqlite": [(sa.Boolean(), sa.Integer()), (sa.String(50), sa.Text())],
}


@pytest.mark.parametrize("database", ASKED)
def test_a_revision_is_refused_for_what_may_be_cut(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages.speak("en")
    monkeypatch.setattr(terminal, "ask", lambda question: None)
    pairs = [*ASKED[database].values(), *NOT_ASKED[database]]

    def models(place: int) -> sa.MetaData:
        metadata = sa.MetaData()
        columns = (sa.Column(f"c{number}", pair[place]) for number, pair in enumerate(pairs))
        sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), *columns)
        return metadata

    with bench_on(database) as bench:
        models(0).create_all(bench.connection)
        with pytest.raises(CommandError) as refused:
            revision_for(bench.connection, models(1))

    lines = [line for line in str(refused.value).splitlines() if line.startswith("  t.")]
    assert len(lines) == len(ASKED[database])
    for number, (line, types) in enumerate(zip(lines, ASKED[database], strict=True)):
        assert f"t.c{number} goes from {types}, which may cut values" in line
