"""MOVING.md, walked through: a small project of each kind, and the commands as they stand there."""

import re
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from support.project import ROOT, Project, render
from support.releases import AUTHOR, commit, first_release, git, usable

MODELS = """from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Cliente(Base):
    __tablename__ = "clientes"

    id: Mapped[int] = mapped_column(primary_key=True)
    nome: Mapped[str] = mapped_column(String(50), unique=True)
"""
FLASK = """from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()


class Cliente(db.Model):
    __tablename__ = "clientes"

    id = db.Column(db.Integer, primary_key=True)
    nome = db.Column(db.String(50), unique=True, nullable=False)


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///{path}/app.db"
    db.init_app(app)
    Migrate(app, db)
    return app
"""
# The sections, in their order.
LIBRARY, WHOLE, CREATE_ALL, ADOPTION, BACK = range(5)
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def walks(name: str) -> list[list[str]]:
    """Return the blocks of commands of each walk in a document."""
    sections = (ROOT / name).read_text(encoding="utf-8").split("\n## ")[1:]
    return [BLOCK.findall(section) for section in sections]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The template, with what `make new` needs."""
    (tmp_path / "template").mkdir()
    path = first_release(tmp_path / "template")
    commit(path, "v2.0.0")
    return usable(path)


@pytest.fixture
def old(tmp_path: Path) -> Project:
    """An empty project that has never heard of this template, in the test's environment."""
    path = tmp_path / "loja"
    path.mkdir()
    made = Project(path).use_these_packages()
    made.env |= AUTHOR | {"PATH": f"{sys.prefix}/bin:{made.env['PATH']}"}
    made.write("README.md", "# Mine\n")
    made.write("pyproject.toml", '[project]\nname = "loja"\nversion = "1"\n')
    made.write(".gitignore", ".venv\n*.db\n.env\n__pycache__/\n")
    made.write("app/__init__.py", "")
    return made


def section(number: int) -> list[str]:
    """Return the commands of a section, as a person types them."""
    return [
        block.replace("git diff", "git --no-pager diff") for block in walks("MOVING.md")[number]
    ]


def type_in(made: Project, commands: str, clone: Path | None = None) -> str:
    """Type what the document says; what pip would install is in this environment."""
    typed = re.sub(r"^pip install .*$", "true", commands, flags=re.MULTILINE)
    typed = typed.replace("<clone>", str(clone))
    typed = typed.replace("make setup", ".venv/bin/python -m alambique setup")
    return made.run("sh", "-ec", typed)


def is_as_it_was(made: Project) -> None:
    """The row is there, and what is no part of the road was not touched."""
    with create_engine(f"sqlite:///{made.path}/app.db").connect() as connection:
        assert connection.execute(text("SELECT nome FROM clientes")).scalar() == "Ana"
        assert inspect(connection).has_table("alembic_version")
    assert made.path.joinpath("README.md").read_text() == "# Mine\n"


def add_ana(made: Project) -> None:
    with create_engine(f"sqlite:///{made.path}/app.db").begin() as connection:
        connection.execute(text("INSERT INTO clientes (nome) VALUES ('Ana')"))


def with_an_alembic_folder(old: Project, folder: str) -> Project:
    """Give a project a history as `alembic init` begins one, with a row in its database."""
    old.write("app/models.py", MODELS)
    old.run("alembic", "init", folder)
    env, ini = old.path / folder / "env.py", old.path / "alembic.ini"
    metadata = "from app.models import Base\ntarget_metadata = Base.metadata"
    env.write_text(env.read_text().replace("target_metadata = None", metadata))
    url = f"sqlite:///{old.path}/app.db"
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", url))
    old.run("alembic", "revision", "--autogenerate", "-m", "clientes")
    old.run("alembic", "upgrade", "head")
    add_ana(old)
    commit(old.path)
    return old


def with_flask_migrate(old: Project) -> Project:
    """Give a project a history as `flask db init` begins one, with a row in its database."""
    old.write("app/models.py", FLASK.replace("{path}", str(old.path)))
    old.env["FLASK_APP"] = "app.models"
    for command in (["init"], ["migrate", "-m", "clientes"], ["upgrade"]):
        old.run("flask", "db", *command)
    add_ana(old)
    commit(old.path)
    return old


def walk_the_library(made: Project) -> None:
    """Come by the library alone, and leave."""
    first, second = section(LIBRARY)
    type_in(made, first)
    type_in(made, second)
    is_as_it_was(made)
    (back,) = section(BACK)
    type_in(made, back)
    is_as_it_was(made)
    assert git(made.path, "diff", "--stat") == ""


def test_the_library_with_an_alembic_folder(old: Project) -> None:
    walk_the_library(with_an_alembic_folder(old, "app/alembic"))
    old.run("alembic", "current")


def test_the_library_with_flask_migrate(old: Project) -> None:
    made = with_flask_migrate(old)
    walk_the_library(made)
    made.run("flask", "db", "current")


@pytest.mark.full
def test_the_whole_template(old: Project, clone: Path) -> None:
    made = with_an_alembic_folder(old, "app/alembic")
    first, second = section(WHOLE)
    type_in(made, first, clone)
    type_in(made, second)
    is_as_it_was(made)
    assert made.run("make", "migration", "m=nothing").count("versions/") == 0
    (back,) = section(BACK)
    type_in(made, back)
    is_as_it_was(made)


@pytest.mark.full
def test_create_all_at_start_up(old: Project, clone: Path) -> None:
    old.write("app/models.py", MODELS)
    url = f"sqlite:///{old.path}/app.db"
    old.python(
        "from sqlalchemy import create_engine; from app.models import Base; "
        f"Base.metadata.create_all(create_engine({url!r}))"
    )
    add_ana(old)
    commit(old.path)
    first, second = section(CREATE_ALL)
    type_in(old, first, clone)
    old.write(".env", f"DATABASE_URL={url}\n")
    type_in(old, second)
    is_as_it_was(old)


def test_a_database_without_models(tmp_path: Path) -> None:
    made = Project(render(tmp_path / "shop", language="en", database="sqlite", example=False))
    made.use_these_packages()
    made.write(".env", f"DATABASE_URL=sqlite:///{made.path}/app.db\n")
    with create_engine(f"sqlite:///{made.path}/app.db").begin() as connection:
        connection.execute(text("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)"))
        connection.execute(text("CREATE TABLE logs (at TEXT, customer_id INT, what TEXT)"))
        connection.execute(text("INSERT INTO customers (name) VALUES ('Ana')"))
    git(made.path, "init", "--quiet")

    first, rest = section(ADOPTION)
    assert "Current" in type_in(made, first)
    assert len(made.revisions()) == 1 and not (made.path / "app/logs").exists()
    type_in(made, rest)
    assert len(made.revisions()) == 2 and (made.path / "app/logs/models.py").exists()
    with create_engine(f"sqlite:///{made.path}/app.db").connect() as connection:
        assert connection.execute(text("SELECT name FROM customers")).scalar() == "Ana"


def test_both_languages_walk_the_same_way() -> None:
    assert walks("MOVING.md") == walks("MOVING.pt-BR.md")


def test_without_overwrite_copier_asks(old: Project, tmp_path: Path) -> None:
    """Nothing is overwritten unasked: without a terminal to ask in, nothing is."""
    template = first_release(tmp_path)
    command = ["copier", "copy", "--defaults", "--data", "example=false", str(template), "."]
    assert "--overwrite" in old.run(*command, code=1)
    assert old.path.joinpath("README.md").read_text() == "# Mine\n"
