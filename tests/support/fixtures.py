"""The fixtures of the tests: projects and databases, made before a test and gone after it."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from support.database import drop
from support.project import Project, render
from support.seal import seal
from support.servers import server_url


@pytest.fixture(scope="session")
def full(pytestconfig: pytest.Config) -> bool:
    """Tell whether a test takes all, or a larger sample; --remaining runs it once more."""
    return bool(pytestconfig.getoption("--full"))


@pytest.fixture
def new_database(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Name databases that do not exist yet, on real servers, and drop them after the test."""
    made: list[URL] = []

    def name_one(database: str) -> str:
        if database == "sqlite":
            return f"sqlite:///{tmp_path / f'{secrets.token_hex(4)}.db'}"
        url = server_url(database).set(database=f"t_{secrets.token_hex(6)}")
        made.append(url)
        return url.render_as_string(hide_password=False)

    yield name_one
    for url in made:
        drop(url)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Render each set of answers once; on SQLite, also set the project up once."""
    trees: dict[str, Path] = {}

    def prepare(name: str, setup: bool, answers: dict[str, Any]) -> Path:
        key = repr((name, setup, sorted(answers.items())))
        if key not in trees:
            made = Project(render(tmp_path_factory.mktemp("prepared") / name, **answers))
            made.use_these_packages()
            seal(made.path / "vendor")
            if setup:
                made.alambique("setup")
            trees[key] = made.path
        return trees[key]

    return prepare


@pytest.fixture
def project(
    tmp_path: Path, prepared: Callable[..., Path], new_database: Callable[[str], str]
) -> Callable[..., Project]:
    """Copy a project whose .venv is the one these tests run in, and set up its database."""

    def make_project(name: str = "loja", setup: bool = True, **answers: Any) -> Project:
        server = answers.get("database", "sqlite") != "sqlite"
        tree = prepared(name, setup and not server, answers)
        made = Project(Path(shutil.copytree(tree, tmp_path / name, symlinks=True)))
        if server:
            made.env["DATABASE_URL"] = new_database(answers["database"])
            if setup:
                made.alambique("setup")
        return made

    return make_project
