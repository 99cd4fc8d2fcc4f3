"""Does the schema still equal the models? A service may ask itself that, now and then.

A comparison is dear, and Alembic runs one at a time in a process: it runs in a process of its own,
at most once an hour, however often anybody asks, and nobody waits for it.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from alambique import messages
from alambique.history.status import State
from alambique.settings import InvalidSetting, project, service_url, variable

log = logging.getLogger(__name__)

# Seconds from one comparison to the next, and until one that does not end is given up.
INTERVAL = 3600.0
PATIENCE = 600.0

# What READY_DRIFT may say.
OFF = "off"
WARN = "warn"
REFUSE = "refuse"


class Comparisons:
    """The last comparison of this process, and the one under way."""

    def __init__(self) -> None:
        """Nothing was compared yet."""
        self._lock = threading.Lock()
        self._began: float | None = None
        self._differs = False

    def differs(self) -> bool:
        """Return what the last comparison found, at once; begin another where it is time."""
        with self._lock:
            now = time.monotonic()
            if self._began is None or now - self._began >= INTERVAL:
                self._began = now
                threading.Thread(target=self._compare, daemon=True).start()
            return self._differs

    def _compare(self) -> None:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "alambique", "check"],
                cwd=project().root,
                env=_environment(),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=PATIENCE,
            )
        except Exception as error:  # what it was does not matter to who is served
            log.warning(messages.NOT_COMPARED.format(cause=type(error).__name__))
            return
        with self._lock:
            self._differs = done.returncode == State.DRIFT
        if done.returncode == State.DRIFT:
            log.warning(done.stdout.strip())
        elif done.returncode == 1:  # what else it can be `/ready` says by itself
            log.warning(messages.NOT_COMPARED.format(cause=done.stderr.strip()))


_comparisons = Comparisons()


def _begin_anew() -> None:
    global _comparisons
    _comparisons = Comparisons()


if hasattr(os, "register_at_fork"):  # a server that forks takes no thread along
    os.register_at_fork(after_in_child=_begin_anew)


def differs() -> bool:
    """Tell whether this process is to be out of service because the schema is not the models'.

    Raises:
        InvalidSetting: READY_DRIFT is none of `off` (the default), `warn` and `refuse`, or `.env`
            cannot be read.
    """
    wanted = variable("READY_DRIFT") or OFF
    if wanted not in {OFF, WARN, REFUSE}:
        raise InvalidSetting(messages.NOT_A_DRIFT.format(value=wanted))
    if wanted == OFF:
        return False
    return _comparisons.differs() and wanted == REFUSE


def _environment() -> dict[str, str]:
    """Return the environment of the comparison, which sees what the service sees.

    The URL is no argument: those are for every user of the machine to read.
    """
    url = service_url().render_as_string(hide_password=False)
    library = str(Path(messages.__file__).parents[2])
    paths = [library, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "DATABASE_URL": url,
        "MIGRATION_DATABASE_URL": "",
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONIOENCODING": "utf-8",
    }
