"""`adopt`: what it takes to have models of a database, and to bring it aboard."""

import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from benchmarks.measure import Measure, Row, Skipped, alternate, stopwatch
from benchmarks.projects import ours, run
from benchmarks.servers import new_database, unavailable

AREAS, TABLES = 20, 10
ALAMBIQUE = (".venv/bin/python", "-m", "alambique")
OF_A_RUN = ("app", "migrations/versions")

# These commands take seconds: their medians need fewer runs.
MOST_RUNS = 5


def adopt(folder: Path, options: Namespace) -> Iterator[Row | Skipped]:
    """Models of 200 plain tables on PostgreSQL, and their adoption, against sqlacodegen alone."""
    if reason := unavailable("postgresql"):
        yield Skipped("alambique models, against sqlacodegen", reason)
        return

    project = ours(folder / "ours", database="postgresql", example=False)
    with new_database("postgresql") as url:
        _fill(url)
        address = url.render_as_string(hide_password=False)
        (project / ".env").write_text(f"DATABASE_URL={address}\n", encoding="utf-8")
        models, adopted, theirs = alternate(
            min(options.runs, MOST_RUNS),
            _made_anew(project, url, *ALAMBIQUE, "models"),
            _made_anew(project, url, *ALAMBIQUE, "adopt", "--yes"),
            stopwatch(run, project, ".venv/bin/sqlacodegen", address),
        )
    yield Row("alambique models, against sqlacodegen", models, theirs, promise=2)
    yield Row("alambique adopt, against the same", adopted, theirs)


def _fill(url: URL) -> None:
    """Make tables as plain as they come, those of each area around one of them."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for area in range(AREAS):
            for table in range(TABLES):
                name, first = f"area{area}_table{table}", f"area{area}_table0"
                connection.execute(
                    text(
                        f"CREATE TABLE {name} (id serial PRIMARY KEY, name varchar(80) NOT NULL,"
                        " code char(8) UNIQUE, price numeric(10, 2) NOT NULL DEFAULT 0,"
                        " open boolean NOT NULL DEFAULT true, note text,"
                        " made_at timestamptz NOT NULL DEFAULT now(),"
                        f" first_id int REFERENCES {first}, CHECK (price >= 0))"
                    )
                )
                connection.execute(text(f"CREATE INDEX ON {name} (first_id, made_at)"))


def _made_anew(project: Path, url: URL, *command: str) -> Measure:
    """Make a measure of a command that writes into the project, which is then as it was."""
    before = {path for name in OF_A_RUN for path in (project / name).rglob("*")}

    def seconds() -> float:
        started = time.perf_counter()
        run(project, *command)
        taken = time.perf_counter() - started

        for path in {path for name in OF_A_RUN for path in (project / name).rglob("*")} - before:
            rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        with create_engine(url, poolclass=NullPool).begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS alembic_version, alembic_journal"))
        return taken

    return seconds
