"""Thirty mistakes that people make, each of which ends in a sentence with its cure.

Each is a line of the list below: what somebody did, the command that was typed then, and the
sentence it ended with, by its name, in the project's language. None ends in a traceback, and none
says that all is well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from support.evolution import Service, new_service, rendered
from support.messages import said
from support.project import read
from support.servers import free_port

SQLITE = make_url("sqlite:///app.db")
UPGRADE, CHECK = ["upgrade"], ["check"]
MIGRATION = ["migration", "-m", "muda"]
USUARIOS = "Table('usuarios', metadata, Column('id', Integer, primary_key=True){})\n"
NOME = ", Column('nome', String(50))"
REVISION = '''"""{id}

Revision: {id}
Revises: {below}
Created: 2026-01-01 09:00:00
"""

{imports}

revision = "{id}"
down_revision = {below!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {up}


def downgrade() -> None:
    {down}
'''
IMPORTS = "import sqlalchemy as sa\nfrom alembic import op"
CREATE = (
    'op.create_table("usuarios", sa.Column("id", sa.Integer, primary_key=True),'
    ' sa.Column("nome", sa.String(50)))'
)

Arrange = Callable[[Service], object]


def revision(
    service: Service,
    id: str = "a1",
    below: str | None = None,
    up: str = "pass",
    down: str = "pass",
    imports: str = IMPORTS,
) -> Path:
    """Write a revision by hand."""
    path = service.path / f"migrations/versions/{id}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        REVISION.format(id=id, below=below, up=up, down=down, imports=imports), encoding="utf-8"
    )
    return path


def begin(service: Service, applied: bool = True) -> None:
    """Have a table, its model and its revision."""
    service.models(USUARIOS.format(NOME))
    revision(service, up=CREATE, down='op.drop_table("usuarios")')
    if applied:
        service.alambique("upgrade")


def models(source: str) -> Arrange:
    """Have these models, where the database has the table `usuarios`."""

    def arrange(service: Service) -> None:
        begin(service)
        service.models(source)

    return arrange


def failing(up: str, imports: str = IMPORTS) -> Arrange:
    """Have a revision to apply that does this."""
    return lambda service: revision(service, up=up, imports=imports)


def address(url: str) -> Arrange:
    """Have this URL in the environment."""
    return lambda service: service.env.update(DATABASE_URL=url)


def setting(line: str, instead: str) -> Arrange:
    """Have another line in pyproject.toml."""

    def arrange(service: Service) -> None:
        begin(service, applied=False)
        text = (service.path / "pyproject.toml").read_text(encoding="utf-8")
        assert line in text, text
        service.write("pyproject.toml", text.replace(line, instead))

    return arrange


def file(name: str, text: str) -> Arrange:
    """Have this in a file."""
    return lambda service: service.write(name, text)


def all_of(*steps: Arrange) -> Arrange:
    """Do one thing after the other."""

    def arrange(service: Service) -> None:
        for step in steps:
            step(service)

    return arrange


def a_parent_is_gone(service: Service) -> None:
    begin(service)
    revision(service, "b2", "a1").unlink()
    revision(service, "c3", "b2")


def the_code_went_back(service: Service) -> None:
    begin(service, applied=False)
    newest = revision(service, "b2", "a1")
    service.alambique("upgrade")
    newest.unlink()


def two_heads(service: Service) -> None:
    begin(service)
    revision(service, "b2", "a1")
    revision(service, "b3", "a1")


def somebody_is_there(service: Service) -> None:
    begin(service)
    service.sql("INSERT INTO usuarios (id, nome) VALUES (1, 'Ana')")


def orphans(service: Service) -> None:
    begin(service)
    refers = 'sa.Column("de", sa.Integer, sa.ForeignKey("usuarios.id"))'
    lines = [
        f'op.create_table("pedidos", sa.Column("id", sa.Integer, primary_key=True), {refers})',
        'op.execute("INSERT INTO pedidos VALUES (1, 77)")',
    ]
    revision(service, "b2", "a1", up="\n    ".join(lines))


def a_circular_import(service: Service) -> None:
    begin(service)
    service.write("app/loja/um.py", "from app.loja.models import dois\n")
    service.write("app/loja/models.py", "from app.loja.um import nada\n\ndois = 2\n")


@dataclass
class Mistake:
    """What somebody did, and what is said of it."""

    what: str
    arrange: Arrange
    command: Sequence[str]
    sentence: str
    """The name of what is said, in `messages/`; of a Makefile, what it begins with."""
    on: str = "sqlite"
    code: int = 1


NOT_NULL = USUARIOS.format(NOME + ", Column('idade', Integer, nullable=False)")
NO_LENGTH = USUARIOS.format(NOME + ", Column('apelido', String)")
REFERS = "Table('pedidos', metadata, Column('id', Integer, primary_key=True), {})\n"

MISTAKES = [
    # Where the database is
    Mistake("a URL that is none", address("loja"), UPGRADE, "URL_MALFORMED"),
    Mistake(
        "a database that nobody migrates", address("oracle://a/b"), UPGRADE, "DATABASE_UNKNOWN"
    ),
    Mistake(
        "a kind of database that is misspelt",
        address("postgresl://a/b"),
        UPGRADE,
        "DATABASE_UNKNOWN",
    ),
    Mistake(
        "a driver that is not installed",
        address("postgresql+pg8000://a@127.0.0.1/b"),
        UPGRADE,
        "DRIVER_MISSING",
    ),
    Mistake(
        "a server that is down",
        lambda service: address(f"postgresql+psycopg://a@127.0.0.1:{free_port()}/b")(service),
        UPGRADE,
        "CANNOT_CONNECT",
    ),
    Mistake(
        "a database that is not there",
        lambda service: address(f"{service.env['DATABASE_URL']}_nao")(service),
        UPGRADE,
        "CANNOT_CONNECT",
        on="postgresql",
    ),
    Mistake(
        "a file that is no database",
        all_of(begin, file("outro.db", "texto " * 999), address("sqlite:///outro.db")),
        UPGRADE,
        "CANNOT_CONNECT",
    ),
    # Settings
    Mistake(
        "seconds with a unit",
        all_of(begin, lambda service: service.env.update(MIGRATION_LOCK_TIMEOUT="5s")),
        UPGRADE,
        "NOT_SECONDS",
    ),
    Mistake("a list that is a text", setting('["app"]', '"app"'), CHECK, "SETTING_NOT_A_LIST"),
    Mistake(
        "a pyproject.toml with a bracket left open",
        setting("[tool.alambique]", "[tool.alambique"),
        CHECK,
        "PYPROJECT_MALFORMED",
    ),
    Mistake(
        "an alembic.ini without a section",
        all_of(begin, file("alembic.ini", "script_location = migrations\n")),
        CHECK,
        "INI_MALFORMED",
    ),
    Mistake(
        "an env.py with a typo",
        all_of(begin, file("migrations/env.py", "import nada_disso\n")),
        CHECK,
        "ENV_FAILED",
    ),
    # Models
    Mistake(
        "a foreign key to a table that is not there",
        models(USUARIOS.format(NOME) + REFERS.format("Column('de', ForeignKey('usuario.id'))")),
        MIGRATION,
        "KEY_TO_NOTHING",
    ),
    Mistake(
        "a typo in a model",
        models("Tabel('usuarios', metadata)\n"),
        MIGRATION,
        "MODEL_NOT_IMPORTED",
    ),
    Mistake("models that import each other", a_circular_import, MIGRATION, "MODEL_NOT_IMPORTED"),
    Mistake(
        "one table for two models",
        models(USUARIOS.format(NOME) + USUARIOS.format(", Column('x', Integer)")),
        MIGRATION,
        "MODEL_NOT_IMPORTED",
    ),
    Mistake("no model at all", models(""), MIGRATION, "NOTHING_MAPPED"),
    Mistake(
        "a model in a file that nobody imports",
        all_of(
            begin,
            file(
                "app/loja/model.py",
                "from core.database import CoreBase\n\n\n"
                "class Pedido(CoreBase):\n    __tablename__ = 'pedidos'\n",
            ),
        ),
        MIGRATION,
        "MODEL_UNSEEN",
        code=0,
    ),
    Mistake(
        "a column without a type",
        models(USUARIOS.format(NOME + ", Column('x')")),
        MIGRATION,
        "TYPE_MISSING",
    ),
    Mistake(
        "a text without a length on MariaDB",
        models(NO_LENGTH),
        MIGRATION,
        "DOES_NOT_RUN",
        on="mysql",
    ),
    Mistake(
        "a CHECK of a column that is not there",
        models(USUARIOS.format(NOME + ", CheckConstraint('idade > 0', name='idade')")),
        MIGRATION,
        "DOES_NOT_RUN",
    ),
    # Revisions from models
    Mistake(
        "a column that went, and nobody said so",
        models(USUARIOS.format("")),
        MIGRATION,
        "LOSES_DATA",
    ),
    Mistake(
        "a column that may not be null, without a value",
        models(NOT_NULL),
        MIGRATION,
        "LOSES_DATA",
    ),
    Mistake(
        "a value of another type",
        models(NOT_NULL),
        [*MIGRATION, "-x", "fill=usuarios.idade:velho"],
        "FILL_REFUSED",
    ),
    Mistake(
        "a rename of what is not there",
        models(USUARIOS.format(NOME)),
        [*MIGRATION, "-x", "rename=usuarios.noem:apelido"],
        "NOT_FOUND",
    ),
    Mistake(
        "a word for no that is none",
        models(NOT_NULL),
        [*MIGRATION, "-x", "tried=talvez"],
        "TRIED_UNKNOWN",
    ),
    Mistake(
        "a database that was not upgraded first",
        lambda service: begin(service, applied=False),
        MIGRATION,
        "NOT_AT_HEAD",
    ),
    # Revisions by hand
    Mistake("a revision with a syntax error", failing("op.execute("), UPGRADE, "REVISION_BROKEN"),
    Mistake(
        "a revision that does not import op",
        failing('op.execute("SELECT 1")', imports=""),
        UPGRADE,
        "NAME_NOT_IMPORTED",
    ),
    Mistake(
        "a revision with a name that is nobody's", failing("nada_disso()"), UPGRADE, "NAME_UNKNOWN"
    ),
    Mistake("a revision that divides by zero", failing("1 / 0"), UPGRADE, "REVISION_FAILED"),
    Mistake(
        "a revision with wrong SQL", failing('op.execute("SELEC 1")'), UPGRADE, "STATEMENT_FAILED"
    ),
    Mistake(
        "a revision that ends the program",
        failing("raise SystemExit"),
        UPGRADE,
        "ENDED",
    ),
    Mistake("a revision that leaves orphans", orphans, UPGRADE, "FOREIGN_KEYS_BROKEN"),
    Mistake("a revision whose file is gone", a_parent_is_gone, UPGRADE, "PARENT_MISSING"),
    # Where the database stands
    Mistake("a merge with two heads", two_heads, UPGRADE, "TWO_HEADS"),
    Mistake("a revision that is misspelt", begin, ["upgrade", "zzz"], "GOAL_UNKNOWN"),
    Mistake("a step past the end", begin, ["upgrade", "+5"], "GOAL_TOO_FAR"),
    Mistake(
        "a downgrade of nothing", failing("pass"), ["downgrade", "-1"], "NOTHING_TO_UNDO", code=0
    ),
    Mistake("a downgrade that loses rows", somebody_is_there, ["downgrade", "-1"], "NOT_CONFIRMED"),
    Mistake("a downgrade by code that went back", the_code_went_back, ["downgrade", "-1"], "AHEAD"),
    Mistake("a stamp of what is not there", begin, ["stamp", "zzz"], "GOAL_UNKNOWN"),
]


def cells() -> list[Any]:
    """Return each mistake in each language; in one of them in a short run, in turns."""
    found = []
    for place, mistake in enumerate(MISTAKES):
        for turn, language in enumerate(("en", "pt")):
            marks = () if place % 2 == turn else (pytest.mark.full,)
            name = f"{mistake.what.replace(' ', '_')}-{language}"
            found.append(pytest.param(mistake, language, id=name, marks=marks))
    return found


def test_the_list_is_long_enough() -> None:
    assert len(MISTAKES) >= 30


@pytest.mark.parametrize(("mistake", "language"), cells())
def test_it_ends_in_a_sentence(mistake: Mistake, language: str, tmp_path: Path) -> None:
    service = new_service(tmp_path, mistake.on, language)
    mistake.arrange(service)
    before, pyproject = service.revisions(), service.path / "pyproject.toml"
    printed = service.alambique(*mistake.command, code=mistake.code)
    pyproject.write_text(read(rendered(language) / "pyproject.toml"), encoding="utf-8")
    assert said(service, mistake.sentence, printed), printed
    assert mistake.code == 0 or service.revisions() == before


MADE = [
    (["migration"], 'make migration m="..."'),
    (["revision"], 'make revision m="..."'),
    (["stamp"], "make stamp to=head"),
]


@pytest.mark.parametrize("language", ["en", "pt"])
def test_make_says_what_is_missing(language: str) -> None:
    service = Service(rendered(language), "sqlite", SQLITE)
    for words, cure in MADE:
        printed = service.make(*words, code=2)
        assert cure in printed and "Traceback" not in printed, printed
