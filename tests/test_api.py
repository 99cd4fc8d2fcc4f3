"""Migrations from Python: the six functions work anywhere and disturb nothing.

Each test runs real programs that import `core.migrations` from another current directory, the way a
service does at its start-up: plain, inside a running event loop, with its logging set up.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Project, render
from test_life import CLIENTE, FIRST, HEAD, SECOND, query, sentence, version

IMPORTS = """
import asyncio, json, logging
from core.migrations import (
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


def program(project: Project, cwd: Path, body: str, **options: Any) -> Any:
    """Run a program that imports the project from `cwd`; return what it collected in `seen`."""
    life = "def life():\n    " + LIFE.strip().replace("\n", "\n    ")
    source = f"{IMPORTS}{life}\n{body}\nprint(json.dumps(seen))"
    env = {"PYTHONPATH": str(project.path)} | options.pop("env", {})
    return json.loads(project.python(source, cwd=cwd, env=env, **options).splitlines()[-1])


SEEN = [
    None,
    [SECOND, [HEAD]],
    [None, [FIRST, SECOND, HEAD]],
    [FIRST, [SECOND, HEAD]],
    [HEAD, []],
]


def test_the_functions_need_no_current_directory(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project()
    assert program(made, tmp_path, "life()") == SEEN
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
from core.migrations.status import NotCurrent
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


def test_a_malformed_url_is_one_sentence(project: Callable[..., Project], tmp_path: Path) -> None:
    made = project()
    for url, message in {
        "not a url": "URL_MALFORMED",
        "postgresql://ana:secret@host:port/loja": "URL_MALFORMED",
        "nodriver://ana:secret@host/loja": "DRIVER_MISSING",
    }.items():
        env = {"DATABASE_URL": url}
        printed = [
            made.make("upgrade", code=2, env=env),
            made.make("seed", code=2, env=env),
            made.python(
                "from core.migrations import apply_migrations; apply_migrations()", code=1, env=env
            ),
            made.python("import core.database", code=1, env=env),
        ]
        for text in printed:
            assert sentence(made, message).search(text), text
            assert "Traceback" not in text and "secret" not in text, text
    made.run(".venv/bin/python", "-m", "core.migrations", "check", code=1, env=env)


def test_a_missing_url_is_one_sentence(tmp_path: Path) -> None:
    made = Project(render(tmp_path / "loja", database="postgresql"))  # no .env before the set-up
    (made.path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    for text in (made.make("upgrade", code=2), made.make("seed", code=2)):
        assert sentence(made, "URL_MISSING").search(text) and "Traceback" not in text, text
