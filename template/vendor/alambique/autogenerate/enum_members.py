"""Other members for an Enum that PostgreSQL keeps as a type: added, or the type made anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.types import TypeEngine

from alambique import messages
from alambique.autogenerate.enum_columns import EnumColumn, after, enum_columns
from alambique.autogenerate.enums import EnumName, native_enum_within
from alambique.autogenerate.stored import escaped
from alambique.text import literal

# What the type that goes is called meanwhile.
SUFFIX = "_old"

# What else than columns speaks of a type, or of a column in a way that holds on to its type.
DEPENDENTS = """
WITH type AS (
  SELECT oid FROM pg_type WHERE oid = to_regtype(:type)
  UNION SELECT typarray FROM pg_type WHERE oid = to_regtype(:type)
), of_type AS (
  SELECT attrelid, attnum FROM pg_attribute WHERE atttypid IN (SELECT oid FROM type)
)
SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_depend d
WHERE d.classid NOT IN ('pg_type'::regclass, 'pg_attrdef'::regclass)
  AND (
    d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT oid FROM type)
      AND NOT (d.classid = 'pg_class'::regclass AND d.objsubid > 0)
    OR d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
      AND (d.refobjid, d.refobjsubid) IN (SELECT attrelid, attnum FROM of_type)
  )
ORDER BY 1
"""


@dataclass(frozen=True)
class EnumType:
    """A type, by its names as SQL has them."""

    name: str
    """With its schema, if it says one."""

    meanwhile: str
    """The name it has while another one takes its place, without a schema."""

    in_the_meantime: str
    """The same, with its schema."""


@dataclass(eq=False)
class AlterEnum(ops.MigrateOperation):
    """Other members for a type: added, or, where that is not all, the type made anew."""

    type: EnumType
    before: Sequence[str]
    after: Sequence[str]
    columns: Sequence[EnumColumn]
    """Those that move over where the type is made anew."""
    dependents: Sequence[str]
    """What keeps the type from being made anew."""

    def reverse(self) -> AlterEnum:
        """Return the way back."""
        return replace(self, before=self.after, after=self.before)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what Alembic lists a difference as."""
        return ("alter_enum", self.type.name, list(self.before), list(self.after))

    @property
    def only_adds(self) -> bool:
        """Are the members that were there still there, in their order?"""
        return [member for member in self.after if member in self.before] == list(self.before)


def has_other_members(found: TypeEngine[Any], mapped: TypeEngine[Any]) -> bool:
    """Tell whether a column's Enum, or that of its arrays, has other members in the models."""
    before, now = native_enum_within(found), native_enum_within(mapped)
    if before is None or now is None or before.name != now.name:
        return False
    return before.enums != now.enums


def alter_enums(migration: MigrationContext, upgrade: ops.UpgradeOps) -> None:
    """Change each type once, and no longer that of each of its columns.

    Members are added before all else, so that a default may be a new one; they go after all else,
    when no default is one any more.

    Args:
        migration: connected; on another database than PostgreSQL there is nothing to do.
        upgrade: the operations, changed in place.

    Raises:
        CommandError: a type has to be made anew, and something else than columns speaks of it.
    """
    connection = migration.connection
    if connection is None or migration.dialect.name != "postgresql":
        return

    changed = _taken_out(upgrade)
    first: list[ops.MigrateOperation] = []
    last: list[ops.MigrateOperation] = []
    for name, (before, now) in changed.items():
        type_ = _named(now, connection)
        dialect = connection.dialect
        assert isinstance(dialect, PGDialect)
        columns = enum_columns(connection, type_.name)
        columns_after = after(columns, upgrade.ops, name, dialect)
        dependents = connection.scalars(sa.text(DEPENDENTS), {"type": type_.name}).all()

        every = _every(before.enums, now.enums)
        if every != before.enums:
            first.append(AlterEnum(type_, before.enums, every, columns, dependents))
        if every != now.enums:
            _require_none(dependents, type_)
            last.append(AlterEnum(type_, every, now.enums, columns_after, dependents))
    upgrade.ops[:] = [*first, *upgrade.ops, *last]


def _taken_out(upgrade: ops.UpgradeOps) -> dict[EnumName, tuple[sa.Enum, sa.Enum]]:
    """Take the types that change out of their columns' changes; return each, before and now."""
    changed: dict[EnumName, tuple[sa.Enum, sa.Enum]] = {}
    for modify in upgrade.ops:
        if not isinstance(modify, ops.ModifyTableOps):
            continue
        for op in modify.ops:
            if not isinstance(op, ops.AlterColumnOp):
                continue
            if op.existing_type is None or op.modify_type is None:
                continue
            before, now = native_enum_within(op.existing_type), native_enum_within(op.modify_type)
            if before is not None and now is not None and before.name == now.name:
                changed[now.schema, now.name] = before, now
                op.modify_type = None
        modify.ops[:] = [op for op in modify.ops if not _is_settled(op)]

    upgrade.ops[:] = [
        op for op in upgrade.ops if not (isinstance(op, ops.ModifyTableOps) and op.is_empty())
    ]
    return changed


def _is_settled(op: ops.MigrateOperation) -> bool:
    return isinstance(op, ops.AlterColumnOp) and not op.has_changes()


def _every(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Return the members there were, with the new ones among them, each after the one before it."""
    every = list(before)
    for place, member in enumerate(now):
        if member not in every:
            every.insert(every.index(now[place - 1]) + 1 if place else 0, member)
    return every


def _named(enum: sa.Enum, connection: sa.Connection) -> EnumType:
    """Return a type's names; nothing else has the one it has meanwhile."""
    preparer: Any = connection.dialect.identifier_preparer
    schema = f"{preparer.quote(enum.schema)}." if enum.schema else ""
    meanwhile = f"{enum.name}{SUFFIX}"
    is_there = sa.text("SELECT to_regtype(:name) IS NOT NULL")
    while connection.scalar(is_there, {"name": f"{schema}{preparer.quote(meanwhile)}"}):
        meanwhile += SUFFIX
    quoted = preparer.quote(meanwhile)
    return EnumType(f"{schema}{preparer.quote(enum.name)}", quoted, f"{schema}{quoted}")


def _require_none(dependents: Sequence[str], type_: EnumType) -> None:
    if dependents:
        named = {"name": type_.name, "dependents": ", ".join(dependents)}
        raise CommandError(messages.ENUM_IS_USED.format(**named))


@renderers.dispatch_for(AlterEnum)
def _render(context: AutogenContext, op: AlterEnum) -> list[str]:
    prefix = context.opts["alembic_module_prefix"]
    if op.only_adds:
        # A new member may be used once it is committed, by whatever comes after it.
        block = f"with {prefix}get_context().autocommit_block():"
        return [block, *(f"{prefix}execute({sql!r})" for sql in _added(op)), ""]

    if op.dependents:
        said = messages.ENUM_KEEPS_MEMBERS.format(dependents=", ".join(op.dependents))
        return [f"# {said}", "pass"]
    assert context.dialect is not None
    return [f"{prefix}execute({sql!r})" for sql in _made_anew(op, context.dialect)]


def _added(op: AlterEnum) -> Iterator[str]:
    """Yield a statement for each new member, which puts it where the models have it."""
    there = list(op.before)
    for place, member in enumerate(op.after):
        if member in there:
            continue
        if place == 0:
            where = f" BEFORE {_literal(there[0])}" if there else ""
        elif there[-1] == op.after[place - 1]:
            where = ""
        else:
            where = f" AFTER {_literal(op.after[place - 1])}"
        yield f"ALTER TYPE {op.type.name} ADD VALUE IF NOT EXISTS {_literal(member)}{where}"
        there.insert(place, member)


def _made_anew(op: AlterEnum, dialect: sa.Dialect) -> Iterator[str]:
    """Yield the statements that make a type anew, and move its columns over."""
    quote = dialect.identifier_preparer.quote
    name = op.type.name
    yield f"ALTER TYPE {name} RENAME TO {op.type.meanwhile}"
    yield f"CREATE TYPE {name} AS ENUM ({', '.join(map(_literal, op.after))})"

    for column in op.columns:
        table = ".".join(quote(part) for part in (column.table.schema, column.table.name) if part)
        own = quote(column.name)
        alter = f"ALTER TABLE {table} ALTER COLUMN {own}"
        brackets = "[]" if column.is_array else ""

        if column.default is not None:
            yield f"{alter} DROP DEFAULT"
        moved = f"{own}::text{brackets}::{name}{brackets}"
        yield f"{alter} TYPE {name}{brackets} USING {moved}"
        if column.default is not None:
            yield f"{alter} SET DEFAULT {_without_parameters(column.default)}"
    yield f"DROP TYPE {op.type.in_the_meantime}"


def _literal(text: str) -> str:
    """Return a text as SQL has it in a revision, where a colon would begin a parameter."""
    return escaped(literal(text))


def _without_parameters(sql: str) -> str:
    """Return SQL of the server's as a revision has it: a colon in a text is no parameter."""
    return escaped(sql).replace("\\:\\:", "::")
