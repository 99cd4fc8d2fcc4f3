"""Which SQLAlchemy and which Alembic the library runs on, and whether they are what is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

import alembic
import sqlalchemy

from alambique import messages
from alambique.settings import InvalidSetting, project

# What the library's tests pass with; pyproject.toml asks for these, too.
OLDEST = {"SQLAlchemy": "2.0.45", "Alembic": "1.19.2"}


class Unfit(ImportError):
    """SQLAlchemy or Alembic is too old, or something else is imported in its place."""


def version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version: of "2.1.0b1" these are 2, 1 and 0."""
    numbers = re.match(r"[\d.]*", text)
    assert numbers is not None
    return tuple(int(number) for number in re.findall(r"\d+", numbers[0]))


def at_least(least: str) -> bool:
    """Tell whether SQLAlchemy is of this version, or newer."""
    return version(sqlalchemy.__version__) >= version(least)


def require_versions() -> None:
    """Say in a sentence what is too old, before what it lacks is missed.

    Raises:
        Unfit: SQLAlchemy or Alembic is, or the project's own folder is imported for Alembic.
    """
    # A folder of the migrations that is called so, with an __init__.py or without the package.
    is_another = not hasattr(alembic, "__version__")
    found = {"SQLAlchemy": sqlalchemy.__version__}
    if not is_another:
        found["Alembic"] = alembic.__version__
    if all(version(found.get(name, "0")) >= version(least) for name, least in OLDEST.items()):
        return

    with suppress(InvalidSetting):
        project()  # whose language is spoken
    if is_another:
        raise Unfit(messages.ALEMBIC_HIDDEN.format(path=next(iter(alembic.__path__))))
    raise Unfit(messages.TOO_OLD.format(needed=_listed(OLDEST), found=_listed(found)))


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {each}" for name, each in versions.items())
