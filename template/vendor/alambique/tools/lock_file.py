"""Lock files, which say exactly what is installed, and pyproject.toml, which says what may be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from alambique import messages

# For each file, how one asks whether it is what pyproject.toml says, and how one writes it.
CHECKS = {"uv.lock": ["uv", "lock", "--check"], "poetry.lock": ["poetry", "check", "--lock"]}
WRITES = {"uv.lock": "uv lock", "poetry.lock": "poetry lock"}


def stale_locks(root: Path) -> Iterator[str]:
    """Yield a sentence for each lock file that pyproject.toml has left behind.

    Args:
        root: the project's folder; where it has no lock file, there is nothing to say.
    """
    for file, command in CHECKS.items():
        if not (root / file).exists():
            continue
        try:
            done = subprocess.run(
                command, cwd=root, env=_with_own_programs(), capture_output=True, encoding="utf-8"
            )
        except OSError:
            yield messages.LOCK_UNCHECKED.format(file=file, tool=command[0])
            continue
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            cause = said[-1] if said else f"{command[0]}: {done.returncode}"
            yield messages.LOCK_STALE.format(file=file, cause=cause, command=WRITES[file])


def _with_own_programs() -> dict[str, str]:
    """Return the environment in which a program that `make setup` put beside Python is found."""
    own = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([own, os.environ.get("PATH", os.defpath)])}
