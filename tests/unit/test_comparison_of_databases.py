"""Two databases are compared as sets of facts; text is made of them at the end."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.adopt.comparison import Differences, Fact, differences, facts
from alambique.names import TableName
from alambique.settings import use_project
from sqlalchemy import URL

USERS = TableName("usuarios")
KEY = "id INTEGER PRIMARY KEY"


@pytest.fixture(autouse=True)
def _project(tmp_path: Path) -> None:
    use_project(tmp_path)


def database(folder: Path, name: str, *statements: str) -> URL:
    """Make a SQLite database, and return its URL."""
    url = URL.create("sqlite", database=str(folder / name))
    with sa.create_engine(url).begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    return url


def test_the_same_is_no_difference(tmp_path: Path) -> None:
    create = f"CREATE TABLE usuarios ({KEY}, nome VARCHAR(50) NOT NULL UNIQUE)"
    before, after = (database(tmp_path, name, create) for name in ("a.db", "b.db"))

    found = differences(before, after, [USERS])

    assert not found
    assert found.lines() == []


def test_a_difference_is_a_fact_of_one_database(tmp_path: Path) -> None:
    before = database(tmp_path, "a.db", f"CREATE TABLE usuarios ({KEY}, nome VARCHAR(50))")
    after = database(tmp_path, "b.db", f"CREATE TABLE usuarios ({KEY}, nome VARCHAR(60) NOT NULL)")

    found = differences(before, after, [USERS])

    (missing,) = found.missing
    (added,) = found.added
    assert (missing.table, missing.part, missing.position) == (USERS, "columns", 1)
    assert dict(missing.details) == {"name": "nome", "nullable": "True", "type": "VARCHAR(50)"}
    assert dict(added.details) == {"name": "nome", "type": "VARCHAR(60)"}, "False says nothing"
    assert found.lines() == [
        "  - usuarios: columns name=nome, nullable=True, position=1, type=VARCHAR(50)",
        "  + usuarios: columns name=nome, position=1, type=VARCHAR(60)",
    ]


def test_only_the_tables_asked_for_are_looked_at(tmp_path: Path) -> None:
    before = database(tmp_path, "a.db", f"CREATE TABLE usuarios ({KEY})")
    after = database(
        tmp_path, "b.db", f"CREATE TABLE usuarios ({KEY})", f"CREATE TABLE outros ({KEY})"
    )

    assert not differences(before, after, [USERS])
    (fact, _) = sorted(differences(before, after, [USERS, TableName("outros")]).added, key=str)
    assert fact.table == TableName("outros")


def test_a_name_that_sqlite_need_not_have_is_no_fact(tmp_path: Path) -> None:
    before = database(tmp_path, "a.db", "CREATE TABLE usuarios (a INT, UNIQUE (a), CHECK (a > 0))")
    named = "CONSTRAINT u UNIQUE (a), CONSTRAINT c CHECK (a > 0)"
    after = database(tmp_path, "b.db", f"CREATE TABLE usuarios (a INT, {named})")

    found = differences(before, after, [USERS])

    assert not found, found.lines()


def test_columns_in_another_order_differ_unless_order_does_not_count(tmp_path: Path) -> None:
    before = database(tmp_path, "a.db", f"CREATE TABLE usuarios ({KEY}, a INT, b INT)")
    after = database(tmp_path, "b.db", f"CREATE TABLE usuarios ({KEY}, b INT, a TEXT)")

    found = differences(before, after, [USERS])
    assert len(found.missing) == len(found.added) == 2

    (missing,) = found.without_order().missing
    (added,) = found.without_order().added
    assert (missing.position, added.position) == (None, None)
    assert "name=a" in str(missing) and "position" not in str(missing)


def test_a_default_of_that_text_is_not_a_position() -> None:
    """What 1.2 cut out of the text of a line is told apart here: it is no text yet."""
    said = (("default", "', position=3'"), ("name", "a"))
    here = Fact(USERS, "columns", said, position=1)
    there = Fact(USERS, "columns", (("default", "''"), ("name", "a")), position=1)

    found = Differences(frozenset({here}), frozenset({there})).without_order()

    assert len(found.missing) == len(found.added) == 1


def test_facts_have_an_order_of_their_own(tmp_path: Path) -> None:
    url = database(
        tmp_path,
        "a.db",
        f"CREATE TABLE usuarios ({KEY}, a INT)",
        "CREATE INDEX ix_a ON usuarios (a)",
    )
    parts = sorted(fact.part for fact in facts(url, [USERS]))
    assert parts == ["columns", "columns", "indexes", "pk_constraint"]
