"""What a check is: a method that returns a sentence, or raises one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from alembic.config import Config
from sqlalchemy.engine import URL

from alambique.settings import Project, Source

T = TypeVar("T")

# The checks of a theme, by the name that `messages.DOCTOR_WHAT` has for what each looks at.
Checks = Mapping[str, Callable[[], str]]

# Seconds to wait for a server, or for the template's repository.
PATIENCE = 5


class Fault(Exception):
    """Something to mend; the text is a sentence that says how."""


class Remark(Exception):
    """Something to know that is no fault; without a text, the check needs what is missing above."""


@dataclass
class Found:
    """What the checks made so far have found, for those that need it."""

    given_url: str | None = None
    """The database asked for with the command."""
    project: Project | None = None
    config: Config | None = None
    url: URL | None = None
    source: Source | None = None
    """Where the URL was found."""
    server_answers: bool = False
    database_opens: bool = False


def needed(found: T | None) -> T:
    """Return what a check above has found.

    Raises:
        Remark: it found a fault instead.
    """
    if found is None:
        raise Remark
    return found
