"""More of a database comes aboard of a history that is there: what its revisions make already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from alembic.config import Config
from alembic.util import CommandError

from alambique import messages
from alambique.adopt.definitions import Definition
from alambique.history.script import history
from alambique.history.status import current_heads
from alambique.names import TableName


def refuse_another_history(config: Config) -> bool:
    """Tell whether there is a history that the database has run whole; refuse any other.

    Raises:
        CommandError: the project has revisions that the database has not, or the other way round.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    script = history(config)
    heads, reached = set(script.get_heads()), set(current_heads(config))
    known = {revision.revision for revision in script.walk_revisions()}

    if reached - known:
        raise CommandError(messages.OTHER_HISTORY.format(revisions=", ".join(sorted(reached))))
    if heads and not reached:
        raise CommandError(messages.HISTORY_THERE)
    if heads != reached:
        raise CommandError(messages.ADOPT_NOT_AT_HEAD.format(at=", ".join(sorted(reached))))
    return bool(heads)


def only_new(
    wanted: Sequence[Definition], made: Sequence[Definition], tables: Collection[TableName]
) -> list[Definition]:
    """Return what a revision on top of others makes, without what they have made.

    Args:
        wanted: what these tables and those of the revisions before are made of.
        made: what the revisions before make.
        tables: the tables that come aboard now; what else became of others is not ours to say.
    """
    there = {each.key for each in made}
    theirs = {each.table for each in made if each.table is not None}
    return [
        replace(each, needs=each.needs - there)
        for each in wanted
        if each.key not in there and (each.table in tables or each.table not in theirs)
    ]
