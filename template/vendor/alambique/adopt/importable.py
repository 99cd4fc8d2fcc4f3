"""Can the project's models be imported, all of them together? Asked in a process of its own.

A module that cannot be imported would stay half imported in ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alambique.settings import project

# Characters of a cause that people are shown; the last ones say most.
MOST = 2000

# What is told to a process that waits, once the models are written.
GO = "go\n"


@contextmanager
def importer() -> Iterator[Callable[[], str]]:
    """Lend what tells why the models cannot be imported; "" if they can.

    Its process starts at once, and imports what does not depend on the models meanwhile.

    Raises:
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    ready = [_started()]

    def why_not_importable() -> str:
        process = ready.pop() if ready else _started()
        _, errors = process.communicate(GO)
        return errors.strip()[-MOST:] if process.returncode else ""

    try:
        yield why_not_importable
    finally:
        for process in ready:
            process.kill()
            process.communicate()


def _started() -> subprocess.Popen[str]:
    root = project().root
    library = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(filter(None, [str(library), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(root)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )


def main(root: str) -> None:
    """Import the models of the project in this folder, once told to, and relate them.

    Raises:
        SystemExit: that is not possible; it says why.
    """
    from sqlalchemy.orm import configure_mappers

    from alambique.autogenerate.discovery import load_metadata
    from alambique.settings import use_project

    if sys.stdin.readline() != GO:  # who started this is gone
        return
    use_project(Path(root))
    try:
        load_metadata()
        configure_mappers()
    except Exception as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1])
