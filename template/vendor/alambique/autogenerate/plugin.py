"""What Alembic is taught about comparing tables: an Alembic plugin, named like this module."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.plugins import Plugin
from alembic.util import CommandError, DispatchPriority, PriorityDispatchResult

from alambique import messages, private
from alambique.autogenerate.checks import compare_checks
from alambique.autogenerate.defaults import (
    is_left_to_the_database,
    is_same_computed,
    is_same_default,
)
from alambique.autogenerate.enums import native_enum
from alambique.autogenerate.stored import stored_column
from alambique.names import TableName

PLUGINS = ["alembic.autogenerate.*", __name__]
"""For `autogenerate_plugins` of `context.configure`: Alembic's own, and this one."""


def setup(plugin: Plugin) -> None:
    """Register the comparisons; Alembic calls this with a new plugin."""
    plugin.add_autogenerate_comparator(compare_type, "column", "types")
    plugin.add_autogenerate_comparator(
        compare_generated_default, "column", "server_default", priority=DispatchPriority.FIRST
    )
    plugin.add_autogenerate_comparator(compare_server_default, "column", "server_default")
    plugin.add_autogenerate_comparator(compare_checks, "table", "checkconstraints")


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
        CommandError: an Enum that PostgreSQL keeps as a type has other members now, or the
            database has no word for the type.
    """
    before, after = native_enum(found.type), native_enum(mapped.type)
    if before and after and context.dialect.name == "postgresql" and before.enums != after.enums:
        raise CommandError(
            messages.ENUM_CHANGED.format(name=before.name, found=before.enums, mapped=after.enums)
        )

    try:
        mapped.type.compile(context.dialect)
    except Exception as error:  # a type of the application's may raise anything
        name = TableName(table, schema).column(column)
        cause = f"{type(error).__name__}: {error}"
        raise CommandError(messages.TYPE_NOT_SPOKEN.format(column=name, cause=cause)) from error

    if private.types_differ(found, mapped, context):
        stored = stored_column(context, mapped)
        if stored is not None and repr(stored.type) == repr(found.type):
            return PriorityDispatchResult.STOP
    return PriorityDispatchResult.CONTINUE


def compare_generated_default(
    context: AutogenContext,
    operation: ops.AlterColumnOp,
    schema: str | None,
    table: str,
    column: str,
    found: sa.Column[Any],
    mapped: sa.Column[Any],
) -> PriorityDispatchResult:
    """Compare what is no plain default, where Alembic would see a change in what is none.

    It takes an Identity for one where the database has none, a computed column for another one
    where the database writes it down in other words, and stops at an Identity in place of a
    default.
    """
    before, after = found.server_default, mapped.server_default
    if is_left_to_the_database(after):
        return _settled(operation, mapped)
    if isinstance(after, sa.Computed) and is_same_computed(context, found, mapped):
        return _settled(operation, mapped)

    plain_before = isinstance(before, sa.DefaultClause)
    if isinstance(after, sa.Identity):
        if not context.dialect.supports_identity_columns:
            after = None  # nothing is made of it
        elif not plain_before:
            return PriorityDispatchResult.CONTINUE
    elif not (isinstance(before, sa.Identity) and isinstance(after, sa.DefaultClause)):
        return PriorityDispatchResult.CONTINUE

    operation.existing_server_default = before
    if before is not None:
        operation.modify_server_default = after
    return _settled(operation, mapped)


def _settled(operation: ops.AlterColumnOp, mapped: sa.Column[Any]) -> PriorityDispatchResult:
    """End the comparison of a default, with what Alembic would note of the column besides."""
    if mapped.table.autoincrement_column is mapped:
        operation.kw["autoincrement"] = True
    elif isinstance(mapped.autoincrement, bool):
        operation.kw["autoincrement"] = mapped.autoincrement
    return PriorityDispatchResult.STOP


def compare_server_default(
    context: AutogenContext,
    operation: ops.AlterColumnOp,
    schema: str | None,
    table: str,
    column: str,
    found: sa.Column[Any],
    mapped: sa.Column[Any],
) -> PriorityDispatchResult:
    """Compare two plain server defaults by what the database itself makes of them."""
    before, after = found.server_default, mapped.server_default
    generated = (sa.Computed, sa.Identity, sa.Sequence)
    if isinstance(before, generated) or isinstance(after, generated):
        return PriorityDispatchResult.CONTINUE

    operation.existing_server_default = before
    if not is_same_default(context, found, mapped):
        operation.modify_server_default = after
    return PriorityDispatchResult.STOP


PLUGIN = Plugin(__name__)
setup(PLUGIN)
