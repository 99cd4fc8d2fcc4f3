"""`make new` onto a folder that has a project: what is there stays, and is named beforehand."""

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.project import ROOT, Project, read
from support.releases import AUTHOR, commit, first_release, git, usable

MAKEFILE = """\
BIN = /nowhere
.PHONY: deploy test
deploy: build
\t@echo deployed
build: ; @echo built
test:
\t@echo their tests
"""
UGLY = """\
import os, sys
def  f( x ) :
  return x+undefined
x: int = "not a number"
"""
MODELS = """\
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Cliente(Base):
    __tablename__ = "clientes"

    id: Mapped[int] = mapped_column(primary_key=True)
"""
THEIRS = {
    "Makefile": MAKEFILE,
    "Dockerfile": "FROM scratch\n",
    "README.md": "# Mine\n",
    "pyproject.toml": '[project]\nname = "loja"\nversion = "1"\ndependencies = ["alembic>=1.18"]\n',
    ".gitignore": ".venv\n*.db\n.env\n__pycache__/\n",
    "core/__init__.py": '"""Theirs."""\n',
    "core/ugly.py": UGLY,
    "app/__init__.py": "",
    "app/models.py": MODELS,
    "tests/conftest.py": "import pytest\n",
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template, with what `make new` needs."""
    path = first_release(tmp_path_factory.mktemp("template"))
    commit(path, "v2.0.0")
    return usable(path)


@pytest.fixture
def old(tmp_path: Path) -> Project:
    """A project that knows nothing of this template, its history nested, everything committed."""
    path = tmp_path / "loja"
    path.mkdir()
    made = Project(path).use_these_packages()
    made.env |= AUTHOR | {"PATH": f"{sys.prefix}/bin:{made.env['PATH']}"}
    for name, text in THEIRS.items():
        made.write(name, text)
    made.run("alembic", "init", "app/alembic")
    env = read(path / "app/alembic/env.py")
    metadata = "from app.models import Base\ntarget_metadata = Base.metadata"
    made.write("app/alembic/env.py", env.replace("target_metadata = None", metadata))
    ini = read(path / "alembic.ini")
    made.write("alembic.ini", ini.replace("driver://user:pass@localhost/dbname", "sqlite:///a.db"))
    commit(path)
    return made


def onto(clone: Path, old: Project, *words: str, code: int | None = 0, **options: Any) -> str:
    command = ["make", "-C", str(clone), "new", f"dest={old.path}", "defaults=1", *words]
    return old.run(*command, code=code, **options)


def test_what_stays_is_named_before_anything_is_written(clone: Path, old: Project) -> None:
    said = onto(clone, old, "data=language=en", code=2)
    for name in ("Dockerfile", "tests/conftest.py", "core/__init__.py", "pyproject.toml"):
        assert f"  {name}\n" in said, name
    assert "wins (make says that it overrides): test\n" in said
    assert "Rename yours, or the template's targets use them: BIN\n" in said
    assert "core/ is a package of yours" in said and "app/alembic" in said
    assert '"sqlalchemy' in said and '"alembic>' not in said
    assert git(old.path, "status", "--porcelain") == ""


@pytest.mark.full
def test_nothing_of_theirs_is_overwritten(clone: Path, old: Project) -> None:
    before = {name: read(old.path / name) for name in git(old.path, "ls-files").split()}
    onto(clone, old, "data=language=pt", "yes=1")
    changed = {name for name, text in before.items() if read(old.path / name) != text}
    assert changed == {"Makefile"}
    assert read(old.path / "project.mk").startswith(MAKEFILE)
    assert not (old.path / "migrations").exists() and (old.path / "vendor/alambique").is_dir()
    assert not (old.path / "tests/test_migrations.py").exists()


def test_their_targets_stay_and_lint_is_green_for_what_was_there(clone: Path, old: Project) -> None:
    old.write("Makefile", MAKEFILE.replace("BIN = /nowhere\n", ""))
    commit(old.path)
    onto(clone, old, "data=language=en", "yes=1")
    assert old.run("make", "deploy").endswith("built\ndeployed\n")
    assert "their tests" in old.run("make", "test")
    assert "upgrade" in old.run("make", "help")

    old.run("make", "lint")
    without = re.sub(r"^CHECKED.*\n", "", read(old.path / "project.mk"), flags=re.MULTILINE)
    old.write("project.mk", without)
    assert "core/ugly.py" in old.run("make", "lint", code=2)


def test_the_history_goes_on_where_it_is(clone: Path, old: Project) -> None:
    old.write("Makefile", MAKEFILE.replace("BIN = /nowhere\n", ""))
    commit(old.path)
    onto(clone, old, "data=language=en", "yes=1")
    old.run(".venv/bin/alambique", "init")
    assert "run_migrations(target_metadata=target_metadata)" in read(
        old.path / "app/alembic/env.py"
    )
    old.run("make", "migration", "m=clientes")
    old.run("make", "upgrade")
    assert "Current" in old.run("make", "check")
    said = old.run(".venv/bin/alambique", "init", "--undo")
    with closing(sqlite3.connect(old.path / "a.db")) as database:
        database.executescript("".join(re.findall(r"DROP TABLE IF EXISTS \w+;", said)))
    old.run("alembic", "check")


def test_it_is_said_in_the_language_chosen(clone: Path, old: Project) -> None:
    said = onto(clone, old, "data=language=pt", code=2)
    assert "  dependências: " in said and "  pacotes, como a sua" in said
    assert "dependencies" not in said and "packages" not in said


def test_an_answer_that_is_neither_yes_nor_no_is_asked_again(clone: Path, old: Project) -> None:
    before = git(old.path, "status", "--porcelain")
    said = onto(clone, old, "data=language=pt", code=2, input="talvez\nnão\n")
    assert "Nem sim nem não" in said and "Nada mudou." in said
    assert git(old.path, "status", "--porcelain") == before
    assert "Em seguida:" in onto(clone, old, "data=language=pt", input="sim\n")


@pytest.mark.full
def test_a_copy_that_fails_gives_the_makefile_back(clone: Path, old: Project) -> None:
    (old.path / "docs").write_text("a file where the template has a folder\n")
    commit(old.path)
    onto(clone, old, "data=language=en", "yes=1", code=2)
    assert read(old.path / "Makefile") == MAKEFILE and not (old.path / "project.mk").exists()


@pytest.mark.full
def test_what_is_not_committed_stops_it(clone: Path, old: Project) -> None:
    old.write("app/models.py", MODELS + "\n")
    assert "not committed" in onto(clone, old, "data=language=en", "yes=1", code=2)


def test_both_languages_say_the_same() -> None:
    found: dict[str, dict[str, dict[str, str]]] = {}
    exec(read(ROOT / "hooks/onto_sentences.py"), found)  # noqa: S102
    fields = {
        language: {name: set(re.findall(r"\{\w+\}", text)) for name, text in sentences.items()}
        for language, sentences in found["SENTENCES"].items()
    }
    assert fields["en"] == fields["pt"]
