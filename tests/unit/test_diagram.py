"""The diagram of the models, as Mermaid reads it."""

import argparse
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.settings import use_project
from alambique.tools import diagram
from alambique.tools.diagram import drawn, mermaid
from alambique.versions import at_least
from sqlalchemy.dialects import postgresql


def columns_of(table: sa.Table) -> list[str]:
    """Return the lines of a table's columns."""
    lines = mermaid([table.metadata]).splitlines()
    return [line.strip() for line in lines[2 : lines.index("  }")]]


def test_no_model_is_an_empty_diagram() -> None:
    assert mermaid([]) == "erDiagram\n"


def test_hard_models_are_drawn() -> None:
    ours, other = sa.MetaData(), sa.MetaData(schema="sales")
    order = sa.Table(
        "order line",
        ours,
        sa.Column("código", sa.String(9), unique=True, comment='the "real"\nkey, 50% ~a~'),
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("pk", sa.Enum("a", "b", name="x"), nullable=False),
        sa.Column("unit price", sa.Numeric(10, 2)),
        sa.Column("tags", postgresql.ARRAY(sa.String(5))),
        sa.Column("before", sa.ForeignKey("order line.id")),
        sa.Column("hidden", sa.Integer, info={"skip_autogenerate": True}),
    )
    pair = sa.Table(
        "pair-é",
        ours,
        sa.Column("a", sa.ForeignKey(order.c.id), primary_key=True),
        sa.Column("b", sa.Integer, primary_key=True),
    )
    sa.Table(
        "items",
        other,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("a", sa.BigInteger, nullable=False),
        sa.Column("b", sa.Integer, nullable=False),
        sa.Column("one", sa.ForeignKey(order.c.id), unique=True),
        sa.ForeignKeyConstraint(["a", "b"], [pair.c.a, pair.c.b]),
    )
    sa.Table(
        "left_out",
        ours,
        sa.Column("id", sa.ForeignKey(order.c.id), primary_key=True),
        info={"skip_autogenerate": True},
    )
    # Mermaid 11.17 itself read what is expected.
    assert (
        mermaid([ours, other])
        == """erDiagram
  "order line" {
    BigInteger id PK
    String(9) código UK "the 'real' key, 50% -a-"
    Enum _pk "pk"
    Numeric(10-2) unit_price "unit price"
    String(5)[] tags
    BigInteger before FK
  }
  "pair-é" {
    BigInteger a PK, FK
    Integer b PK
  }
  "sales.items" {
    Integer id PK
    BigInteger a FK
    Integer b FK
    BigInteger one FK, UK
  }
  "order line" |o--o{ "order line" : "before"
  "order line" ||--o{ "pair-é" : "a"
  "order line" |o--o| "sales.items" : "one"
  "pair-é" ||--o{ "sales.items" : "a, b"
"""
    )


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("id", "id"),
        ("UKulele", "UKulele"),
        ("uk", '_uk "uk"'),
        ("PK-1", '_PK-1 "PK-1"'),
        ("1st", '_1st "1st"'),
        ("ação", "ação"),
        ("a.b", 'a_b "a.b"'),
    ],
)
def test_every_name_is_one_word(name: str, word: str) -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column(name, sa.Integer))
    assert columns_of(table) == [f"Integer {word}"]


class Money(sa.types.TypeDecorator[int]):
    """A type of the project's own."""

    impl = sa.Numeric(12, 2)
    cache_ok = True


@pytest.mark.parametrize(
    ("type_", "shown"),
    [
        (sa.String(), "String"),
        (sa.LargeBinary(3), "LargeBinary(3)"),
        (sa.Float(24), "Float(24)"),
        (sa.Enum("a", "b", name="x"), "Enum"),
        (sa.DateTime(timezone=True), "DateTime"),
        (sa.ARRAY(sa.Numeric(5, 1)), "Numeric(5-1)[]"),
        (Money(), "Money(12-2)"),
    ],
)
def test_a_type_is_what_the_model_says(type_: sa.types.TypeEngine[object], shown: str) -> None:
    assert columns_of(sa.Table("t", sa.MetaData(), sa.Column("c", type_))) == [f"{shown} c"]


@pytest.mark.parametrize(
    ("index", "is_unique"),
    [
        (sa.Index("i", "a", unique=True), True),
        (sa.Index("i", "a"), False),
        (sa.Index("i", "a", "b", unique=True), False),
        (sa.Index("i", "a", unique=True, postgresql_where=sa.text("b > 0")), False),
        (sa.Index("i", sa.text("lower(a)"), unique=True), False),
    ],
)
def test_only_a_whole_plain_unique_index_makes_a_column_unique(
    index: sa.Index, is_unique: bool
) -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.String), sa.Column("b", sa.Integer))
    table.append_constraint(index)
    assert columns_of(table)[0] == ("String a UK" if is_unique else "String a")


def test_a_key_to_a_table_in_no_model_is_a_column_and_no_line() -> None:
    table = sa.Table(
        "t", sa.MetaData(), sa.Column("a", sa.ForeignKey("elsewhere.id"), type_=sa.Integer)
    )
    assert mermaid([table.metadata]) == 'erDiagram\n  "t" {\n    Integer a FK\n  }\n'


def test_tables_come_by_name_and_views_not_at_all() -> None:
    metadata = sa.MetaData()
    for name, schema in (("zeta", None), ("items", "sales"), ("alpha", None)):
        sa.Table(name, metadata, sa.Column("id", sa.Integer), schema=schema)
    if at_least("2.1"):
        sa.CreateView(sa.select(metadata.tables["alpha"]), "seen", metadata=metadata)
    assert [table.fullname for table in drawn([metadata])] == ["alpha", "sales.items", "zeta"]


def test_the_command_writes_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.alambique]\nlanguage = "en"\nmodels = []\nextra-models = ["drawn_here"]\n'
    )
    (tmp_path / "drawn_here.py").write_text(
        "import sqlalchemy as sa\n"
        'table = sa.Table("t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "drawn_here", raising=False)
    use_project(tmp_path)
    assert diagram.run(argparse.Namespace()) == 0
    written = (tmp_path / "docs/schema.mmd").read_bytes()
    assert written == b'erDiagram\n  "t" {\n    Integer id PK\n  }\n'
    assert capsys.readouterr().out == "Wrote docs/schema.mmd, with 1 table(s).\n"
