"""How long we wait for others, and what is raised when that was not long enough."""

from __future__ import annotations

from alembic.util import CommandError

from alambique.settings import seconds


class LockTimeout(CommandError):
    """Somebody else kept the database, or a table, for longer than we may wait."""


def lock_wait() -> float:
    """Return how long to wait for another migrator: MIGRATION_LOCK_WAIT, in seconds (60).

    Raises:
        InvalidSetting: MIGRATION_LOCK_WAIT is no number.
    """
    return seconds("MIGRATION_LOCK_WAIT", 60)
