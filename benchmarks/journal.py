"""`journal`: what it costs to be able to resume where the database commits with every DDL."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import URL

from benchmarks.measure import Measure, Row, Skipped, alternate, stopwatch
from benchmarks.projects import UPGRADE, ours, run
from benchmarks.servers import empty, new_database, unavailable

REVISIONS = 30
SIX_STATEMENTS = '''"""revision {n}"""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {revises!r}


def upgrade():
    op.create_table("t{n}", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO t{n} VALUES (1)")
    op.add_column("t{n}", sa.Column("a", sa.Integer))
    op.create_index("ix_{n}", "t{n}", ["a"])
    op.execute("UPDATE t{n} SET a = id")
    op.execute("UPDATE t{n} SET a = a + 1")


def downgrade():
    op.drop_table("t{n}")
'''

# Redefines what env.py wraps the revisions in: they are run as Alembic runs them.
NO_JOURNAL = """

def with_journal(fn, *arguments, **options):
    return fn
"""


def journal(folder: Path, options: Namespace) -> Iterator[Row | Skipped]:
    """180 statements on MariaDB, with the journal and without it."""
    if reason := unavailable("mysql"):
        yield Skipped("alembic upgrade head, mysql", reason)
        return
    with new_database("mysql") as url:
        sides = [upgrade(folder / "with", url), upgrade(folder / "without", url, keep=False)]
        times = alternate(options.runs, *sides)
    yield Row("alembic upgrade head, 30 revisions, mysql", *times, promise=1.15)


def upgrade(path: Path, url: URL, keep: bool = True) -> Measure:
    """Make a project of 30 revisions, and a measure of running them all."""
    project = ours(path, database="mysql", example=False)
    text = url.render_as_string(hide_password=False)
    (project / ".env").write_text(f"DATABASE_URL={text}\n", encoding="utf-8")
    (project / "migrations/versions").mkdir(exist_ok=True)
    ids = [f"r{n:011}" for n in range(REVISIONS)]
    for n, (revision, revises) in enumerate(zip(ids, [None, *ids], strict=False)):
        source = SIX_STATEMENTS.format(n=n, revision=revision, revises=revises)
        (project / f"migrations/versions/{revision}.py").write_text(source, encoding="utf-8")
    if not keep:
        keep_no_journal(project)
    seconds = stopwatch(run, project, *UPGRADE)

    def measure() -> float:
        empty(url)
        return seconds()

    return measure


def keep_no_journal(project: Path) -> None:
    """Have a project run its revisions as Alembic runs them."""
    module = project / "vendor/alambique/upgrade/journal.py"
    source = module.read_text(encoding="utf-8")
    assert "\ndef with_journal(" in source, f"{module} keeps the journal in another way"
    module.write_text(source + NO_JOURNAL, encoding="utf-8")
