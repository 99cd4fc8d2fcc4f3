"""A Galera cluster, on whose nodes a lock function is each node's own.

A row lock is granted on two nodes at once, too; only a committed row with a primary key is
everybody's: see `alambique.upgrade.lease`.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import Connection


def is_node(connection: Connection) -> bool:
    """Ask a server whether it is a node of a Galera cluster."""
    wsrep_on = connection.execute(text("SHOW VARIABLES LIKE 'wsrep_on'")).first()
    connection.rollback()
    return wsrep_on is not None and wsrep_on[1] == "ON"
