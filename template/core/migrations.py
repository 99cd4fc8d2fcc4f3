"""Migrations from Python; from a shell, `python -m core.migrations check` is `alambique check`."""

import sys

from alambique import (
    NotCurrent,
    apply_migrations,
    create_migration,
    current_revision,
    ensure_current,
    pending_revisions,
    revert_migrations,
)
from alambique.settings import alembic_config

__all__ = [
    "NotCurrent",
    "alembic_config",
    "apply_migrations",
    "create_migration",
    "current_revision",
    "ensure_current",
    "pending_revisions",
    "revert_migrations",
]

if __name__ == "__main__":
    from alambique.cli import main

    sys.exit(main())
