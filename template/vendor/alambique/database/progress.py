"""How far a server is with a statement, where it tells."""

from __future__ import annotations

from typing import Any

from alambique.database.sessions import IDENTITY, Query

# What each view counts, the finer of the two where it counts two things.
ON_POSTGRESQL = f"""
WITH ours AS (SELECT pid FROM pg_stat_activity WHERE {IDENTITY["postgresql"]} = :session)
SELECT phase, CASE WHEN blocks_total > 0 THEN blocks_done ELSE tuples_done END,
  CASE WHEN blocks_total > 0 THEN blocks_total ELSE tuples_total END
FROM pg_stat_progress_create_index JOIN ours USING (pid)
UNION ALL SELECT phase, heap_blks_scanned, heap_blks_total
FROM pg_stat_progress_cluster JOIN ours USING (pid)
UNION ALL SELECT phase, heap_blks_scanned, heap_blks_total
FROM pg_stat_progress_vacuum JOIN ours USING (pid)
"""
ON_MARIADB = """
SELECT state, progress, 100 FROM information_schema.processlist
WHERE id = :number AND max_stage > 0
"""


def progress(query: Query, backend: str, session: str) -> str:
    """Return the phase that a session's statement is in, with how many of a hundred it has done.

    Args:
        query: asks the server, on another connection.
        backend: the kind of database, as SQLAlchemy names it.
        session: what `IDENTITY` says of the session.

    Returns:
        "" where the server does not tell.
    """
    if backend == "postgresql":
        return _said(query(ON_POSTGRESQL, session=session))
    if backend in ("mysql", "mariadb") and _is_mariadb(query):
        return _said(query(ON_MARIADB, number=int(session.partition(" ")[0])))
    return ""


def _is_mariadb(query: Query) -> bool:
    """Tell whether it is MariaDB, whose list of processes has a column that MySQL's lacks."""
    return "mariadb" in str(query("SELECT version()")[0][0]).lower()


def _said(rows: list[Any]) -> str:
    if not rows:
        return ""
    phase, done, whole = rows[0]
    part = f"{100 * float(done) / float(whole):.0f}%" if whole else ""
    return ", ".join(each for each in (phase, part) if each)
