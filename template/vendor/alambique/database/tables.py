"""The tables that migrations keep for themselves in the database they migrate."""

VERSION_TABLE = "alembic_version"
LOCK_TABLE = "alembic_lock"
"""One migrator among the nodes of a Galera cluster."""
JOURNAL_TABLE = "alembic_journal"
"""How far an interrupted revision came, where DDL cannot be undone."""
LEDGER_TABLE = "alembic_ledger"
"""Who applied what, when and from where."""

BOOKKEEPING = frozenset({LOCK_TABLE, JOURNAL_TABLE, LEDGER_TABLE})
"""Those that nobody can call otherwise."""
ALEMBIC_TABLES = BOOKKEEPING | {VERSION_TABLE}
"""As they are called unless env.py says otherwise of the table of versions."""
