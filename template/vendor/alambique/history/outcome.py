"""What a command did to a database, how long it took and what comes next, in one line."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory

from alambique import messages
from alambique.history.script import titled
from alambique.history.status import pending

MINUTE = 60


class Outcome:
    """What was done since it was made."""

    def __init__(self, script: ScriptDirectory) -> None:
        """Begin; nothing is done yet.

        Args:
            script: the history.
        """
        self._script = script
        self._began = time.monotonic()
        self._planned: list[str] = []
        self._done: dict[str, MigrationInfo] = {}

    def plan(self, revisions: Iterable[str]) -> None:
        """Hear which revisions the command is about to apply, or to undo, in this order."""
        self._planned = list(revisions)

    def note(self, ctx: MigrationContext, step: MigrationInfo, **_: Any) -> None:
        """Hear that a step is done, as `on_version_apply` tells it; again, where it was retried."""
        self._done[" ".join(step.up_revision_ids)] = step

    def sentence(self, heads: Sequence[str]) -> str:
        """Return what was done, and the command that comes next.

        Args:
            heads: the revisions the database is at now.

        Raises:
            CommandError: the history lacks one of these.
        """
        left = len(pending(self._script, tuple(heads)))
        more = messages.LEFT_TO_APPLY.format(count=left) if left else messages.NONE_LEFT
        at = ", ".join(sorted(heads)) or "base"
        steps = list(self._done.values())
        if not steps:
            return messages.NOTHING_DONE.format(at=at, more=more)
        if any(step.is_stamp for step in steps):
            return messages.STAMPED.format(at=at, more=more)
        said = {"count": len(steps), "took": self._took(), "at": at, "more": more}
        number = "one" if len(steps) == 1 else "many"
        if steps[-1].is_upgrade:
            return messages.APPLIED[number].format(**said)
        return messages.UNDONE[number].format(**said)

    def stopped(self) -> str | None:
        """Return at which revision the command stopped; None where it had begun none."""
        left = [revision for revision in self._planned if revision not in self._done]
        if not left:
            return None
        at = titled(self._script, left[0])
        return messages.STOPPED.format(at=at, took=self._took(), count=len(self._done))

    def _took(self) -> str:
        return spoken(time.monotonic() - self._began)


def spoken(seconds: float) -> str:
    """Return a time as one says it: "0.2 s", "3 min 20 s"."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes} min {rest} s"
