"""Can the project's models be imported, all of them together? Asked in a process of its own.

A module that cannot be imported would stay half imported in ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from alambique.settings import project

# Characters of a cause that people are shown; the last ones say most.
MOST = 2000


def why_not_importable() -> str:
    """Return why the models cannot be imported; "" if they can.

    Raises:
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    root = project().root
    library = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(filter(None, [str(library), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(root)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    return done.stderr.strip()[-MOST:] if done.returncode else ""


def main(root: str) -> None:
    """Import the models of the project in this folder, and have SQLAlchemy relate them.

    Raises:
        SystemExit: that is not possible; it says why.
    """
    from sqlalchemy.orm import configure_mappers

    from alambique.autogenerate.discovery import load_metadata
    from alambique.settings import use_project

    use_project(Path(root))
    try:
        load_metadata()
        configure_mappers()
    except Exception as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1])
