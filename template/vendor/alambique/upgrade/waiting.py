"""How long we wait for others, and what is raised when that was not long enough, or in vain."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from alembic.util import CommandError

from alambique import messages
from alambique.settings import seconds

log = logging.getLogger("alembic.runtime.migration")

# Seconds between two attempts to have what somebody else holds.
PAUSE = 0.1

# Seconds after which it is said what we wait for.
PATIENCE = 2.0


class LockTimeout(CommandError):
    """Somebody else kept the database, or a table, for longer than we may wait."""


class LockLost(CommandError):
    """The migration lock, or the connection that held it, is gone: nothing more is committed."""


def lock_wait() -> float:
    """Return how long to wait for another migrator: MIGRATION_LOCK_WAIT, in seconds (60).

    Raises:
        InvalidSetting: MIGRATION_LOCK_WAIT is no number.
    """
    return seconds("MIGRATION_LOCK_WAIT", 60)


class Wait:
    """The time we have for another migrator to end, from now on."""

    def __init__(self) -> None:
        """Begin to wait.

        Raises:
            InvalidSetting: MIGRATION_LOCK_WAIT is no number.
        """
        self.seconds = lock_wait()
        self._began = time.monotonic()
        self._deadline = self._began + self.seconds
        self._was_said = False

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return max(0.0, self._deadline - time.monotonic())

    def pause(self, held: str, holder: Callable[[], str] = lambda: "") -> None:
        """Wait a moment before the next attempt; where it takes long, say for whom.

        Args:
            held: what somebody else has.
            holder: tells who that is; "" where nobody knows.

        Raises:
            LockTimeout: the time is up.
        """
        if not self.left:
            raise self.timeout(_named(held, holder))
        if not self._was_said and time.monotonic() - self._began >= PATIENCE:
            self._was_said = True
            log.warning(messages.LOCK_WAITS.format(held=_named(held, holder), wait=self.seconds))
        time.sleep(PAUSE)

    def timeout(self, cause: object) -> LockTimeout:
        """Return what is raised when the time is up."""
        return LockTimeout(messages.LOCK_TIMEOUT.format(wait=self.seconds, cause=cause))


def _named(held: str, holder: Callable[[], str]) -> str:
    return "; ".join(name for name in (held, holder()) if name)
