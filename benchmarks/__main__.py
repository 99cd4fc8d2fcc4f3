"""Measure against the peers, side by side: `python -m benchmarks [name ...]`."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.adopt import adopt
from benchmarks.backfill import backfill
from benchmarks.detect import detect
from benchmarks.first import first
from benchmarks.history import history
from benchmarks.journal import journal
from benchmarks.measure import Row, Skipped
from benchmarks.noop import noop
from benchmarks.tried import tried

# Each takes an empty folder and the options, and returns its rows. A new one is added here.
BENCHMARKS: dict[str, Callable[[Path, argparse.Namespace], Iterable[Row | Skipped]]] = {
    benchmark.__name__: benchmark
    for benchmark in (noop, detect, history, journal, backfill, tried, adopt, first)
}
LINE = "{:<46} {:>10} {:>10} {:>8}  {:<20} {}"


def main() -> int:
    """Run the benchmarks named, or all of them; exit 1 if a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    parser.add_argument("--runs", type=int, default=15, help="runs of each side (15)")
    parser.add_argument("--tables", type=int, default=1000, help="detect: unmapped tables (1000)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    if options.runs < 1 or options.tables < 1:
        parser.error("--runs and --tables start at 1")
    broken = []
    for name in options.names or BENCHMARKS:
        print(f"\n{name}: {BENCHMARKS[name].__doc__}")
        print(LINE.format("", "ours", "peer", "ratio", "promise", "").rstrip())
        with tempfile.TemporaryDirectory(prefix="alambique-") as folder:
            for row in BENCHMARKS[name](Path(folder).resolve(), options):
                print(LINE.format(*row.cells()).rstrip(), flush=True)
                if not row.kept:
                    broken.append(row.what)
    if broken:
        print(f"\nBroken promises: {'; '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
