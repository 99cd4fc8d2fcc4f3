"""A type of PostgreSQL's that it takes no value into unless it is told how: USING, both ways.

The server is asked what it takes, of a temporary table; a default that stands in its way goes
before, and comes after.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from alambique.autogenerate.capacities import ddl_of
from alambique.autogenerate.enums import native_enum
from alambique.autogenerate.stored import SCRATCH_TABLE, escaped, made, scratch_table

# Of Alembic's rendering, where the arguments of a call stand.
INDENT = " " * 11


class Retype(ops.AlterColumnOp):
    """A column gets another type, by an expression, and its old one back by another."""

    using: str | None = None
    using_back: str | None = None

    @classmethod
    def of(cls, op: ops.AlterColumnOp, using: str | None, using_back: str | None) -> Retype:
        """Return the same change of a column.

        Args:
            op: the change.
            using: what the values of the new type are made of; None where the server knows.
            using_back: what those of the old type are.
        """
        retype = cls.__new__(cls)
        vars(retype).update(vars(op))
        retype.using, retype.using_back = using, using_back
        return retype

    def reverse(self) -> Retype:
        """Return the change back."""
        return Retype.of(super().reverse(), self.using_back, self.using)


@dataclass(frozen=True)
class Way:
    """How the server takes the values of one type into another."""

    using: str | None
    default_is_in_the_way: bool


def say_using(context: AutogenContext, upgrade: ops.UpgradeOps) -> None:
    """Say how values get another type, where PostgreSQL does not take them by itself.

    Args:
        context: of the comparison.
        upgrade: the operations in their order, changed in place.
    """
    if context.dialect.name != "postgresql":
        return
    for changes in upgrade.ops:
        if isinstance(changes, ops.ModifyTableOps):
            done: list[ops.MigrateOperation] = []
            for op in changes.ops:
                done += _said(context, op) if isinstance(op, ops.AlterColumnOp) else [op]
            changes.ops[:] = done


def _said(context: AutogenContext, op: ops.AlterColumnOp) -> Iterator[ops.AlterColumnOp]:
    """Yield a change of a column as the server takes it."""
    if op.modify_type is None or op.existing_type is None:
        yield op
        return
    before = sa.Column("c", op.existing_type, server_default=_default(op.existing_server_default))
    said = op.modify_server_default
    later = op.existing_server_default if said is False else said
    after = sa.Column("c", op.modify_type, server_default=_default(later))

    name = context.dialect.identifier_preparer.quote(str(op.column_name))
    there, back = _way(context, before, after, name), _way(context, after, before, name)
    if there is None or back is None:  # the server's own refusal comes with the upgrade
        yield op
        return
    retype = Retype.of(op, there.using, back.using)
    if not (there.default_is_in_the_way or back.default_is_in_the_way):
        yield retype if there.using or back.using else op
        return

    yield _with_default(op, op.existing_type, op.existing_server_default or None, None)
    retype.existing_server_default = None
    retype.modify_server_default = False
    yield retype
    yield _with_default(op, op.modify_type, None, later or None)


def _default(said: Any) -> Any:
    """Return a default for a column beside; None where there is none, or one that counts."""
    return said if isinstance(said, sa.DefaultClause) else None


def _with_default(
    op: ops.AlterColumnOp, type_: TypeEngine[Any] | None, before: Any, after: Any
) -> ops.AlterColumnOp:
    return ops.AlterColumnOp(
        op.table_name,
        op.column_name,
        schema=op.schema,
        existing_type=type_,
        existing_server_default=before,
        modify_server_default=after,
    )


def _way(
    context: AutogenContext, before: sa.Column[Any], after: sa.Column[Any], name: str
) -> Way | None:
    """Return the first way by which the server takes one type's values into the other."""
    connection = context.connection
    assert connection is not None
    old: sa.Column[Any] = sa.Column("c", before.type, server_default=before.server_default)
    scratch = scratch_table(SCRATCH_TABLE, [old, sa.Column("d", after.type)], connection.dialect)
    table = connection.dialect.identifier_preparer.format_table(scratch)
    type_ = ddl_of(after.type, connection.dialect)

    with suppress(DBAPIError), made(scratch, connection):
        for is_in_the_way in (False, True):
            if is_in_the_way:
                connection.exec_driver_sql(f"ALTER TABLE {table} ALTER COLUMN c DROP DEFAULT")
            for using in _expressions(before.type, after.type, str(type_)):
                said = "" if using is None else f" USING {using.format(column='c')}"
                sql = f"ALTER TABLE {table} ALTER COLUMN c TYPE {type_}{said}"
                with suppress(DBAPIError), connection.begin_nested():
                    connection.execute(sa.text(escaped(sql)))
                    return Way(using and using.format(column=name), is_in_the_way)
    return None


def _expressions(
    before: TypeEngine[Any], after: TypeEngine[Any], type_: str
) -> Iterator[str | None]:
    """Yield what may make one type's values of another's, the plainest first."""
    yield None
    yield "{column}::" + type_
    is_number = (sa.Integer, sa.Numeric)
    if isinstance(before, sa.Boolean) and isinstance(after, is_number):
        yield "{column}::integer::" + type_
    if isinstance(before, is_number) and isinstance(after, sa.Boolean):
        yield "{column} <> 0"
    if native_enum(before) and native_enum(after):
        yield "{column}::text::" + type_


@renderers.dispatch_for(Retype)
def _render(context: AutogenContext, op: Retype) -> str:
    written: str = renderers.dispatch(ops.AlterColumnOp)(context, op)
    if op.using is None:
        return written
    return f"{written[:-1]},\n{INDENT}postgresql_using={op.using!r})"
