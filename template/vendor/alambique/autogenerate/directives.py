"""The last look at a generated revision: no line that loses data unless somebody said so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alembic import command
from alembic.operations import ops
from alembic.operations.ops import MigrationScript
from alembic.runtime.environment import ProcessRevisionDirectiveFn
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Dialect

from alambique import messages
from alambique.autogenerate.capacities import ddl_of
from alambique.autogenerate.casts import may_cut
from alambique.autogenerate.consent import Consent, typed
from alambique.autogenerate.constraints import lost_constraints
from alambique.autogenerate.enums import create_enums
from alambique.autogenerate.fill import Fills, fill
from alambique.autogenerate.filters import compares, leave_out_marked
from alambique.autogenerate.mapped import mapped_names, mapped_tables, models_of
from alambique.autogenerate.nameless import give_names
from alambique.autogenerate.order import in_order, leave_indexes_to_their_table
from alambique.autogenerate.renames import RenameColumn, Renames, RenameTable, compare, found_table
from alambique.database.views import views_left_behind
from alambique.names import ColumnName, TableName
from alambique.text import ascii_only

# In a command's options: did a revision pass by here?
REVIEWED = "alambique_reviewed"


def review(
    migration: MigrationContext,
    revision: str | Iterable[str | None] | Iterable[str],
    directives: list[MigrationScript],
) -> None:
    """Ask about every loss, or refuse; then give the file a name every file system can carry.

    This is for `process_revision_directives` of `context.configure`.

    Args:
        migration: connected, if models are compared.
        revision: what the new revision follows.
        directives: the revision, changed in place; left empty where there is nothing to write.

    Raises:
        CommandError: nothing is mapped, a loss was neither said nor agreed to, something was said
            of a name that is not there, or an Enum that PostgreSQL keeps as a type has other
            members now.
    """
    migration.opts[REVIEWED] = True
    script = directives[0]
    upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
    if upgrade is None or not compares(migration):
        _name(migration, script)
        return

    options = _typed_options(migration)
    if _is_check(options):
        leave_out_marked(migration, upgrade)
        return

    is_writing = bool(options.get("autogenerate"))
    nothing_mapped = not any(metadata.tables for metadata in models_of(migration))
    if nothing_mapped and (is_writing or not upgrade.is_empty()):
        raise CommandError(messages.NOTHING_MAPPED)

    consent = Consent(options.get("x") or ())
    fills = settle(migration, upgrade, consent)
    leave_out_marked(migration, upgrade)
    _refuse_losses(consent)
    if upgrade.is_empty() and is_writing:
        directives.clear()
        print(messages.NO_CHANGE)
        return

    assert downgrade is not None
    upgrade.ops[:] = in_order(upgrade.ops)
    give_names(upgrade, migration.dialect)
    upgrade.reverse_into(downgrade)
    leave_indexes_to_their_table(upgrade)
    leave_indexes_to_their_table(downgrade)
    fill(migration, upgrade, fills)
    create_enums(migration, upgrade, downgrade)
    _say_what_is_left_behind(migration, upgrade)
    _name(migration, script)


def after(theirs: ProcessRevisionDirectiveFn) -> ProcessRevisionDirectiveFn:
    """Return directives that come before `review`, which looks at whatever these make of it.

    Args:
        theirs: somebody else's; they may call `review` themselves.
    """

    def both(
        migration: MigrationContext,
        revision: str | Iterable[str | None] | Iterable[str],
        directives: list[MigrationScript],
    ) -> None:
        migration.opts[REVIEWED] = False
        theirs(migration, revision, directives)
        if directives and not migration.opts[REVIEWED]:
            review(migration, revision, directives)

    return both


def settle(migration: MigrationContext, upgrade: ops.UpgradeOps, consent: Consent) -> Fills:
    """Turn drops into renames where they are, and ask about every other loss.

    Args:
        migration: connected.
        upgrade: the operations found by comparing, changed in place.
        consent: what was said; refusals are noted there.

    Returns:
        The SQL expressions that fill columns which may not be null from now on.

    Raises:
        CommandError: an Enum that PostgreSQL keeps as a type has other members now.
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

    fills = _ask_about_columns(upgrade, consent, migration.dialect)
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


def _ask_about_columns(upgrade: ops.UpgradeOps, consent: Consent, dialect: Dialect) -> Fills:
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
                    fills[column] = consent.filled_with(column)
            elif isinstance(op, ops.AlterColumnOp):
                column = table.column(op.column_name)
                _ask_about_type(op, column, consent, dialect)
                if op.modify_nullable is False:
                    fills[column] = consent.filled_with(column)
    return fills


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
        "old": op.existing_type and ddl_of(op.existing_type, dialect),
        "new": ddl_of(op.modify_type, dialect),
    }
    question = messages.HOW_TO_CUT.format(name=column, **types) + messages.ASK_CUT
    hint = messages.HOW_TO_CUT.format(name=typed(column), **types)
    consent.may_lose(column, question, hint)


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


def _refuse_losses(consent: Consent) -> None:
    if consent.refused:
        lines = "\n".join(f"  {line}" for line in consent.refused)
        raise CommandError(messages.LOSES_DATA.format(lines=lines))
    if consent.unused:
        raise CommandError(messages.NOT_FOUND.format(names=", ".join(consent.unused)))


def _typed_options(migration: MigrationContext) -> dict[str, Any]:
    """Return the options of the command, as Alembic's command line keeps them."""
    config = migration.config
    if config is None or config.cmd_opts is None:
        return {}
    return vars(config.cmd_opts)


def _is_check(options: dict[str, Any]) -> bool:
    """Tell whether the command compares only, as `alembic check`, and writes nothing."""
    typed_command = options.get("cmd") or (None,)
    return typed_command[0] is command.check


def _name(migration: MigrationContext, script: MigrationScript) -> None:
    # The title keeps its accents inside the file; only the file's name is folded.
    title = (script.message or "").replace("\\", r"\\").replace('"', r"\"")
    migration.opts["template_args"]["title"] = title
    script.message = ascii_only(script.message or "")
