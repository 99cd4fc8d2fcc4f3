"""The text of a table is read by SQLite's grammar, and what is not understood is not guessed."""

import sqlite3

import pytest
from alambique.database.sqlite_ddl import Kind, NotUnderstood, TableText, names_in, same_words

TEXTS = [
    "CREATE TABLE t(a)",
    "CREATE TABLE t (a INTEGER PRIMARY KEY ASC ON CONFLICT FAIL AUTOINCREMENT, b)",
    "CREATE TABLE t (\"a,(\" VARCHAR ( 10 ) DEFAULT 'it''s, (so', [b)] , `c` \"MY TYPE\" NULL)",
    "CREATE TABLE t (a -- one, (two\n INT, /* b INT, */ c TEXT DEFAULT - 0x1F, d DEFAULT x'00ff')",
    'CREATE TABLE t (a INT DEFAULT CURRENT_TIMESTAMP, b DEFAULT "x", c DEFAULT +1.5e-3)',
    "CREATE TABLE t (a INT, b INT AS (a + 1), c INT GENERATED ALWAYS AS (max(a, 2)) STORED UNIQUE)",
    "CREATE TABLE t (a REFERENCES p ON DELETE NO ACTION ON UPDATE SET DEFAULT MATCH FULL"
    " NOT DEFERRABLE INITIALLY IMMEDIATE NOT NULL CHECK (a IN (1, 2)))",
    'CREATE TABLE t (a, b, CONSTRAINT "p k" PRIMARY KEY (a COLLATE nocase DESC, b)'
    " ON CONFLICT ROLLBACK, FOREIGN KEY (a, b) REFERENCES p (x, y) ON DELETE CASCADE) STRICT",
    "CREATE TABLE t (a TEXT NOT NULL, PRIMARY KEY (a)) WITHOUT ROWID",
    "CREATE TABLE t ('a b' TEXT, b INT GENERATED ALWAYS c REAL, UNIQUE ('a b'))",
    "CREATE TABLE t (check_ INT, primary_key INT, generated INT, rowid INT, a INT UNSIGNED)",
]


@pytest.mark.parametrize("sql", TEXTS)
def test_a_text_that_nobody_changes_is_written_as_it_was(sql: str) -> None:
    written = TableText.read(sql).written("t")
    assert same_words(written, sql)
    if "STRICT" not in sql:  # a type is its own there
        driver = sqlite3.connect(":memory:")
        driver.execute("CREATE TABLE p (x, y, PRIMARY KEY (x, y))")
        driver.execute(written)


def test_the_comma_between_constraints_may_be_missing() -> None:
    sql = (
        "CREATE TABLE t (a INT, b INT CONSTRAINT x UNIQUE, UNIQUE (a) CHECK (b > 0) CHECK (a > b))"
    )
    text = TableText.read(sql)
    assert [clause.kind for clause in text.clauses] == [Kind.UNIQUE, Kind.CHECK, Kind.CHECK]
    assert text.written("t").endswith("UNIQUE (a), CHECK (b > 0), CHECK (a > b))")


def test_a_function_is_no_column() -> None:
    assert names_in("lower(a) || \"b c\" || 'text' || t.[d]") == ["a", "b c", "t", "d"]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE VIRTUAL TABLE t USING fts5 (a)",
        "CREATE TABLE t AS SELECT 1",
        "CREATE TABLE t (a INT",
        "CREATE TABLE t (a INT) WITHOUT SENSE",
        "CREATE TABLE t (a INT CONSTRAINT x)",
        "CREATE TABLE t (a INT, UNIQUE (a), b INT)",
        "CREATE TABLE t (a INT DEFAULT )",
        "",
    ],
)
def test_what_is_not_understood_is_said(sql: str) -> None:
    with pytest.raises(NotUnderstood):
        TableText.read(sql)
