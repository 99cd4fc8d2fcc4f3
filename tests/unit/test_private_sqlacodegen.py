"""Canaries: what the generator of models overrides of sqlacodegen's is there, and is called.

sqlacodegen is extended by overriding methods that its documentation does not name. When one of
these fails, sqlacodegen changed: mend `alambique/adopt/generator.py`.
"""

import inspect
from types import FunctionType

import pytest
import sqlalchemy as sa
from alambique.adopt import generator
from alambique.adopt.base import ProjectBase
from alambique.adopt.generator import OVERRIDDEN, Generator
from alambique.adopt.normalize import ExplicitName
from alambique.names import TableName
from sqlacodegen.generators import DeclarativeGenerator
from sqlacodegen.utils import uses_default_name
from sqlalchemy.orm import DeclarativeBase

INHERITED = ("add_literal_import", "generate", "get_adapted_type", "render_column_type")


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention={"uq": "uq_%(table_name)s_%(column_0_N_name)s"})


def parameters(method: FunctionType) -> list[str]:
    return list(inspect.signature(method).parameters)


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_an_overridden_method_is_there_with_its_parameters(name: str) -> None:
    theirs, ours = getattr(DeclarativeGenerator, name), vars(Generator)[name]
    assert parameters(ours) == parameters(theirs)


def test_all_that_is_overridden_is_in_the_list() -> None:
    methods = {name for name, value in vars(Generator).items() if inspect.isfunction(value)}
    overridden = {name for name in methods if hasattr(DeclarativeGenerator, name)}
    assert overridden - {"__init__"} == set(OVERRIDDEN)


@pytest.mark.parametrize("name", INHERITED)
def test_what_is_called_is_there(name: str) -> None:
    assert inspect.isfunction(getattr(DeclarativeGenerator, name))


def test_the_constructor_takes_the_name_of_the_base() -> None:
    expected = ["self", "metadata", "bind", "options", "indentation", "base_class_name"]
    found = list(inspect.signature(DeclarativeGenerator.__init__).parameters)
    assert [name for name in found if name in expected] == expected


def test_its_options_are_those_it_knows() -> None:
    assert set(generator.OPTIONS) <= DeclarativeGenerator.valid_options


def test_a_name_like_the_conventions_is_left_out_unless_it_is_explicit() -> None:
    constraint = sa.UniqueConstraint("a", name="uq_t_a")
    sa.Table("t", Base.metadata, sa.Column("a", sa.Integer), constraint, extend_existing=True)
    assert uses_default_name(constraint)
    constraint.name = ExplicitName("uq_t_a")
    assert not uses_default_name(constraint)
    assert repr(constraint.name) == "'uq_t_a'"


def test_each_of_them_is_called() -> None:
    """A method that sqlacodegen renamed would still be there in ours, and do nothing."""
    called: set[str] = set()

    class Watched(Generator):
        def __getattribute__(self, name: str) -> object:
            called.add(name)
            return super().__getattribute__(name)

    metadata = sa.MetaData()
    with sa.create_engine("sqlite://").connect() as connection:
        for statement in (
            "CREATE TABLE donos (id INTEGER PRIMARY KEY, nome TEXT, CHECK (nome <> ''))",
            "CREATE TABLE gatos (id INTEGER PRIMARY KEY, dono INTEGER REFERENCES donos, j JSON)",
            "CREATE INDEX ix ON gatos (dono, j)",
            "CREATE TABLE sem_chave (a INTEGER, UNIQUE (a))",
        ):
            connection.execute(sa.text(statement))
        metadata.reflect(connection, resolve_fks=False)
        ours = {TableName("donos"), TableName("gatos"), TableName("sem_chave")}
        base = ProjectBase("core.database", "Base", Base)
        source = Watched(metadata, connection, base, ours, taken=set()).generate()

    assert set(OVERRIDDEN) <= called
    assert "from core.database import Base\n" in source
    assert "class Dono(Base):" in source
    assert "CheckConstraint(\"nome <> ''\"" in source
    assert "'Dono | None'" in source
