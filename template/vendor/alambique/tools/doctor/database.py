"""What the doctor asks of the database, and of the models that are compared with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.engine import URL

from alambique import messages
from alambique.autogenerate.discovery import load_metadata
from alambique.database.engine import connect
from alambique.database.errors import DatabaseUnavailable
from alambique.history.status import State, status
from alambique.settings import is_sqlite_file
from alambique.tools.doctor.checks import Checks, Fault, Found, needed
from alambique.tools.doctor.patience import in_time


@dataclass
class Database:
    """The checks of the database and the models."""

    found: Found

    def checks(self) -> Checks:
        """Return the checks, in the order they are made."""
        return {
            "server": self.server,
            "database": self.database,
            "revisions": self.revisions,
            "models": self.models,
        }

    def server(self) -> str:
        """Check that the server answers, whether it has the database or not.

        Raises:
            Fault: it does not let us in, or does not answer in time.
            Remark: the database's URL is not known.
        """
        url = needed(self.found.url)
        if url.get_backend_name() == "sqlite":
            self.found.server_answers = True
            return messages.DOCTOR_NO_SERVER

        refusals = []
        for name in (url.database, always_there(url)):
            try:
                in_time(partial(open_and_close, url.set(database=name)))
            except DatabaseUnavailable as error:
                refusals.append(str(error))
            else:
                self.found.server_answers = True
                place = ":".join(str(part) for part in (url.host, url.port) if part)
                return messages.DOCTOR_SERVER.format(place=place)

        has_compose = (needed(self.found.project).root / "compose.yaml").exists()
        raise Fault(f"{refusals[0]} {messages.DOCTOR_COMPOSE if has_compose else ''}")

    def database(self) -> str:
        """Check that the database is there and lets us in.

        Raises:
            DatabaseUnavailable: it does not let us in.
            Fault: there is none, or it does not answer in time.
            Remark: the server does not answer.
        """
        url = needed(self.found.url if self.found.server_answers else None)
        if is_sqlite_file(url) and not Path(str(url.database)).exists():  # opening would make it
            raise Fault(messages.DOCTOR_NO_DATABASE.format(name=url.database))
        in_time(partial(open_and_close, url))
        self.found.database_opens = True
        return messages.DOCTOR_DATABASE.format(name=url.database)

    def revisions(self) -> str:
        """Check that the database is at the one head of the history.

        Raises:
            CommandError: the history cannot be read.
            Fault: it is not at the head, or does not answer in time.
            Remark: the database does not open.
        """
        config = needed(self.found.config if self.found.database_opens else None)
        standing = in_time(partial(status, config, compare=False))
        if standing.state is not State.CURRENT:
            raise Fault(standing.sentence)
        return messages.DOCTOR_HEAD.format(head=standing.sentence)

    def models(self) -> str:
        """Check that the models can be imported.

        Raises:
            ModelImportError: one cannot.
            Remark: the database's URL is not known, without which a service's models do not load.
        """
        needed(self.found.url)
        count = sum(len(metadata.tables) for metadata in load_metadata())
        return messages.DOCTOR_MODELS.format(count=count)


def always_there(url: URL) -> str:
    """Return the name of a database that every server of this kind has; "" is none, on MySQL."""
    return "postgres" if url.get_backend_name() == "postgresql" else ""


def open_and_close(url: URL) -> None:
    """Open a database, and be done.

    Raises:
        DatabaseUnavailable: it does not let us in.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """
    with connect(url):
        pass
