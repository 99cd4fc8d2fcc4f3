"""A table as it was read, made ready to be written: what the generator gets wrong, said for it."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.types import NullType, TypeEngine

from alambique.autogenerate.marks import MARK
from alambique.names import ColumnName, TableName

MARKED = {MARK: True}

# What a server says of a table and no database has to be told.
OPTIONS_LEFT_OUT = {"mysql_comment", "mariadb_comment"}
USUAL_ENGINE = "InnoDB"

# A colon that text() would take for a parameter's.
PARAMETER_COLON = re.compile(r"(?<![:\w\\]):(?=\w)")


class ExplicitName(str):
    """A name that is written down even where the naming convention would give it.

    The generator leaves out a name that equals the convention's. This one equals none.
    """

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        """Equal nothing, least of all the convention's name."""
        return False

    def __ne__(self, other: object) -> bool:
        """Differ from everything."""
        return True


def normalize(table: sa.Table, is_ours: bool) -> list[ColumnName]:
    """Change what was read so that what is written builds the same table.

    Args:
        table: read without a naming convention, in a metadata that now has the project's.
        is_ours: is it to be mapped? Of another, only what foreign keys need is kept.

    Returns:
        The columns of a type that models cannot carry; they are marked.
    """
    _keep_dialect_options(table)
    if not is_ours:
        _keep_only_columns(table)

    for column in table.columns:
        _normalize_column(column)

    _name_key_in_other_order(table)
    for number, constraint in enumerate(sorted(table.constraints, key=_condition), start=1):
        if isinstance(constraint, (sa.UniqueConstraint, sa.CheckConstraint)):
            _name_constraint(table, constraint, number)
    for index in table.indexes:
        _name_index(index)

    marked = [column for column in table.columns if column.info]
    return [TableName.of(table).column(column.name) for column in marked]


def escaped(sql: str) -> str:
    """Return SQL in which a colon is a colon, for text()."""
    return PARAMETER_COLON.sub(r"\\:", sql)


def _keep_dialect_options(table: sa.Table) -> None:
    """Keep the options that a database has to be told, under names that Python can write."""
    for name in list(table.dialect_kwargs):
        value = table.dialect_kwargs.pop(name)
        if name not in OPTIONS_LEFT_OUT and value != USUAL_ENGINE:
            table.dialect_kwargs[name.replace(" ", "_")] = value


def _keep_only_columns(table: sa.Table) -> None:
    """Leave of somebody else's table what a foreign key needs, and mark it."""
    table.info.update(MARKED)
    table.indexes.clear()
    table.foreign_keys.clear()
    table.constraints.intersection_update({table.primary_key})
    for column in table.columns:
        column.foreign_keys = set()
        column.server_default = None


def _normalize_column(column: sa.Column[Any]) -> None:
    if isinstance(column.type, (NullType, DOMAIN)):
        column.info.update(MARKED)
        column.type = _type_inside(column.type)

    default = column.server_default
    if isinstance(default, sa.DefaultClause) and isinstance(default.arg, TextClause):
        column.server_default = sa.DefaultClause(sa.text(escaped(default.arg.text)))
    elif isinstance(default, sa.Computed):
        # The generator writes it with str(), which takes one backslash away.
        sql = escaped(str(default.sqltext)).replace("\\:", "\\\\:")
        default.sqltext = sa.text(sql)

    counts_by_itself = column.autoincrement is True
    is_whole_key = len(column.table.primary_key.columns) == 1
    if counts_by_itself and is_whole_key and not column.foreign_keys:
        column.autoincrement = "auto"


def _type_inside(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return what a domain is made of; of any other type, itself."""
    return type_.data_type if isinstance(type_, DOMAIN) else type_


def _name_key_in_other_order(table: sa.Table) -> None:
    """Have a primary key written as a constraint where its columns stand in another order."""
    key = table.primary_key
    in_table = [column.name for column in table.columns if column.primary_key]
    if [column.name for column in key.columns] != in_table:
        key.name = ExplicitName(key.name or f"pk_{table.name}")


def _name_constraint(
    table: sa.Table, constraint: sa.UniqueConstraint | sa.CheckConstraint, number: int
) -> None:
    if constraint.name is None:
        # Only on SQLite, where nobody can compare it by its name.
        constraint.info.update(MARKED)
        if isinstance(constraint, sa.CheckConstraint):
            constraint.name = str(number)
        else:
            columns = "_".join(column.name for column in constraint.columns)
            constraint.name = ExplicitName(f"uq_{table.name}_{columns}")
    elif constraint.dialect_kwargs:
        constraint.name = ExplicitName(constraint.name)


def _name_index(index: sa.Index) -> None:
    """Have an index written out where the short form, a column's `index=True`, would not do."""
    has_expressions = any(not isinstance(part, sa.Column) for part in index.expressions)
    if index.dialect_kwargs or has_expressions:
        name: Any = ExplicitName(index.name)  # a quoted_name elsewhere; its repr() is no Python
        index.name = name


def _condition(constraint: sa.Constraint) -> str:
    """Return a CHECK's condition, "" for any other constraint: they are numbered in this order."""
    return str(constraint.sqltext) if isinstance(constraint, sa.CheckConstraint) else ""
