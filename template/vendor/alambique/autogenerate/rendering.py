"""How a revision writes types, defaults, keys and CHECKs: as they are, without the application."""

from __future__ import annotations

import re
from copy import copy
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import MetaData
from sqlalchemy.types import TypeDecorator, TypeEngine

from alambique import private
from alambique.autogenerate.checks import check_name, check_words
from alambique.autogenerate.definitions import mapped_name, mapped_options
from alambique.autogenerate.enums import native_enum
from alambique.autogenerate.mapped import mapped_tables, models_of
from alambique.autogenerate.stored import without_check
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
    if type_ == "primary_key" and isinstance(item, sa.PrimaryKeyConstraint):
        return _render_primary_key(item, context)
    if type_ == "server_default":
        return _render_default(item)
    if type_ == "type" and isinstance(item, TypeEngine):
        return _render_type(item, context)
    return False


def _render_check(check: sa.CheckConstraint, context: AutogenContext) -> str | Literal[False]:
    if private.is_type_bound(check):
        return _render_bound_check(check, context)

    words = check_words(check, context)
    if CHANGED_BY_ALEMBIC.search(words):
        return _check_constraint(words, check_name(check, context.dialect))
    return False


def _render_bound_check(check: sa.CheckConstraint, context: AutogenContext) -> str | Literal[False]:
    """Write the CHECK that a column's type brings; Alembic itself writes nothing of it."""
    mapped = _in_models(check, models_of(context.migration_context))
    if mapped is None or not private.is_created_on(check, context.dialect):
        return False
    return _check_constraint(check_words(check, context), check_name(mapped, context.dialect))


def _check_constraint(sql: str, name: str | None) -> str:
    named = "" if name is None else f", name=op.f({name!r})"
    return f"sa.CheckConstraint({sql!r}{named})"


def _render_primary_key(
    key: sa.PrimaryKeyConstraint, context: AutogenContext
) -> str | Literal[False]:
    """Write the key of a new table where it says more than its columns: Alembic leaves that out."""
    options = mapped_options(key).arguments if context.dialect.name == "postgresql" else {}
    if not options:
        return False
    arguments = [repr(column.name) for column in key.columns]
    name = mapped_name(key, context.dialect)
    arguments += [] if name is None else [f"name=op.f({name!r})"]
    arguments += [f"{option}={value!r}" for option, value in options.items()]
    return f"sa.PrimaryKeyConstraint({', '.join(arguments)})"


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

    if isinstance(type_, TypeDecorator) and not _is_of_sqlalchemy(type_):
        return private.render_type(_behind(type_, context.dialect), context)

    # Its CHECK is written apart: a type of the revision's own would make it again, nameless.
    plain = without_check(type_)
    return False if plain is type_ else private.render_type(plain, context)


def _behind(type_: TypeDecorator[Any], dialect: sa.Dialect) -> TypeEngine[Any]:
    """Return what a type of the application's is on a database, as its author says it.

    A driver makes types of its own of those, which no revision can name: this dialect makes none.
    """
    plain = copy(dialect)
    plain.type_descriptor = lambda said: said  # type: ignore[method-assign, assignment]
    return type_.load_dialect_impl(plain)


def _is_of_sqlalchemy(type_: TypeEngine[Any]) -> bool:
    """Tell whether a type is SQLAlchemy's own: a revision may name it, though it is a decorator."""
    return type(type_).__module__.startswith("sqlalchemy.")


def _render_native_enum(enum: sa.Enum) -> str:
    members = ", ".join(repr(member) for member in enum.enums)
    schema = f", schema={enum.schema!r}" if enum.schema else ""
    # `create_enums` makes the type: a table would make it without asking whether it is there.
    return f"sa.Enum({members}, name={enum.name!r}{schema}, create_type=False)"
