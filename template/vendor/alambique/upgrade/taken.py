"""What a step that is taken is called: which way it goes, its revisions, their titles."""

from __future__ import annotations

from alembic.runtime.migration import MigrationInfo
from alembic.script import Script


def direction_of(step: MigrationInfo) -> str:
    """Return what a step does: "upgrade", "downgrade" or "stamp"."""
    if step.is_stamp:
        return "stamp"
    return "upgrade" if step.is_upgrade else "downgrade"


def revisions_of(step: MigrationInfo) -> str:
    """Return the revision that a step applies or undoes; of a stamp there may be several."""
    return ", ".join(step.up_revision_ids)


def title_of(step: MigrationInfo) -> str:
    """Return what its revisions say of themselves first."""
    scripts = [each for each in step.up_revisions if isinstance(each, Script)]
    return " / ".join(each.doc or "" for each in scripts)
