"""What is too old is one sentence, by every door; the bounds are said once, and are true."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import sqlalchemy
from alambique import messages, versions

from support.minimal import Minimal, minimal_project

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "template/vendor"


@pytest.fixture
def made(tmp_path: Path) -> Minimal:
    return minimal_project(tmp_path)


def old(made: Minimal, package: str, version: str) -> None:
    """Have the package say that it is of another version, in processes begun in the project.

    What an old one lacks is taken away, too, where one of our imports names it.
    """
    made.write(
        "path/sitecustomize.py",
        f"import {package}\n"
        f"{package}.__version__ = {version!r}\n"
        "import alembic.command, sqlalchemy\n"
        "del sqlalchemy.Dialect\n",
    )


def typed(made: Minimal, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(made.root / "path"), str(VENDOR)])
    return subprocess.run(
        command,
        cwd=made.root,
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("package", "version"), [("sqlalchemy", "1.4.54"), ("alembic", "1.17.2")])
def test_what_is_too_old_is_one_sentence(made: Minimal, package: str, version: str) -> None:
    import alembic

    old(made, package, version)
    found = {"SQLAlchemy": sqlalchemy.__version__, "Alembic": alembic.__version__}
    found["SQLAlchemy" if package == "sqlalchemy" else "Alembic"] = version
    sentence = messages.TOO_OLD.format(
        needed=", ".join(f"{name} {least}" for name, least in versions.OLDEST.items()),
        found=", ".join(f"{name} {each}" for name, each in found.items()),
    )

    ours = typed(made, sys.executable, "-m", "alambique", "check")
    assert (ours.returncode, ours.stdout) == (1, "")
    assert ours.stderr.strip() == messages.FAILED.format(error=sentence)

    alembic_program = str(Path(sys.executable).with_name("alembic"))
    theirs = typed(made, alembic_program, "upgrade", "head")
    assert (theirs.returncode, "Traceback" in theirs.stderr) == (255, False)
    assert " ".join(sentence.split()) in " ".join((theirs.stdout + theirs.stderr).split())

    for line in (
        "from alambique import apply_migrations",
        "import alambique.testing",
        "import alambique.web.readiness",
    ):
        program = typed(made, sys.executable, "-c", line)
        assert program.stderr.splitlines()[-1].endswith(sentence), program.stderr


def test_the_newest_prerelease_is_not_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, numbers in (("2.1.0b1", (2, 1, 0)), ("2.0.45", (2, 0, 45)), ("3.0.dev0", (3, 0))):
        assert versions.version(text) == numbers
    monkeypatch.setattr(sqlalchemy, "__version__", "2.1.0b1")
    versions.require_versions()


def test_the_bounds_are_those_of_the_packaging() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name, least in versions.OLDEST.items():
        assert f'"{name.lower()}>={least},' in text


def test_the_dependencies_are_read_by_pip() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"alembic>=1.19.2,<2", "sqlalchemy>=2.0.45,<2.2"} <= set(project["dependencies"])


# What leans on either library most: all of tests/unit would take minutes.
PART = (
    "binds",
    "checks",
    "consent",
    "constraints",
    "discovery",
    "env",
    "filters",
    "guard",
    "journal",
    "private",
    "public",
    "rebuild",
    "renames",
    "rendering",
    "status",
)


@pytest.mark.full
def test_the_library_runs_on_the_oldest(tmp_path: Path) -> None:
    """The other tests run on the newest; these are the oldest that pyproject.toml allows."""
    oldest = tmp_path / "oldest"
    bin_ = Path(sys.executable).parent
    subprocess.run(
        [
            *(bin_ / "uv", "pip", "install", "--quiet", "--python", sys.executable),
            *("--resolution", "lowest-direct", "--target", oldest),
            *("-r", ROOT / "pyproject.toml", "--extra", "adopt", "--extra", "tour"),
        ],
        check=True,
    )
    environment = {**os.environ, "PYTHONPATH": str(oldest)}
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sqlalchemy, alembic; print(sqlalchemy.__version__, alembic.__version__)",
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == list(versions.OLDEST.values())

    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "2", "--tb=short"),
            *(f"tests/unit/test_{name}.py" for name in PART),
        ],
        cwd=ROOT,
        env={name: each for name, each in environment.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-6000:]
