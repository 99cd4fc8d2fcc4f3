"""While a statement waits, somebody looks at who is in its way, and says so.

The driver waits with the statement: so it is another thread that looks, on a connection of its own,
which is opened once a statement takes long, and closed with the step. The migration does not depend
on it: what it cannot find out, it does not say.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from alambique import messages
from alambique.database import pooler, timeouts
from alambique.database.aside import Aside
from alambique.database.engine import migration_engine
from alambique.database.error_codes import BUSY, codes
from alambique.database.sessions import InTheWay, in_the_way
from alambique.upgrade.server import Server

log = logging.getLogger("alembic.runtime.migration")

# Seconds after which it is said who is in the way, and after which it is said again.
PATIENCE = 2.0
AGAIN = 60.0

# Seconds between two looks: twice as long each time, as every look costs the server something.
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 15.0

# Seconds between two glances at whether there is anything to look at.
TICK = 0.1

# Seconds in which what the lookout is at must end, for somebody to wait for it.
TO_END = 1.0

# How much of the statement that waits is shown, in characters.
SHOWN = 100


class Wait:
    """A statement on its way, and who was seen in its way."""

    def __init__(self, sql: str, first_look: float) -> None:
        """Begin to wait.

        Args:
            sql: the statement.
            first_look: seconds until somebody looks.
        """
        self.sql = sql
        self.began = time.monotonic()
        self.next_look = self.began + first_look
        self.pause = SHORTEST_PAUSE
        self.seen = InTheWay()
        self.said: set[str] = set()
        """The sessions that were named last."""
        self.said_at = 0.0


class Lookout:
    """Looks at the statements of a step."""

    def __init__(self, server: Server) -> None:
        """Look at nothing yet."""
        self._server = server
        self._session: str | None = None
        self._wait: Wait | None = None
        self._end = threading.Event()
        self._first_look = PATIENCE

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Look at whatever takes long, until the block ends.

        On SQLite there is nobody to ask. Behind a pooler a session has no name that lasts.
        """
        if self._server.backend == "sqlite" or pooler.is_pooled(self._server.connection):
            yield
            return

        self._session = self._server.session()
        # A statement that is given up sooner is looked at before.
        self._first_look = min(PATIENCE, timeouts.for_a_table()["lock_timeout"] / 2000)
        looking = threading.Thread(target=self._look_on, daemon=True)
        looking.start()
        try:
            yield
        finally:
            self._end.set()
            looking.join(TO_END)

    @contextmanager
    def over(self, sql: str) -> Iterator[None]:
        """Look at one statement; where it ends because somebody was in its way, note who that was.

        The note goes with the error, as `BaseException.add_note` has it.
        """
        if self._session is None:
            yield
            return

        wait = self._wait = Wait(sql, self._first_look)
        try:
            yield
        except Exception as error:
            if wait.seen.sessions and not codes(error).isdisjoint(BUSY):
                error.add_note(messages.WAS_IN_THE_WAY.format(who=wait.seen))
            raise
        finally:
            self._wait = None

    def _look_on(self) -> None:
        """Look until the end, or until that is not possible."""
        connection = None
        try:
            while not self._end.wait(TICK):
                wait = self._wait
                if wait is None or time.monotonic() < wait.next_look:
                    continue
                if connection is None:
                    engine = migration_engine(self._server.connection.engine.url)
                    # An open transaction is what CREATE INDEX CONCURRENTLY waits for.
                    connection = engine.execution_options(isolation_level="AUTOCOMMIT").connect()
                self._look(wait, Aside(connection))
        except Exception:  # such as no room for one more connection, or another password
            return
        finally:
            if connection is not None:
                with suppress(Exception):
                    connection.close()

    def _look(self, wait: Wait, aside: Aside) -> None:
        assert self._session is not None
        found = in_the_way(aside.query, self._server.backend, self._session)
        now = time.monotonic()
        waited = now - wait.began
        wait.next_look = now + (wait.pause if waited >= PATIENCE else PATIENCE - waited)
        wait.pause = min(2 * wait.pause, LONGEST_PAUSE)

        if self._wait is not wait or not found.sessions:  # it has ended meanwhile, or is at work
            return
        wait.seen = found
        named = {session.number for session in found.sessions}
        is_news = named != wait.said or now - wait.said_at >= AGAIN
        if waited < PATIENCE or not is_news:
            return

        wait.said, wait.said_at = named, now
        phase = f" [{found.phase}]" if found.phase else ""
        said = {"seconds": waited, "sql": _shown(wait.sql), "phase": phase, "who": found}
        log.warning(messages.WAITS_FOR.format(**said))


def _shown(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
