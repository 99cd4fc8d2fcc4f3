"""Where the scratch databases of an adoption stand: beside its database, or where the user says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.engine import URL

from alambique import messages
from alambique.database.creation import MayNotCreate, scratch_database
from alambique.database.engine import connect
from alambique.settings import migration_url, shown_url


class ScratchPlace:
    """A server where scratch databases are made, or a folder of SQLite's files."""

    def __init__(self, url: URL, asked: str | None) -> None:
        """Choose the place.

        Args:
            url: the database that comes aboard.
            asked: the URL of a database to stand beside; by default beside that one.

        Raises:
            CommandError: the other database is of another kind.
            DatabaseUnavailable: one of the two does not let us in.
            InvalidSetting: the other URL cannot be read, or its driver is not installed.
        """
        self._beside = url
        self._folder: Path | None = None
        if not asked:
            return

        self._beside = migration_url(Config(), asked)
        if url.get_backend_name() == "sqlite" == self._beside.get_backend_name():
            self._folder = Path(str(self._beside.database)).parent
        elif _kind(url) != _kind(self._beside):
            raise CommandError(
                messages.SCRATCH_OF_ANOTHER_KIND.format(
                    scratch=shown_url(self._beside), url=shown_url(url)
                )
            )

    @contextmanager
    def database(self) -> Iterator[URL]:
        """Lend an empty database, and drop it afterwards.

        Raises:
            CommandError: we may not make one there; the sentence says what allows it.
            DatabaseUnavailable: the server does not let us in.
        """
        with ExitStack() as lent:
            try:
                scratch = lent.enter_context(scratch_database(self._beside, self._folder))
            except MayNotCreate as error:
                raise CommandError(messages.NO_SCRATCH.format(cause=error)) from error
            except OSError as error:
                raise CommandError(messages.NO_SCRATCH_FILE.format(cause=error)) from error
            yield scratch


def _kind(url: URL) -> tuple[str, bool]:
    with connect(url) as connection:
        return url.get_backend_name(), bool(getattr(connection.dialect, "is_mariadb", False))
