"""While a statement waits, somebody looks at who is in its way, and says so.

The driver waits with the statement: so it is another thread that looks, on a connection of its own,
which is opened once a statement takes long, and closed with the command. The migration does not
depend on it: what it cannot find out, it does not say.
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
from alambique.database.progress import progress
from alambique.database.sessions import InTheWay, in_the_way
from alambique.upgrade.server import Server

log = logging.getLogger("alembic.runtime.migration")

# Seconds after which it is said who is in the way, and after which it is said again.
PATIENCE = 2.0
AGAIN = 60.0

# Seconds after which it is said that a statement is at work, with nobody in its way; said again
# after twice as long, and then each time that many seconds have passed at most.
AT_WORK = 5.0

# Seconds between two looks: twice as long each time, as every look costs the server something.
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 15.0

# Seconds between two glances at whether there is anything to look at.
TICK = 0.1

# Seconds in which what the lookout is at must end, for somebody to wait for it.
TO_END = 1.0

# How much of the statement that waits is shown, in characters.
SHOWN = 100


class RunningStatement:
    """A statement that is being carried out, and who was seen in its way."""

    def __init__(self, sql: str, first_look: float) -> None:
        """Begin to look at it.

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
        self.tell_at = self.began + AT_WORK


class Lookout:
    """Looks at the statements of a command's steps."""

    def __init__(self, server: Server) -> None:
        """Look at nothing yet.

        Args:
            server: where the statements run.

        Raises:
            InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number of seconds.
        """
        self._server = server
        self._session: str | None = None
        self._running: RunningStatement | None = None
        self._end = threading.Event()
        # A statement that is given up sooner is looked at before.
        self._first_look = min(PATIENCE, timeouts.for_a_table()["lock_timeout"] / 2000)
        self._is_at_work = False
        self._looking: threading.Thread | None = None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Look at whatever takes long in one step, until the block ends; an error ends it for good.

        On SQLite there is nobody to ask. Behind a pooler a session has no name that lasts. There
        it is only said what is at work, and for how long.
        """
        if self._server.backend != "sqlite" and not pooler.is_pooled(self._server.connection):
            self._session = self._server.session()
        if self._looking is None:
            self._looking = threading.Thread(target=self._look_on, daemon=True)
            self._looking.start()
        self._is_at_work = True
        try:
            yield
        except BaseException:
            self.end()
            raise
        finally:
            self._is_at_work = False

    def end(self) -> None:
        """Look no more."""
        self._end.set()
        if self._looking is not None:
            self._looking.join(TO_END)

    @contextmanager
    def over(self, sql: str) -> Iterator[None]:
        """Look at one statement; where it ends because somebody was in its way, note who that was.

        The note goes with the error, as `BaseException.add_note` has it.
        """
        if not self._is_at_work:
            yield
            return

        running = self._running = RunningStatement(sql, self._first_look)
        try:
            yield
        except Exception as error:
            if running.seen.sessions and not codes(error).isdisjoint(BUSY):
                error.add_note(messages.WAS_IN_THE_WAY.format(who=running.seen))
            raise
        finally:
            self._running = None

    def _look_on(self) -> None:
        """Look until the end, or until that is not possible."""
        connection = None
        try:
            while not self._end.wait(TICK):
                running = self._running
                if running is None:
                    continue
                if self._session is not None and time.monotonic() >= running.next_look:
                    if connection is None:
                        engine = migration_engine(self._server.connection.engine.url)
                        # An open transaction is what CREATE INDEX CONCURRENTLY waits for.
                        autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
                        connection = autocommit.connect()
                    self._look(running, Aside(connection))
                if time.monotonic() >= running.tell_at:
                    self._tell(running, Aside(connection) if connection is not None else None)
        except Exception:  # such as no room for one more connection, or another password
            return
        finally:
            if connection is not None:
                with suppress(Exception):
                    connection.close()

    def _look(self, running: RunningStatement, aside: Aside) -> None:
        assert self._session is not None
        found = in_the_way(aside.query, self._server.backend, self._session)
        now = time.monotonic()
        waited = now - running.began
        running.next_look = now + (running.pause if waited >= PATIENCE else PATIENCE - waited)
        running.pause = min(2 * running.pause, LONGEST_PAUSE)

        if (
            self._running is not running or not found.sessions
        ):  # it has ended meanwhile, or is at work
            return
        running.seen = found
        named = {session.number for session in found.sessions}
        is_news = named != running.said or now - running.said_at >= AGAIN
        if waited < PATIENCE or not is_news:
            return

        running.said, running.said_at = named, now
        phase = f" [{found.phase}]" if found.phase else ""
        said = {"seconds": waited, "sql": _shown(running.sql), "phase": phase, "who": found}
        log.warning(messages.WAITS_FOR.format(**said))

    def _tell(self, running: RunningStatement, aside: Aside | None) -> None:
        """Say that a statement is at work, unless it was said who is in its way."""
        at = ""
        if aside is not None and self._session is not None and not running.seen.sessions:
            at = progress(aside.query, self._server.backend, self._session)
        waited = time.monotonic() - running.began
        running.tell_at += min(waited, AGAIN)
        if self._running is not running or running.seen.sessions:
            return
        said = {"seconds": waited, "sql": _shown(running.sql), "progress": f" [{at}]" if at else ""}
        log.warning(messages.AT_WORK_FOR.format(**said))


def _shown(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
