"""A database that cannot be reached says so in a sentence; one with odd names is reached.

Down, gone, locked out, without a driver: one sentence with the URL, the password masked, and the
command to try. Percent signs, `@`, `/`, spaces and accents in passwords, names and paths work from
the set-up on. The SQL can be had without a connection, and a running event loop is no obstacle.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from support.database import DATABASES, database_of, empty, engine_of, query, snapshot
from support.history import TEN, Run, service, write_revisions
from support.messages import said
from support.project import Project
from support.servers import server_url

SERVERS = [database for database in DATABASES if database != "sqlite"]
DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql"}
SECRET = "p%40@/: #?&"
ODD = "loja @é"
COMMANDS = [["alembic", "upgrade", "head"], ["alembic", "current"], ["check"], ["downgrade"]]
IN_A_LOOP = """
import asyncio, logging
from core.migrations import apply_migrations, current_revision, pending_revisions, revert_migrations

log = logging.getLogger("loja")
handlers = list(logging.root.handlers)

async def start():
    apply_migrations()
    assert pending_revisions() == []
    await asyncio.to_thread(revert_migrations, "-1")
    assert len(pending_revisions()) == 1
    apply_migrations("+1")
    from sqlalchemy import text
    from core.database import engine
    async with engine.connect() as connection:
        print(await connection.scalar(text("SELECT version_num FROM alembic_version")))
    await engine.dispose()

asyncio.run(start())
assert not log.disabled and logging.root.handlers == handlers
"""


def closed_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def without_driver(project: Project, database: str) -> dict[str, str]:
    """Return the environment in which the driver cannot be imported."""
    drivers = [DRIVERS[database], *(["MySQLdb"] if database == "mysql" else [])]
    project.write(
        "blocked/sitecustomize.py",
        f"import sys\nfor name in {drivers}:\n    sys.modules[name] = None\n",
    )
    return project.python_path(project.path / "blocked")


def typed(project: Project, command: list[str], **env: str) -> str:
    """Run what a person types, and return what it prints; it must fail."""
    if command[0] == "alembic":
        return Run(project, *command[1:], **env).fail()
    return project.alambique(*command, code=1, env=env)


@pytest.mark.parametrize("database", SERVERS)
def test_a_server_that_does_not_let_us_in_is_one_sentence(
    project: Callable[..., Project], full: bool, database: str
) -> None:
    made = service(project, database)
    write_revisions(made, TEN[:2])
    url = database_of(made)
    nobody = url.set(username="ninguem", password="segredo")  # PostgreSQL may trust any password
    wrong = [
        url.set(port=closed_port(), password="segredo"),
        nobody if database == "postgresql" else url.set(password="segredo"),
        url.set(database="nao_existe"),
    ]
    for url in wrong:
        for command in COMMANDS if full else COMMANDS[:1]:
            output = typed(made, command, DATABASE_URL=url.render_as_string(hide_password=False))
            assert said(made, "CANNOT_CONNECT", output) and "make setup" in output
            assert str(url) in " ".join(output.split()) and "segredo" not in output


def test_a_secret_in_the_query_is_masked_as_the_password_is(
    project: Callable[..., Project],
) -> None:
    made = service(project, "postgresql")
    write_revisions(made, TEN[:2])
    url = database_of(made).set(port=closed_port(), query={"password": "segredo"})
    for command in COMMANDS:
        output = typed(made, command, DATABASE_URL=url.render_as_string(hide_password=False))
        assert said(made, "CANNOT_CONNECT", output)
        assert "password=***" in "".join(output.split()) and "segredo" not in output


@pytest.mark.parametrize("database", SERVERS)
def test_a_missing_driver_is_one_sentence(project: Callable[..., Project], database: str) -> None:
    made = service(project, database)
    write_revisions(made, TEN[:2])
    url = database_of(made).set(password="segredo")
    env = without_driver(made, database) | {
        "DATABASE_URL": url.render_as_string(hide_password=False)
    }
    for output in (
        made.alembic("upgrade", "head", code=None, env=env),
        made.alambique("setup", code=1, env=env),
    ):
        assert said(made, "DRIVER_MISSING", output)
        assert str(url) in " ".join(output.split()) and "segredo" not in output


def test_a_path_that_is_no_database_is_one_sentence(
    project: Callable[..., Project], full: bool
) -> None:
    made = service(project, "sqlite")
    write_revisions(made, TEN[:2])
    before = sorted(made.path.iterdir())
    for path in ("nada/app.db", "alembic.ini", "core"):
        for command in COMMANDS if full else COMMANDS[:1]:
            output = typed(made, command, DATABASE_URL=f"sqlite:///{path}")
            assert said(made, "CANNOT_CONNECT", output) and path in output
            assert sorted(made.path.iterdir()) == before


@contextmanager
def odd(database: str, folder: str) -> Iterator[str]:
    """Lend a URL whose every part needs percent-encoding, as its owner would write it."""
    if database == "sqlite":
        yield f"sqlite:///{quote(f'{folder}/{ODD}%41/a%20 b.db')}"
        return
    url = server_url(database)
    user = "usuário %2F@x"
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    if database == "postgresql":
        make = ["CREATE ROLE \"{user}\" LOGIN CREATEDB PASSWORD '{secret}'"]
        drop = ['DROP DATABASE IF EXISTS "{odd}"', 'DROP ROLE IF EXISTS "{user}"']
    else:
        make = [
            "CREATE USER `{user}`@`%` IDENTIFIED BY '{secret}'",
            "GRANT ALL ON *.* TO `{user}`@`%`",
        ]
        drop = ["DROP DATABASE IF EXISTS `{odd}`", "DROP USER IF EXISTS `{user}`@`%`"]

    def run(statements: list[str]) -> None:
        with engine.connect() as connection:
            for sql in statements:
                sql = sql.format(user=user, secret=SECRET, odd=ODD)
                cursor = connection.connection.cursor()
                cursor.execute(sql)

    run(drop)
    run(make)
    try:
        login = f"{quote(user, safe='')}:{quote(SECRET, safe='')}"
        yield f"{url.drivername}://{login}@{url.host}:{url.port}/{quote(ODD, safe='')}"
    finally:
        run(drop)


@pytest.mark.full
@pytest.mark.parametrize(
    "database", ["sqlite", "postgresql", pytest.param("mysql", marks=pytest.mark.full)]
)
def test_every_character_may_be_in_a_password_a_name_and_a_path(
    project: Callable[..., Project], database: str
) -> None:
    made = project(database=database, setup=False)
    with odd(database, str(made.path)) as url:
        made.env["DATABASE_URL"] = url
        output = made.alambique("setup")
        assert SECRET not in output and quote(SECRET, safe="") not in output
        made.alambique("check")
        made.env.pop("DATABASE_URL")
        made.write(".env", f"DATABASE_URL={url}\n")
        made.alembic("downgrade", "base")
        made.alembic("-x", f"url={url}", "upgrade", "head")
        made.alambique("check")
        assert made.alembic("current").rstrip().endswith("(head)")


@pytest.mark.parametrize("database", SERVERS)
def test_the_sql_printed_without_a_driver_makes_the_same_database(
    project: Callable[..., Project], database: str
) -> None:
    made = service(project, database)
    write_revisions(made, TEN)
    env = without_driver(made, database)
    sql = made.alembic("upgrade", "head", "--sql", env=env | {"PYTHONWARNINGS": "ignore"})
    Run(made, "upgrade", "head").end()
    whole = snapshot(made)
    for ours in ("alembic_journal", "alembic_ledger"):
        whole.pop(ours, None)
    empty(made)
    lines = [line for line in sql.splitlines() if not line.startswith(("INFO", "--"))]
    with engine_of(made).connect() as connection:
        for statement in "\n".join(lines).split(";\n"):
            if statement.strip():
                connection.connection.cursor().execute(statement)
        connection.connection.commit()
    assert snapshot(made) == whole


def test_the_sql_for_sqlite_is_printed_or_a_sentence_says_why_not(
    project: Callable[..., Project],
) -> None:
    made = service(project, "sqlite")
    write_revisions(made, TEN)
    first = made.alembic("upgrade", "r00000000002", "--sql")
    assert first.count("CREATE TABLE") == 4 and first.count("INSERT INTO") > 5
    output = made.alembic("upgrade", "head", "--sql", code=255)
    assert "cannot proceed in --sql mode" in output and "Traceback" not in output


@pytest.mark.parametrize("database", DATABASES)
def test_a_running_event_loop_and_the_logging_of_its_program_are_left_alone(
    project: Callable[..., Project], database: str
) -> None:
    made = service(project, database, "async")
    head = write_revisions(made, TEN)[-1]
    assert made.python(IN_A_LOOP).split() == [head]


ASYNC_WORDS = {
    "postgresql": ("asyncpg", "ssl=prefer&prepared_statement_cache_size=0&command_timeout=1"),
    "mysql": ("aiomysql", "charset=utf8mb4&echo=1"),
}


@pytest.mark.parametrize("database", SERVERS)
def test_a_url_in_an_asynchronous_drivers_words_migrates(
    project: Callable[..., Project], database: str
) -> None:
    made = service(project, database)
    write_revisions(made, TEN[:2])
    driver, words = ASYNC_WORDS[database]
    url = database_of(made).set(drivername=f"{database}+{driver}")
    made.env["DATABASE_URL"] = f"{url.render_as_string(hide_password=False)}?{words}"
    assert "Traceback" not in made.make("upgrade")
    assert made.make("current").rstrip().endswith("(head)")


def test_what_the_url_says_to_the_driver_still_counts(
    project: Callable[..., Project],
) -> None:
    made = service(project, "postgresql")
    write_revisions(made, TEN[:2])
    query(made, "CREATE SCHEMA loja")
    url = database_of(made).update_query_dict({"options": "-c search_path=loja"})
    made.env["DATABASE_URL"] = url.render_as_string(hide_password=False)
    Run(made, "upgrade", "head").end()
    schemas = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE '{}'"
    for table in ("usuarios", "alembic_version"):
        assert query(made, schemas.format(table)) == [("loja",)]
