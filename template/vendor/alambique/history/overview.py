"""The history as a list, each revision with whether a database has it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from alambique.history.git import Repository
from alambique.history.script import history, oldest_first, source_of
from alambique.history.status import connected, current_heads, replaced_by
from alambique.settings import shown, shown_url

# The day on which a revision was made: as its docstring says, else as its file is called.
CREATED = re.compile(r"^\s*(?:Created|Create Date)\s*:\s*(\d{4}-\d\d-\d\d)", re.MULTILINE)
IN_NAME = re.compile(r"(\d{4})_(\d\d)_(\d\d)_")


@dataclass(frozen=True)
class Listed:
    """A revision of the history."""

    revision: str
    title: str
    date: str | None
    """The day it was made, as 2026-01-31; None where nothing says it."""
    path: str
    branch_labels: list[str]
    is_applied: bool
    is_head: bool


@dataclass(frozen=True)
class Unknown:
    """A revision that the database has and this code lacks."""

    revision: str
    git_branch: str | None
    """The branch of git that has it; None where none is known to."""
    replaced_by: str | None
    """The revision that `make squash` put in its place, if it did."""


@dataclass(frozen=True)
class Overview:
    """A database, and the history beside it."""

    database: str
    """Its URL, without what is secret."""
    at: list[str]
    """The revisions it says it is at; none where it was never migrated."""
    revisions: list[Listed]
    """Each after those it follows."""
    unknown: list[Unknown]

    @property
    def pending(self) -> list[Listed]:
        """The revisions that an upgrade to all heads would apply."""
        return [each for each in self.revisions if not each.is_applied]


def overview(config: Config) -> Overview:
    """Look at a database and at the history.

    Args:
        config: the command's configuration; it says which database.

    Raises:
        CommandError: the revisions do not make a history.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    script = history(config)
    at = sorted(current_heads(config))
    with connected(config) as connection:
        url = connection.engine.url

    known = {each.revision for each in script.walk_revisions()}
    there = [revision for revision in at if revision in known]
    applied = _up_to(script, there)
    heads = script.get_heads()
    git = Repository(script)
    for revision in at:
        if revision not in known:
            applied |= git.up_to(revision)
    listed = [_listed(each, applied, heads) for each in oldest_first(script)]
    unknown = [
        Unknown(revision, git.branch_with(revision), replaced_by(script, revision))
        for revision in at
        if revision not in known
    ]
    return Overview(shown_url(url), at, listed, unknown)


def _up_to(script: ScriptDirectory, revisions: list[str]) -> set[str]:
    """Return these revisions and all that they follow or depend on."""
    if not revisions:
        return set()
    found = script.iterate_revisions(tuple(revisions), "base", inclusive=True)
    return {each.revision for each in found}


def _listed(revision: Script, applied: set[str], heads: list[str]) -> Listed:
    path = source_of(revision)
    in_docstring = CREATED.search(revision.module.__doc__ or "")
    in_name = IN_NAME.match(path.name)
    date = in_docstring[1] if in_docstring else "-".join(in_name.groups()) if in_name else None
    return Listed(
        revision.revision,
        revision.doc,
        date,
        shown(path),
        sorted(revision.branch_labels),
        is_applied=revision.revision in applied,
        is_head=revision.revision in heads,
    )
