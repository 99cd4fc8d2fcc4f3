"""The two sides: a project rendered from this template, and one with Alembic's stock env.py."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from shutil import copytree
from typing import Any

import copier
import yaml
from copier.errors import DirtyLocalWarning

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
# What would let the caller's shell, or the `make bench` above us, change what is measured.
FOREIGN = {
    "DATABASE_URL",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MIGRATION_DATABASE_URL",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "VIRTUAL_ENV",
}
UPGRADE = (".venv/bin/alembic", "upgrade", "head")

# What a service without the template would write: no .env, no checks, one engine.
STOCK_DATABASE = """
from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class CoreBase(Base):
    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True)


engine = create_engine("{url}")
SessionLocal = sessionmaker(engine, expire_on_commit=False)
"""


def choices(question: str) -> list[str]:
    """Return the values a question of copier.yml offers."""
    return list(SETTINGS[question]["choices"].values())


def ours(path: Path, **answers: Any) -> Path:
    """Render a project from the working tree, in the virtual environment we run in.

    Nothing installs it there: `run` says where its copy of the library is.
    """
    assert answers.keys() <= SETTINGS.keys(), f"{answers}: Copier ignores what is no question"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DirtyLocalWarning)
        copier.run_copy(
            str(ROOT), path, answers, vcs_ref="HEAD", defaults=True, unsafe=False, quiet=True
        )
    (path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    return path


def stock(path: Path, like: Path, url: str, models: bool = True) -> Path:
    """Make what `alembic init` makes, with the models and the revisions of another project.

    Only what Alembic's tutorial asks for is filled in: the URL, and unless `models` is false the
    models' metadata.
    """
    path.mkdir()
    (path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    run(path, ".venv/bin/alembic", "--quiet", "init", "--template", "generic", "migrations")
    copytree(like / "app", path / "app")
    copytree(like / "migrations/versions", path / "migrations/versions", dirs_exist_ok=True)
    (path / "core").mkdir()
    (path / "core/__init__.py").touch()
    (path / "core/database.py").write_text(STOCK_DATABASE.replace("{url}", url), encoding="utf-8")
    replace(path / "alembic.ini", "driver://user:pass@localhost/dbname", url.replace("%", "%%"))
    if models:
        files = sorted((path / "app").rglob("models.py"))
        names = [".".join(file.relative_to(path).with_suffix("").parts) for file in files]
        lines = [f"import {name}" for name in names] + ["from core.database import Base"]
        metadata = "\n".join([*lines, "target_metadata = Base.metadata"])
        replace(path / "migrations/env.py", "target_metadata = None", metadata)
    return path


def replace(file: Path, old: str, new: str) -> None:
    """Replace `old`, which must be in the file exactly once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} is not what it was: it has no single {old!r}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def run(path: Path, *command: str) -> str:
    """Run a command in a project, as if it were installed, and return its standard output.

    Raises:
        SystemExit: it failed; says what it printed.
    """
    environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    if (path / "vendor").is_dir():
        environment["PYTHONPATH"] = str(path / "vendor")
    done = subprocess.run(
        command,
        cwd=path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} in {path}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def numbers(path: Path, source: str) -> list[float]:
    """Run Python source in a project and return the numbers on the last line it prints."""
    printed = run(path, ".venv/bin/python", "-c", source)
    return [float(word) for word in printed.splitlines()[-1].split()]
