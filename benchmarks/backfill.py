"""`backfill`: what it costs to be able to resume a revision that fills a column in batches."""

import textwrap
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import URL

from benchmarks.journal import keep_no_journal
from benchmarks.measure import Measure, Row, Skipped, alternate, stopwatch
from benchmarks.projects import UPGRADE, ours, run
from benchmarks.servers import empty, new_database, unavailable

ROWS = 100_000
TO_THE_TABLE = (*UPGRADE[:-1], "aaaaaaaaaaaa")

THE_TABLE = f'''"""a table that is full"""
import sqlalchemy as sa
from alembic import op

revision = "aaaaaaaaaaaa"
down_revision = None


def upgrade():
    t = op.create_table(
        "t", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("a", sa.Integer), sa.Column("filled", sa.Integer),
    )
    for first in range(0, {ROWS}, 10_000):
        op.bulk_insert(t, [{{"id": n, "a": n % 97}} for n in range(first, first + 10_000)])


def downgrade():
    op.drop_table("t")
'''

THE_BACKFILL = '''"""fill a column"""
import sqlalchemy as sa
from alembic import op

revision = "bbbbbbbbbbbb"
down_revision = "aaaaaaaaaaaa"


def upgrade():
    bind = op.get_bind()
{body}


def downgrade():
    op.execute("UPDATE t SET filled = NULL")
'''

LIMITED = {
    "mysql": "UPDATE t SET filled = a + 1 WHERE filled IS NULL LIMIT 1000",
    "postgresql": "UPDATE t SET filled = a + 1 WHERE id IN"
    " (SELECT id FROM t WHERE filled IS NULL LIMIT 1000)",
}
BY_ROWCOUNT = """
while bind.execute(sa.text("{limited}")).rowcount:
    pass
"""
BY_SELECT = """
last = -1
while True:
    batch = bind.execute(
        sa.text("SELECT id, a FROM t WHERE id > :last ORDER BY id LIMIT 1000"), {"last": last}
    ).all()
    if not batch:
        break
    bind.execute(
        sa.text("UPDATE t SET filled = :filled WHERE id = :id"),
        [{"id": row.id, "filled": row.a + 1} for row in batch],
    )
    last = batch[-1].id
"""


def backfill(folder: Path, options: Namespace) -> Iterator[Row | Skipped]:
    """A column of 100,000 rows, filled by 1,000, with the journal and without it."""
    by_rowcount = {database: BY_ROWCOUNT.format(limited=sql) for database, sql in LIMITED.items()}
    in_block = "with op.get_context().autocommit_block():\n"
    rows: list[tuple[str, str, str, float | None]] = [
        ("UPDATE … LIMIT, by rowcount, mysql", "mysql", by_rowcount["mysql"], 1.15),
        ("SELECT, then executemany, mysql", "mysql", BY_SELECT, 1.15),
        (
            "by rowcount, autocommit_block, postgresql",
            "postgresql",
            in_block + textwrap.indent(by_rowcount["postgresql"], "    "),
            None,
        ),
    ]
    runs = max(3, options.runs // 5)  # each takes seconds

    for number, (what, database, body, promise) in enumerate(rows):
        if reason := unavailable(database):
            yield Skipped(what, reason)
            continue
        with new_database(database) as url:
            sides = [
                upgrade(folder / f"with{number}", url, body),
                upgrade(folder / f"without{number}", url, body, keep=False),
            ]
            times = alternate(runs, *sides)
        yield Row(what, *times, promise=promise)


def upgrade(path: Path, url: URL, body: str, keep: bool = True) -> Measure:
    """Make a project that fills a column, and a measure of running that revision alone."""
    project = ours(path, database=url.get_backend_name(), example=False)
    text = url.render_as_string(hide_password=False)
    (project / ".env").write_text(f"DATABASE_URL={text}\n", encoding="utf-8")
    versions = project / "migrations/versions"
    versions.mkdir(exist_ok=True)
    source = THE_BACKFILL.replace("{body}", textwrap.indent(body.strip(), "    "))
    (versions / "aaaaaaaaaaaa.py").write_text(THE_TABLE, encoding="utf-8")
    (versions / "bbbbbbbbbbbb.py").write_text(source, encoding="utf-8")
    if not keep:
        keep_no_journal(project)
    seconds = stopwatch(run, project, *UPGRADE)

    def measure() -> float:
        empty(url)
        run(project, *TO_THE_TABLE)
        return seconds()

    return measure
