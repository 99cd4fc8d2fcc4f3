"""What a downgrade loses, found out before it is run.

Where the database undoes DDL with its transaction, the downgrade is run in one that is undone, and
what is there afterwards is compared with what was there before: so it does not matter how a
revision says what it does. Elsewhere its statements are read, none of them carried out. Where
neither tells, that is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from alembic.runtime.migration import MigrationContext, RevisionStep

from alambique.database.capabilities import capabilities
from alambique.upgrade.loss import Losses
from alambique.upgrade.reading import read
from alambique.upgrade.rehearsal import rehearsed
from alambique.upgrade.watching import undo_all


def losses(migration: MigrationContext, steps: Sequence[RevisionStep]) -> Losses:
    """Return what a downgrade loses; afterwards the database is as it was.

    Args:
        migration: what Alembic made of the connection, which is in no transaction.
        steps: the revisions that are undone, the newest first.

    Raises:
        DBAPIError: the server refuses the first of them, as it would when the downgrade is run; or
            a table is busy.
        CommandError: it is a kind of database that migrations do not know.
    """
    connection = migration.connection
    assert connection is not None
    can_undo = capabilities(connection.dialect.name).transactional_ddl
    find = rehearsed if can_undo else read
    try:
        return find(migration, connection, steps)
    finally:
        undo_all(connection)
