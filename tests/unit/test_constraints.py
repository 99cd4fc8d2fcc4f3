"""No constraint is dropped unless somebody said so, or the models promise the same without it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from alambique import messages, terminal
from alambique.names import TableName
from alembic.util import CommandError
from sqlalchemy.schema import SchemaItem

from support.comparison import differences, revision_for

Make = Callable[[], SchemaItem]


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every question asked; nobody answers any."""
    messages.speak("en")
    questions: list[str] = []

    def ask(question: str) -> str | None:
        questions.append(question)
        return None

    monkeypatch.setattr(terminal, "ask", ask)
    return questions


def unique(*columns: str, name: str = "uq") -> Make:
    return lambda: sa.UniqueConstraint(*columns, name=name)


def index(*columns: str, name: str = "ix", unique: bool = True) -> Make:
    return lambda: sa.Index(name, *columns, unique=unique)


def check(condition: str, name: str | None = "ck") -> Make:
    return lambda: sa.CheckConstraint(condition, name=name)


def key(target: str = "pais.id", name: str = "fk", **options: str) -> Make:
    return lambda: sa.ForeignKeyConstraint(["p"], [target], name=name, **options)


def models(*parts: Make, columns: str = "abp") -> sa.MetaData:
    metadata = sa.MetaData()
    for parent in "pais", "outros":
        sa.Table(parent, metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table(
        "t",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Integer) for name in columns),
        *(make() for make in parts),
    )
    return metadata


@dataclass
class Change:
    """What a table has, and what the models have then."""

    before: list[Make]
    after: list[Make]
    lost: list[str] = field(default_factory=list)
    """What has to be said, each of its kind."""
    columns: str = "abp"
    said: list[str] = field(default_factory=list)
    """What has to be said of other things."""


CHANGES = {
    "a UNIQUE": Change([unique("a")], [], ["UNIQUE t.uq"]),
    "a UNIQUE becomes weaker": Change(
        [unique("a")], [unique("a", "b", name="uq2")], ["UNIQUE t.uq"]
    ),
    "under its name": Change([unique("a")], [unique("a", "b")], ["UNIQUE t.uq"]),
    "a UNIQUE becomes stronger": Change([unique("a", "b")], [unique("a", name="uq2")]),
    "a UNIQUE gets another name": Change([unique("a")], [unique("a", name="uq2")]),
    "a unique index": Change([index("a")], [], ["unique index t.ix"]),
    "an index that is unique no more": Change(
        [index("a")], [index("a", unique=False)], ["unique index t.ix"]
    ),
    "an index": Change([index("a", unique=False)], []),
    "a primary key says it, too": Change([index("id", "a")], []),
    "a CHECK": Change([check("a > 0")], [], ["CHECK t.ck"]),
    "a CHECK gets another name": Change([check("a > 0")], [check("(a>0)", "ck2")]),
    "a CHECK says something else": Change([check("a > 0")], [check("a > 1")]),
    "a CHECK loses its name": Change([check("a > 0 AND b > 0")], [check("(a>0) and b>0", None)]),
    "a foreign key": Change([key(), index("p", unique=False)], [], ["foreign key t.fk"]),
    "a foreign key to another table": Change([key()], [key("outros.id")]),
    "a foreign key that cascades": Change([key()], [key(ondelete="CASCADE")]),
    "with their column": Change(
        [unique("a"), check("a > 0"), key()], [key()], columns="bp", said=["drop=t.a"]
    ),
}


def test_a_constraint_is_dropped_when_somebody_says_so(
    connection: sa.Connection, asked: list[str]
) -> None:
    for name, change in CHANGES.items():
        before = models(*change.before)
        before.create_all(connection)
        connection.commit()
        after = models(*change.after, columns=change.columns)
        words = [f"drop={lost.split()[-1]}" for lost in change.lost]

        if change.lost:
            with pytest.raises(CommandError) as refused:
                revision_for(connection, after, *change.said)
            for said, lost in zip(words, change.lost, strict=True):
                # MySQL keeps a UNIQUE as an index, and Alembic takes it for the one or the other.
                which = lost.replace("UNIQUE", "(UNIQUE|unique index)")
                hint = f"The {which} is in the database .* {said} "
                assert re.search(hint, str(refused.value)), name
                assert any(re.match(rf"Drop the {which}\?", question) for question in asked), name

        asked.clear()
        revision = revision_for(connection, after, *change.said, *words)
        assert asked == [], name
        if revision is not None:
            changes = differences(connection, after)
            for _ in range(2):
                revision.upgrade()
                assert differences(connection, after) == "", name
                revision.downgrade()
                assert differences(connection, after) == changes, name
        before.drop_all(connection)
        connection.commit()


def test_what_goes_with_its_table_is_not_asked(connection: sa.Connection) -> None:
    models(key(), unique("a")).create_all(connection)
    connection.commit()
    without_parent = models()
    without_parent.remove(without_parent.tables["pais"])
    revision = revision_for(
        connection, without_parent, "drop=pais", "drop=t.uq", created=[TableName("pais")]
    )
    assert revision is not None and "drop_table('pais')" in revision.source

    alone = sa.MetaData()
    sa.Table("outros", alone, sa.Column("id", sa.Integer, primary_key=True))
    both = [TableName("pais"), TableName("t")]
    assert revision_for(connection, alone, "drop=pais", "drop=t", created=both) is not None


def test_a_hint_names_what_is_no_constraint_either(connection: sa.Connection) -> None:
    models().create_all(connection)
    with pytest.raises(CommandError, match=r"under t\.uq"):
        revision_for(connection, models(), "drop=t.uq")
