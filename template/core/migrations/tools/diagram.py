"""`make diagram`: the models as a Mermaid ER diagram, the same whatever the database.

A module of our own: paracelsus drops the schema of a table, writes names as they are (`order line`
is no Mermaid) and knows one metadata and keys of one column.
"""

import argparse
import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, UniqueConstraint
from sqlalchemy.exc import NoReferenceError
from sqlalchemy.types import ARRAY

from core import ROOT
from core.migrations import messages
from core.migrations.models import is_marked, load_metadata
from core.migrations.tools.record import short

PATH = ROOT / "docs" / "schema.mmd"


def diagram(_: argparse.Namespace) -> int:
    """Write the ER diagram (Mermaid) of the models to docs/schema.mmd."""
    models = load_metadata()
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(mermaid(models), encoding="utf-8", newline="\n")
    print(messages.DIAGRAM_WRITTEN.format(path=short(PATH), count=len(drawn(models))))
    return 0


def drawn(models: list[MetaData]) -> list[Table]:
    """Return the tables that migrations see, by name."""
    tables = {table for metadata in models for table in metadata.tables.values()}
    ours = [
        table
        for table in tables
        if not (is_marked(table, models) or getattr(table, "is_view", False))
    ]
    return sorted(ours, key=lambda table: table.fullname)


def mermaid(models: list[MetaData]) -> str:
    """Return the ER diagram of the models.

    Args:
        models: every metadata, as `load_metadata` returns them.
    """
    tables, lines = drawn(models), ["erDiagram"]
    for table in tables:
        columns = [column for column in table.columns if not is_marked(column, models)]
        lines.append(f"  {_entity(table)} " + "{")
        lines += [f"    {_attribute(column)}" for column in _keys_first(columns)]
        lines.append("  }")
    for table in tables:
        keys = [key for key in table.foreign_key_constraints if not is_marked(key, models)]
        lines += sorted(line for key in keys for line in _relationship(key, tables))
    return "\n".join(lines) + "\n"


def _keys_first(columns: list[Column[Any]]) -> list[Column[Any]]:
    return sorted(columns, key=lambda column: not column.primary_key)


def _attribute(column: Column[Any]) -> str:
    marks = {
        "PK": column.primary_key,
        "FK": bool(column.foreign_keys),
        "UK": _is_unique(column.table, {column.name}) and not column.primary_key,
    }
    keys = ", ".join(mark for mark, holds in marks.items() if holds)
    name, comment = _word(column.name), column.comment or ""
    if name != column.name:  # Mermaid has no way to write it: it is said beside
        comment = f"{column.name}: {comment}" if comment else column.name
    parts = [_word(_type(column.type)), name, keys, comment and _quoted(comment)]
    return " ".join(part for part in parts if part)


def _type(type_: Any) -> str:
    # What the model says: the words of a database would change with DATABASE_URL.
    if isinstance(type_, ARRAY):
        return f"{_type(type_.item_type)}[]"
    names = ("length",) if getattr(type_, "enums", None) is None else ()
    sizes = [getattr(type_, name, None) for name in (*names, "precision", "scale")]
    inside = "-".join(str(size) for size in sizes if size is not None)
    return type(type_).__name__ + (f"({inside})" if inside else "")


def _relationship(key: ForeignKeyConstraint, tables: list[Table]) -> Iterator[str]:
    try:
        parent = key.referred_table
    except NoReferenceError:
        return
    if parent in tables:
        one = "|o" if any(column.nullable for column in key.columns) else "||"
        many = "o|" if _is_unique(key.table, {column.name for column in key.columns}) else "o{"
        label = _quoted(", ".join(column.name for column in key.columns))
        yield f"  {_entity(parent)} {one}--{many} {_entity(key.table)} : {label}"


def _is_unique(table: Table, names: set[str]) -> bool:
    # Unique as a whole, or already in a part of it.
    uniques: list[Iterable[Column[Any]]] = [table.primary_key.columns]
    uniques += [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
    uniques += [each.columns for each in table.indexes if each.unique and _is_plain(each)]
    found = [{column.name for column in columns} for columns in uniques]
    return any(each and each <= names for each in found)


def _is_plain(index: Index) -> bool:
    partial = any(option.endswith("_where") for option in index.dialect_kwargs)
    return not partial and all(isinstance(each, Column) for each in index.expressions)


def _word(name: str) -> str:
    # What Mermaid reads as one word; PK, FK and UK at its beginning would be a mark.
    word = re.sub(r"[^A-Za-z0-9_()\[\]\u00c0-\U0010ffff-]", "_", name)
    return f"_{word}" if re.match(r"[0-9()\[\]-]|(PK|FK|UK)\b", word, re.A | re.I) else word


def _entity(table: Table) -> str:
    return _quoted(re.sub(r"[%\\]", "_", table.fullname))


def _quoted(text: str) -> str:
    plain = " ".join(text.split()).replace("~", "-")  # between two of them Mermaid reads a type
    return '"' + plain.replace('"', "'") + '"'
