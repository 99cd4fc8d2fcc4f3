"""Every model is found, wherever it lives, and none is ever missing in silence.

The promise "dynamic import": modules named `models` at any depth, `extra-models` for the rest; a
model that cannot be imported stops the commands that compare, with one sentence, and no others.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.example import new_revision, operations
from support.messages import sentence
from support.project import Project, read

MODEL = """
from sqlalchemy.orm import Mapped

from core.database import CoreBase


class Nome{name}(CoreBase):
    __tablename__ = "{table}"

    nome: Mapped[str]
"""
OWN_BASE = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class OwnBase(DeclarativeBase):
    pass


class NomeModels(OwnBase):
    __tablename__ = "{table}"

    id: Mapped[int] = mapped_column(primary_key=True)
"""
# What is wrong in a module, how the sentence names it, and the line it must point to.
BROKEN = [
    ("import os\nimport nao_existe\n", "No module named 'nao_existe'", 2),
    ("from core.database import NaoExiste\n", "cannot import name 'NaoExiste'", 1),
    ("x = 1\n\ndef f(:\n", "SyntaxError", 3),
    ("def f():\n    return nao_definido\n\n\nf()\n", "NameError", 2),
    ("from core.database import CoreBase\nclass A(CoreBase):\n    pass\n", "__tablename__", 2),
]
MARKER = 'open(__import__("os").environ["MARKER"], "a").write("imported")\n'


def model(table: str, name: str = "Models") -> str:
    """Return the source of a module with one model."""
    return MODEL.format(name=name, table=table)


def policy(project: Project, packages: list[str], extra: list[str]) -> None:
    """Say where models live as the owner of a project of 1.x did: in core/policy.py."""
    lines = [
        '"""Which tables are ours: the one file to edit."""\n',
        f"MODEL_PACKAGES = {packages!r}",
        f"EXTRA_MODELS: list[str] = {extra!r}",
    ]
    project.write("core/policy.py", "\n".join([*lines, ""]))


# Where an owner says where models live: today's place, and that of 1.x, which goes on counting.
PLACES: list[Callable[[Project, list[str], list[str]], None]] = [Project.look_for_models, policy]


def created(project: Project) -> list[str]:
    """Autogenerate a revision and return the tables it creates, which is all it may do."""
    new = new_revision(project, lambda: project.make("migration", "m=create"))
    found = operations(new) if new else []
    assert {name for name, _ in found} <= {"create_table"}
    return sorted(table for _, table in found)


def test_a_module_named_models_is_found_wherever_it_is(project: Callable[..., Project]) -> None:
    made = project(example=False)
    files = {
        "app/models.py": "root",
        "app/a/models.py": "in_namespace",
        "app/b/__init__.py": None,
        "app/b/models.py": "in_package",
        "app/b/c/d/models.py": "nested",
        "app/e/models/__init__.py": "in_init",
        "app/e/models/pedido.py": "submodule_not_imported",
        "app/e/models/mais/item.py": "below_submodule",
        "app/f/models/cliente.py": "models_without_init",
        "app/g/schemas.py": "not_a_model_module",
        "app/h/models_old.py": "not_named_models",
    }
    for path, table in files.items():
        made.write(path, model(table, table) if table else "")
    found = [table for table in files.values() if table and not table.startswith("not_")]
    assert created(made) == sorted(found)


@pytest.mark.parametrize("say", PLACES)
def test_extra_models_and_packages_are_found(
    project: Callable[..., Project], say: Callable[[Project, list[str], list[str]], None]
) -> None:
    made = project(example=False)
    made.write("app/modulo/tabelas.py", model("from_module"))
    made.write("app/outro/tabelas.py", model("from_class"))
    made.write("lib/proprio.py", OWN_BASE.format(table="own_base_by_module"))
    made.write("lib/classe.py", OWN_BASE.format(table="own_base_by_class"))
    made.write("lib/imperativo.py", "import sqlalchemy as sa\nmetadata = sa.MetaData()\n")
    made.write("plugins/pagamentos/models.py", model("from_second_package", "Pago"))
    paths = ["app.modulo.tabelas", "app.outro.tabelas.NomeModels", "lib.proprio"]
    extra = [*paths, "lib.classe.NomeModels", "lib.imperativo"]
    say(made, ["app", "plugins.pagamentos"], extra)
    assert created(made) == [
        *("from_class", "from_module", "from_second_package"),
        *("own_base_by_class", "own_base_by_module"),
    ]
    made.make("upgrade")
    made.make("check")


def test_a_class_named_in_extra_models_may_live_in_a_models_module(
    project: Callable[..., Project],
) -> None:
    made = project(example=False)
    made.write("app/modulo/models.py", OWN_BASE.format(table="modulo"))
    assert sentence(made, "NOTHING_MAPPED").search(made.make("migration", "m=x", code=2))
    made.look_for_models(extra=["app.modulo.models.NomeModels"])
    assert created(made) == ["modulo"]


@pytest.mark.full
def test_a_broken_model_stops_what_compares(project: Callable[..., Project]) -> None:
    made = project()
    for source, cause, line in BROKEN:
        broken = made.write("app/clientes/models.py", source)
        for command in (["migration", "m=x"], ["check"]):
            stopped = made.make(*command, code=2)
            said = sentence(made, "MODEL_NOT_IMPORTED", model="app.clientes.models").search(stopped)
            assert said and cause in said[0], stopped
            assert stopped.count(f"{broken}:{line}") == 1, stopped  # one sentence, said once
            assert "Traceback" not in stopped
    assert len(made.revisions()) == 3


def test_what_does_not_compare_never_imports_the_application(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project()
    marker = tmp_path / "marker"
    env = {"MARKER": str(marker)}
    made.write("app/__init__.py", MARKER)
    made.write("app/clientes/models.py", MARKER + "1 / 0\n")
    for command in [
        *(["downgrade", "base"], ["upgrade", "head"], ["stamp", "head"], ["downgrade", "-1"]),
        *(["upgrade", "head", "--sql"], ["upgrade", "head"], ["current"], ["history"]),
        ["revision", "-m", "vazia"],
    ]:
        made.alembic(*command, env=env)
        assert not marker.exists(), command
    made.alambique("downgrade", env=env)
    functions = ["revert_migrations", "apply_migrations", "current_revision", "ensure_current"]
    calls = "".join(f"migrations.{function}()\n" for function in functions)
    made.python(f"from core import migrations\n{calls}", env=env)
    assert not marker.exists()
    made.make("migration", "m=x", code=2, env=env)
    assert marker.read_text() == "importedimported"


@pytest.mark.parametrize("say", PLACES)
def test_a_name_that_is_mistyped_is_an_error(
    project: Callable[..., Project], say: Callable[[Project, list[str], list[str]], None]
) -> None:
    made = project()
    for packages, extra in [
        (["nao_existe"], []),
        (["app", "app.nao_existe"], []),
        (["app"], ["app.usuarios.models.NaoExiste"]),
        (["app"], ["app.nao_existe.models"]),
        (["app"], ["nao_existe"]),
    ]:
        say(made, packages, extra)
        name = (extra or packages)[-1]
        stopped = made.make("migration", "m=x", code=2)
        assert sentence(made, "MODEL_NOT_IMPORTED", model=name).search(stopped), stopped
        assert "Traceback" not in stopped
    assert sentence(made, "MODEL_NOT_IMPORTED").search(made.make("check", code=2))


def test_what_policy_py_says_wins_over_pyproject(project: Callable[..., Project]) -> None:
    """An update to 2.0 brings the lines of pyproject.toml to a project that never wrote them."""
    made = project(example=False)
    made.write("lib/proprio.py", OWN_BASE.format(table="proprio"))
    made.write("outro/models.py", model("outro"))
    policy(made, ["outro"], ["lib.proprio"])
    assert created(made) == ["outro", "proprio"]


def test_a_setting_that_is_no_list_is_a_sentence(project: Callable[..., Project]) -> None:
    made = project()
    text = read(made.path / "pyproject.toml")
    made.write("pyproject.toml", text.replace('models = ["app"]', 'models = "app"', 1))
    stopped = made.make("check", code=2)
    assert sentence(made, "SETTING_NOT_A_LIST", name="models").search(stopped), stopped
    assert "Traceback" not in stopped
