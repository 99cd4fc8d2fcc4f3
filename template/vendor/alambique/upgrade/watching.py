"""Steps run while a watcher decides what is carried out of what they say."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from alambique.database.answers import Row
from alambique.database.aside import Aside
from alambique.database.elsewhere import heard_elsewhere
from alambique.database.watched import Watcher, watched
from alambique.upgrade.loss import Untold
from alambique.upgrade.retry import is_busy
from alambique.upgrade.server import Server


class CannotTell(Exception):
    """A revision does what can be neither undone nor read."""


class Watching(Watcher):
    """Decides what is carried out of what steps say; a step that goes around it ends the walk."""

    def __init__(self) -> None:
        self._cannot: CannotTell | None = None
        """Raised again whatever the step does: it may have caught it."""

    @abstractmethod
    def between_steps(self) -> None:
        """Go on to the next step; raise what was not to be caught in this one.

        Raises:
            CannotTell: the step did what cannot be told of, or was about to.
        """

    @abstractmethod
    def give_up(self) -> bool:
        """Keep nothing of the step that cannot be told of; return whether the others are kept."""

    @abstractmethod
    def autocommit_block(self) -> AbstractContextManager[None]:
        """Do what Alembic's does, as far as that is carried out."""

    def goes_besides(self, method: str) -> None:
        """Stop a step that uses the driver in a way that may commit, and shows no statement."""
        raise self.cannot(f"{method}()")

    def goes_elsewhere(self, sql: str) -> None:
        """Stop a step that goes to another connection."""
        raise self.cannot(sql)

    def has_room(self, rows: Sequence[Row]) -> bool:
        """Tell that no rows need be kept."""
        return False

    def cannot(self, sql: str) -> CannotTell:
        """Return the error about what does not tell; from here on, nothing is carried out."""
        self._cannot = CannotTell(" ".join(sql.split()))
        return self._cannot

    def require_told(self) -> None:
        """Raise what the step may have caught.

        Raises:
            CannotTell: the step did what cannot be told of, or was about to.
        """
        if self._cannot is not None:
            raise self._cannot


def walk(
    migration: MigrationContext,
    connection: Connection,
    steps: Sequence[RevisionStep],
    watcher: Watching,
) -> list[Untold]:
    """Have steps run, watched, up to one that cannot be told of; return those that are not.

    They are that one and what comes after it, or all, if it undid those before it.

    Args:
        migration: what Alembic made of the connection.
        connection: the same connection.
        steps: the revisions that are undone, the newest first.
        watcher: decides what is carried out.

    Raises:
        DBAPIError: the server refuses the first step, or a table is busy.
        Exception: the first step raised it.
    """
    for place, step in enumerate(steps):
        try:
            with _as_a_command(migration, connection, watcher):
                step.migration_fn()
            watcher.between_steps()
        except CannotTell as cannot:
            cause = str(cannot)
        except Exception as error:
            driver_error = Aside(connection).driver_error
            raised = Aside(connection).wrapped(error) if isinstance(error, driver_error) else error
            can_retry = isinstance(raised, DBAPIError) and is_busy(raised)
            if not place or can_retry or connection.invalidated:
                raise raised from (error if raised is not error else error.__cause__)
            cause = str(getattr(raised, "orig", None) or raised)
        else:
            continue

        told = steps[:place] if watcher.give_up() else ()
        return [Untold(each.revision.revision, cause) for each in steps[len(told) :]]
    return []


@contextmanager
def _as_a_command(
    migration: MigrationContext, connection: Connection, watcher: Watching
) -> Iterator[None]:
    """Have a revision find what it finds when it is run, and everything it does watched."""

    def tell(_: Connection, sql: str) -> None:
        watcher.goes_elsewhere(sql)

    vars(migration)["autocommit_block"] = watcher.autocommit_block
    try:
        with (
            heard_elsewhere(connection, tell),
            watched(connection, watcher),
            Operations.context(migration),
        ):
            yield
    finally:
        del vars(migration)["autocommit_block"]


def begin(connection: Connection) -> None:
    """Begin a transaction, also where the connection would commit each statement."""
    connection.begin()
    if Server(connection, transactional_ddl=True).commits_each:
        Aside(connection).query("BEGIN")


def undo_all(connection: Connection) -> None:
    """Leave the connection in no transaction, whatever SQLAlchemy believes of it."""
    with suppress(SQLAlchemyError):  # it may be lost: what follows will say so
        connection.rollback()
        if not connection.invalidated:
            Aside(connection).rollback()
