"""How a revision writes types, defaults and CHECKs: without the application, and as they are."""

from __future__ import annotations

import re
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Dialect, MetaData
from sqlalchemy.types import TypeDecorator, TypeEngine

from alambique import private
from alambique.autogenerate.enums import native_enum
from alambique.autogenerate.mapped import mapped_tables, models_of
from alambique.names import TableName

# What Alembic changes in a text that it renders: it would double a percent sign, and take the
# backslash away that keeps a colon from beginning a parameter.
CHANGED_BY_ALEMBIC = re.compile(r"\\:|%")


def render_item(type_: str, item: object, context: AutogenContext) -> str | Literal[False]:
    """Write a type as the plain one behind it, without `app`; its CHECK apart, with its name.

    Args:
        type_: what the item is, as Alembic calls it.
        item: a type, a server default, a constraint, ...
        context: of the comparison that is rendered.

    Returns:
        Python; False to leave the writing to Alembic.
    """
    if type_ == "check" and isinstance(item, sa.CheckConstraint):
        return _render_check(item, context)
    if type_ == "server_default":
        return _render_default(item)
    if type_ == "type" and isinstance(item, TypeEngine):
        return _render_type(item, context)
    return False


def _render_check(check: sa.CheckConstraint, context: AutogenContext) -> str | Literal[False]:
    if private.is_type_bound(check):
        return _render_bound_check(check, context)

    words = _words(check.sqltext)
    if CHANGED_BY_ALEMBIC.search(words):
        return _check_constraint(words, _name(check, context.dialect))
    return False


def _render_bound_check(check: sa.CheckConstraint, context: AutogenContext) -> str | Literal[False]:
    """Write the CHECK that a column's type brings; Alembic itself writes nothing of it."""
    mapped = _in_models(check, models_of(context.migration_context))
    if mapped is None or not private.is_created_on(check, context.dialect):
        return False
    sql = private.render_expression(check.sqltext, context)
    return _check_constraint(sql, _name(mapped, context.dialect))


def _check_constraint(sql: str, name: str | None) -> str:
    named = "" if name is None else f", name=op.f({name!r})"
    return f"sa.CheckConstraint({sql!r}{named})"


def _in_models(check: sa.CheckConstraint, models: list[MetaData]) -> sa.CheckConstraint | None:
    """Return what the models have for the CHECK that a column's type brings."""
    for table in mapped_tables(models, TableName.of(check.table)):
        for mapped in table.constraints:
            if (
                isinstance(mapped, sa.CheckConstraint)
                and private.is_type_bound(mapped)
                and mapped.columns.keys() == check.columns.keys()
            ):
                return mapped
    return None


def _name(check: sa.CheckConstraint, dialect: Dialect) -> str | None:
    """Return what a CHECK is called; None if by nothing."""
    if check.name is None or isinstance(check.name, str):
        return check.name

    # That of a type is neither: a naming convention may give it a name.
    preparer = dialect.identifier_preparer
    formatted = preparer.format_constraint(check)
    return None if formatted is None else preparer.unformat_identifiers(formatted)[0]


def _render_default(default: object) -> str | Literal[False]:
    if isinstance(default, sa.DefaultClause):
        words = _words(default.arg)
        if CHANGED_BY_ALEMBIC.search(words):
            return f"sa.text({words!r})"
    return False


def _words(sql: object) -> str:
    """Return SQL that was given as text, as it was given; "" for an expression."""
    return sql.text if isinstance(sql, sa.TextClause) else ""


def _render_type(type_: TypeEngine[Any], context: AutogenContext) -> str | Literal[False]:
    enum = native_enum(type_)
    if enum is not None and context.dialect.name == "postgresql":
        return _render_native_enum(enum)

    if isinstance(type_, TypeDecorator):
        return private.render_type(type_.impl_instance, context)

    # Its CHECK is written apart: a type of the revision's own would make it again, nameless.
    if isinstance(type_, (sa.Enum, sa.Boolean)) and type_.create_constraint:
        plain: Any = type_
        plain = plain.copy()
        plain.create_constraint = False
        return private.render_type(plain, context)
    return False


def _render_native_enum(enum: sa.Enum) -> str:
    members = ", ".join(repr(member) for member in enum.enums)
    schema = f", schema={enum.schema!r}" if enum.schema else ""
    # `create_enums` makes the type: a table would make it without asking whether it is there.
    return f"sa.Enum({members}, name={enum.name!r}{schema}, create_type=False)"
