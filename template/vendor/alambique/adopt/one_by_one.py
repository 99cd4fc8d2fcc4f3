"""Operations that are committed one by one, as no transaction could hold them all.

PostgreSQL keeps a lock for each thing that a transaction makes or drops, in a table that all
sessions share: a default server has room for 6,400. What commits by itself needs none of it for
long, and the journal goes on where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from alambique import private
from alambique.adopt.definitions import Definition

# Half of max_locks_per_transaction * max_connections as servers come: others need some, too.
ROOM = 64 * 100 // 2

# A table has a second one for what is long, with an index.
OF_A_TABLE = 3


class OneByOne(ops.MigrateOperation):
    """Operations, each of them in a transaction of its own."""

    def __init__(self, operations: Sequence[ops.MigrateOperation]) -> None:
        """Take the operations."""
        self.operations = list(operations)


@renderers.dispatch_for(OneByOne)
def _render(context: AutogenContext, operation: OneByOne) -> list[str]:
    prefix = context.opts["alembic_module_prefix"]
    block = [f"with {prefix}get_context().autocommit_block():"]
    for each in operation.operations:
        block.extend(private.render_operation(each, context))
    return [*block, ""]  # Alembic indents what follows a colon, up to an empty line


def needs_room(definitions: Sequence[Definition]) -> bool:
    """Tell whether making all these takes more locks than a server has room for."""
    locks = sum(OF_A_TABLE if each.is_table else 1 for each in definitions)
    return locks > ROOM
