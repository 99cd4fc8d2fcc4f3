"""The questions are a contract: keys and values are never renamed, a default changes on purpose.

An answer that would break the project is refused in the language chosen, and asking needs no trust.
"""

import importlib.metadata
import itertools
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import copier
import pytest
from jinja2 import Environment, FileSystemLoader
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.project import QUESTIONS, ROOT, SETTINGS, render, values

COMPUTED = object()  # a default that depends on the folder or on the language
# key: (values, default). Only these two grow; what is listed here stays, in this order.
GROWING = {"database", "api"}
CONTRACT: dict[str, tuple[list[Any], Any]] = {
    "language": (["pt", "en"], "pt"),
    "project_name": ([], COMPUTED),
    "project_description": ([], COMPUTED),
    "database": (["sqlite", "postgresql", "mysql"], "sqlite"),
    "mode": (["sync", "async"], "sync"),
    "example": ([True, False], True),
    "environment": (["uv", "poetry", "pip", "conda"], "uv"),
    "api": (["none", "fastapi", "flask"], "none"),
    "migrations_folder": ([], "migrations"),
    "ci": (["github", "gitlab", "none"], "github"),
}

COLUMNS = 40
"""How wide a terminal is at least."""
PEP_508 = "Use letras sem acento, dígitos e . _ -", "Use unaccented letters, digits and . _ -"
ENDS = "Comece e termine com letra ou dígito", "Begin and end with a letter or a digit"
PACKAGE = "Use outro nome: este é o de um pacote", "Use another name: this is a package's"
IDENTIFIER = "Use letras sem acento, dígitos e _", "Use unaccented letters, digits and _"
BEGINS = "Não comece por um dígito", "Do not begin with a digit"
TAKEN = "Use outro nome: este já tem outro uso", "Use another name: this one is taken"
ONE_LINE = "Use uma única linha", "Use a single line"
REFUSED = [
    *(("project_name", name, PEP_508) for name in ("", "a b", "ação", "a/b", "é")),
    *(("project_name", name, ENDS) for name in ("-loja", "loja-", "-")),
    *(("project_name", name, PACKAGE) for name in ("alembic", "SQLAlchemy", "python_dotenv")),
    *(("project_description", text, ONE_LINE) for text in ("a\nb", "a\tb", "\x1b[1m")),
    *(("migrations_folder", name, IDENTIFIER) for name in ("", "a-b", "a b", "migrações")),
    ("migrations_folder", "1a", BEGINS),
    *(("migrations_folder", name, TAKEN) for name in ("app", "App", "CORE", "core", "Tests")),
    *(("migrations_folder", name, TAKEN) for name in ("vendor", "makefile", "dist", "venv")),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All the questions, but one file behind them: an answer is judged in no time."""
    folder = tmp_path_factory.mktemp("template")
    shutil.copy(ROOT / "copier.yml", folder)
    shutil.copytree(ROOT / "variants", folder / "variants")
    (folder / "template").mkdir()
    shutil.copy(ROOT / "template/pyproject.toml.jinja", folder / "template")
    return folder


def pyproject(template: Path, destination: Path, **answers: Any) -> dict[str, Any]:
    """Answer the questions, untrusted; return the pyproject that was made."""
    copier.run_copy(
        str(template), destination, answers, defaults=True, unsafe=False, overwrite=True, quiet=True
    )
    return tomllib.loads((destination / "pyproject.toml").read_text(encoding="utf-8"))


def accepted(key: str, names: set[str]) -> set[str]:
    """Return the names that a question takes: its validator alone, as they are many."""
    jinja = Environment(
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
        loader=FileSystemLoader(ROOT),
    )
    validator = jinja.from_string(QUESTIONS[key]["validator"])
    return {name for name in names if not validator.render({"language": "en", key: name})}


def requirements(template: Path, destination: Path) -> dict[str, set[str]]:
    """Return what any rendered project asks for: each package with the extras asked of it."""
    found: dict[str, set[str]] = {}
    for database, mode, api in itertools.product(values("database"), values("mode"), values("api")):
        if (api, mode) != ("flask", "async"):
            made = pyproject(template, destination, database=database, mode=mode, api=api)
            for text in made["project"]["dependencies"] + made["dependency-groups"]["dev"]:
                requirement = Requirement(text)
                name = canonicalize_name(requirement.name)
                found.setdefault(name, set()).update(requirement.extras)
    return found


def installed(needed: dict[str, set[str]]) -> set[str]:
    """Return these packages and all they depend on, as far as they are installed here."""
    queue, seen = list(needed.items()), set()
    while queue:
        package, extras = queue.pop()
        try:
            texts = importlib.metadata.requires(package) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        if (package, *sorted(extras)) not in seen:
            seen.add((package, *sorted(extras)))
            for requirement in map(Requirement, texts):
                contexts = [{"extra": extra} for extra in ("", *extras)]
                if not requirement.marker or any(map(requirement.marker.evaluate, contexts)):
                    queue.append((canonicalize_name(requirement.name), requirement.extras))
    return {package for package, *_ in seen}


def test_the_keys_and_their_order_are_frozen() -> None:
    assert list(QUESTIONS) == list(CONTRACT)


@pytest.mark.parametrize("key", CONTRACT)
def test_values_are_never_renamed(key: str) -> None:
    frozen = CONTRACT[key][0]
    offered = values(key)
    assert offered[: len(frozen)] == frozen
    assert key in GROWING or offered == frozen


@pytest.mark.parametrize("key", [key for key in CONTRACT if CONTRACT[key][1] is not COMPUTED])
def test_a_default_changes_on_purpose(key: str) -> None:
    assert QUESTIONS[key]["default"] == CONTRACT[key][1]


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_the_readme_names_every_answer(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    for key in QUESTIONS:
        rows = [line for line in lines if line.startswith(f"| `{key}` |")]
        assert rows, f"{name} lacks the row: | `{key}` | ... |"
        missing = [value for value in values(key) if f"`{str(value).lower()}`" not in rows[0]]
        assert not missing, f"in {name}, the row of `{key}` lacks {missing}"


def test_nothing_needs_trust() -> None:
    assert not {"_tasks", "_jinja_extensions"} & set(SETTINGS)
    assert all("version" in migration for migration in SETTINGS.get("_migrations", []))


def test_copier_yml_is_short() -> None:
    assert len((ROOT / "copier.yml").read_text(encoding="utf-8").splitlines()) <= 160


@pytest.mark.parametrize("language", values("language"))
@pytest.mark.parametrize(("key", "answer", "sentences"), REFUSED)
def test_refuses_in_your_language(
    template: Path, tmp_path: Path, language: str, key: str, answer: str, sentences: tuple[str, str]
) -> None:
    sentence = sentences[values("language").index(language)]
    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        pyproject(template, tmp_path / "loja", language=language, **{key: answer})
    said = str(refused.value).partition(f"'{key}': ")[2].strip()
    assert 0 < len(said) <= COLUMNS, "a prompt has one line for it, and cuts it off"


def test_refuses_flask_with_async(template: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sync"):
        pyproject(template, tmp_path / "loja", api="flask", mode="async")


@pytest.mark.parametrize(
    "name", ["alembic", "migrations", "db_history", "json", "sqlalchemy", "class", "docs"]
)
def test_accepts_a_folder_of_migrations(template: Path, tmp_path: Path, name: str) -> None:
    made = pyproject(template, tmp_path / "loja", migrations_folder=name)
    assert name in made["tool"]["mypy"]["files"]


def test_only_what_breaks_is_no_folder(tmp_path: Path) -> None:
    """A folder without __init__.py hides no module: test_life.py lives in one called json."""
    names = {name for name in sys.stdlib_module_names if not name.startswith("_")}
    names |= {"sqlalchemy", "alembic", "mako", "pytest", "greenlet", "class", "None"}
    assert accepted("migrations_folder", names) == names - {"venv"}
    tree = render(tmp_path / "loja", database="postgresql", api="fastapi", environment="conda")
    there = {path.name for path in tree.iterdir() if path.name.isidentifier()} - {"migrations"}
    assert {"app", "core", "tests", "vendor", "Makefile"} <= there
    assert accepted("migrations_folder", there) == {"docs"}, "a folder of ours, and no Python in it"


def test_no_dependency_is_a_project_name(template: Path, tmp_path: Path) -> None:
    needed = requirements(template, tmp_path / "loja")
    packages = set(needed) | installed(needed) | {"uv", "poetry", "pip"}
    assert {"sqlalchemy", "mako", "greenlet", "ruff"} <= packages  # far and near, with extras
    assert accepted("project_name", packages) == set()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("loja", "loja"),
        ("Minha Loja", "minha-loja"),
        ("serviço-de-ações", "servico-de-acoes"),
        ("Ñandú_2.0", "andu-2-0"),
        ("---", "servico"),
        ("日本", "servico"),
    ],
)
def test_a_folder_gives_a_valid_name(
    template: Path, tmp_path: Path, folder: str, name: str
) -> None:
    assert pyproject(template, tmp_path / folder)["project"]["name"] == name
