"""On SQLite, a revision answers for the keys and the names it breaks, and for no others."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.settings import alembic_config
from alembic import command
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from support.minimal import Minimal, minimal_project

SHOP = """
    op.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(9))")
    op.execute('CREATE TABLE "Order" (id INTEGER PRIMARY KEY, c_id INTEGER REFERENCES customer)')
    op.execute("CREATE TABLE item (c_id INTEGER REFERENCES customer, n TEXT) ")
    op.execute("CREATE TABLE tag (n TEXT PRIMARY KEY, c_id INTEGER REFERENCES customer) "
               "WITHOUT ROWID")
    op.execute("INSERT INTO customer VALUES (1, 'Ana'), (2, 'Bia')")
    op.execute('INSERT INTO "Order" VALUES (1, 1), (2, 2)')
    op.execute("INSERT INTO item VALUES (1, 'x'), (2, 'y'), (2, 'z')")
    op.execute("INSERT INTO tag VALUES ('x', 1), ('y', 2)")
"""
RENAMED = """
with op.batch_alter_table("customer") as batch:
    batch.alter_column("name", type_=sa.String(20))
"""


@pytest.fixture
def made(tmp_path: Path) -> Minimal:
    made = minimal_project(tmp_path)
    made.revision("a1", upgrade=SHOP)
    command.upgrade(alembic_config(), "head")
    return made


def run(made: Minimal, *statements: str) -> list[sa.Row[tuple[object, ...]]]:
    """Run SQL on the project's database, as a stranger would; return the last rows."""
    engine = sa.create_engine(f"sqlite:///{made.root}/app.db", poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            found = connection.exec_driver_sql(statement)
        return list(found.all()) if found.returns_rows else []


def upgrade(made: Minimal, lines: str) -> None:
    made.revision("b2", "a1", upgrade=lines)
    command.upgrade(alembic_config(), "head")
    assert run(made, "SELECT version_num FROM alembic_version") == [("b2",)]


def refused(made: Minimal, lines: str) -> str:
    with pytest.raises(CommandError) as error:
        upgrade(made, lines)
    assert run(made, "SELECT version_num FROM alembic_version") == [("a1",)]
    return str(error.value)


@pytest.mark.parametrize(
    "after",
    [
        "\\n ALTER TABLE customer RENAME TO client",
        "alter table customer rename to client",
        "/* ours */ ALTER TABLE customer RENAME TO client",
        "-- ours\\n ALTER TABLE customer RENAME TO client",
    ],
)
def test_only_the_rename_of_a_batch_leaves_names_behind(made: Minimal, after: str) -> None:
    """The view lets the batch through, and follows the rename after it, as do the keys."""
    run(made, "CREATE VIEW names AS SELECT name FROM customer")
    upgrade(made, f'{RENAMED}\nop.execute("{after}")')
    assert run(made, "SELECT * FROM names") == [("Ana",), ("Bia",)]
    parents = run(made, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list('item')")
    assert parents == [("client",)]


def test_what_a_revision_says_to_the_driver_renames_as_ever_too(made: Minimal) -> None:
    rename = "ALTER TABLE customer RENAME TO client"
    upgrade(made, f"{RENAMED}\nop.get_bind().connection.cursor().execute({rename!r})")
    parents = run(made, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list('item')")
    assert parents == [("client",)]


@pytest.mark.parametrize("legacy", [0, 1])
def test_a_given_connection_renames_afterwards_as_before(made: Minimal, legacy: int) -> None:
    made.revision("b2", "a1", upgrade=RENAMED)
    engine = sa.create_engine(f"sqlite:///{made.root}/app.db", poolclass=sa.NullPool)
    with engine.connect() as given:
        _pragma(given, f"legacy_alter_table={legacy}")
        config = alembic_config()
        config.attributes["connection"] = given
        command.upgrade(config, "head")
        assert _pragma(given, "legacy_alter_table") == (legacy,)


def test_a_rename_that_failed_is_over_with_it(made: Minimal) -> None:
    """A revision may go on after a batch that could not be: the name was taken."""
    lines = """
        from sqlalchemy.exc import OperationalError
        op.execute("CREATE TABLE _alembic_tmp_x (id INTEGER)")
        try:
            op.rename_table("_alembic_tmp_x", "customer")
        except OperationalError:
            op.execute("ALTER TABLE customer RENAME TO client")
    """
    upgrade(made, lines)
    parents = run(made, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list('item')")
    assert parents == [("client",)]


@pytest.mark.parametrize(
    "lines",
    [
        "op.execute('CREATE TABLE other (id INTEGER)')",
        "op.execute(\"INSERT INTO item VALUES (1, 'w')\")",
        "op.execute(\"UPDATE item SET n = 'w'\")",
        "op.execute('DELETE FROM item WHERE c_id = 7')",
        "op.execute('ALTER TABLE item RENAME TO line')",
        "op.execute('ALTER TABLE item RENAME COLUMN c_id TO customer_id')",
        "op.execute('ALTER TABLE customer RENAME TO client')",
        'with op.batch_alter_table("item") as b: b.alter_column("n", type_=sa.String(9))',
        'with op.batch_alter_table("item") as b: b.alter_column("c_id", type_=sa.String(9))',
        'with op.batch_alter_table("tag") as b: b.alter_column("n", type_=sa.String(9))',
        RENAMED,
    ],
)
def test_an_orphan_that_was_there_before_is_nobodys_here(made: Minimal, lines: str) -> None:
    run(
        made,
        "DELETE FROM item WHERE n = 'x'",  # so that making the table anew numbers its rows anew
        "INSERT INTO item VALUES (7, 'x'), (7, 'y'), (8, 'z')",
        "INSERT INTO tag VALUES ('z', 7)",
    )
    upgrade(made, lines)


@pytest.mark.parametrize(
    ("lines", "rows", "tables"),
    [
        ("op.execute('DELETE FROM customer WHERE id = 2')", 4, "Order -> customer, item -> cus"),
        ("op.execute('UPDATE item SET c_id = 9 WHERE c_id = 2')", 2, "item -> customer"),
        ("op.execute('INSERT INTO tag VALUES (8, 9)')", 1, "tag -> customer"),
        ("op.execute('DROP TABLE customer')", 7, "Order -> customer"),
        # One orphan more where one is mended,
        ("op.execute('UPDATE item SET c_id = 9 WHERE c_id = 7')", 1, "item -> customer"),
        # in a table that has another name meanwhile,
        (
            "op.execute('ALTER TABLE item RENAME TO line')\n"
            "op.execute('UPDATE line SET c_id = 9 WHERE c_id = 7')",
            1,
            "line -> customer",
        ),
        # in one that the revision makes,
        (
            "op.execute('CREATE TABLE new (c_id INTEGER REFERENCES customer)')\n"
            "op.execute('INSERT INTO new VALUES (9)')",
            1,
            "new -> customer",
        ),
        # and by a trigger.
        (
            'op.execute(\'CREATE TRIGGER t AFTER INSERT ON "Order" BEGIN'
            " INSERT INTO item VALUES (9, 9); END')\n"
            "op.execute('insert into \"order\" values (3, 1)')",
            1,
            "item -> customer",
        ),
    ],
)
def test_an_orphan_more_undoes_the_revision(
    made: Minimal, lines: str, rows: int, tables: str
) -> None:
    run(made, "INSERT INTO item VALUES (7, 'x')")
    expected = messages.FOREIGN_KEYS_BROKEN.format(rows=rows, tables=tables)
    assert refused(made, lines).startswith(expected.partition(tables)[0] + tables)


def test_a_trigger_that_was_there_before_is_looked_through(made: Minimal) -> None:
    run(
        made,
        "CREATE TABLE log (id INTEGER)",
        "CREATE VIEW shown AS SELECT id FROM log",
        "CREATE TRIGGER a INSTEAD OF INSERT ON shown BEGIN INSERT INTO log VALUES (1); END",
        "CREATE TRIGGER b AFTER INSERT ON log BEGIN DELETE FROM customer; END",
    )
    assert "item -> customer" in refused(made, "op.execute('INSERT INTO shown VALUES (1)')")


def test_each_revision_answers_for_itself(made: Minimal) -> None:
    run(made, "INSERT INTO item VALUES (7, 'x')")
    made.revision("b2", "a1", upgrade="op.execute('DELETE FROM item WHERE c_id = 7')")
    made.revision("c3", "b2", upgrade="op.execute(\"INSERT INTO item VALUES (7, 'x')\")")
    with pytest.raises(CommandError, match="item -> customer"):
        command.upgrade(alembic_config(), "head")
    assert run(made, "SELECT version_num FROM alembic_version") == [("b2",)]


def test_a_key_nobody_can_check_is_its_makers_to_answer_for(made: Minimal) -> None:
    run(
        made,
        "CREATE TABLE loose (name TEXT)",
        "CREATE TABLE mismatched (name TEXT REFERENCES loose (name))",
    )
    made.revision("b2", "a1", upgrade="op.execute(\"INSERT INTO loose VALUES ('x')\")")
    made.revision("c3", "b2", upgrade="op.execute('ALTER TABLE mismatched RENAME TO other')")
    command.upgrade(alembic_config(), "head")

    index = "op.execute('CREATE TABLE more (name TEXT REFERENCES customer (name))')"
    made.revision("d4", "c3", upgrade=index)
    with pytest.raises(CommandError) as error:
        command.upgrade(alembic_config(), "head")
    cause = 'foreign key mismatch - "more" referencing "customer"'
    assert str(error.value) == messages.FOREIGN_KEY_UNCHECKED.format(cause=cause)


def test_a_table_that_a_revision_does_not_name_is_not_looked_at(made: Minimal) -> None:
    """However many rows it has."""
    looked_at: list[str] = []
    lines = "op.execute('CREATE TABLE other (id INTEGER)')\nop.execute('DELETE FROM other')"
    made.revision("b2", "a1", upgrade=lines)
    engine = sa.create_engine(f"sqlite:///{made.root}/app.db", poolclass=sa.NullPool)
    with engine.connect() as given:
        driver = given.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(looked_at.append)
        config = alembic_config()
        config.attributes["connection"] = given
        command.upgrade(config, "head")
    assert looked_at and not [each for each in looked_at if "foreign_key_check" in each]


def _pragma(connection: Connection, words: str) -> object:
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA {words}")
    return cursor.fetchone()
