"""Two databases are compared in their server's own words; lines are made of facts at the end."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.adopt.comparison import Differences, compared, differences
from alambique.adopt.definitions import Definition, Fact, read_definitions
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


def table(name: str, *columns: str) -> Definition:
    """Return a table with these columns, `name type`."""
    said = tuple((each.split()[0], each) for each in columns)
    return Definition("TABLE", name, "", table=TableName(name), columns=said)


def test_the_same_is_no_difference_however_it_is_laid_out(tmp_path: Path) -> None:
    before = database(tmp_path, "a.db", f"CREATE TABLE usuarios ({KEY}, nome VARCHAR(50) UNIQUE)")
    after = database(
        tmp_path, "b.db", f'create table "usuarios" (\n{KEY},\n\n[nome] varchar( 50 ) UNIQUE\n)'
    )

    found = differences(before, after, [USERS])

    assert not found, found.lines()
    assert found.lines() == []


def test_a_difference_is_a_fact_of_one_database(tmp_path: Path) -> None:
    before = database(tmp_path, "a.db", f"CREATE TABLE usuarios ({KEY}, nome TEXT COLLATE NOCASE)")
    after = database(tmp_path, "b.db", f"CREATE TABLE usuarios ({KEY}, nome TEXT)")

    found = differences(before, after, [USERS])

    (missing,) = found.missing
    assert (missing.about, missing.part, missing.position) == ("usuarios", "COLUMN", 1)
    assert found.lines() == [
        "  - usuarios: COLUMN nome text collate nocase",
        "  + usuarios: COLUMN nome text",
    ]


def test_only_the_tables_asked_for_are_looked_at(tmp_path: Path) -> None:
    before = database(tmp_path, "a.db", f"CREATE TABLE usuarios ({KEY})")
    after = database(
        tmp_path,
        "b.db",
        f"CREATE TABLE usuarios ({KEY})",
        f"CREATE TABLE outros ({KEY})",
        "CREATE VIEW vista AS SELECT 1",
    )

    assert not differences(before, after, [USERS])
    found = differences(before, after, [USERS, TableName("outros")])
    assert {fact.about for fact in found.added} == {"outros"}
    found = differences(before, after, [USERS], lambda each: each.kind == "VIEW")
    assert found.lines() == ["  + vista: VIEW create view vista as select 1"]


def test_what_hangs_on_a_table_is_looked_at(tmp_path: Path) -> None:
    create = f"CREATE TABLE usuarios ({KEY}, a INT)"
    trigger = "CREATE TRIGGER gatilho AFTER INSERT ON usuarios BEGIN SELECT 1; END"
    before = database(tmp_path, "a.db", create, "CREATE INDEX i ON usuarios (a DESC)", trigger)
    after = database(tmp_path, "b.db", create, "CREATE INDEX i ON usuarios (a)")

    lines = differences(before, after, [USERS]).lines()

    assert [line.partition(" create")[0] for line in lines] == [
        "  - usuarios: INDEX",
        "  - usuarios: TRIGGER",
        "  + usuarios: INDEX",
    ]


def test_columns_in_another_order_are_one_sentence(tmp_path: Path) -> None:
    before = [table("usuarios", "id int", "a int", "b int", "c int")]
    after = [table("usuarios", "id int", "c int", "a int", "b bigint")]

    found = compared(before, after)

    assert len(found.missing) == len(found.added) == 1
    (sentence,) = [line for line in found.lines() if not line.startswith(("  -", "  +"))]
    assert "usuarios" in sentence and "id, a, b, c" in sentence
    assert len(found.without_order().lines()) == 2


def test_a_column_more_puts_no_other_in_another_place() -> None:
    found = compared([table("t", "a int", "b int")], [table("t", "z int", "a int", "b int")])
    assert found.lines() == ["  + t: COLUMN z int"]


def test_what_is_alike_in_many_tables_is_one_line_with_their_count() -> None:
    names = [f"mesa_{number:02}" for number in range(50)]
    before = [table(name, "id int", "criado timestamp") for name in names]
    after = [table(name, "id int") for name in names]

    (line,) = compared(before, after).lines()

    assert "50" in line and "mesa_00, mesa_01, mesa_02" in line and "mesa_03" not in line
    assert line.endswith("COLUMN criado timestamp")


def test_a_tables_own_name_in_what_is_said_does_not_make_it_another() -> None:
    facts = [
        Fact(name, "COMMENT", f"COMMENT ON TABLE {name} IS 'x'") for name in ("aa", "bb", "cc")
    ]
    (line,) = Differences(frozenset(facts), frozenset(), {}).lines()
    assert "3" in line and line.endswith("COMMENT ON TABLE … IS 'x'")


def test_migrations_own_tables_are_nothing_of_a_database(tmp_path: Path) -> None:
    url = database(
        tmp_path,
        "a.db",
        f"CREATE TABLE usuarios ({KEY})",
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
    )
    assert [each.key for each in read_definitions(url)] == ["TABLE usuarios"]
