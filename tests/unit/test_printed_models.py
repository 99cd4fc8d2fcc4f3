"""`alambique models <url>`: models without a project."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alambique import messages
from alambique.database.creation import create_missing_database
from sqlalchemy import create_engine, make_url, text

LIBRARY = str(Path(messages.__file__).parents[2])


def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type the command in a folder that is no project."""
    return subprocess.run(
        [sys.executable, "-m", "alambique", "models", *words],
        cwd=folder,
        env={"PYTHONPATH": LIBRARY, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
    )


def test_models_are_printed_without_a_project(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "old.db")
    database.execute("CREATE TABLE artists (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    database.execute(
        "CREATE TABLE albums (id INTEGER PRIMARY KEY, artist_id INT REFERENCES artists)"
    )
    database.execute("CREATE TABLE alembic_version (version_num TEXT)")

    done = typed(tmp_path, f"sqlite:///{tmp_path}/old.db")

    assert done.returncode == 0, done.stderr
    assert "class Base(DeclarativeBase):\n    pass\n\n\nclass Artist(Base):" in done.stdout
    assert 'albums: Mapped[list["Album"]]' in done.stdout
    assert "alembic_version" not in done.stdout
    found: dict[str, object] = {"__name__": "found"}
    exec(done.stdout, found)
    assert [path.name for path in tmp_path.iterdir()] == ["old.db"]


def test_only_some_tables(tmp_path: Path, new_database: Callable[[str], str]) -> None:
    url = new_database("postgresql")
    create_missing_database(make_url(url))
    with create_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE a (id int PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE b (id int PRIMARY KEY)"))
    done = typed(tmp_path, url.replace("postgresql+psycopg", "postgres"), "--tables", "b")
    assert done.stdout.count("(Base):") == 1, done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"), [(["--tables", "c"], "c"), (["sqlite:////no/where.db"], "where.db")]
)
def test_what_is_not_there_is_a_sentence(tmp_path: Path, words: list[str], sentence: str) -> None:
    sqlite3.connect(tmp_path / "old.db").execute("CREATE TABLE a (id INTEGER)")
    url = [] if "where" in words[0] else [f"sqlite:///{tmp_path}/old.db"]
    done = typed(tmp_path, *url, *words)
    assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""
