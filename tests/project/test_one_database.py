"""Every command works on the same database, wherever it is named; and counts in the right table.

Up to 1.2 a URL in alembic.ini was obeyed by Alembic and not by what asked before it: rows were
counted in one database and dropped in another. A table in a schema was not found, so not asked
about.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from support.consent import consent_in
from support.database import query, tables, version
from support.evolution import new_service
from support.example import FIRST, HEAD, SECOND, write_revision
from support.history import write_revisions
from support.messages import said, sentence
from support.project import Project, read

FULL = pytest.mark.full
OTHER = "outro.db"
URL = f"sqlite:///{OTHER}"  # counts from the project's root, as every relative path


def in_the_ini(made: Project) -> list[str]:
    """Name the database in alembic.ini."""
    text = read(made.path / "alembic.ini")
    assert text.count("[alembic]\n") == 1
    made.write("alembic.ini", text.replace("[alembic]\n", f"[alembic]\nsqlalchemy.url = {URL}\n"))
    return []


def for_migrations_only(made: Project) -> list[str]:
    """Name the database in the environment, for migrations: it wins over the service's own."""
    made.env |= {"MIGRATION_DATABASE_URL": URL, "DATABASE_URL": f"sqlite:///{made.path}/app.db"}
    return []


def in_dotenv(made: Project) -> list[str]:
    """Name the database in .env, for migrations."""
    made.write(".env", f"{read(made.path / '.env')}\nMIGRATION_DATABASE_URL={URL}\n")
    return []


def with_the_command(made: Project) -> list[str]:
    """Name the database with each command."""
    return ["--url", URL]


@pytest.mark.parametrize(
    "name_it",
    [
        in_the_ini,
        with_the_command,
        pytest.param(for_migrations_only, marks=FULL),
        pytest.param(in_dotenv, marks=FULL),
    ],
)
def test_every_command_works_on_the_database_that_is_named(
    project: Callable[..., Project], name_it: Callable[[Project], list[str]]
) -> None:
    made = project()  # its own database is at head, and has no rows
    made.alembic("-x", f"url={URL}", "upgrade", HEAD)
    query(made, "INSERT INTO usuarios (nome, idade, email) VALUES ('Ana', 30, 'a@x')", OTHER)
    query(made, "INSERT INTO produtos (nome, preco) VALUES ('Café', 9)", OTHER)
    own = (made.path / "app.db").read_bytes()
    named = name_it(made)

    # What asks before it drops, counts where it drops.
    refused = made.alambique("downgrade", SECOND, *named, code=1)
    assert sentence(made, "ROWS", name="usuarios.email", rows=1).search(refused), refused
    assert version(made, OTHER) == [HEAD]
    made.alambique("downgrade", SECOND, f"--{consent_in(refused)}", *named)
    assert version(made, OTHER) == [SECOND]
    refused = made.alambique("downgrade", FIRST, *named, code=1)
    assert sentence(made, "ROWS", name="produtos", rows=1).search(refused), refused
    assert tables(made, OTHER) >= {"usuarios", "produtos"}

    # What looks, looks there: one revision is missing.
    printed = made.alambique("check", *named, code=3)
    assert sentence(made, "BEHIND", database=SECOND, code=HEAD, count=1).search(printed), printed
    planned = made.alambique("plan", *named)
    assert "ADD COLUMN email" in planned and "CREATE TABLE" not in planned
    examined = made.alambique("doctor", *named, code=1)
    assert sentence(made, "BEHIND", database=SECOND, code=HEAD, count=1).search(examined), examined

    # What undoes a branch, undoes it there.
    write_revision(made, "aaa1", "pass")
    write_revision(made, "bbb1", "pass")
    made.alembic("-x", f"url={URL}", "upgrade", "bbb1")
    made.alambique("rebase", "--top", "bbb1", *named)
    assert version(made, OTHER) == [HEAD]

    assert (made.path / "app.db").read_bytes() == own


def test_from_python_a_url_in_the_ini_counts_too(project: Callable[..., Project]) -> None:
    made = project()
    in_the_ini(made)
    made.python(
        "from alambique import apply_migrations, current_revision, pending_revisions\n"
        f"assert len(pending_revisions()) == 3\napply_migrations({SECOND!r})\n"
        f"assert current_revision() == {SECOND!r}\nassert pending_revisions() == [{HEAD!r}]\n"
    )
    assert version(made, OTHER) == [SECOND] and version(made) == [HEAD]


# Tables of a schema

IN_A_SCHEMA = (
    """
op.create_table("itens", sa.Column("id", sa.Integer, primary_key=True), schema="vendas")
""",
    """
op.drop_table("itens", schema="vendas")
""",
)
A_COLUMN_MORE = (
    """
op.add_column("itens", sa.Column("cor", sa.String(9)), schema="vendas")
""",
    """
op.drop_column("itens", "cor", schema="vendas")
""",
)


ATTACH = "ATTACH DATABASE '{folder}/vendas.db' AS vendas"


def attach_vendas(*arguments: str) -> None:
    """Run a target where each connection to SQLite has a second database attached."""
    attach = ATTACH.format(folder=Path.cwd())
    event.listen(Engine, "connect", lambda connection, _: connection.execute(attach))
    if arguments[0] == "alembic":
        from alembic.config import main as alembic

        alembic([*arguments[1:]], prog="alembic")
        return
    from alambique.cli import main

    sys.argv = ["alambique", *arguments]
    sys.exit(main())


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_downgrade_asks_about_the_tables_of_a_schema(tmp_path: Path, database: str) -> None:
    service = new_service(tmp_path, database)

    def run(*arguments: str, **options: Any) -> str:
        if database == "sqlite":
            return service.fork(attach_vendas, *arguments, **options)
        if arguments[0] == "alembic":
            return service.alembic(*arguments[1:], **options)
        return service.alambique(*arguments, **options)

    def sql(*statements: str) -> list[object]:
        attach = [ATTACH.format(folder=service.path)] if database == "sqlite" else []
        return service.sql(*attach, *statements)

    if database == "postgresql":
        service.sql("CREATE SCHEMA vendas")
    first, second = write_revisions(service, [IN_A_SCHEMA, A_COLUMN_MORE])
    run("alembic", "upgrade", "head")
    sql("INSERT INTO vendas.itens (id, cor) VALUES (1, 'azul'), (2, NULL)")
    # Somebody else's namesake in the default schema is not what is dropped.
    service.sql("CREATE TABLE itens (id INTEGER)", "INSERT INTO itens VALUES (1), (2), (3)")

    refused = run("downgrade", first, code=1)
    assert sentence(service, "ROWS", name="vendas.itens.cor", rows=1).search(refused), refused
    refused = run("downgrade", "base", code=1)
    assert sentence(service, "ROWS", name="vendas.itens", rows=2).search(refused), refused
    assert said(service, "NOT_CONFIRMED", refused)
    assert sql("SELECT count(*) FROM vendas.itens") == [(2,)]

    run("downgrade", "base", answers="y\n", code=1)
    run("downgrade", "base", f"--{consent_in(refused)}")
    assert sql("SELECT count(*) FROM itens") == [(3,)]
    run("alembic", "upgrade", "head")
    assert sql("SELECT count(*) FROM vendas.itens") == [(0,)]
