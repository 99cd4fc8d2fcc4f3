"""On SQLite, a batch operation changes what the revision says, and nothing else of the table."""

import logging
import sqlite3
import textwrap
from argparse import Namespace
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.settings import alembic_config
from alambique.upgrade import guard
from alembic import command
from alembic.util import CommandError

from support import legacy, rebuilt
from support.minimal import Minimal, minimal_project

USERS = """
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- counted
    name TEXT COLLATE NOCASE,
    email VARCHAR(50) UNIQUE ON CONFLICT IGNORE,
    age INTEGER CHECK (age > 0),
    twice INTEGER GENERATED ALWAYS AS (age * 2) VIRTUAL,
    team_id INTEGER REFERENCES teams (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE log (what TEXT);
CREATE UNIQUE INDEX by_email ON users (lower(email)) WHERE age > 1;
CREATE VIEW adults AS SELECT id, name FROM users WHERE age >= 18;
CREATE TRIGGER noted AFTER UPDATE OF name ON users BEGIN
    INSERT INTO log VALUES (OLD.name || '->' || NEW.name);
END;
INSERT INTO teams VALUES (1, 'a');
INSERT INTO users (id, name, email, age, team_id)
    VALUES (1, 'Ana', 'A@x', 20, 1), (9, 'Bia', 'B@x', 3, 1);
DELETE FROM users WHERE id = 9;
"""
TWO = "CREATE TABLE t (a INTEGER, b INTEGER)"


@pytest.fixture
def made(tmp_path: Path) -> Minimal:
    return minimal_project(tmp_path)


def run(made: Minimal, script: str) -> None:
    with closing(sqlite3.connect(made.root / "app.db")) as driver:
        driver.executescript(script)


def query(made: Minimal, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(made.root / "app.db")) as driver:
        return driver.execute(sql).fetchall()


def upgraded(made: Minimal, upgrade: str) -> None:
    made.revision("a1", upgrade=upgrade)
    command.upgrade(alembic_config(), "head")


def schema(made: Minimal) -> dict[str, str]:
    rows = query(made, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {str(name): " ".join(str(sql).split()) for name, sql in rows}


def meanings(made: Minimal) -> dict[str, list[list[str]]]:
    rows = query(made, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {str(name): rebuilt.meaning(str(sql)) for name, sql in rows}


def test_a_batch_keeps_what_it_does_not_name(made: Minimal) -> None:
    run(made, USERS)
    before = schema(made)
    upgraded(
        made,
        """
        with op.batch_alter_table("users") as batch:
            batch.add_column(sa.Column("kind", sa.String(9), nullable=False, server_default="x"))
            batch.alter_column("name", type_=sa.String(20), nullable=False)
        """,
    )
    after = schema(made)
    del after["alembic_version"], after["alembic_ledger"]
    assert after["users"] == (
        before["users"]
        .replace("TABLE users", 'TABLE "users"')
        .replace("name TEXT COLLATE", "name VARCHAR(20) NOT NULL COLLATE")
        .replace("DEFERRED )", "DEFERRED, kind VARCHAR(9) DEFAULT 'x' NOT NULL )")
    )
    assert after == before | {"users": after["users"]}
    assert query(made, "SELECT * FROM users") == [(1, "Ana", "A@x", 20, 40, 1, "x")]
    assert query(made, "SELECT seq FROM sqlite_sequence WHERE name = 'users'") == [(9,)]
    assert query(made, "SELECT count(*) FROM sqlite_sequence") == [(1,)]


@pytest.mark.parametrize(
    "seeds",
    [
        range(12),
        *(pytest.param(range(n, n + 50), marks=pytest.mark.full) for n in range(12, 112, 50)),
    ],
    ids=str,
)
def test_it_is_true_of_tables_nobody_wrote(
    made: Minimal, seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "is_scratch", lambda _url: True)  # nobody else's rows are in it
    wrong = [each for seed in seeds for each in judged(made, seed)]
    assert not wrong, "\n\n".join(wrong[:4])


@pytest.mark.parametrize("shape", ["shop", "awkward"])
def test_it_is_true_of_a_database_nobody_migrated(made: Minimal, shape: str) -> None:
    run(made, ";".join(legacy.statements(shape, "sqlite")))
    with closing(sqlite3.connect(made.root / "app.db")) as driver, driver:
        for name, columns in plain_columns(driver).items():
            into = ", ".join(quoted(column) for column in columns)
            values = ", ".join(f"'{number}'" for number in range(len(columns)))
            driver.execute(f"INSERT OR IGNORE INTO {quoted(name)} ({into}) VALUES ({values})")
        tables = list(plain_columns(driver))
        before = list(driver.iterdump())
        there = meanings(made)

    changes = """
    with op.batch_alter_table({!r}) as batch:
        batch.add_column(sa.Column("new", sa.Integer, nullable=False, server_default="0"))
        batch.create_check_constraint("ck_new", "new < 9")
    with op.batch_alter_table({!r}) as batch:
        batch.drop_constraint("ck_new", type_="check")
        batch.drop_column("new")
    """
    upgraded(made, "".join(textwrap.dedent(changes).format(name, name) for name in tables))
    after = meanings(made)
    del after["alembic_version"], after["alembic_ledger"]
    assert after == there
    with closing(sqlite3.connect(made.root / "app.db")) as driver:
        rows = [line for line in driver.iterdump() if line.startswith("INSERT")]
    assert len(rows) > len(tables) / 2
    assert {line for line in before if line.startswith("INSERT")} <= set(rows)


def plain_columns(driver: sqlite3.Connection) -> dict[str, list[str]]:
    """Return the tables that are nobody's inner ones, each with the columns to be filled."""
    tables = driver.execute(
        "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"
        " AND name NOT LIKE 'sqlite%'"
    )
    columns = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0"
    return {
        name: [column for (column,) in driver.execute(columns, (name,))]
        for (name,) in tables.fetchall()
    }


def quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def test_a_generated_revision_keeps_it_too(made: Minimal) -> None:
    """A new column that may not be null, there and back."""
    run(made, USERS)
    made.revision("a1", upgrade="pass  # op.create_table is what makes a table ours")
    command.upgrade(alembic_config(), "head")
    before = meanings(made)
    made.models(
        """
        from sqlalchemy import Computed, ForeignKey, Text

        Table("teams", metadata, Column("id", Integer, primary_key=True), Column("name", Text))
        Table(
            "users",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("name", Text),
            Column("email", String(50)),
            Column("age", Integer),
            Column("twice", Integer, Computed("age * 2", persisted=False)),
            Column("team_id", ForeignKey("teams.id", ondelete="SET NULL")),
            Column("kind", String(9), nullable=False),
        )
        """,
    )
    config = alembic_config()
    config.cmd_opts = Namespace(autogenerate=True, x=["fill=users.kind:'x'"])
    script = command.revision(config, "kind", autogenerate=True)
    assert script is not None and not isinstance(script, list)
    config.cmd_opts = None
    command.upgrade(config, "head")
    after = meanings(made)
    kind = sorted(["kind", "varchar", "(", "9", ")", "not", "null"])
    before["users"].insert(-1, kind)
    assert after == before
    assert query(made, "SELECT id, email, kind FROM users") == [(1, "A@x", "x")]

    config.attributes["lose"] = f"{made.root / 'app.db'}:users.kind"
    command.downgrade(config, "-1")
    before["users"].remove(kind)
    assert meanings(made) == before


def judged(made: Minimal, seed: int) -> list[str]:
    """Have a batch change a table, in an upgrade or a downgrade; return what is wrong then."""
    table = rebuilt.table(seed)
    (made.root / "app.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(made.root / "app.db")) as driver, driver:
        rebuilt.build(driver, table)
        before = rebuilt.held(driver, table)
        there = rebuilt.texts(driver)

    lines = [line for move in table.rng.sample(rebuilt.MOVES, 4) if (line := move(table))]
    batch = f"with op.batch_alter_table({table.bare_name!r}) as batch:"
    asked = "\n".join([batch, *(f"    {line}" for line in lines or ["pass"])])
    case = "\n".join([f"seed {seed}", *there, asked])
    try:
        if seed % 2:
            made.revision("a1", upgrade=asked)
            command.upgrade(alembic_config(), "head")
        else:
            made.revision("a1", downgrade=asked)
            command.upgrade(alembic_config(), "head")
            command.downgrade(alembic_config(), "base")
    except Exception as error:
        return [f"{case}\n{type(error).__name__}: {error}"]

    with closing(sqlite3.connect(made.root / "app.db")) as driver:
        after = rebuilt.held(driver, table)
        is_now = rebuilt.texts(driver)
    wrong = [
        f"{case}\n{key}: {before[key]} -> {after[key]}"
        for key in before.keys() & after.keys()
        if before[key] != after[key]
    ]
    meant = sorted(map(rebuilt.meaning, table.sql()))
    if meant != sorted(map(rebuilt.meaning, is_now)):
        wrong.append("\n".join([case, "MEANT", *table.sql(), "IS", *is_now]))
    return wrong[:1]


# Each a table, a batch, and the table's text afterwards
HAND_WRITTEN = {
    "a key without a name, by a convention": (
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER REFERENCES p (id) ON DELETE CASCADE)",
        """
        names = {"fk": "fk_%(table_name)s_%(column_0_name)s"}
        with op.batch_alter_table("t", naming_convention=names) as batch:
            batch.drop_constraint("fk_t_b", type_="foreignkey")
        """,
        'CREATE TABLE "t" (a INTEGER PRIMARY KEY, b INTEGER)',
    ),
    "a UNIQUE without a name, by what the revision says is there": (
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR(9) UNIQUE COLLATE NOCASE)",
        """
        there = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer, primary_key=True),
                         sa.Column("b", sa.String(9)), sa.UniqueConstraint("b", name="uq_b"))
        with op.batch_alter_table("t", copy_from=there) as batch:
            batch.drop_constraint("uq_b", type_="unique")
        """,
        'CREATE TABLE "t" (a INTEGER PRIMARY KEY, b VARCHAR(9) COLLATE NOCASE)',
    ),
    "a CHECK that the revision repeats, as Alembic would lose it": (
        "CREATE TABLE t (a INTEGER, b INTEGER CHECK (b>0))",
        """
        checks = (sa.CheckConstraint("b > 0"), sa.CheckConstraint("a < 9", name="ck_a"))
        with op.batch_alter_table("t", table_args=checks) as batch:
            batch.alter_column("a", nullable=False)
        """,
        'CREATE TABLE "t" (a INTEGER NOT NULL, b INTEGER CHECK (b>0),'
        " CONSTRAINT ck_a CHECK (a < 9))",
    ),
    "an Enum's CHECK, with its type": (
        "CREATE TABLE t (a INTEGER, b VARCHAR(1) CONSTRAINT kind CHECK (b IN ('x', 'y')))",
        """
        old = sa.Enum("x", "y", name="kind", create_constraint=True, native_enum=False)
        new = sa.Enum("x", "z", name="kind", create_constraint=True, native_enum=False)
        with op.batch_alter_table("t") as batch:
            batch.alter_column("b", existing_type=old, type_=new)
        """,
        "CREATE TABLE \"t\" (a INTEGER, b VARCHAR(1), CONSTRAINT kind CHECK (b IN ('x', 'z')))",
    ),
    "a primary key, by another": (
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER NOT NULL)",
        """
        with op.batch_alter_table("t") as batch:
            batch.create_primary_key("pk_t", ["b", "a"])
        """,
        'CREATE TABLE "t" (a INTEGER, b INTEGER NOT NULL, CONSTRAINT pk_t PRIMARY KEY (b, a))',
    ),
    "a place among the columns": (
        "CREATE TABLE t (a INTEGER, -- the a\n b INTEGER CHECK (t.b > 0))",
        """
        with op.batch_alter_table("t", recreate="always") as batch:
            batch.add_column(sa.Column("c", sa.Text), insert_after="a")
        """,
        'CREATE TABLE "t" (a INTEGER, -- the a\n c TEXT, b INTEGER CHECK (b > 0))',
    ),
    "the order of the columns": (
        "CREATE TABLE t (a INTEGER UNIQUE, b INTEGER, UNIQUE (b, a))",
        """
        order = [("b", "a")]
        with op.batch_alter_table("t", recreate="always", partial_reordering=order) as batch:
            pass
        """,
        'CREATE TABLE "t" (b INTEGER, a INTEGER UNIQUE, UNIQUE (b, a))',
    ),
    "what the revision says of the table": (
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)",
        """
        options = {"sqlite_strict": True, "sqlite_with_rowid": False}
        with op.batch_alter_table("t", table_kwargs=options) as batch:
            batch.alter_column("b", type_=sa.Text())
        """,
        'CREATE TABLE "t" (a INTEGER PRIMARY KEY, b TEXT) WITHOUT ROWID, STRICT',
    ),
    "two columns that change their names": (
        "CREATE TABLE t (a INTEGER, b INTEGER, CHECK (a <> 9 OR b = 8))",
        """
        with op.batch_alter_table("t") as batch:
            batch.alter_column("a", new_column_name="c")
            batch.alter_column("b", new_column_name="a")
            batch.alter_column("c", new_column_name="b", nullable=False)
        """,
        'CREATE TABLE "t" (b INTEGER NOT NULL, a INTEGER, CHECK (b <> 9 OR a = 8))',
    ),
    "a column whose name another one takes": (
        "CREATE TABLE t (a INTEGER, b INTEGER)",
        """
        with op.batch_alter_table("t") as batch:
            batch.drop_column("b")
            batch.alter_column("a", new_column_name="b")
            batch.create_unique_constraint("uq", ["b"])
        """,
        'CREATE TABLE "t" (b INTEGER, CONSTRAINT uq UNIQUE (b))',
    ),
    "constraints and an index by the old name, as Alembic takes it": (
        "CREATE TABLE t (a INTEGER, b INTEGER)",
        """
        with op.batch_alter_table("t") as batch:
            batch.alter_column("a", new_column_name="c")
            batch.create_unique_constraint("uq", ["a"])
            batch.create_index("ix", ["a"])
        """,
        'CREATE TABLE "t" (c INTEGER, b INTEGER, CONSTRAINT uq UNIQUE (c))',
    ),
    "an index over an expression, beside a new name": (
        'CREATE TABLE t (a TEXT, b INTEGER); CREATE UNIQUE INDEX "by(b)" ON t (lower(a))',
        """
        with op.batch_alter_table("t") as batch:
            batch.alter_column("a", new_column_name="c")
            batch.drop_column("b")
            batch.create_index("ix", ["a", sa.text("upper(c)")], unique=True)
        """,
        'CREATE TABLE "t" (c TEXT)',
    ),
    "names in the quotes of a text": (
        "CREATE TABLE t ('a' INTEGER, 'it''s' TEXT, UNIQUE ('a'))",
        """
        with op.batch_alter_table("t") as batch:
            batch.alter_column("it's", nullable=False)
            batch.drop_column("a")
        """,
        """CREATE TABLE "t" ('it''s' TEXT NOT NULL)""",
    ),
    "a column, with what speaks of it alone": (
        "CREATE TABLE t (a INTEGER, b INTEGER REFERENCES p (id), UNIQUE (b), CHECK (b > 0));"
        "CREATE INDEX ix ON t (b) WHERE b > 1",
        """
        with op.batch_alter_table("t") as batch:
            batch.drop_column("b")
        """,
        'CREATE TABLE "t" (a INTEGER)',
    ),
}


def test_an_index_keeps_its_expressions(made: Minimal) -> None:
    run(made, "CREATE TABLE t (a TEXT, b INTEGER)")
    upgraded(
        made,
        """
        with op.batch_alter_table("t") as batch:
            batch.alter_column("a", new_column_name="c")
            batch.alter_column("b", type_=sa.Text())
            batch.create_index("ix", ["a", sa.text("upper(c) || ' \\\\:x%'")], unique=True)
        """,
    )
    found = query(made, "SELECT sql FROM sqlite_master WHERE name = 'ix'")
    assert found == [("CREATE UNIQUE INDEX ix ON t (c, upper(c) || ' :x%')",)]


@pytest.mark.parametrize("case", HAND_WRITTEN)
def test_what_is_written_by_hand(made: Minimal, case: str) -> None:
    before, batch, after = HAND_WRITTEN[case]
    run(made, f"CREATE TABLE p (id INTEGER PRIMARY KEY); {before};")
    upgraded(made, batch)
    assert schema(made)["t"] == " ".join(after.split())


@pytest.mark.parametrize(
    ("hangs_on_it", "named"),
    [
        ("CREATE INDEX ix ON t (a, b)", "CREATE INDEX ix ON t (a, b)"),
        ("CREATE TRIGGER tr AFTER UPDATE OF b ON t BEGIN SELECT 1; END", "UPDATE OF b"),
        ("CREATE VIEW v AS SELECT b FROM t", "v"),
        ("CREATE VIEW w AS SELECT b FROM t; CREATE VIEW z AS SELECT * FROM w", "w"),
        ("CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO p VALUES (NEW.b); END", "tr"),
        ("CREATE TRIGGER tr AFTER INSERT ON p BEGIN UPDATE t SET b = 1; END", "tr"),
        ("CREATE TRIGGER tr AFTER UPDATE ON p BEGIN DELETE FROM t WHERE b = 1; END", "tr"),
    ],
)
def test_what_would_break_is_named(made: Minimal, hangs_on_it: str, named: str) -> None:
    run(made, f"CREATE TABLE p (id INTEGER PRIMARY KEY, n INTEGER AS (id)); {TWO}; {hangs_on_it};")
    run(made, "CREATE VIEW was_broken AS SELECT x FROM nowhere")
    before = schema(made)
    with pytest.raises(CommandError) as error:
        upgraded(made, 'with op.batch_alter_table("t") as batch: batch.drop_column("b")')
    assert named in str(error.value)
    after = schema(made)
    after.pop("alembic_ledger", None)
    assert after == before


@pytest.mark.parametrize(
    "speaks",
    ["CHECK (a > b)", "PRIMARY KEY (b, a)", "c INTEGER AS (b + 1)"],
)
def test_a_column_is_not_dropped_under_what_speaks_of_others_too(
    made: Minimal, speaks: str
) -> None:
    run(made, f"CREATE TABLE t (a INTEGER, b INTEGER, {speaks})")
    with pytest.raises(CommandError) as error:
        upgraded(made, 'with op.batch_alter_table("t") as batch: batch.drop_column("b")')
    sql = speaks.removeprefix("c INTEGER ")
    expected = messages.REBUILD_IN_THE_WAY.format(table="t", column="b", sql=sql)
    assert str(error.value) == expected


@pytest.mark.parametrize(
    "speaks",
    ["UNIQUE (a, b)", "CONSTRAINT uq UNIQUE (b, a)", "FOREIGN KEY (b, a) REFERENCES p (x, y)"],
)
def test_a_key_over_a_dropped_column_goes_with_it(
    made: Minimal, speaks: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As with Alembic alone, and on PostgreSQL: released histories rely on it (optuna's does)."""
    run(made, f"CREATE TABLE t (a INTEGER, b INTEGER, UNIQUE (a), {speaks})")
    run(made, "INSERT INTO t VALUES (1, 2)")
    with caplog.at_level(logging.WARNING):
        upgraded(made, 'with op.batch_alter_table("t") as batch: batch.drop_column("b")')
    assert schema(made)["t"] == 'CREATE TABLE "t" (a INTEGER, UNIQUE (a))'
    assert query(made, "SELECT * FROM t") == [(1,)]
    said = messages.REBUILD_WENT_ALONG.format(table="t", column="b", sql=speaks)
    assert said in caplog.messages


def test_what_broke_may_be_mended_in_the_revision(made: Minimal) -> None:
    run(made, f"{TWO}; CREATE VIEW v AS SELECT b FROM t")
    upgraded(
        made,
        """
        with op.batch_alter_table("t") as batch: batch.drop_column("b")
        op.execute("DROP VIEW v")
        op.execute("CREATE VIEW v AS SELECT a FROM t")
        """,
    )
    assert schema(made)["v"] == "CREATE VIEW v AS SELECT a FROM t"


def test_a_new_name_goes_wherever_the_old_one_was(made: Minimal) -> None:
    run(
        made,
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER UNIQUE);"
        "CREATE TABLE child (x INTEGER REFERENCES t (b));"
        "CREATE VIEW v AS SELECT b FROM t;"
        "INSERT INTO t VALUES (1, 7); INSERT INTO child VALUES (7);",
    )
    line = 'batch.alter_column("b", new_column_name="c", nullable=False)'
    upgraded(made, f'with op.batch_alter_table("t") as batch: {line}')
    assert (
        schema(made)["t"] == 'CREATE TABLE "t" (a INTEGER PRIMARY KEY, c INTEGER NOT NULL UNIQUE)'
    )
    assert "REFERENCES t (c)" in schema(made)["child"]
    assert query(made, "SELECT * FROM v") == [(7,)]


def test_a_virtual_table_is_refused(made: Minimal) -> None:
    run(made, "CREATE VIRTUAL TABLE t USING fts5 (a)")
    with pytest.raises(CommandError) as error:
        upgraded(made, 'with op.batch_alter_table("t") as batch: batch.drop_column("a")')
    assert str(error.value).startswith("SQLite alters the table t by making it anew")


@pytest.mark.parametrize("isolation", ["transaction", "autocommit_block"])
def test_what_a_batch_cannot_do_is_undone(made: Minimal, isolation: str) -> None:
    run(made, f"{TWO}; INSERT INTO t VALUES (NULL, 1);")
    before = schema(made)
    batch = 'with op.batch_alter_table("t") as b: b.alter_column("a", nullable=False)'
    block = f"with op.get_context().autocommit_block():\n    {batch}"
    with pytest.raises(CommandError):
        upgraded(made, batch if isolation == "transaction" else block)
    left = schema(made)
    assert left["t"] == before["t"] and "_alembic_tmp_t" not in left


def test_a_row_is_not_passed_over_where_the_table_says_so(made: Minimal) -> None:
    """Two values are one after the cast, and ON CONFLICT IGNORE would leave the second out."""
    run(made, "CREATE TABLE t (a TEXT UNIQUE ON CONFLICT IGNORE)")
    run(made, "INSERT INTO t VALUES ('1'), ('1.0')")
    with pytest.raises(CommandError):
        upgraded(made, 'with op.batch_alter_table("t") as b: b.alter_column("a", type_=sa.Integer)')
    assert query(made, "SELECT a FROM t") == [("1",), ("1.0",)]


def test_a_table_keeps_the_capitals_of_its_name(made: Minimal) -> None:
    run(made, "CREATE TABLE Users (id INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER)")
    run(made, "INSERT INTO Users VALUES (7, 1); DELETE FROM Users")
    upgraded(made, 'with op.batch_alter_table("users") as b: b.alter_column("a", nullable=False)')
    assert "Users" in schema(made)
    assert query(made, "SELECT * FROM sqlite_sequence") == [("Users", 7)]


def test_a_given_connection_is_kept_whole_too(made: Minimal) -> None:
    run(made, USERS)
    before = schema(made)
    line = 'batch.alter_column("name", nullable=False)'
    made.revision("a1", upgrade=f'with op.batch_alter_table("users") as batch: {line}')
    engine = sa.create_engine(f"sqlite:///{made.root}/app.db", poolclass=sa.NullPool)
    with engine.connect() as given:
        config = alembic_config()
        config.attributes["connection"] = given
        command.upgrade(config, "head")
    users = before["users"].replace("TABLE users", 'TABLE "users"')
    before["users"] = users.replace("name TEXT COLLATE", "name TEXT NOT NULL COLLATE")
    after = schema(made)
    assert {name: after[name] for name in before} == before


def test_statistics_stay(made: Minimal) -> None:
    run(made, f"{TWO}; INSERT INTO t VALUES (1, 1); CREATE INDEX ix ON t (a); ANALYZE")
    before = query(made, "SELECT * FROM sqlite_stat1")
    upgraded(made, 'with op.batch_alter_table("t") as b: b.alter_column("a", nullable=False)')
    assert before and query(made, "SELECT * FROM sqlite_stat1") == before


def test_an_attached_database_is_altered_where_it_is(made: Minimal) -> None:
    other = made.root / "other.db"
    with closing(sqlite3.connect(other)) as driver:
        driver.executescript(
            f"{TWO}; CREATE INDEX ix ON t (a); INSERT INTO t VALUES (1, 2);"
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END;"
        )
    upgraded(
        made,
        f"""
        with op.get_context().autocommit_block():
            op.execute("ATTACH DATABASE '{other}' AS other")
        with op.batch_alter_table("t", schema="other") as batch:
            batch.alter_column("b", new_column_name="c", nullable=False)
        """,
    )
    with closing(sqlite3.connect(other)) as driver:
        found = driver.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
        assert driver.execute("SELECT * FROM t").fetchall() == [(1, 2)]
    assert found == [
        ("CREATE INDEX ix ON t (a)",),
        ('CREATE TABLE "t" (a INTEGER, c INTEGER NOT NULL)',),
        ("CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END",),
    ]
