"""The tables that migrations keep for themselves in the database they migrate."""

VERSION_TABLE = "alembic_version"
LOCK_TABLE = "alembic_lock"
"""One migrator among the nodes of a Galera cluster."""
JOURNAL_TABLE = "alembic_journal"
"""How far an interrupted revision came, where DDL cannot be undone."""

ALEMBIC_TABLES = frozenset({VERSION_TABLE, LOCK_TABLE, JOURNAL_TABLE})
