"""Enums that PostgreSQL keeps as types of their own: made before their columns, dropped after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects.postgresql import CreateEnumType, DropEnumType
from sqlalchemy.dialects.postgresql.base import PGInspector
from sqlalchemy.types import TypeDecorator, TypeEngine

from alambique.autogenerate.mapped import models_of
from alambique.autogenerate.stored import escaped

# A schema, None for the default one, and the type's name in it.
EnumName = tuple[str | None, str | None]


def native_enum(type_: object) -> sa.Enum | None:
    """Return the Enum that a database may keep as a type of its own, if `type_` is one."""
    plain = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    return plain if isinstance(plain, sa.Enum) and plain.native_enum else None


def native_enum_within(type_: object) -> sa.Enum | None:
    """Return the same, also where a column holds arrays of it."""
    plain = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    return native_enum(plain.item_type if isinstance(plain, sa.ARRAY) else plain)


def create_enums(migration: MigrationContext, up: ops.OpContainer, down: ops.OpContainer) -> None:
    """Create PostgreSQL's type for an Enum before its first column; drop it after its last.

    Args:
        migration: connected; on another database there is nothing to do.
        up: the operations of the upgrade, which get those on types before and after them.
        down: the same of the downgrade.
    """
    if migration.connection is None or migration.dialect.name != "postgresql":
        return

    there = _existing(migration.connection)
    tables = (table for each in models_of(migration) for table in each.tables.values())
    mapped = _enums_of(column.type for table in tables for column in table.columns)
    made = {name: each for name, each in enums_made(up.ops).items() if name not in there}
    gone = {name: each for name, each in enums_made(down.ops).items() if name not in mapped}

    _surround(migration, up, before=made.values(), after=gone.values())
    _surround(migration, down, before=gone.values(), after=made.values())


def enums_made(made: Iterable[ops.MigrateOperation]) -> dict[EnumName, sa.Enum]:
    """Return the native Enums that operations use for columns they make or change."""
    return _enums_of(type_ for each in made for type_ in _types_made(each))


def _types_made(operation: ops.MigrateOperation) -> Iterator[TypeEngine[Any]]:
    if isinstance(operation, ops.OpContainer):
        for each in operation.ops:
            yield from _types_made(each)
    elif isinstance(operation, ops.CreateTableOp):
        for part in operation.columns:
            if isinstance(part, sa.Column):
                yield part.type
    elif isinstance(operation, ops.AddColumnOp):
        yield operation.column.type
    elif isinstance(operation, ops.AlterColumnOp) and operation.modify_type is not None:
        yield operation.modify_type


def _enums_of(types: Iterable[TypeEngine[Any]]) -> dict[EnumName, sa.Enum]:
    found = {}
    for type_ in types:
        enum = native_enum_within(type_)
        if enum is not None:
            found[enum.schema, enum.name] = enum
    return found


def _existing(connection: sa.Connection) -> set[EnumName]:
    """Return PostgreSQL's types for Enums; those of the default schema with it and without."""
    inspector = sa.inspect(connection)
    assert isinstance(inspector, PGInspector)
    in_default_schema: set[EnumName] = {(None, each["name"]) for each in inspector.get_enums()}
    return in_default_schema | {(each["schema"], each["name"]) for each in inspector.get_enums("*")}


def _surround(
    migration: MigrationContext,
    container: ops.OpContainer,
    before: Iterable[sa.Enum],
    after: Iterable[sa.Enum],
) -> None:
    """Create the types of some Enums before the operations, and drop those of others after."""
    created = [_executed(migration, CreateEnumType(each)) for each in before]
    dropped = [_executed(migration, DropEnumType(each)) for each in after]
    container.ops[:] = [*created, *container.ops, *dropped]


def _executed(
    migration: MigrationContext, statement: CreateEnumType | DropEnumType
) -> ops.ExecuteSQLOp:
    sql = str(statement.compile(dialect=migration.dialect))
    return ops.ExecuteSQLOp(escaped(sql.strip()))
