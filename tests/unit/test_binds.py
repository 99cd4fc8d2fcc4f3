"""Several databases in one project, each with a history of its own: whose model is whose."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import cli, messages
from alambique.autogenerate.discovery import ModelImportError, load_metadata
from alambique.settings import (
    alembic_config,
    forget_project,
    migration_url,
    use_history,
    use_project,
)
from alembic import config as alembic
from alembic.util import CommandError

from support.minimal import Minimal, minimal_project

FLASK = """
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()
metadata = db.metadata


class Main(db.Model):
    __tablename__ = "main"
    id = db.Column(db.Integer, primary_key=True)


class Other(db.Model):
    __bind_key__ = "other"
    __tablename__ = "other"
    id = db.Column(db.Integer, primary_key=True)


linked = db.Table("linked", db.Column("id", db.Integer, primary_key=True), bind_key="other")
"""
PLAIN = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass


class Other(DeclarativeBase):
    metadata = sa.MetaData(info={"bind_key": "other"})


class A(Base):
    __tablename__ = "main"
    id = sa.Column(sa.Integer, primary_key=True)


class B(Other):
    __tablename__ = "other"
    id = sa.Column(sa.Integer, primary_key=True)


class C(Other):
    __tablename__ = "linked"
    id = sa.Column(sa.Integer, primary_key=True)
"""
SECOND = """
[other]
script_location = %(here)s/other
prepend_sys_path = %(here)s
path_separator = os
sqlalchemy.url = sqlite:///other.db
bind = other
"""

Two = Callable[[str], Minimal]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Two:
    """Make a project with two histories, in two sections of its alembic.ini."""

    def make(models: str) -> Minimal:
        made = minimal_project(tmp_path)
        made.write(f"{made.package}/models.py", models)
        made.write(
            "pyproject.toml", f'[tool.alambique]\nlanguage = "en"\nmodels = ["{made.package}"]\n'
        )
        ini = (tmp_path / "alembic.ini").read_text(encoding="utf-8")
        made.write("alembic.ini", ini + SECOND)
        made.write("other/env.py", (tmp_path / "migrations/env.py").read_text())
        made.write("other/script.py.mako", (tmp_path / "migrations/script.py.mako").read_text())
        (tmp_path / "other/versions").mkdir()
        monkeypatch.chdir(tmp_path)
        use_project(tmp_path)
        return made

    return make


def alembic_(*arguments: str) -> None:
    """Type `alembic ...` in the project's folder."""
    alembic.main([*arguments])


def tables(path: str) -> set[str]:
    """Return the tables of a file of SQLite, but for Alembic's own."""
    engine = sa.create_engine(f"sqlite:///{path}")
    found = set(sa.inspect(engine).get_table_names()) - {
        "alembic_version",
        "alembic_ledger",
    }
    engine.dispose()
    return found


@pytest.mark.parametrize("models", [FLASK, PLAIN], ids=["flask-sqlalchemy", "plain"])
def test_a_model_is_proposed_for_the_database_of_its_bind(two: Two, models: str) -> None:
    two(models)
    for section in ([], ["-n", "other"]):
        alembic_(*section, "revision", "--autogenerate", "-m", "first")
        alembic_(*section, "upgrade", "head")
        alembic_(*section, "check")
    assert tables("app.db") == {"main"}
    assert tables("other.db") == {"other", "linked"}


def test_a_base_that_is_named_has_its_binds_along(two: Two) -> None:
    made = two(FLASK)
    settings = f'models = ["{made.package}"]\nbase = "{made.package}.models.db"\n'
    made.write("pyproject.toml", f"[tool.alambique]\n{settings}")
    use_project(made.root)
    found = {each for metadata in load_metadata() for each in metadata.tables}
    assert found == {"main"}
    alembic_config(section="other")
    found = {each for metadata in load_metadata() for each in metadata.tables}
    assert found == {"other", "linked"}


def test_a_bind_that_no_model_has_is_a_sentence(two: Two) -> None:
    made = two(FLASK)
    ini = (made.root / "alembic.ini").read_text(encoding="utf-8")
    made.write("alembic.ini", ini.replace("bind = other", "bind = othr"))
    alembic_config(section="other")
    with pytest.raises(ModelImportError) as stopped:
        load_metadata()
    assert str(stopped.value) == messages.BIND_UNKNOWN.format(bind="othr", binds="other")


def test_a_command_of_ours_works_on_the_history_that_is_named(
    two: Two, capsys: pytest.CaptureFixture[str]
) -> None:
    two(PLAIN)
    alembic_("-n", "other", "revision", "--autogenerate", "-m", "first")
    alembic_("-n", "other", "upgrade", "head")
    assert cli.main(["-n", "other", "check"]) == 0
    assert cli.main(["check", "--name=other"]) == 0
    assert cli.main(["check"]) == 5, "the main database lacks its table"
    capsys.readouterr()
    assert cli.main(["-n", "none", "check"]) == 1
    assert messages.NO_SECTION.format(section="none", path="alembic.ini") in capsys.readouterr().err


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_second_ini_file_is_a_history_too(
    two: Two, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = two(PLAIN)
    made.write("other.ini", SECOND.replace("[other]", "[alembic]"))
    alembic_("-c", "other.ini", "revision", "--autogenerate", "-m", "first")
    alembic_("-c", "other.ini", "upgrade", "head")
    assert tables("other.db") == {"other", "linked"}
    if by == "option":
        assert cli.main(["-c", "other.ini", "check"]) == 0
    else:
        monkeypatch.setenv("ALEMBIC_CONFIG", "other.ini")
        assert cli.main(["check"]) == 0
    assert str(migration_url().database).endswith("other.db")
    use_history()
    forget_project()
    monkeypatch.delenv("ALEMBIC_CONFIG", raising=False)
    assert str(migration_url().database).endswith("app.db")


def test_a_history_for_each_dialect_has_a_folder_each(two: Two) -> None:
    made = two(PLAIN)
    ini = (made.root / "alembic.ini").read_text(encoding="utf-8")
    for dialect in ("lite", "post"):
        ini += SECOND.replace("[other]", f"[{dialect}]").replace("other.db", f"{dialect}.db")
        ini += f"version_locations = %(here)s/other/{dialect}\n"
        (made.root / "other" / dialect).mkdir()
    made.write("alembic.ini", ini)
    for dialect in ("lite", "post"):
        alembic_("-n", dialect, "revision", "--autogenerate", "-m", "first")
        alembic_("-n", dialect, "upgrade", "head")
        assert cli.main(["-n", dialect, "check"]) == 0
        assert len(list((made.root / "other" / dialect).glob("*.py"))) == 1
        assert tables(f"{dialect}.db") == {"other", "linked"}


MULTIDB = """
revision, down_revision = "a1", None


def upgrade(engine_name: str) -> None:
    globals()["upgrade_" + engine_name]()


def downgrade(engine_name: str) -> None:
    globals()["downgrade_" + engine_name]()
"""


def test_one_history_for_several_databases_is_a_sentence(tmp_path: Path) -> None:
    """As `alembic init -t multidb` and `flask db init --multidb` make it."""
    made = minimal_project(tmp_path)
    made.write("migrations/versions/a1.py", MULTIDB)
    with pytest.raises(CommandError) as stopped:
        alembic.command.upgrade(alembic_config(), "head")
    assert str(stopped.value) == messages.ONE_FOR_SEVERAL.format(
        path="migrations/versions/a1.py", parameters="engine_name"
    )


@pytest.mark.parametrize("folder", ["alembic", "app/alembic", "app/db/migrations"])
@pytest.mark.parametrize("is_package", [False, True], ids=["folder", "package"])
def test_the_folder_of_the_migrations_may_bear_the_name_of_the_package(
    tmp_path: Path, folder: str, is_package: bool
) -> None:
    made = minimal_project(tmp_path)
    made.models('t = Table("t", metadata, Column("id", Integer, primary_key=True))\n')
    (tmp_path / folder).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "migrations").rename(tmp_path / folder)
    if is_package:
        for place in ("__init__.py", "versions/__init__.py"):
            made.write(f"{folder}/{place}", "")
    ini = (tmp_path / "alembic.ini").read_text(encoding="utf-8")
    made.write("alembic.ini", ini.replace("/migrations", f"/{folder}"))

    vendor = Path(cli.__file__).parents[1]
    program = str(Path(sys.executable).with_name("alembic"))
    ours = [sys.executable, "-m", "alambique"]
    typed = [
        [program, "revision", "--autogenerate", "-m", "first"],
        [program, "upgrade", "head"],
        [*ours, "check"],
        [sys.executable, "-c", "from alambique import ensure_current; ensure_current()"],
    ]
    # What Python runs looks in the current folder first, and there is Alembic's own name.
    hides = is_package and folder == "alembic"
    for command in typed:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": str(vendor), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )
        if hides and "-c" in command:
            said = messages.ALEMBIC_HIDDEN.format(path=tmp_path / folder)
            assert done.stderr.splitlines()[-1].endswith(f"Unfit: {said}")
        else:
            assert done.returncode == 0, done.stdout + done.stderr
    assert tables(str(tmp_path / "app.db")) == {"t"}
