"""`noop`: what an upgrade with nothing to do costs, as every deploy and every start pays it."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, alternate, stopwatch
from benchmarks.projects import UPGRADE, ours, run, stock


def noop(folder: Path, options: Namespace) -> Iterator[Row]:
    """An upgrade with nothing to do, of a default project and of a stock env.py."""
    project = ours(folder / "ours")
    peer = stock(folder / "stock", project, "sqlite:///app.db")
    bare = stock(folder / "bare", project, "sqlite:///app.db", models=False)
    for path in (project, peer, bare):
        run(path, *UPGRADE)
    make, direct, theirs, least = alternate(
        options.runs,
        stopwatch(run, project, "make", "upgrade"),
        stopwatch(run, project, *UPGRADE),
        stopwatch(run, peer, *UPGRADE),
        stopwatch(run, bare, *UPGRADE),
    )
    yield Row("make upgrade, against alembic upgrade", make, theirs, promise=1.15)
    yield Row("alembic upgrade, against the same", direct, theirs, promise=1.15)
    yield Row("alembic upgrade, against one without models", direct, least)
