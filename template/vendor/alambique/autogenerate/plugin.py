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
from alambique.autogenerate.enum_members import has_other_members
from alambique.autogenerate.exclusions import compare_exclusions
from alambique.autogenerate.implied import compare_implied_indexes
from alambique.autogenerate.primary_keys import compare_primary_keys
from alambique.autogenerate.redefined import compare_indexes, compare_uniques
from alambique.autogenerate.stored import stored_column
from alambique.names import TableName


def setup(plugin: Plugin) -> None:
    """Register the comparisons; Alembic calls this with a new plugin."""
    plugin.add_autogenerate_comparator(compare_type, "column", "types")
    plugin.add_autogenerate_comparator(
        compare_generated_default, "column", "server_default", priority=DispatchPriority.FIRST
    )
    plugin.add_autogenerate_comparator(compare_server_default, "column", "server_default")
    plugin.add_autogenerate_comparator(compare_checks, "table", "checkconstraints")
    plugin.add_autogenerate_comparator(compare_primary_keys, "table", "primarykeys")
    plugin.add_autogenerate_comparator(compare_exclusions, "table", "exclusions")
    for compare in (compare_uniques, compare_indexes, compare_implied_indexes):
        plugin.add_autogenerate_comparator(
            compare, "table", compare.__name__, priority=DispatchPriority.LAST
        )


def compare_type(
    context: AutogenContext,
    operation: ops.AlterColumnOp,
    schema: str | None,
    table: str,
    column: str,
    found: sa.Column[Any],
    mapped: sa.Column[Any],
) -> PriorityDispatchResult:
    """Take REAL and FLOAT(24) for one type, and see what Alembic overlooks in an Enum.

    Raises:
        CommandError: the database has no word for the type.
    """
    try:
        mapped.type.compile(context.dialect)
    except Exception as error:  # a type of the application's may raise anything
        name = TableName(table, schema).column(column)
        cause = f"{type(error).__name__}: {error}"
        raise CommandError(messages.TYPE_NOT_SPOKEN.format(column=name, cause=cause)) from error

    if context.dialect.name == "postgresql" and has_other_members(found.type, mapped.type):
        operation.existing_type, operation.modify_type = found.type, mapped.type
        return PriorityDispatchResult.STOP

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
