"""A key without a name, in the models and in SQLite: what is written about it runs, up and down."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from alambique import messages
from sqlalchemy.schema import SchemaItem

from support.comparison import differences, revision_for

Parts = Callable[[], list[SchemaItem]]


@pytest.fixture(autouse=True)
def english() -> None:
    messages.speak("en")


def key(target: str = "pais.id", **options: str) -> SchemaItem:
    return sa.ForeignKeyConstraint(["p"], [target], **options)


def models(parts: list[SchemaItem], schema: str | None = None) -> sa.MetaData:
    metadata = sa.MetaData(schema=schema)
    for parent in "pais", "outros":
        sa.Table(parent, metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table(
        "filhos",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("a", sa.Integer, nullable=False),
        sa.Column("p", sa.Integer),
        *parts,
    )
    return metadata


def asks_for(differences: str) -> list[str]:
    """Return the operations of a comparison, without names."""
    return re.findall(r"op\.(\w{2,})", differences)


# What only compares writes them as Alembic alone does.
@pytest.mark.filterwarnings("ignore:Autogenerate rendered a drop_constraint")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (lambda: [], lambda: [key()]),
        (lambda: [], lambda: [sa.UniqueConstraint("a")]),
        (lambda: [key()], lambda: [key(ondelete="CASCADE")]),
        (lambda: [key()], lambda: [key("outros.id")]),
        (lambda: [sa.UniqueConstraint("a", "p")], lambda: [sa.UniqueConstraint("a")]),
        (
            lambda: [sa.UniqueConstraint("a", "p"), key()],
            lambda: [sa.UniqueConstraint("a"), key(onupdate="CASCADE")],
        ),
    ],
    ids=["key", "unique", "options", "target", "columns", "both"],
)
def test_what_is_written_runs(connection: sa.Connection, before: Parts, after: Parts) -> None:
    models(before()).create_all(connection)
    connection.exec_driver_sql("INSERT INTO filhos (id, a) VALUES (1, 2)")
    now = models(after())
    revision = revision_for(connection, now)
    assert revision is not None
    found = asks_for(differences(connection, now))

    for _ in range(2):
        revision.upgrade()
        assert differences(connection, now) == ""
        revision.downgrade()
        assert asks_for(differences(connection, now)) == found != []
    assert connection.exec_driver_sql("SELECT id, a, p FROM filhos").all() == [(1, 2, None)]


def test_the_index_under_a_key_goes_with_it(connection: sa.Connection) -> None:
    models([sa.ForeignKeyConstraint(["p"], ["pais.id"], name="fk_p")]).create_all(connection)
    connection.commit()
    inspector = sa.inspect(connection)
    before = [inspector.get_indexes("filhos"), inspector.get_foreign_keys("filhos")]
    revision = revision_for(connection, models([]), "drop=filhos.fk_p")
    assert revision is not None
    for _ in range(2):
        revision.upgrade()
        assert differences(connection, models([])) == ""
        assert sa.inspect(connection).get_indexes("filhos") == []
        revision.downgrade()
        inspector = sa.inspect(connection)
        assert [inspector.get_indexes("filhos"), inspector.get_foreign_keys("filhos")] == before


def test_an_index_that_another_key_needs_stays(connection: sa.Connection) -> None:
    both = [
        lambda: sa.ForeignKeyConstraint(["p"], ["pais.id"], name="fk_p"),
        lambda: sa.ForeignKeyConstraint(["p"], ["outros.id"], name="fk_o"),
    ]
    models([make() for make in both]).create_all(connection)
    connection.commit()
    revision = revision_for(connection, models([both[1]()]))
    assert revision is not None and "drop_index" not in revision.source
    revision.upgrade()
    assert differences(connection, models([both[1]()])) == ""


def test_a_long_name_is_cut_as_the_database_has_it(connection: sa.Connection) -> None:
    def named(*parts: SchemaItem) -> sa.MetaData:
        metadata = sa.MetaData()
        column = "c" * 60
        sa.Table(
            "t" * 60,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column(column, sa.Integer),
            *parts,
        )
        return metadata

    named().create_all(connection)
    now = named(sa.UniqueConstraint("c" * 60))
    revision = revision_for(connection, now)
    assert revision is not None
    revision.upgrade()
    assert differences(connection, now) == ""
    revision.downgrade()
    assert differences(connection, now) != ""


def test_a_name_that_is_there_stays(connection: sa.Connection) -> None:
    models([]).create_all(connection)
    revision = revision_for(connection, models([sa.UniqueConstraint("a", name="a_so")]))
    assert revision is not None
    assert "a_so" in revision.source and "uq_" not in revision.source
