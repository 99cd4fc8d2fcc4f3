"""Migrations that lose nothing: SQLAlchemy and Alembic, made safe.

The names below are what a service calls; each is imported when it is first asked for, so that a
program that only wants its engine does not wait for Alembic.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "2.0.0"

__all__ = [
    "NotCurrent",
    "apply_migrations",
    "create_migration",
    "current_revision",
    "ensure_current",
    "pending_revisions",
    "revert_migrations",
]

if TYPE_CHECKING:
    from alambique.commands import (
        apply_migrations,
        create_migration,
        current_revision,
        ensure_current,
        pending_revisions,
        revert_migrations,
    )
    from alambique.history.status import NotCurrent
else:

    def __getattr__(name: str) -> object:
        """Return a public name, from the module it lives in.

        Raises:
            AttributeError: there is no such public name.
            ImportError: SQLAlchemy or Alembic is older than what the library runs on.
        """
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import_module("alambique.versions").require_versions()
        return getattr(import_module("alambique.commands"), name)
