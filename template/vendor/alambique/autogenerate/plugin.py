"""What Alembic is taught about comparing columns: an Alembic plugin, named like this module."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.plugins import Plugin
from alembic.util import CommandError, PriorityDispatchResult

from alambique import messages, private
from alambique.autogenerate.enums import native_enum
from alambique.autogenerate.stored import stored_column

PLUGINS = ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname", __name__]
"""For `autogenerate_plugins` of `context.configure`: Alembic's own, and this one."""


def setup(plugin: Plugin) -> None:
    """Register the comparisons; Alembic calls this with a new plugin."""
    plugin.add_autogenerate_comparator(compare_type, "column", "types")
    plugin.add_autogenerate_comparator(compare_server_default, "column", "server_default")


def compare_type(
    context: AutogenContext,
    operation: ops.AlterColumnOp,
    schema: str | None,
    table: str,
    column: str,
    found: sa.Column[Any],
    mapped: sa.Column[Any],
) -> PriorityDispatchResult:
    """Take REAL and FLOAT(24) for one type, and stop at what Alembic overlooks in an Enum.

    Raises:
        CommandError: an Enum that PostgreSQL keeps as a type has other members now.
    """
    before, after = native_enum(found.type), native_enum(mapped.type)
    if before and after and context.dialect.name == "postgresql" and before.enums != after.enums:
        raise CommandError(
            messages.ENUM_CHANGED.format(name=before.name, found=before.enums, mapped=after.enums)
        )

    if private.types_differ(found, mapped, context):
        stored = stored_column(context, mapped)
        if stored is not None and repr(stored.type) == repr(found.type):
            return PriorityDispatchResult.STOP
    return PriorityDispatchResult.CONTINUE


def compare_server_default(
    context: AutogenContext,
    operation: ops.AlterColumnOp,
    schema: str | None,
    table: str,
    column: str,
    found: sa.Column[Any],
    mapped: sa.Column[Any],
) -> PriorityDispatchResult:
    """Compare two server defaults as the database itself would write them down."""
    before, after = found.server_default, mapped.server_default
    generated = (sa.Computed, sa.Identity, sa.Sequence)
    if isinstance(before, generated) or isinstance(after, generated):
        return PriorityDispatchResult.CONTINUE

    operation.existing_server_default = before
    stored = mapped if after is None else stored_column(context, mapped)
    if stored is None or _default_text(found) != _default_text(stored):
        operation.modify_server_default = after
    return PriorityDispatchResult.STOP


def _default_text(column: sa.Column[Any]) -> str | None:
    """Return a column's default as its SQL says it; None where it has none."""
    default = column.server_default
    if isinstance(default, sa.DefaultClause) and isinstance(default.arg, sa.TextClause):
        return default.arg.text
    return None


PLUGIN = Plugin(__name__)
setup(PLUGIN)
