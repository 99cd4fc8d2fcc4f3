"""Each step of a command, told to those who watch from outside, when it begins and as it ended."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext, MigrationInfo

from alambique import messages
from alambique.database.creation import is_scratch
from alambique.upgrade.journal import Step, Steps
from alambique.upgrade.taken import direction_of, revisions_of, title_of
from alambique.upgrade.telemetry import DONE, FAILED, RETRIED, Telemetry

log = logging.getLogger("alembic.runtime.migration")


@dataclass(frozen=True)
class _Begun:
    """A step under way."""

    revision: str
    title: str
    direction: str
    since: float


class Watch:
    """What one command does to a database, step by step."""

    def __init__(self) -> None:
        """Watch nothing yet: most commands find nothing to do."""
        self._telemetry = Telemetry()
        self._is_told = False
        self._step: _Begun | None = None
        self._thread = 0

    @contextmanager
    def command(self, migration: MigrationContext, planned: Iterable[Step]) -> Iterator[None]:
        """Tell of the steps that are taken meanwhile.

        Args:
            migration: says which database.
            planned: the steps that are about to be taken.
        """
        assert migration.connection is not None
        if is_scratch(migration.connection.engine.url):  # nobody asks who rehearsed
            yield
            return
        direction = next((direction_of(step.info) for step in planned), "")
        self._telemetry.begin(migration, direction)
        self._is_told, self._thread = True, threading.get_ident()
        _under_way.append(self)
        log.addFilter(self._name_step)
        try:
            yield
        except BaseException as error:
            self._end_step(FAILED, error)
            self._telemetry.end(error)
            raise
        else:
            self._telemetry.end()
        finally:
            self._is_told = False
            log.removeFilter(self._name_step)
            _under_way.remove(self)

    def following(self, steps: Steps) -> Steps:
        """Return the same steps; each is watched from when Alembic asks for it to the next.

        By then it is committed: one whose commit fails is not told to be done.
        """

        def followed(heads: tuple[str, ...], migration: MigrationContext) -> Iterator[Step]:
            for step in steps(heads, migration):
                self._begin_step(step.info)
                yield step
                self._end_step(DONE)

        return followed

    @contextmanager
    def sent(self) -> Iterator[None]:
        """Have what was collected be sent in the end: the program may give way to another."""
        try:
            yield
        finally:
            self._telemetry.send()

    def _begin_step(self, step: MigrationInfo) -> None:
        if not self._is_told:
            return
        self._end_step(RETRIED)  # nobody says that a table was busy, and all begins anew
        revision, title = revisions_of(step), title_of(step)
        self._step = _Begun(revision, title, direction_of(step), time.monotonic())
        self._telemetry.begin_step(revision, title, self._step.direction)

    def _end_step(self, outcome: str, error: BaseException | None = None) -> None:
        step, self._step = self._step, None
        if step is None:
            return
        seconds = time.monotonic() - step.since
        self._telemetry.end_step(step.direction, seconds, outcome, error)
        if outcome == DONE:
            said = {"revision": step.revision, "title": step.title, "took": f"{seconds:.1f} s"}
            fields = {**_fields(step), "alambique_seconds": round(seconds, 3)}
            log.info(messages.STEP_DONE[step.direction].format(**said), extra=fields)

    def _name_step(self, record: logging.LogRecord) -> bool:
        """Give whatever is logged during a step its fields; what Alembic says has none."""
        # Who waits for a table is said from another thread; of two migrations, by nobody.
        is_ours = record.thread == self._thread or len(_under_way) == 1
        if self._step is not None and is_ours:
            vars(record).update(_fields(self._step))
        return True


# Those whose command is running: an application may migrate several databases at once.
_under_way: list[Watch] = []


def _fields(step: _Begun) -> dict[str, str]:
    return {"alambique_revision": step.revision, "alambique_direction": step.direction}
