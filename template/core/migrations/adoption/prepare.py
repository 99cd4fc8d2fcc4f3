"""A table as it was read, made ready to be written: what the generator gets wrong, said for it."""

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.sql.elements import TextClause

MARK = {"skip_autogenerate": True}


class Said(str):
    """A name that is written down even where the naming convention would give it."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        """Equal nothing, least of all the convention."""
        return False


def prepare(table: sa.Table, ours: bool) -> list[str]:
    """Change what was read so that what is written builds the same table.

    Args:
        table: read without a naming convention, in a metadata that now has the project's.
        ours: is it to be mapped? Of another, only what foreign keys need is kept.

    Returns:
        The columns of a type that models cannot carry; they are marked.
    """
    for name in [*table.dialect_kwargs]:
        value = table.dialect_kwargs.pop(name)
        if name not in {"mysql_comment", "mariadb_comment"} and value != "InnoDB":
            table.dialect_kwargs[name.replace(" ", "_")] = value
    if not ours:
        _only_columns(table)
    for column in table.columns:
        _fix_column(column)
    key, parts = table.primary_key, sorted(table.constraints, key=_sql)
    order = [column.name for column in table.columns if column.primary_key]
    if [column.name for column in key.columns] != order:
        key.name = Said(key.name or f"pk_{table.name}")
    for number, constraint in enumerate(parts, start=1):
        if isinstance(constraint, (sa.UniqueConstraint, sa.CheckConstraint)):
            _fix_constraint(constraint, number)
    for index in table.indexes:
        if index.dialect_kwargs or any(not isinstance(x, sa.Column) for x in index.expressions):
            vars(index)["name"] = Said(index.name)
    return [f"{table.key}.{column.name}" for column in table.columns if column.info]


def _only_columns(table: sa.Table) -> None:
    table.info.update(MARK)
    table.indexes.clear()
    table.foreign_keys.clear()
    table.constraints -= {each for each in table.constraints if each is not table.primary_key}
    for column in table.columns:
        column.foreign_keys, column.server_default = set(), None


def _fix_column(column: sa.Column[Any]) -> None:
    if isinstance(column.type, (sa.types.NullType, DOMAIN)):
        column.info.update(MARK)
        column.type = getattr(column.type, "data_type", column.type)
    default = getattr(column.server_default, "arg", None)
    if isinstance(default, TextClause):
        column.server_default = sa.DefaultClause(sa.text(escaped(default.text)))
    if isinstance(column.server_default, sa.Computed):  # it is written as str() gives it
        sql = str(column.server_default.sqltext)
        column.server_default.sqltext = sa.text(escaped(sql).replace("\\:", "\\\\:"))
    alone = len(column.table.primary_key.columns) == 1
    if column.autoincrement is True and alone and not column.foreign_keys:
        column.autoincrement = "auto"


def _fix_constraint(constraint: Any, number: int) -> None:
    checks, table = isinstance(constraint, sa.CheckConstraint), constraint.table.name
    if constraint.name is None:  # only on SQLite: nobody can compare it by its name there
        constraint.info.update(MARK)
        columns = "_".join(column.name for column in constraint.columns)
        constraint.name = str(number) if checks else Said(f"uq_{table}_{columns}")
    elif constraint.dialect_kwargs:
        constraint.name = Said(constraint.name)


def _sql(constraint: Any) -> str:
    return str(getattr(constraint, "sqltext", ""))


def escaped(sql: str) -> str:
    """Return SQL in which a colon is a colon, for text()."""
    return re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", sql)
