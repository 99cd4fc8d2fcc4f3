"""`tried`: what it costs to try a revision on a scratch database before it is written."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from benchmarks.measure import Measure, Row, Skipped, alternate, stopwatch
from benchmarks.projects import UPGRADE, ours, run
from benchmarks.servers import empty, new_database, unavailable

TABLES = 50
# Every table comes in one revision, and gets a column in the next: a history of 100.
REVISION = '''"""revision {n}"""
import sqlalchemy as sa
from alembic import op

revision = "r{n:03}"
down_revision = {revises!r}


def upgrade():
    {up}


def downgrade():
    {down}
'''
CREATE = """op.create_table(
        "t{t}",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("nome", sa.String(50), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_t{t}"),
    )"""
MODEL = """

class T{t}(CoreBase):
    __tablename__ = "t{t}"

    nome: Mapped[str] = mapped_column(String(50))
    idade: Mapped[int | None]
"""
MODELS = "from sqlalchemy import String\nfrom sqlalchemy.orm import Mapped, mapped_column\n\n"
MIGRATION = (".venv/bin/python", "-m", "alambique", "migration", "-m", "novo")
# Of writing it untried; and, on MySQL and MariaDB, of that and of an upgrade from nothing.
PROMISE = 2.0
PROMISE_OF_HISTORY = 1.1


def tried(folder: Path, options: Namespace) -> Iterator[Row | Skipped]:
    """`make migration` on a history of 100 revisions, with the trial and with tried=no."""
    for database in ("sqlite", "postgresql", "mysql"):
        what = f"alambique migration, 100 revisions, {database}"
        if database == "sqlite":
            yield _row(
                what, folder / database, make_url(f"sqlite:///{folder / 'bench.db'}"), options
            )
        elif reason := unavailable(database):
            yield Skipped(what, reason)
        else:
            with new_database(database) as url:
                yield _row(what, folder / database, url, options)


def _row(what: str, path: Path, url: URL, options: Namespace) -> Row:
    """Measure both ways; where each statement waits for a disk, beside what the history takes."""
    project = _project(path, url)
    both = [_measure(project, *MIGRATION), _measure(project, *MIGRATION, "-x", "tried=no")]
    if url.get_backend_name() != "mysql":
        return Row(what, *alternate(options.runs, *both), promise=PROMISE)
    seconds = stopwatch(run, project, *UPGRADE)

    def build() -> float:
        empty(url)
        return seconds()

    with_trial, without, history = alternate(options.runs, *both, build)
    return Row(f"{what}, and upgrade", with_trial, without + history, promise=PROMISE_OF_HISTORY)


def _project(path: Path, url: URL) -> Path:
    """Make a project at the head of its history, with one more model."""
    project = ours(path, database=url.get_backend_name(), example=False)
    text = url.render_as_string(hide_password=False)
    (project / ".env").write_text(f"DATABASE_URL={text}\n", encoding="utf-8")
    versions = project / "migrations/versions"
    versions.mkdir(exist_ok=True)
    for n in range(2 * TABLES):
        table, is_new = n // 2, n % 2 == 0
        up = CREATE.format(t=table) if is_new else f'op.add_column("t{table}", {COLUMN})'
        down = f'op.drop_table("t{table}")' if is_new else f'op.drop_column("t{table}", "idade")'
        source = REVISION.format(n=n, revises=f"r{n - 1:03}" if n else None, up=up, down=down)
        (versions / f"r{n:03}.py").write_text(source, encoding="utf-8")
    run(project, *UPGRADE)

    models = "".join(MODEL.format(t=table) for table in range(TABLES + 1))
    (project / "app/loja").mkdir(parents=True)
    for package in ("app", "app/loja"):
        (project / package / "__init__.py").touch()
    head = f"{MODELS}from core.database import CoreBase\n"
    (project / "app/loja/models.py").write_text(head + models, encoding="utf-8")
    return project


COLUMN = 'sa.Column("idade", sa.Integer)'


def _measure(project: Path, *command: str) -> Measure:
    """Make a measure of writing a revision, which is taken away again."""
    versions = project / "migrations/versions"
    seconds = stopwatch(run, project, *command)

    def measure() -> float:
        before = {path: path.read_bytes() for path in versions.glob("*.*")}
        took = seconds()
        new = [path for path in versions.glob("*.*") if path not in before]
        assert [path.suffix for path in new if path.suffix == ".py"] == [".py"], new
        for path in new:
            path.unlink()
        for path, content in before.items():
            path.write_bytes(content)
        return took

    return measure
