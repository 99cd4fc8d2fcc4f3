"""A downgrade that a person typed: who is in a terminal is asked about what it loses."""

from __future__ import annotations

import re
from collections.abc import Sequence

import alembic.command as alembic
from alembic.config import Config
from alembic.util import CommandError

from alambique import messages
from alambique.history.heads import named, refuse_range
from alambique.history.script import history
from alambique.history.status import current_heads

# So many steps down from where the database is, whichever of its heads is meant.
STEPS = re.compile(r"-\d+")


def require_one_meaning(config: Config, to: str) -> None:
    """Refuse a step such as `-1` from several heads, of which Alembic would take any.

    Args:
        config: the command's configuration; it says which database.
        to: what is to be downgraded to.

    Raises:
        CommandError: it is a range, the database is at several heads, or the revisions do not make
            a history.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    refuse_range(to)
    if STEPS.fullmatch(to) and len(heads := current_heads(config)) > 1:
        raise CommandError(messages.WHICH_DOWN.format(to=to, heads=named(history(config), heads)))


def undo(config: Config, to: str, lose: Sequence[str], typed_as: str) -> None:
    """Downgrade; what that loses needs consent.

    Args:
        config: the command's configuration; it says which database.
        to: a revision, a step such as `-1`, or `base`.
        lose: what may be lost, such as "db.example.com/shop:users,products.price".
        typed_as: the command that was typed, to be said with the consent that it lacks.

    Raises:
        CommandError: there is no such revision, the downgrade failed, or it would lose data that
            nobody gave up.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    before = dict(config.attributes)
    config.attributes.update(lose=list(lose), typed_as=typed_as)
    try:
        alembic.downgrade(config, to)
    finally:
        config.attributes.clear()
        config.attributes.update(before)
