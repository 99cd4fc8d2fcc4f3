"""Every model is found, in this process; what cannot be imported says where and why."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.autogenerate.discovery import ModelImportError, load_metadata
from alambique.autogenerate.unseen import unseen_models
from alambique.settings import InvalidSetting, use_project

BASE = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class CoreBase(Base):
    __abstract__ = True
    id: Mapped[int] = mapped_column(primary_key=True)
"""
MODEL = """
from core.database import CoreBase


class Model(CoreBase):
    __tablename__ = "{table}"
"""
OWN = """
import sqlalchemy as sa

metadata = sa.MetaData()
table = sa.Table("{table}", metadata)
"""

Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def english() -> None:
    messages.speak("en")


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    """Write files of a project whose modules are forgotten afterwards."""
    before, path = set(sys.modules), [*sys.path]

    def write_file(name: str, source: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
        return file

    write_file("core/database.py", BASE)
    yield write_file
    sys.path[:] = path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def found(root: Path) -> list[str]:
    """Return the tables of the project in this folder, sorted."""
    use_project(root)
    return sorted(name for metadata in load_metadata() for name in metadata.tables)


def test_modules_named_models_are_found(write: Write, tmp_path: Path) -> None:
    write("app/models.py", MODEL.format(table="raiz"))
    write("app/a/b/models.py", MODEL.format(table="fundo"))
    write("app/c/models/d/e.py", MODEL.format(table="abaixo"))
    write("app/f/esquemas.py", MODEL.format(table="outra"))
    write("app/2024/models.py", "1 / 0")
    assert found(tmp_path) == ["abaixo", "fundo", "raiz"]


def test_a_base_without_models_is_there_all_the_same(write: Write, tmp_path: Path) -> None:
    write("app/__init__.py", "")
    use_project(tmp_path)
    (metadata,) = load_metadata()
    assert not metadata.tables


def test_extra_models_are_modules_or_classes(write: Write, tmp_path: Path) -> None:
    write("app/__init__.py", "")
    write("lib/tabelas.py", OWN.format(table="do_modulo"))
    write("lib/classe.py", MODEL.format(table="da_classe"))
    write(
        "pyproject.toml",
        '[tool.alambique]\nextra-models = ["lib.tabelas", "lib.classe.Model"]\n',
    )
    assert found(tmp_path) == ["da_classe", "do_modulo"]


def test_another_base_counts_where_it_is_named(write: Write, tmp_path: Path) -> None:
    write("app/models.py", OWN.format(table="sozinha"))
    assert found(tmp_path) == []
    write("pyproject.toml", '[tool.alambique]\nbase = "app.models.metadata"\n')
    assert found(tmp_path) == ["sozinha"]


def test_without_a_base_the_modules_say_what_they_map(write: Write, tmp_path: Path) -> None:
    """A project that only installed the library."""
    (tmp_path / "core" / "database.py").unlink()
    write("app/models.py", OWN.format(table="sozinha"))
    write(
        "app/x/models.py", "class Proxy:\n    @property\n    def metadata(self): 1 / 0\np = Proxy()"
    )
    assert found(tmp_path) == ["sozinha"]


def test_a_module_of_the_usual_name_need_not_have_a_base(write: Write, tmp_path: Path) -> None:
    write("core/database.py", "engine = None\n")
    write("app/models.py", OWN.format(table="sozinha"))
    assert found(tmp_path) == ["sozinha"]


def test_policy_wins(write: Write, tmp_path: Path) -> None:
    write("pyproject.toml", '[tool.alambique]\nmodels = ["nao_existe"]\n')
    write("core/policy.py", 'MODEL_PACKAGES = ["outro"]\nEXTRA_MODELS: list[str] = ["lib.x"]\n')
    write("outro/models.py", MODEL.format(table="outra"))
    write("lib/x.py", OWN.format(table="extra"))
    assert found(tmp_path) == ["extra", "outra"]


@pytest.mark.parametrize(
    ("source", "cause", "line"),
    [
        ("import os\nimport nao_existe\n", "No module named 'nao_existe'", 2),
        ("def f():\n    return nada\n\n\nf()\n", "NameError", 2),
        ("x = 1\n\ndef f(:\n", "SyntaxError", 3),
        ("import sqlalchemy as sa\nsa.Table('t')\n", "TypeError", 2),
    ],
)
def test_a_broken_model_says_where(
    write: Write, tmp_path: Path, source: str, cause: str, line: int
) -> None:
    broken = write("app/models.py", source)
    with pytest.raises(ModelImportError) as stopped:
        found(tmp_path)
    sentence = str(stopped.value)
    assert cause in sentence and f"{broken}:{line}" in sentence
    assert "app.models" in sentence


@pytest.mark.parametrize(("policy", "place"), [(False, "pyproject.toml"), (True, "core/policy.py")])
def test_a_mistyped_name_says_where_it_is_written(
    write: Write, tmp_path: Path, policy: bool, place: str
) -> None:
    write("pyproject.toml", '[tool.alambique]\nmodels = ["nao_existe"]\n')
    if policy:
        write("core/policy.py", 'MODEL_PACKAGES = ["nao_existe"]\n')
    with pytest.raises(ModelImportError, match=f"at {place}") as stopped:
        found(tmp_path)
    assert "nao_existe" in str(stopped.value)


def test_the_library_is_not_the_place(write: Write, tmp_path: Path) -> None:
    """It lies below the project's root in a service, in vendor/."""
    model = write(
        "app/models.py",
        "from alambique.names import TableName\n\nTableName.parse('a.b.c')\n",
    )
    # As in a service: the library lies below the project's folder, and is no file of its own.
    use_project(Path("/"))
    sys.path.insert(0, str(tmp_path))
    with pytest.raises(ModelImportError) as stopped:
        load_metadata()
    assert f"{model}:3" in str(stopped.value)


def test_a_wrong_setting_is_no_fault_of_the_model(write: Write, tmp_path: Path) -> None:
    write(
        "app/models.py",
        "from alambique.settings import InvalidSetting\nraise InvalidSetting('uma frase')\n",
    )
    with pytest.raises(InvalidSetting, match="^uma frase$"):
        found(tmp_path)


def test_metadata_of_one_base_is_said_once(write: Write, tmp_path: Path) -> None:
    write("app/models.py", MODEL.format(table="a"))
    write("pyproject.toml", '[tool.alambique]\nextra-models = ["app.models"]\n')
    use_project(tmp_path)
    assert [type(each) for each in load_metadata()] == [sa.MetaData]


SQLMODEL = """
from sqlmodel import Field, SQLModel


class Hero(SQLModel, table=True):
    id: int = Field(primary_key=True)
"""
MIXIN = """
class Named:
    @declared_attr.directive
    def __tablename__(cls):
        return cls.__name__.lower()
"""


def unseen(root: Path) -> list[str]:
    """Return what is not compared of the project in this folder, by file, line and class."""
    here = use_project(root)
    load_metadata()
    return [
        f"{each.path.as_posix()}:{each.line} {each.name}"
        for each in unseen_models(here, root / "migrations")
    ]


def test_models_that_nobody_imports_are_named(write: Write, tmp_path: Path) -> None:
    write("app/models.py", MODEL.format(table="vista"))
    write("app/pedidos/model.py", MODEL.format(table="pedidos"))
    write("cobranca.py", SQLMODEL)
    assert unseen(tmp_path) == ["cobranca.py:5 Hero", "app/pedidos/model.py:5 Model"]


def test_what_somebody_imports_is_compared(write: Write, tmp_path: Path) -> None:
    write("app/models.py", "from app.pedidos.model import Model\n")
    write("app/pedidos/model.py", MODEL.format(table="pedidos"))
    assert unseen(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "migrations/versions/a1.py",
        "tests/models_of_tests.py",
        ".venv/lib/models_of_others.py",
        "ambiente/lib/models_of_others.py",
        "other/app/tables.py",
        "vendor/theirs/tables.py",
    ],
)
def test_what_is_not_the_applications_is_no_model_of_it(
    write: Write, tmp_path: Path, name: str
) -> None:
    write("app/__init__.py", "")
    write("ambiente/pyvenv.cfg", "")
    write("other/pyproject.toml", "")
    write(name, MODEL.format(table="alheia"))
    assert unseen(tmp_path) == []


@pytest.mark.parametrize("source", [MIXIN, "__tablename__ = ", "x = '__tablename__'"])
def test_what_maps_no_table_is_no_model(write: Write, tmp_path: Path, source: str) -> None:
    write("app/models.py", MODEL.format(table="vista"))
    write("app/outra.py", source)
    assert unseen(tmp_path) == []
