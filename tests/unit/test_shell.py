"""`make shell` and `make dbshell`: the project's database, at hand."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alambique import cli, messages
from alambique.commands import apply_migrations
from alambique.tools.dbshell import Client, call
from sqlalchemy.engine import make_url

from support.minimal import Minimal, is_said, minimal_project

CREATE = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'
MODEL = """
class Thing(Base):
    __tablename__ = "t"
    id = Column(Integer, primary_key=True)
"""
TYPED = """
session.add(Thing(id=7))
session.commit()
print("found", session.scalars(select(Thing.id)).all())
"""


@pytest.fixture(params=["en", "pt"])
def made(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Minimal:
    made = minimal_project(tmp_path, language=request.param)
    made.models(MODEL)
    made.revision("a1", upgrade=CREATE, downgrade='op.drop_table("t")')
    monkeypatch.chdir(tmp_path)
    apply_migrations()
    return made


def test_the_models_and_a_session_are_at_hand(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(TYPED))
    assert cli.main(["shell"]) == 0
    printed = capsys.readouterr()
    assert "found [7]" in printed.out and "Traceback" not in printed.err
    assert "models: Thing" in printed.err or "modelos: Thing" in printed.err


def test_a_database_that_does_not_open_is_a_sentence(
    made: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["shell", "--url", "sqlite:////nowhere/at/all.db"]) == 1
    printed = capsys.readouterr().err
    assert "nowhere" in printed and "Traceback" not in printed


@pytest.mark.parametrize(
    ("url", "client"),
    [
        ("sqlite:////srv/app.db", Client(["/srv/app.db"])),
        (
            "postgresql+psycopg://ana:se%40cret@db:5433/shop?sslmode=require&prepare_threshold=0",
            Client(["postgresql://ana@db:5433/shop?sslmode=require"], {"PGPASSWORD": "se@cret"}),
        ),
        (
            "mysql+pymysql://ana:secret@db/shop?charset=utf8mb4&unix_socket=/run/db.sock",
            Client(
                [
                    "--host=db",
                    "--user=ana",
                    "--socket=/run/db.sock",
                    "--default-character-set=utf8mb4",
                    "shop",
                ],
                {"MYSQL_PWD": "secret"},
            ),
        ),
    ],
)
def test_each_client_is_told_where_and_no_list_of_processes_shows_the_password(
    url: str, client: Client
) -> None:
    assert call(make_url(url)) == client


def test_a_client_that_is_missing_is_a_sentence(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(made.root))
    assert cli.main(["dbshell"]) == 1
    assert is_said(messages.NO_CLIENT.format(names="sqlite3", package="sqlite3"), capsys)


def test_the_client_takes_the_place_of_the_command(made: Minimal) -> None:
    program = made.write("bin/sqlite3", '#!/bin/sh\necho "at $1"; exit 5\n')
    program.chmod(0o755)
    library = str(Path(messages.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "alambique", "dbshell"],
        cwd=made.root,
        env=os.environ | {"PATH": str(program.parent), "PYTHONPATH": library},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (5, f"at {made.root}/app.db\n")
