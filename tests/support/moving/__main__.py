"""The command line: a project, moved on each database it is told."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from support.interruption import DATABASES
from support.moving.journey import Wish, move
from support.moving.noise import noise, shown
from support.moving.project import Way


def main() -> int:
    """Move a project; the exit code is 1 where ours did otherwise than stock, or proposes more."""
    parser = argparse.ArgumentParser(prog="support.moving", description=__doc__)
    parser.add_argument("folder", type=Path, help="the checkout; it is copied")
    parser.add_argument("--python", default=sys.executable, help="of its virtual environment")
    parser.add_argument("--ini", default="alembic.ini", help="below the folder; made if missing")
    parser.add_argument("--script", help="the folder of env.py, if the ini does not say")
    parser.add_argument("--prelude", help="a file of Python that runs before Alembic")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--metadata", help="module:attribute for target_metadata")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=EXPRESSION")
    parser.add_argument("--env", help="an env.py of ours for it")
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--driver", action="append", default=[], metavar="DIALECT=DRIVERNAME")
    parser.add_argument("--text", action="append", default=[], metavar="COLUMN=TEXT|TEXT")
    parser.add_argument("--rows-at", type=int, default=4)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--down", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noise", action="store_true", help="compare with the models instead")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()

    way = Way(
        folder=options.folder.resolve(),
        python=str(Path(options.python).absolute()),
        ini=options.ini,
        script=options.script,
        prelude=options.prelude,
        environment=dict(each.split("=", 1) for each in options.set),
        metadata=options.metadata,
        options=options.option,
        env=options.env,
    )
    texts = {name: said.split("|") for name, _, said in (t.partition("=") for t in options.text)}
    drivers = dict(each.split("=", 1) for each in options.driver)

    def say(what: str) -> None:
        if not options.quiet:
            print(f"  {what}", file=sys.stderr, flush=True)

    is_good = True
    for database in options.database:
        started = time.monotonic()
        wish = Wish(
            options.rows_at,
            options.kills,
            options.down,
            options.seed,
            drivers.get(database),
            texts,
        )
        if options.noise:
            stock, ours = noise(way, database, wish)
            print(f"{way.folder.name} {shown(database, stock, ours)}", flush=True)
            is_good = is_good and len(ours) <= len(stock)
            continue
        outcome = move(way, database, wish, say)
        print(f"{way.folder.name} {outcome} | {time.monotonic() - started:.0f} s", flush=True)
        if outcome.details:
            print("\n".join(f"    {line}" for line in outcome.details), flush=True)
        is_good = is_good and outcome.verdict in {"equal", "stock"}
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
