"""A revision that fails by itself, in a sentence: where, why, and what mends it."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import sqlalchemy
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from alambique import messages
from alambique.history.script import place_of
from alambique.settings import shown

# What Alembic looks for in a revision, once its turn has come.
FUNCTIONS = {"upgrade", "downgrade"}

# What every revision is written with, and the dialects' own types.
USUAL_IMPORTS = {
    "op": "from alembic import op",
    "context": "from alembic import context",
    "sa": "import sqlalchemy as sa",
    "mysql": "from sqlalchemy.dialects import mysql",
    "postgresql": "from sqlalchemy.dialects import postgresql",
    "sqlite": "from sqlalchemy.dialects import sqlite",
}


def failure(error: Exception, script: ScriptDirectory) -> CommandError | None:
    """Return what is said of an error that a revision's own lines, or the lack of them, raised.

    Args:
        error: what was raised; none that the library has a sentence for already.
        script: the history.

    Returns:
        None where it was no revision that raised it.
    """
    if isinstance(error, AttributeError) and error.name in FUNCTIONS:
        for revision in script.walk_revisions():
            if revision.module is error.obj:
                path, function = shown(revision.path), error.name
                return CommandError(messages.NO_FUNCTION.format(path=path, function=function))
    place = place_of(error, script)
    if place is None:
        return None

    if type(error) is NameError and error.name:
        cure = _import_of(error.name)
        if cure is None:
            return CommandError(messages.NAME_UNKNOWN.format(place=place, name=error.name))
        said = messages.NAME_NOT_IMPORTED.format(place=place, name=error.name, cure=cure)
        return CommandError(said)
    cause = f"{type(error).__name__}: {error}"
    return CommandError(messages.REVISION_FAILED.format(place=place, cause=cause))


def _import_of(name: str) -> str | None:
    """Return the line that imports what a revision calls by this name; None if nothing tells."""
    if name in USUAL_IMPORTS:
        return USUAL_IMPORTS[name]
    import sqlalchemy.orm as orm  # an upgrade that does not fail does without it

    for module in (sqlalchemy, orm):
        if name in vars(module):
            return f"from {module.__name__} import {name}"
    is_module = name in sys.stdlib_module_names or find_spec(name) is not None
    return f"import {name}" if is_module else None
