"""Migrations from Python: the six functions work anywhere and disturb nothing.

Each test runs real programs that import the functions from another current directory, the way a
service does at its start-up: plain, inside a running event loop, with its logging set up.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.database import query, version
from support.example import CLIENTE, FIRST, HEAD, SECOND
from support.messages import sentence
from support.project import Project, render

IMPORTS = """
import asyncio, json, logging
import core.database
from {module} import (
    apply_migrations, create_migration, current_revision, ensure_current, pending_revisions,
    revert_migrations,
)
seen = []
"""
# Every function, in the order of a life; what each returns goes to `seen`.
LIFE = """
ensure_current()
seen.append(create_migration("nothing changed"))
revert_migrations()
seen.append([current_revision(), pending_revisions()])
revert_migrations("base")
seen.append([current_revision(), pending_revisions()])
apply_migrations("+1")
seen.append([current_revision(), pending_revisions()])
apply_migrations()
ensure_current()
seen.append([current_revision(), pending_revisions()])
"""
LOOP = """
from sqlalchemy import text
from core.database import SessionLocal, engine

async def people():
    async with SessionLocal() as session:
        return (await session.execute(text("SELECT count(*) FROM usuarios"))).scalar_one()

async def service():
    await people()
    life()
    await asyncio.to_thread(life)
    await people()
    await asyncio.gather(*(asyncio.to_thread(ensure_current) for _ in range(3)))
    await engine.dispose()

asyncio.run(service())
"""
# How every logger is set up, by name: nothing of it may change.
LOGGING = """
def loggers():
    known = {"": logging.root} | logging.root.manager.loggerDict
    return {
        name: [each.disabled, each.level, each.propagate, len(each.handlers)]
        for name, each in known.items() if isinstance(each, logging.Logger)
    }
application = logging.getLogger("app.vendas")
logging.getLogger("alembic.runtime.migration")
logging.getLogger("sqlalchemy.engine")
before = loggers()
life()
after = loggers()
seen.append({name: [before[name], after[name]] for name in before if before[name] != after[name]})
"""


def program(
    project: Project, cwd: Path, body: str, module: str = "alambique", **options: Any
) -> Any:
    """Run a program that imports the project from `cwd`; return what it collected in `seen`."""
    life = "def life():\n    " + LIFE.strip().replace("\n", "\n    ")
    source = f"{IMPORTS.format(module=module)}{life}\n{body}\nprint(json.dumps(seen))"
    env = project.python_path(project.path) | options.pop("env", {})
    return json.loads(project.python(source, cwd=cwd, env=env, **options).splitlines()[-1])


SEEN = [
    None,
    [SECOND, [HEAD]],
    [None, [FIRST, SECOND, HEAD]],
    [FIRST, [SECOND, HEAD]],
    [HEAD, []],
]


@pytest.mark.parametrize("module", ["alambique", "core.migrations"])  # the second: as in 1.x
def test_the_functions_need_no_current_directory(
    project: Callable[..., Project], tmp_path: Path, module: str
) -> None:
    made = project()
    assert program(made, tmp_path, "life()", module) == SEEN
    assert version(made) == [HEAD]
    assert not list(tmp_path.glob("*.db*")) and len(made.revisions()) == 3
    other = tmp_path / "outro é.db"
    body = f"apply_migrations({FIRST!r}, url={f'sqlite:///{other}'!r})\nseen = current_revision()"
    assert program(made, tmp_path, body) == HEAD  # the project's own database stays as it is
    assert version(made, str(other)) == [FIRST]


def test_the_functions_work_inside_a_running_event_loop(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project(mode="async")
    assert program(made, tmp_path, LOOP) == SEEN + SEEN
    assert version(made) == [HEAD]


def test_a_program_can_write_and_apply_a_revision(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project(mode="async")
    made.write("app/clientes/models.py", CLIENTE)
    body = """
async def service():
    seen.append(create_migration("create clientes"))
    apply_migrations()
    seen.append(create_migration("à mão", autogenerate=False))
asyncio.run(service())
"""
    paths = program(made, tmp_path, body)
    assert sorted(map(str, made.revisions()[3:])) == sorted(paths)
    assert query(made, "SELECT count(*) FROM clientes") == [(0,)]
    assert Path(paths[1]).read_text(encoding="utf-8").startswith('"""à mão\n')
    assert Path(paths[1]).name.endswith("_a_mao.py")


def test_ensure_current_says_behind_and_ahead(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project()
    body = """
from alambique import NotCurrent
try:
    ensure_current()
except NotCurrent as error:
    seen.append(str(error))
"""
    assert program(made, tmp_path, body) == []
    made.alembic("downgrade", "-1")
    (said,) = program(made, tmp_path, body)
    assert sentence(made, "BEHIND", database=SECOND, code=HEAD, count=1).fullmatch(said)
    made.alembic("downgrade", "base")
    (said,) = program(made, tmp_path, body)
    assert sentence(made, "BEHIND", database="base", code=HEAD, count=3).fullmatch(said)
    query(made, "INSERT INTO alembic_version VALUES ('f00f00f00f00')")
    (said,) = program(made, tmp_path, body)
    assert sentence(made, "AHEAD", database="f00f00f00f00", code=HEAD).fullmatch(said)


@pytest.mark.parametrize("configured", [True, False])
def test_the_applications_logging_stays_as_it_is(
    project: Callable[..., Project], tmp_path: Path, configured: bool
) -> None:
    made = project()
    setup = "logging.basicConfig(level='WARNING', filename='service.log')" if configured else ""
    assert program(made, tmp_path, f"{setup}\n{LOGGING}")[-1] == {}
    if configured:
        assert (tmp_path / "service.log").read_text() == ""


@pytest.mark.full
def test_a_malformed_url_is_one_sentence(project: Callable[..., Project], tmp_path: Path) -> None:
    made = project()
    for url, message in {
        "not a url": "URL_MALFORMED",
        "postgresql://ana:secret@host:port/loja": "URL_MALFORMED",
        "nodriver://ana:secret@host/loja": "DATABASE_UNKNOWN",
    }.items():
        env = {"DATABASE_URL": url}
        for text in (
            made.make("upgrade", code=2, env=env),
            made.make("check", code=2, env=env),
            made.alambique("setup", code=1, env=env),
        ):
            assert sentence(made, message).search(text), text
            assert "Traceback" not in text and "secret" not in text, text
        # Who calls from Python gets an exception, whose last line says it.
        for text in (
            made.make("seed", code=2, env=env),
            made.python("from alambique import *; apply_migrations()", code=1, env=env),
        ):
            assert sentence(made, message).search(text), text
            assert "secret" not in text and "During handling" not in text, text
    made.run(made.interpreter, "-m", "core.migrations", "check", code=1, env=env)


IMPORTING = """
from core import InvalidSetting

try:
    import core.database
except InvalidSetting as error:
    assert not isinstance(error, SystemExit)
    print("raised", error)
print("alive")
"""


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "URL_MALFORMED"),
        ("nodriver://a:b@c/d", "DATABASE_UNKNOWN"),
        ("", "URL_MISSING"),
    ],
)
def test_importing_the_database_raises_and_never_ends_the_process(
    project: Callable[..., Project], mode: str, url: str, message: str
) -> None:
    made = project(mode=mode, setup=False, database="postgresql")
    printed = made.python(IMPORTING, env={"DATABASE_URL": url})
    raised, alive = printed.removeprefix("raised ").rsplit("\n", 2)[:2]
    assert alive == "alive" and sentence(made, message).fullmatch(raised), printed


def test_a_missing_url_is_one_sentence(tmp_path: Path) -> None:
    made = Project(render(tmp_path / "loja", database="postgresql"))  # no .env before the set-up
    made.use_these_packages()
    printed = made.make("upgrade", code=2)
    assert sentence(made, "URL_MISSING").search(printed) and "Traceback" not in printed, printed
    assert sentence(made, "URL_MISSING").search(made.make("seed", code=2))
