"""The last look at a generated revision: no line that loses data unless somebody said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Dialect
from sqlalchemy.types import NullType, TypeEngine

from alambique import messages
from alambique.autogenerate.capacities import ddl_of
from alambique.autogenerate.casts import may_cut
from alambique.autogenerate.circles import drop_keys_before_tables, make_keys_after_tables
from alambique.autogenerate.consent import Consent, typed
from alambique.autogenerate.constraints import lost_constraints
from alambique.autogenerate.enum_members import alter_enums
from alambique.autogenerate.enums import create_enums, native_enum_within
from alambique.autogenerate.exclusions import make_after_their_table
from alambique.autogenerate.fill import Fills, example_of, fill, require_taken
from alambique.autogenerate.filters import leave_out_marked
from alambique.autogenerate.mapped import mapped_names, mapped_tables, models_of
from alambique.autogenerate.nameless import give_names
from alambique.autogenerate.order import in_order, leave_indexes_to_their_table
from alambique.autogenerate.primary_keys import replace_keys_at_once
from alambique.autogenerate.redefined import say_conditions
from alambique.autogenerate.renames import RenameColumn, Renames, RenameTable, compare, found_table
from alambique.autogenerate.restated import apart
from alambique.autogenerate.using import say_using
from alambique.database.views import views_left_behind
from alambique.names import ColumnName, TableName


def look(migration: MigrationContext, script: MigrationScript, options: Mapping[str, Any]) -> bool:
    """Ask about every loss, or refuse; then have the revision say what the database needs.

    Args:
        migration: connected.
        script: what comparing has found, changed in place.
        options: the command's.

    Returns:
        Whether there is anything to write.

    Raises:
        CommandError: nothing is mapped, a loss was neither said nor agreed to, something was said
            of a name that is not there, a column has no type, or something speaks of a type of
            PostgreSQL's that is to lose members.
    """
    upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
    assert upgrade is not None and downgrade is not None
    is_writing = bool(options.get("autogenerate"))
    nothing_mapped = not any(metadata.tables for metadata in models_of(migration))
    if nothing_mapped and (is_writing or not upgrade.is_empty()):
        raise CommandError(messages.NOTHING_MAPPED)

    consent = Consent(options.get("x") or ())
    fills = settle(migration, upgrade, consent)
    leave_out_marked(migration, upgrade)
    _refuse_losses(consent)
    if upgrade.is_empty() and is_writing:
        return False
    _require_types(upgrade)

    drop_keys_before_tables(upgrade, migration.dialect)
    upgrade.ops[:] = in_order(upgrade.ops)
    alter_enums(migration, upgrade)
    say_using(AutogenContext(migration), upgrade)
    make_keys_after_tables(upgrade, migration.dialect)
    make_after_their_table(AutogenContext(migration), upgrade)
    replace_keys_at_once(upgrade, migration.dialect)
    upgrade.ops[:] = apart(upgrade.ops)
    say_conditions(AutogenContext(migration), upgrade)
    give_names(upgrade, migration.dialect)
    upgrade.reverse_into(downgrade)
    downgrade.ops[:] = apart(downgrade.ops)
    leave_indexes_to_their_table(upgrade)
    leave_indexes_to_their_table(downgrade)
    fill(migration, upgrade, fills)
    create_enums(migration, upgrade, downgrade)
    _say_what_is_left_behind(migration, upgrade)
    return True


def settle(migration: MigrationContext, upgrade: ops.UpgradeOps, consent: Consent) -> Fills:
    """Turn drops into renames where they are, and ask about every other loss.

    Args:
        migration: connected.
        upgrade: the operations found by comparing, changed in place.
        consent: what was said; refusals are noted there.

    Returns:
        The SQL expressions that fill columns which may not be null from now on.
    """
    renames = Renames(tables=_renamed_tables(migration, upgrade, consent))
    if renames.tables:
        upgrade.ops[:] = compare(migration, renames)

    for table in _tables_to_ask_about(upgrade, consent):
        names = _renamed_columns(migration, upgrade, table, renames, consent)
        if names:
            renames.columns[table] = names
    if renames.columns:
        upgrade.ops[:] = compare(migration, renames)

    fills = _ask_about_columns(migration, upgrade, consent, renames)
    _ask_about_constraints(migration, upgrade, consent)
    upgrade.ops[:0] = renames.operations(migration)
    return fills


def _renamed_tables(
    migration: MigrationContext, upgrade: ops.UpgradeOps, consent: Consent
) -> dict[TableName, TableName]:
    default_schema = migration.dialect.default_schema_name
    created = [
        TableName.of_operation(op).within(default_schema)
        for op in upgrade.ops
        if isinstance(op, ops.CreateTableOp)
    ]
    dropped = [TableName.of_operation(op) for op in upgrade.ops if isinstance(op, ops.DropTableOp)]
    mapped = mapped_names(models_of(migration), default_schema)
    there = mapped.difference(created).union(dropped)
    return consent.renamed(gone=dropped, new=created, there=there, mapped=mapped)


def _tables_to_ask_about(upgrade: ops.UpgradeOps, consent: Consent) -> list[TableName]:
    """Return the tables, by their new names, that may have columns renamed."""
    come_or_go = {
        TableName.of_operation(op)
        for op in upgrade.ops
        if isinstance(op, (ops.CreateTableOp, ops.DropTableOp))
    }
    modified = [
        TableName.of_operation(op) for op in upgrade.ops if isinstance(op, ops.ModifyTableOps)
    ]
    # Two columns that change places leave no trace but what was said.
    candidates = dict.fromkeys(modified + consent.tables_with_unused_renames())
    return [table for table in candidates if table not in come_or_go]


def _renamed_columns(
    migration: MigrationContext,
    upgrade: ops.UpgradeOps,
    table: TableName,
    renames: Renames,
    consent: Consent,
) -> dict[str, str]:
    """Return the columns of a table that were renamed, the new names by the old ones."""
    changes = _changes_of(upgrade, table)
    dropped = [table.column(op.column_name) for op in changes if isinstance(op, ops.DropColumnOp)]
    added = [table.column(op.column.name) for op in changes if isinstance(op, ops.AddColumnOp)]
    there, mapped = set(dropped), set(added)

    default_schema = migration.dialect.default_schema_name
    models = mapped_tables(models_of(migration), table, default_schema)
    if models and consent.renames_columns_of(table):
        found = found_table(migration, renames.old_table(table))
        there = {table.column(column.name) for column in found.columns}
        mapped = {table.column(column.name) for model in models for column in model.columns}

    names = consent.renamed(gone=dropped, new=added, there=there, mapped=mapped)
    return {old.name: new.name for old, new in names.items()}


def _changes_of(upgrade: ops.UpgradeOps, table: TableName) -> list[ops.MigrateOperation]:
    return [
        op
        for modify in upgrade.ops
        if isinstance(modify, ops.ModifyTableOps) and TableName.of_operation(modify) == table
        for op in modify.ops
    ]


def _ask_about_columns(
    migration: MigrationContext, upgrade: ops.UpgradeOps, consent: Consent, renames: Renames
) -> Fills:
    """Ask about every column that may not be null, or may be cut; return what fills those."""
    fills: Fills = {}
    for modify in upgrade.ops:
        if not isinstance(modify, ops.ModifyTableOps):
            continue
        table = TableName.of_operation(modify)
        for op in modify.ops:
            if isinstance(op, ops.AddColumnOp):
                if _needs_value(op):
                    column = table.column(op.column.name)
                    fills[column] = _fill(migration, column, op.column.type, consent, renames)
            elif isinstance(op, ops.AlterColumnOp):
                column = table.column(op.column_name)
                _ask_about_type(op, column, consent, migration.dialect)
                type_ = op.modify_type or op.existing_type
                if op.modify_nullable is False and type_ is not None:
                    fills[column] = _fill(migration, column, type_, consent, renames)
    return fills


def _fill(
    migration: MigrationContext,
    column: ColumnName,
    type_: TypeEngine[Any],
    consent: Consent,
    renames: Renames,
) -> str | None:
    """Return what fills a column, once the database has tried it."""
    value = consent.filled_with(column, example_of(type_, migration.dialect))
    table = column.table
    # What is renamed has its new names in the SQL, which the database does not know yet.
    is_renamed = table in renames.columns or renames.old_table(table) != table
    if value is not None and not is_renamed:
        require_taken(migration, column, type_, value)
    return value


def _ask_about_constraints(
    migration: MigrationContext, upgrade: ops.UpgradeOps, consent: Consent
) -> None:
    """Ask about every constraint after whose drop the database lets in what it kept out."""
    for lost in lost_constraints(migration, upgrade):
        kind = messages.CONSTRAINTS[lost.kind]
        question = messages.ASK_DROP_CONSTRAINT.format(kind=kind, name=lost.name)
        hint = messages.HOW_TO_DROP_CONSTRAINT.format(kind=kind, name=typed(lost.name))
        consent.may_lose(lost.name, question, hint)


def _needs_value(op: ops.AddColumnOp) -> bool:
    """Tell whether a new column may not be null and the database has no value for it."""
    column = op.column
    has_value = column.server_default is not None or column.computed or column.identity
    return not column.nullable and not has_value


def _ask_about_type(
    op: ops.AlterColumnOp, column: ColumnName, consent: Consent, dialect: Dialect
) -> None:
    if op.modify_type is None or not may_cut(op.existing_type, op.modify_type, dialect):
        return
    types = {
        "old": op.existing_type and _shown(op.existing_type, dialect),
        "new": _shown(op.modify_type, dialect),
    }
    question = messages.HOW_TO_CUT.format(name=column, **types) + messages.ASK_CUT
    hint = messages.HOW_TO_CUT.format(name=typed(column), **types)
    consent.may_cut(column, question, hint)


def _shown(type_: TypeEngine[Any], dialect: Dialect) -> str | None:
    """Return a type as a question shows it: the members of one that has only a name, too."""
    ddl = ddl_of(type_, dialect)
    enum = native_enum_within(type_) if dialect.name == "postgresql" else None
    return ddl if enum is None else f"{ddl} ({', '.join(enum.enums)})"


def _say_what_is_left_behind(migration: MigrationContext, upgrade: ops.UpgradeOps) -> None:
    """Say which views the renames of a revision break, as they will go on saying the old names."""
    assert migration.connection is not None
    old: dict[TableName, TableName] = {}
    views: set[str] = set()
    for op in upgrade.ops:
        if isinstance(op, RenameTable):
            table = TableName.of_operation(op)
            old[TableName(op.new_table_name, op.schema)] = old.get(table, table)
            views.update(views_left_behind(migration.connection, table))
        elif isinstance(op, RenameColumn):
            table = TableName.of_operation(op)
            column = old.get(table, table).column(str(op.column_name))
            views.update(views_left_behind(migration.connection, column))
    if views:
        print(messages.VIEWS_LEFT_BEHIND.format(views=", ".join(sorted(views))))


def _require_types(upgrade: ops.UpgradeOps) -> None:
    """Refuse a column without a type, which no database makes; Alembic would write it."""
    for op in upgrade.ops:
        if isinstance(op, ops.CreateTableOp):
            columns = [each for each in op.columns if isinstance(each, sa.Column)]
        elif isinstance(op, ops.ModifyTableOps):
            columns = [each.column for each in op.ops if isinstance(each, ops.AddColumnOp)]
        else:
            continue
        for column in columns:
            if isinstance(column.type, NullType):
                name = TableName.of_operation(op).column(column.name)
                raise CommandError(messages.TYPE_MISSING.format(column=name))


def _refuse_losses(consent: Consent) -> None:
    if consent.refused:
        lines = "\n".join(f"  {line}" for line in consent.refused)
        raise CommandError(messages.LOSES_DATA.format(lines=lines))
    if consent.unused:
        raise CommandError(messages.NOT_FOUND.format(names=", ".join(consent.unused)))
