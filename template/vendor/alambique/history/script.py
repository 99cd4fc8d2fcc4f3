"""The project's revisions, as Alembic reads them."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from alambique import messages
from alambique.settings import alembic_config


def history(config: Config | None = None) -> ScriptDirectory:
    """Return the project's revisions, read anew.

    Args:
        config: the command's configuration; the project's own by default.

    Raises:
        CommandError: there is no folder of revisions.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    return ScriptDirectory.from_config(config or alembic_config())


def single_head(script: ScriptDirectory) -> str | None:
    """Return the head of the history, None where there is no revision.

    Raises:
        CommandError: there are two, of branches that have not met yet.
    """
    heads = script.get_heads()
    if len(heads) > 1:
        raise CommandError(messages.TWO_HEADS.format(heads=", ".join(heads)))
    return heads[0] if heads else None


def oldest_first(script: ScriptDirectory) -> list[Script]:
    """Return all revisions, each after those it follows."""
    return list(script.walk_revisions())[::-1]


def source_of(revision: Script) -> Path:
    """Return the path of a revision's source."""
    return Path(revision.path)


def replaced_revisions(revision: Script) -> tuple[str, ...]:
    """Return the revisions in whose place `make squash` put this one: none, as a rule."""
    return tuple(vars(revision.module).get("replaces", ()))
