"""What a database is made of, in its server's own words, and what of it a first revision makes."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.adopt.definitions import Definition, read_definitions
from alambique.adopt.definitions.mysql import DEFINER
from alambique.adopt.definitions.order import in_order
from alambique.adopt.trial import carried, executed, left, possible
from alambique.names import TableName
from alambique.settings import use_project
from alembic.autogenerate import render_op_text
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext

ORDERS, ITEMS = TableName("pedidos"), TableName("itens")


def made(kind: str, name: str, *needs: str, **options: object) -> Definition:
    """Return a definition of a database with schemas."""
    said = {"schema": "public", "create": f"CREATE {kind} {name}", **options}
    return Definition(kind, name, needs=frozenset(needs), **said)  # type: ignore[arg-type]


def table(name: str, *needs: str) -> Definition:
    return made("TABLE", name, *needs, table=TableName(name), columns=(("id", "id int"),))


def keys(definitions: list[Definition]) -> list[str]:
    return [each.key for each in definitions]


DATABASE = [
    made("EXTENSION", "citext", create=""),
    made("TYPE", "cep"),
    made("FUNCTION", "f()", "TYPE cep"),
    made("FUNCTION", "g()"),
    table("pedidos", "FUNCTION f()"),
    table("itens"),
    made("INDEX", "ix", "TABLE pedidos", table=ORDERS),
    made("FOREIGN KEY", "fk", "TABLE pedidos", "TABLE itens", table=ITEMS),
    made("VIEW", "vista", "TABLE pedidos"),
    made("VIEW", "longe", "EXTENSION citext"),
    made("VIEW", "outra", "TABLE itens", schema="vendas"),
]


def test_of_a_whole_schema_all_is_made_that_can_be() -> None:
    found = carried(DATABASE, {ORDERS, ITEMS}, ["public"])
    assert "VIEW outra" not in keys(found), "of another schema"
    assert {"EXTENSION citext", "VIEW longe"}.isdisjoint(keys(found)), "nobody can say it"
    assert len(found) == len(DATABASE) - 3
    assert keys(left(DATABASE, found, {ORDERS, ITEMS})) == [
        "EXTENSION citext",
        "VIEW longe",
        "VIEW outra",
    ]


def test_of_some_tables_what_they_need_is_made_and_nothing_else() -> None:
    found = carried(DATABASE, {ORDERS}, None)
    assert keys(found) == ["TYPE cep", "FUNCTION f()", "TABLE pedidos", "INDEX ix"]
    assert "FOREIGN KEY fk" not in keys(carried(DATABASE, {ITEMS}, None)), "its table is another's"
    assert "TABLE itens" not in keys(left(DATABASE, found, {ORDERS})), "that is no loss"


def test_what_needs_something_missing_is_missing_however_far_away() -> None:
    chain = [made("TYPE", "a", "TYPE gone"), made("TYPE", "b", "TYPE a"), made("TYPE", "c")]
    assert keys(possible(chain)) == ["TYPE c"]


def test_what_needs_something_waits_and_brings_nothing_forward() -> None:
    places = {"a()": 1, "b()": 2, "table": 3, "index": 4}
    needs = {"a()": ["table"], "index": ["a()", "table"], "table": ["nobody"]}
    assert list(in_order(places, needs)) == ["b()", "table", "a()", "index"]
    circle = {"x": ["y"], "y": ["x"], "z": ["z"]}
    assert list(in_order({"y": 1, "x": 2, "z": 3}, circle)) == ["z", "y", "x"]


def test_lines_of_a_statement_stand_below_each_other_and_keep_their_blanks() -> None:
    statement = "CREATE FUNCTION f()\n  AS 'a:b %'\n"
    context = MigrationContext.configure(dialect_name="sqlite")
    rendering = AutogenContext(context, opts={"alembic_module_prefix": "op."}, autogenerate=False)

    source = render_op_text(rendering, executed(statement))

    assert source.splitlines() == [
        "op.execute(",
        "    'CREATE FUNCTION f()\\n'",
        "    \"  AS 'a\\\\:b %'\\n\"",
        ")",
    ]


@pytest.mark.parametrize(
    "who", ["`root`@`localhost`", '"ana"@"%"', "root@127.0.0.1", "`a``b`@`h`", "CURRENT_USER@h"]
)
def test_who_made_a_program_is_no_part_of_it(who: str) -> None:
    assert DEFINER.sub("", f"CREATE DEFINER={who} PROCEDURE p()") == "CREATE PROCEDURE p()"


def test_sqlite_is_read_to_the_letter(tmp_path: Path) -> None:
    use_project(tmp_path)
    url = sa.URL.create("sqlite", database=str(tmp_path / "a.db"))
    statements = [
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a  TEXT /* não */, UNIQUE (a))",
        "CREATE VIEW v AS SELECT * FROM t",
        "CREATE INDEX i ON t (lower(a))",
        "CREATE VIRTUAL TABLE busca USING fts5 (texto)",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
    ]
    with sa.create_engine(url).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)

    found = {each.key: each for each in read_definitions(url)}

    assert list(found) == [
        "TABLE t",
        "VIRTUAL TABLE busca",
        "INDEX i",
        "VIEW v",
        "TRIGGER g",
    ], "no shadow tables, none of SQLite's own"
    assert [each.create for each in found.values()] == sorted(statements, key=_place)
    assert found["TABLE t"].order == ("id", "a")
    assert found["TABLE t"].table == found["INDEX i"].table == TableName("t")


def _place(statement: str) -> int:
    return ["TABLE", "VIRTUAL", "INDEX", "VIEW", "TRIGGER"].index(statement.split()[1])
