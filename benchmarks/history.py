"""`history`: what a project of 1,000 revisions pays for knowing which tables it created."""

import statistics
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from alembic.script import ScriptDirectory

from benchmarks.measure import Row, alternate, stopwatch
from benchmarks.projects import UPGRADE, numbers, ours, run, stock

REVISIONS = 1000

REVISION = '''"""revision {n}

Revision: {revision}
Revises: {revises}
"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{revises}"
branch_labels = None
depends_on = None

'''
CREATES = """
def upgrade() -> None:
    op.create_table(
        "tabela_{n}",
        sa.Column("nome", sa.String(length=100), nullable=False),
        sa.Column("valor", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("situacao", sa.String(length=20), server_default="nova", nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tabela_{n}")),
    )


def downgrade() -> None:
    op.drop_table("tabela_{n}")
"""
ALTERS = """
def upgrade() -> None:
    with op.batch_alter_table("usuarios", schema=None) as batch_op:
        batch_op.add_column(sa.Column("campo_{n}", sa.String(length=254), nullable=True))
        batch_op.create_index(batch_op.f("ix_usuarios_campo_{n}"), ["campo_{n}"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("usuarios", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_usuarios_campo_{n}"))
        batch_op.drop_column("campo_{n}")
"""

# Prints the seconds that reading our tables took, then those of Alembic loading the revisions; of
# the processor, since a promise in seconds must not depend on who else is using it.
READ = """
import time
from alambique.history.source import created_tables
from alambique.settings import alembic_config
from alembic.script import ScriptDirectory

script = ScriptDirectory.from_config(alembic_config())
started = time.process_time()
assert len(list(script.walk_revisions())) == {revisions}
loaded = time.process_time()
assert len(created_tables(script)) > {revisions} / 3
print(time.process_time() - loaded, loaded - started)
"""

# Prints how many revisions an upgrade opens as source: Alembic itself reads compiled ones.
SOURCES = """
import sys
from pathlib import Path
from alembic.config import main

opened = set()


def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path = Path(arguments[0])
        if path.suffix == ".py" and path.parent.name == "versions":
            opened.add(path)


sys.addaudithook(watch)
main(["upgrade", "head"])
print(len(opened))
"""


def history(folder: Path, options: Namespace) -> Iterator[Row]:
    """Reading the tables of 1,000 revisions, and an upgrade that must not."""
    project = ours(folder / "ours")
    lengthen(project / "migrations")
    peer = stock(folder / "stock", project, "sqlite:///app.db")
    for path in (project, peer):
        run(path, ".venv/bin/alembic", "stamp", "head")

    read = READ.format(revisions=REVISIONS)
    taken = [numbers(project, read) for _ in range(options.runs + 1)][1:]  # the first one warms up
    mine, loading = (statistics.median(values) for values in zip(*taken, strict=True))
    yield Row("reading our tables, against loading revisions", mine, loading, "ours", promise=0.3)

    mine, theirs = alternate(
        options.runs, stopwatch(run, project, *UPGRADE), stopwatch(run, peer, *UPGRADE)
    )
    yield Row(f"alembic upgrade at {REVISIONS} revisions", mine, theirs, promise=1.15)

    (mine,), (theirs,) = numbers(project, SOURCES), numbers(peer, SOURCES)
    yield Row("sources that upgrade reads", mine, theirs, "ours", promise=0, unit="files")


def lengthen(migrations: Path) -> None:
    """Add revisions on top of a project's own until there are REVISIONS of them."""
    script = ScriptDirectory(str(migrations))
    (revises,) = script.get_heads()
    for n in range(len(list(script.walk_revisions())), REVISIONS):
        revision = f"{n:012x}"
        text = REVISION + (ALTERS if n % 2 else CREATES)
        (migrations / f"versions/{revision}_revision_{n}.py").write_text(
            text.format(n=n, revision=revision, revises=revises), encoding="utf-8"
        )
        revises = revision
