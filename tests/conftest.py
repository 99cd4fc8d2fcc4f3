"""What every test needs: the template rendered for real, and a project one can use at once."""

import itertools
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy_utils import database_exists, drop_database

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
QUESTIONS = {key: value for key, value in SETTINGS.items() if not key.startswith("_")}
SERVERS = {
    "postgresql": "postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
    "mysql": "mysql+pymysql://root@127.0.0.1:3306/test",
}

SECONDS = itertools.count(1_000_000_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="every cell of every matrix")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: only with --full")


def pytest_xdist_auto_num_workers() -> int:
    """Return three workers for two cores: a third of the time tests wait for something."""
    return max(2, 3 * (os.cpu_count() or 1) // 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only for --full."""
    if not config.getoption("--full"):
        items[:] = [item for item in items if not item.get_closest_marker("full")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how much the tests that count something have counted, all together."""
    counted: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        counted.update(dict(report.user_properties))
    for what, number in sorted(counted.items()):
        terminalreporter.write_line(f"{number:>9,} {what}")


def render(destination: Path, **answers: Any) -> Path:
    """Render the working tree, untrusted, with the defaults and these answers."""
    unknown = set(answers) - set(QUESTIONS)
    assert not unknown, f"{unknown} are no questions: Copier would ignore them silently"
    copier.run_copy(
        str(ROOT), destination, answers, vcs_ref="HEAD", defaults=True, unsafe=False, quiet=True
    )
    return destination


class Project:
    """A rendered project and the ways its owner uses it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        names = {"PYTHONDONTWRITEBYTECODE", "DATABASE_URL", "MAKEFLAGS", "MAKELEVEL", "VIRTUAL_ENV"}
        self.env = {key: value for key, value in os.environ.items() if key not in names}

    def run(
        self, *command: str, code: int | None = 0, cwd: Path | None = None, **options: Any
    ) -> str:
        """Run a command in the project, expect an exit code, return everything it printed."""
        options = {"stdin": subprocess.DEVNULL} | options if "input" not in options else options
        done = subprocess.run(
            command,
            cwd=cwd or self.path,
            env=self.env | options.pop("env", {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        assert code is None or done.returncode == code, (
            f"{command}: {done.returncode}\n{done.stdout}"
        )
        return done.stdout

    def make(self, *arguments: str, **options: Any) -> str:
        """Run make with these arguments in the project."""
        return self.run("make", *arguments, **options)

    def alembic(self, *arguments: str, **options: Any) -> str:
        """Run alembic directly, with the project's own alembic.ini."""
        ini = str(self.path / "alembic.ini")
        return self.run(str(self.path / ".venv/bin/alembic"), "-c", ini, *arguments, **options)

    def python(self, source: str, **options: Any) -> str:
        """Run Python source inside the project."""
        return self.run(str(self.path / ".venv/bin/python"), "-c", source, **options)

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project, with the folders it needs."""
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        # Python compiles anew what has another size or second: an edit may have neither.
        second = next(SECONDS)
        os.utime(target, (second, second))
        return target

    def revisions(self) -> list[Path]:
        """Return the revision files, in the order of the history; names tell the minute only."""
        after: dict[str, list[str]] = {}
        paths: dict[str, Path] = {}
        for path in sorted((self.path / self.migrations / "versions").glob("*.py")):
            text = path.read_text(encoding="utf-8")
            said = dict(re.findall(r"^(revision|down_revision)\b[^=]*= (.*)$", text, re.MULTILINE))
            identifier = said["revision"].strip("\"'")
            paths[identifier] = path
            after[identifier] = re.findall(r"[\"'](\w+)[\"']", said["down_revision"])
        return [paths[each] for each in TopologicalSorter(after).static_order() if each in paths]

    @property
    def migrations(self) -> str:
        """The name of the migrations folder."""
        answers = yaml.safe_load((self.path / ".copier-answers.yml").read_text(encoding="utf-8"))
        return str(answers["migrations_folder"])


def server_url(database: str) -> URL:
    """Return the test server's URL; skip where it does not answer, fail where CI runs."""
    url = make_url(os.environ.get(f"TEST_{database.upper()}_URL", SERVERS[database]))
    try:
        create_engine(url, poolclass=NullPool).connect().close()
    except DBAPIError as error:
        reason = f"{database} does not answer at {url}: {error.orig}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return url


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
        if database_exists(url):
            drop_database(url)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Render each set of answers once; on SQLite, also set the project up once."""
    trees: dict[str, Path] = {}

    def prepare(name: str, setup: bool, answers: dict[str, Any]) -> Path:
        key = repr((name, setup, sorted(answers.items())))
        if key not in trees:
            made = Project(render(tmp_path_factory.mktemp("prepared") / name, **answers))
            (made.path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
            if setup:
                made.run(".venv/bin/python", "-m", "core.migrations", "setup")
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
                made.run(".venv/bin/python", "-m", "core.migrations", "setup")
        return made

    return make_project
