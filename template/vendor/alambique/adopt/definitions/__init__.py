"""What a database is made of, as its server says it: each thing with the statement that makes it.

SQLAlchemy reads of a table what its models can say. An administrator reads the server's own dump.
These are the words of the latter: `sqlite_master`, `SHOW CREATE`, and PostgreSQL's catalogs by the
functions that pg_dump prints with. Owners, definers and privileges are left out: they belong to a
server, not to a schema.
"""

from __future__ import annotations

from alambique.adopt.definitions.definition import Definition, Fact
from alambique.adopt.definitions.read import read_definitions

__all__ = ["Definition", "Fact", "read_definitions"]
