"""The ledger: a row for each step, kept together with the version, and never changed."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import cli, messages
from alambique.commands import apply_migrations, revert_migrations
from alambique.settings import use_project
from alambique.upgrade import ledger
from alembic.util import CommandError
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database

from support.minimal import Minimal, minimal_project

CREATE = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'
MODEL = 'Table("t", metadata, Column("id", Integer, primary_key=True))\n'
QUERY = "SELECT id, command, revision FROM alembic_ledger ORDER BY id"


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    return made(new_database(request.param))


def made(url: str) -> str:
    """Make an empty database."""
    create_database(url)
    return url


def history(tmp_path: Path, url: str, **said: str) -> Minimal:
    """Make a project of three revisions, the last of which may do something."""
    project = minimal_project(tmp_path, url)
    project.models(MODEL)
    project.revision("a1", upgrade=CREATE, downgrade='op.drop_table("t")')
    project.revision("b2", "a1")
    project.revision("c3", "b2", **said)
    return project


def asked(url: str, query: str = QUERY) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def tables(url: str) -> list[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    return sorted(sa.inspect(engine).get_table_names())


def test_each_step_is_a_row(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    history(tmp_path, url)
    monkeypatch.setenv("MIGRATION_COMMIT", "0123456789abcdef")
    ledger._commit.cache_clear()
    apply_migrations("+2")
    revert_migrations("-1")
    apply_migrations()
    expected = [
        (1, "upgrade", "a1"),
        (2, "upgrade", "b2"),
        (3, "downgrade", "b2"),
        (4, "upgrade", "b2"),
        (5, "upgrade", "c3"),
    ]
    assert asked(url) == expected
    (row,) = asked(url, "SELECT title, git_commit, db_user, seconds FROM alembic_ledger WHERE id=1")
    assert row[:3] == ("a1", "0123456789abcdef", make_url(url).username or "")
    assert 0 <= row[3] < 60

    apply_migrations()
    assert asked(url) == expected, "nothing was done, and something noted"


def test_a_step_that_fails_leaves_no_row(tmp_path: Path, url: str) -> None:
    history(tmp_path, url, upgrade='op.execute("UPDATE nowhere SET x = 1")')
    with pytest.raises(CommandError):
        apply_migrations()
    assert asked(url) == [(1, "upgrade", "a1"), (2, "upgrade", "b2")]


def test_it_can_be_switched_off(tmp_path: Path, url: str) -> None:
    project = history(tmp_path, url)
    pyproject = project.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + "ledger = false\n")
    use_project(project.root)
    apply_migrations()
    assert "alembic_ledger" not in tables(url)


def test_alembic_ini_switches_it_off_too(
    tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    url = made(new_database("sqlite"))
    project = history(tmp_path, url)
    (project.root / "pyproject.toml").unlink()
    ini = project.root / "alembic.ini"
    said = f"\n[alambique]\nmodels = {project.package}\nledger = no\n"
    ini.write_text(ini.read_text() + said)
    use_project(project.root)
    apply_migrations()
    assert "alembic_ledger" not in tables(url)


def test_a_stamp_is_noted_where_there_is_one(
    tmp_path: Path, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = made(new_database("sqlite"))
    project = history(tmp_path, url)
    monkeypatch.chdir(project.root)
    assert cli.main(["stamp", "a1"]) == 0
    assert tables(url) == ["alembic_version"]

    apply_migrations("b2")
    assert cli.main(["stamp", "c3"]) == 0
    assert asked(url)[-1][1:] == ("stamp", "c3")


def test_a_squashed_history_goes_on_in_it(
    tmp_path: Path, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = made(new_database("sqlite"))
    project = history(tmp_path, url)
    monkeypatch.chdir(project.root)
    apply_migrations()
    before = asked(url)
    assert cli.main(["squash", "--yes"]) == 0
    project.revision("d4", "c3")
    apply_migrations()
    assert asked(url) == [*before, (4, "upgrade", "d4")]


def test_it_lies_where_the_versions_lie(tmp_path: Path, new_database: Callable[[str], str]) -> None:
    url = made(new_database("postgresql"))
    project = history(tmp_path, url)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA ours")
    call = 'run_migrations(version_table_schema="ours")'
    project.write("migrations/env.py", f"from alambique.env import run_migrations\n\n{call}\n")
    apply_migrations()
    assert len(asked(url, "SELECT id FROM ours.alembic_ledger")) == 3
    assert tables(url) == ["t"]


def test_a_role_that_makes_no_table_is_told_what_does(
    tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    url = made(new_database("postgresql"))
    history(tmp_path, url)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "INSERT INTO alembic_version VALUES ('a1')",
            "DROP ROLE IF EXISTS keeps_no_ledger",
            "CREATE ROLE keeps_no_ledger LOGIN",
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO keeps_no_ledger",
        ):
            connection.exec_driver_sql(statement)
    as_role = make_url(url).set(username="keeps_no_ledger", password=None)
    try:
        with pytest.raises(CommandError, match=r"(?s)alembic_ledger.*ledger = false"):
            apply_migrations(url=as_role)
        assert asked(url, "SELECT version_num FROM alembic_version") == [("a1",)]
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP OWNED BY keeps_no_ledger")
            connection.exec_driver_sql("DROP ROLE keeps_no_ledger")


def test_status_shows_it(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = history(tmp_path, url)
    monkeypatch.chdir(project.root)
    assert cli.main(["status", "--ledger"]) == 0
    assert messages.LEDGER_EMPTY in capsys.readouterr().out

    apply_migrations()
    assert cli.main(["status", "--ledger"]) == 0
    printed = capsys.readouterr().out.partition(messages.LEDGER)[2].splitlines()[1:]
    assert [line.split()[2:4] for line in printed] == [["upgrade", f] for f in ("c3", "b2", "a1")]

    assert cli.main(["status", "--ledger", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [each["revision"] for each in said["ledger"]] == ["c3", "b2", "a1"]
    assert cli.main(["status", "--json"]) == 0
    assert "ledger" not in json.loads(capsys.readouterr().out)


def test_the_commit_is_that_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ledger.COMMIT:
        monkeypatch.delenv(name, raising=False)
    url = f"sqlite:///{tmp_path}/app.db"
    history(tmp_path, url)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init"], ["add", "."], ["commit", "-m", "x"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True, capture_output=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    ledger._commit.cache_clear()
    apply_migrations("+1")
    assert asked(url, "SELECT git_commit FROM alembic_ledger") == [(head.stdout.strip(),)]


def test_nobody_asks_who_rehearsed(
    tmp_path: Path,
    new_database: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plan runs on a copy of a SQLite database, and shows what ran."""
    url = made(new_database("sqlite"))
    project = history(tmp_path, url)
    monkeypatch.chdir(project.root)
    for to in ("+1", "heads"):
        assert cli.main(["plan"]) == 0
        assert "ledger" not in capsys.readouterr().out
        apply_migrations(to)
