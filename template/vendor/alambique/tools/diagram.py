"""`make diagram`: the models as a Mermaid ER diagram, the same whatever the database.

A module of our own: paracelsus drops the schema of a table, writes names as they are (`order line`
is no Mermaid) and knows one metadata and keys of one column.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, UniqueConstraint
from sqlalchemy.exc import NoReferenceError
from sqlalchemy.types import ARRAY, TypeEngine

from alambique import messages
from alambique.autogenerate.discovery import load_metadata
from alambique.autogenerate.mapped import is_view
from alambique.autogenerate.marks import is_marked
from alambique.names import TableName
from alambique.settings import project, shown

# What Mermaid does not read as part of a word.
NOT_IN_A_WORD = re.compile(r"[^A-Za-z0-9_()\[\]\u00c0-\U0010ffff-]")

# What a word must not begin with; PK, FK and UK alone would be a mark.
NOT_AT_ITS_BEGINNING = re.compile(r"[0-9()\[\]-]|(PK|FK|UK)\b", re.ASCII | re.IGNORECASE)

# What Mermaid does not read in an entity's name, even in quotes.
NOT_IN_AN_ENTITY = re.compile(r"[%\\]")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no argument."""


def run(options: argparse.Namespace) -> int:
    """Write the models as a diagram (Mermaid) to docs/schema.mmd.

    Raises:
        ModelImportError: a model cannot be imported.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    models = load_metadata()
    path = diagram_path()
    path.parent.mkdir(exist_ok=True)
    path.write_text(mermaid(models), encoding="utf-8", newline="\n")
    print(messages.DIAGRAM_WRITTEN.format(path=shown(path), count=len(drawn(models))))
    return 0


def diagram_path() -> Path:
    """Return where the project keeps its diagram.

    Raises:
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    return project().root / "docs" / "schema.mmd"


def mermaid(models: list[MetaData]) -> str:
    """Return the ER diagram of the models.

    Args:
        models: every metadata, as `load_metadata` returns them.
    """
    tables = drawn(models)
    lines = ["erDiagram"]

    for table in tables:
        columns = [column for column in table.columns if not is_marked(column, models)]
        lines.append("  " + _entity(table) + " {")
        lines += [f"    {_attribute(column)}" for column in _primary_key_first(columns)]
        lines.append("  }")

    for table in tables:
        keys = [key for key in table.foreign_key_constraints if not is_marked(key, models)]
        lines += sorted(_relationship(key, parent) for key, parent in _with_parents(keys, tables))

    return "\n".join(lines) + "\n"


def drawn(models: list[MetaData]) -> list[Table]:
    """Return the tables that migrations see, by name: neither views nor what is marked.

    Args:
        models: every metadata, as `load_metadata` returns them.
    """
    tables = {table for metadata in models for table in metadata.tables.values()}
    ours = [table for table in tables if not (is_view(table) or is_marked(table, models))]
    return sorted(ours, key=lambda table: str(TableName.of(table)))


def _primary_key_first(columns: list[Column[Any]]) -> list[Column[Any]]:
    return sorted(columns, key=lambda column: not column.primary_key)


def _attribute(column: Column[Any]) -> str:
    """Return the line of a column: its type, its name, its keys and its comment."""
    name = _word(column.name)
    comment = column.comment or ""
    if name != column.name:  # Mermaid has no way to write it: it is said beside
        comment = f"{column.name}: {comment}" if comment else column.name

    parts = [_word(_type(column.type)), name, ", ".join(_keys(column))]
    if comment:
        parts.append(_quoted(comment))
    return " ".join(part for part in parts if part)


def _keys(column: Column[Any]) -> list[str]:
    """Return Mermaid's marks of the keys that a column is, or is part of."""
    keys = []
    if column.primary_key:
        keys.append("PK")
    if column.foreign_keys:
        keys.append("FK")
    if not column.primary_key and _is_unique(column.table, {column.name}):
        keys.append("UK")
    return keys


def _type(type_: TypeEngine[Any]) -> str:
    """Return a type as the model says it: a database's words would change with DATABASE_URL."""
    if isinstance(type_, ARRAY):
        return f"{_type(type_.item_type)}[]"

    # An Enum's length follows from its members. Other types have some of these, or none.
    is_enum = getattr(type_, "enums", None) is not None
    names = ("precision", "scale") if is_enum else ("length", "precision", "scale")
    sizes = [getattr(type_, name, None) for name in names]
    inside = "-".join(str(size) for size in sizes if size is not None)
    return f"{type(type_).__name__}({inside})" if inside else type(type_).__name__


def _with_parents(
    keys: list[ForeignKeyConstraint], tables: Sequence[Table]
) -> list[tuple[ForeignKeyConstraint, Table]]:
    """Return the foreign keys that refer to one of these tables, each with that table."""
    found = []
    for key in keys:
        try:
            parent = key.referred_table
        except NoReferenceError:  # it is in no model
            continue
        if parent in tables:
            found.append((key, parent))
    return found


def _relationship(key: ForeignKeyConstraint, parent: Table) -> str:
    """Return the line of a foreign key: how many rows there may be on each side of it."""
    names = [column.name for column in key.columns]
    may_have_no_parent = any(column.nullable for column in key.columns)
    has_one_child = _is_unique(key.table, set(names))

    left = "|o" if may_have_no_parent else "||"
    right = "o|" if has_one_child else "o{"
    label = _quoted(", ".join(names))
    return f"  {_entity(parent)} {left}--{right} {_entity(key.table)} : {label}"


def _is_unique(table: Table, names: Collection[str]) -> bool:
    """Tell whether these columns are unique as a whole, or some of them are already."""
    uniques = [[column.name for column in table.primary_key.columns]]
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            uniques.append([column.name for column in constraint.columns])
    for index in table.indexes:
        if index.unique and _is_plain(index):
            uniques.append([column.name for column in index.columns])
    return any(unique and set(unique) <= set(names) for unique in uniques)


def _is_plain(index: Index) -> bool:
    """Tell whether an index is of columns, and of all rows."""
    is_partial = any(option.endswith("_where") for option in index.dialect_kwargs)
    return not is_partial and all(isinstance(each, Column) for each in index.expressions)


def _word(name: str) -> str:
    """Return a name as what Mermaid reads as one word."""
    word = NOT_IN_A_WORD.sub("_", name)
    return f"_{word}" if NOT_AT_ITS_BEGINNING.match(word) else word


def _entity(table: Table) -> str:
    return _quoted(NOT_IN_AN_ENTITY.sub("_", str(TableName.of(table))))


def _quoted(text: str) -> str:
    """Return a text as Mermaid reads it in quotes; between two ~ it would read a type."""
    plain = " ".join(text.split()).replace("~", "-").replace('"', "'")
    return f'"{plain}"'
