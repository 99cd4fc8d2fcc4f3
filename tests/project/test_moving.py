"""MOVING.md, walked through: a small project of each kind, and the commands as they stand there."""

import re
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from support.project import ROOT, Project
from support.releases import AUTHOR, commit, first_release

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
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def walks(name: str) -> list[list[str]]:
    """Return the blocks of commands of each walk in a document."""
    sections = (ROOT / name).read_text(encoding="utf-8").split("\n## ")[1:]
    return [BLOCK.findall(section) for section in sections]


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


def walk(made: Project, number: int, tmp_path: Path) -> None:
    """Do what the document says; `make setup` here is what it does after installing."""
    template = first_release(tmp_path)
    url = f"sqlite:///{made.path}/app.db"
    with create_engine(url).begin() as connection:
        connection.execute(text("INSERT INTO clientes (nome) VALUES ('Ana')"))
    first, second = walks("MOVING.md")[number]
    commit(made.path)
    quiet = first.replace("git diff", "git --no-pager diff").replace("<template>", str(template))
    made.run("sh", "-ec", quiet.replace("copier copy", "copier copy --defaults"))
    made.write(".env", f"DATABASE_URL={url}\n")
    setup = ".venv/bin/python -m alambique setup"
    made.run("sh", "-ec", second.replace("make setup", setup))
    with create_engine(url).connect() as connection:
        assert connection.execute(text("SELECT nome FROM clientes")).scalar() == "Ana"
        assert inspect(connection).has_table("alembic_version")
    assert made.path.joinpath("README.md").read_text() == "# Mine\n"
    assert made.run("make", "migration", "m=nothing").count("versions/") == 0
    models = made.path / "app/models.py"
    line = next(line for line in models.read_text().splitlines() if "    nome" in line)
    models.write_text(models.read_text().replace(line, f"{line}\n{line.replace('nome', 'nick')}"))
    refused = made.run("make", "migration", "m=nick", code=2)
    assert "clientes.nick" in refused, "the models are compared"


def test_an_alembic_folder_of_its_own(old: Project, tmp_path: Path) -> None:
    old.write("app/models.py", MODELS)
    old.run("alembic", "init", "alembic")
    env, ini = old.path / "alembic/env.py", old.path / "alembic.ini"
    metadata = "from app.models import Base\ntarget_metadata = Base.metadata"
    env.write_text(env.read_text().replace("target_metadata = None", metadata))
    url = f"sqlite:///{old.path}/app.db"
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", url))
    old.run("alembic", "revision", "--autogenerate", "-m", "clientes")
    old.run("alembic", "upgrade", "head")
    walk(old, 0, tmp_path)


def test_flask_migrate(old: Project, tmp_path: Path) -> None:
    old.write("app/models.py", FLASK.replace("{path}", str(old.path)))
    flask = ["flask", "--app", "app.models", "db"]
    for command in (["init"], ["migrate", "-m", "clientes"], ["upgrade"]):
        old.run(*flask, *command)
    walk(old, 1, tmp_path)


def test_create_all_at_start_up(old: Project, tmp_path: Path) -> None:
    old.write("app/models.py", MODELS)
    url = f"sqlite:///{old.path}/app.db"
    old.python(
        "from sqlalchemy import create_engine; from app.models import Base; "
        f"Base.metadata.create_all(create_engine({url!r}))"
    )
    walk(old, 2, tmp_path)


def test_both_languages_walk_the_same_way() -> None:
    assert walks("MOVING.md") == walks("MOVING.pt-BR.md")


def test_without_overwrite_copier_asks(old: Project, tmp_path: Path) -> None:
    """Nothing is overwritten unasked: without a terminal to ask in, nothing is."""
    template = first_release(tmp_path)
    command = ["copier", "copy", "--defaults", "--data", "example=false", str(template), "."]
    assert "--overwrite" in old.run(*command, code=1)
    assert old.path.joinpath("README.md").read_text() == "# Mine\n"
