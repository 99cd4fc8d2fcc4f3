"""The primary key of a table: which columns it has, and when PostgreSQL looks at it.

Alembic compares none. It has operations for one that is dropped and made, which write less than
there is to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Dialect

from alambique import private
from alambique.autogenerate.definitions import (
    PRIMARY_KEY,
    Options,
    found_definitions,
    found_options,
    mapped_options,
)
from alambique.autogenerate.restated import exchanged


class MakePrimaryKey(ops.CreatePrimaryKeyOp):
    """A table gets a primary key."""

    @classmethod
    def of(cls, key: sa.PrimaryKeyConstraint) -> MakePrimaryKey:
        """Return the operation that makes a key like this one."""
        said = {"deferrable": key.deferrable, "initially": key.initially}
        options = {name: value for name, value in said.items() if value is not None}
        options |= {name: value for name, value in key.dialect_kwargs.items() if value}
        names = [column.name for column in key.columns]
        name = None if key.name is None else str(key.name)
        return cls(name, key.table.name, names, schema=key.table.schema, **options)

    def reverse(self) -> DropPrimaryKey:
        """Return the operation that drops it."""
        return DropPrimaryKey.of(self.to_constraint())


class DropPrimaryKey(ops.DropConstraintOp):
    """A table's primary key goes; what it was is known."""

    key: sa.PrimaryKeyConstraint

    @classmethod
    def of(cls, key: sa.PrimaryKeyConstraint) -> DropPrimaryKey:
        """Return the operation that drops this key."""
        name: Any = key.name
        operation = cls(name, key.table.name, "primary", schema=key.table.schema)
        operation.key = key
        return operation

    def to_constraint(self) -> sa.PrimaryKeyConstraint:
        """Return the key, by the name that it is dropped by."""
        self.key.name = self.constraint_name
        return self.key

    def reverse(self) -> MakePrimaryKey:
        """Return the operation that makes it again."""
        return MakePrimaryKey.of(self.to_constraint())


def compare_primary_keys(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found_table: sa.Table | None,
    mapped_table: sa.Table | None,
) -> PriorityDispatchResult:
    """Find a primary key that has other columns, or is another kind of one."""
    if found_table is None or mapped_table is None:
        return PriorityDispatchResult.CONTINUE
    found, mapped = found_table.primary_key, mapped_table.primary_key
    before, after = _options(context, found_table, mapped)
    if _names(found) == _names(mapped) and before == after:
        return PriorityDispatchResult.CONTINUE

    if _is_ours(context, mapped, found):
        if found.columns:
            changes.ops.append(DropPrimaryKey.of(_key(found_table, found, before)))
        if mapped.columns:
            made = MakePrimaryKey.of(mapped)
            made.constraint_name = made.constraint_name or found.name
            changes.ops.append(made)
    return PriorityDispatchResult.CONTINUE


def _options(
    context: AutogenContext, found_table: sa.Table, mapped: sa.PrimaryKeyConstraint
) -> tuple[Options, Options]:
    """Return what the key in the database says besides its columns, and what that of the models."""
    if context.dialect.name != "postgresql":
        return Options(), Options()
    definitions = found_definitions(context, found_table).values()
    found = next((found_options(each) for each in definitions if each.kind == PRIMARY_KEY), None)
    return found or Options(), mapped_options(mapped)


def _names(key: sa.PrimaryKeyConstraint) -> set[str]:
    """Return the columns of a key; their order keeps no row out."""
    return {column.name for column in key.columns}


def _key(
    table: sa.Table, found: sa.PrimaryKeyConstraint, options: Options
) -> sa.PrimaryKeyConstraint:
    """Return the key of a table in the database with all there is to say of it."""
    beside = sa.Table(
        table.name,
        sa.MetaData(),
        *(sa.Column(column.name, column.type) for column in found.columns),
        schema=table.schema,
    )
    names = [column.name for column in found.columns]
    name = None if found.name is None else str(found.name)
    key = sa.PrimaryKeyConstraint(*names, name=name, **options.arguments)
    beside.append_constraint(key)
    return key


def _is_ours(
    context: AutogenContext, mapped: sa.PrimaryKeyConstraint, found: sa.PrimaryKeyConstraint
) -> bool:
    name: Any = mapped.name or found.name
    kind: Any = "primary_key_constraint"
    return context.run_object_filters(mapped, name, kind, False, found)


def replace_keys_at_once(upgrade: ops.UpgradeOps, dialect: Dialect) -> None:
    """Write the change of a primary key as one statement, where nothing else says it.

    On MySQL and MariaDB, a column that counts is in a key at any time; no operation of Alembic's
    says of a key of PostgreSQL when it is looked at.

    Args:
        upgrade: the operations in their order, changed in place.
        dialect: of the database.
    """
    for changes in upgrade.ops:
        if isinstance(changes, ops.ModifyTableOps):
            _replace_key_at_once(changes, dialect)


def _replace_key_at_once(changes: ops.ModifyTableOps, dialect: Dialect) -> None:
    dropped = next((op for op in changes.ops if isinstance(op, DropPrimaryKey)), None)
    made = next((op for op in changes.ops if isinstance(op, MakePrimaryKey)), None)
    keys = [op.to_constraint() for op in (dropped, made) if op is not None]
    says_more = any(key.deferrable or key.initially or key.dialect_kwargs for key in keys)
    if not keys or not (dialect.name in ("mysql", "mariadb") or says_more):
        return

    drop_old, add_old = (None, None) if dropped is None else _clauses(keys[0], dialect)
    drop_new, add_new = (None, None) if made is None else _clauses(keys[-1], dialect)
    statement = exchanged(
        changes.table_name,
        changes.schema,
        up=(drop_old, add_new),
        down=(drop_new, add_old),
        dialect=dialect,
    )
    others = [op for op in changes.ops if not isinstance(op, (DropPrimaryKey, MakePrimaryKey))]
    # What comes into the key may be new; what leaves it may hold NULL only then.
    earlier = [op for op in others if _comes_before_key(op)]
    later = [op for op in others if not _comes_before_key(op)]
    changes.ops[:] = [*earlier, statement, *later]


def _clauses(key: sa.PrimaryKeyConstraint, dialect: Dialect) -> tuple[str, str]:
    """Return the clauses of an ALTER TABLE that drop a key, and that add it."""
    dropping = "DROP PRIMARY KEY"
    if dialect.name == "postgresql":
        dropping = f"DROP CONSTRAINT {dialect.identifier_preparer.quote(str(key.name))}"
    return dropping, f"ADD {private.constraint_sql(key, dialect)}"


def _comes_before_key(op: ops.MigrateOperation) -> bool:
    return isinstance(op, ops.AddColumnOp) or (
        isinstance(op, ops.AlterColumnOp) and op.modify_nullable is not True
    )


@renderers.dispatch_for(MakePrimaryKey)
def _render(context: AutogenContext, op: MakePrimaryKey) -> str:
    is_batch = private.is_in_batch(context)
    arguments = [repr(op.constraint_name and str(op.constraint_name))]
    arguments += [] if is_batch else [repr(str(op.table_name))]
    arguments.append(repr([str(name) for name in op.columns]))
    options: Mapping[str, Any] = op.kw if is_batch else {"schema": op.schema, **op.kw}
    arguments += [f"{name}={value!r}" for name, value in options.items() if value is not None]
    prefix = "batch_op." if is_batch else context.opts["alembic_module_prefix"]
    return f"{prefix}create_primary_key({', '.join(arguments)})"
