"""Who applied what to a database, as its ledger says it."""

from __future__ import annotations

from alembic.config import Config

from alambique.database.ledger import Entry, read_ledger
from alambique.history.environment import hear
from alambique.history.status import connected


def ledger(config: Config, most: int | None = None) -> list[Entry]:
    """Return the steps that were taken, the last first; none where none was noted.

    Args:
        config: the command's configuration; it says which database.
        most: how many, at most; None is all.

    Raises:
        DatabaseUnavailable: the database does not let us in.
        CommandError: the given connection is in a transaction already, or env.py fails.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    schema = hear(config).version_table.schema
    with connected(config) as connection:
        return read_ledger(connection, schema, most)
