"""`make mutants`: plant each fault in a copy of the template, and see whether the tests see it.

The exit code is 1 if any stays unseen. Before the first fault all of the tests are run without one:
what is red anyway sees nothing.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.mutants import FAULTS
from support.mutants.faults import LIBRARY, Fault, Stale, check
from support.releases import git, repository

# The tests of a run that failed, as pytest sums them up.
RED = re.compile(r"^(?:FAILED|ERROR) (\S+?::.+?)(?: - .*)?$", re.MULTILINE)

# Seconds after which tests that a fault has made hang count as ones that do not see it.
PATIENCE = 900


def main() -> int:
    """Plant the faults asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="support.mutants", description=main.__doc__)
    parser.add_argument(
        "words", nargs="*", help="only the faults called so, or seen by such tests: unit/undo"
    )
    parser.add_argument("--check", action="store_true", help="only see whether they can be planted")
    parser.add_argument("--green", action="store_true", help="the tests are green without a fault")
    options = parser.parse_args()

    words = " ".join(options.words)
    chosen = [fault for fault in FAULTS if words in fault.what or fault.seen_by.startswith(words)]
    if not chosen:
        parser.error(f"no fault is called {words!r}, or seen by such tests")
    return check_all(chosen) if options.check else plant_all(chosen, options.green)


def check_all(faults: Sequence[Fault]) -> int:
    """See whether each fault can be planted in the working tree; return 1 if one cannot."""
    stale = 0
    for fault in faults:
        try:
            check(fault)
        except Stale as error:
            stale += 1
            print(f"{fault.what}: {error}")
    print(f"{len(faults) - stale} of {len(faults)} faults can be planted")
    return 1 if stale else 0


def plant_all(faults: Sequence[Fault], is_green: bool) -> int:
    """Plant one fault after the other; return 1 if one stays unseen.

    Args:
        faults: the faults.
        is_green: the tests are known to be green without them.
    """
    unseen = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = repository(Path(folder) / "alambique")
        (tree / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        (tree / ".git/info/exclude").write_text(".venv\n")

        red = [] if is_green else red_tests(tree, sorted({fault.test for fault in faults}))
        for test in red:
            print(f"{test} is red without a fault", flush=True)

        for fault in faults:
            began = time.perf_counter()
            seen = plant(fault, tree, red)
            unseen += 0 if seen else 1
            took = time.perf_counter() - began
            print(f"{took:5.1f} s  {fault.what}: {seen or 'UNSEEN'}", flush=True)

    print(f"{len(faults) - unseen} of {len(faults)} faults seen")
    return 1 if unseen else 0


def plant(fault: Fault, tree: Path, red: Sequence[str]) -> str:
    """Plant a fault, and take it out again; return the test that saw it, "" if none did.

    Args:
        fault: the fault.
        tree: a copy of the repository.
        red: the tests that are red without it.
    """
    fault.plant(tree)
    try:
        known = [f"--deselect={each}" for each in red]
        found = red_tests(tree, [fault.test], "--exitfirst", *known, patience=PATIENCE)
    finally:
        git(tree, "reset", "--quiet", "--hard")
        git(tree, "clean", "--quiet", "--force", "-d")
    return found[0].partition("::")[2] if found else ""


def red_tests(
    tree: Path, tests: Sequence[str], *options: str, patience: float | None = None
) -> list[str]:
    """Return which of these tests fail, as pytest calls them.

    Args:
        tree: a copy of the repository.
        tests: the tests; where there are only ones for `--full`, those are run.
        options: more for pytest.
        patience: seconds after which nothing is said to have failed.
    """
    command = [".venv/bin/python", "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *options]
    if len(tests) == 1 and tests[0].startswith("tests/unit/"):
        command += ["-n", "0"]  # over before a worker would be there

    try:
        done = run(tree, [*command, *tests], patience)
        if done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED:
            done = run(tree, [*command, "--full", *tests], patience)
    except subprocess.TimeoutExpired:
        return []
    return RED.findall(done.stdout)


def run(
    tree: Path, command: Sequence[str], patience: float | None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a copy of the repository, whose library is the one that is imported.

    The environment has the library of the working tree installed: PYTHONPATH comes before it. A
    rendered project has a PYTHONPATH of its own, its `vendor/`. Compiled modules are written, as
    anywhere: one fault is that they are believed.

    Raises:
        subprocess.TimeoutExpired: it took longer than `patience`, in seconds.
    """
    environment = {**os.environ, "PYTHONPATH": str((tree / LIBRARY).parent)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=patience
    )


if __name__ == "__main__":
    sys.exit(main())
