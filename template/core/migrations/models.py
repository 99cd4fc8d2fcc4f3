"""What the models say: which there are, what they mark as not ours, what their types hold."""

import importlib
import re
import traceback
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import MetaData
from sqlalchemy.types import TypeDecorator, TypeEngine

from core import ROOT
from core.migrations import messages
from core.policy import EXTRA_MODELS, MODEL_PACKAGES


class ModelImportError(CommandError):
    """A model could not be imported: going on would make its table look dropped."""


def load_metadata() -> list[MetaData]:
    """Import every model and return the metadata they are mapped in, Base's first.

    Raises:
        ModelImportError: a package, module or class of the policy cannot be imported.
    """
    from core.database import Base

    found = [Base.metadata]
    for package in MODEL_PACKAGES:
        for module in model_modules(package):
            _load(module)
    for path in EXTRA_MODELS:
        found += _metadata_of(_load(path))
    return list({id(metadata): metadata for metadata in found}.values())


def model_modules(package: str) -> Iterator[str]:
    """Yield the dotted names of the modules in `package` that are, or lie below, a `models`.

    Folders without `__init__.py` count: a forgotten one must not hide a model.

    Raises:
        ModelImportError: there is no such package.
    """
    for folder in getattr(_load(package), "__path__", []):
        for path in sorted(Path(folder).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            name = [*package.split("."), *(part for part in parts if part != "__init__")]
            if "models" in name and all(part.isidentifier() for part in parts):
                yield ".".join(name)


def _load(path: str) -> object:
    try:
        return _resolve(path)
    except Exception as error:
        importlib.invalidate_caches()
        raise ModelImportError(
            messages.MODEL_NOT_IMPORTED.format(
                model=path, cause=f"{type(error).__name__}: {error}", place=_place(error)
            )
        ) from error


def _resolve(path: str) -> object:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        module, _, name = path.rpartition(".")
        if error.name != path or not module:  # something inside the module is missing
            raise
        return getattr(importlib.import_module(module), name)


def _place(error: Exception) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT)
        and "site-packages" not in frame.filename
        and frame.filename != __file__
    ]
    return f"{ours[-1].filename}:{ours[-1].lineno}" if ours else "core/policy.py"


def _metadata_of(loaded: object) -> list[MetaData]:
    members = vars(loaded).values() if isinstance(loaded, ModuleType) else [loaded]
    owners = [getattr(member, "metadata", member) for member in members]
    return [owner for owner in owners if isinstance(owner, MetaData)]


def is_marked(item: Any, models: list[MetaData]) -> bool:
    """Tell whether a table or a part of one carries `skip_autogenerate`, or depends on what does.

    What was read from the database carries no mark: it is looked up by name in the models.
    """
    if _carries_mark(item):
        return True
    table = getattr(item, "table", None)
    if table is None:
        return False
    names = {column.name for column in getattr(item, "columns", ())} | {item.name}
    names |= set(re.findall(r"\w+", str(getattr(item, "sqltext", ""))))
    parts = [(table.key, name) for name in names]
    for key in getattr(item, "elements", ()):
        parts.append(key.target_fullname.rpartition(".")[::2])
    for metadata, (owner, name) in product(models, parts):
        mapped = metadata.tables.get(owner)
        if mapped is not None and (_carries_mark(mapped) or _carries_mark(mapped.c.get(name))):
            return True
    return False


def _carries_mark(item: Any) -> bool:
    return bool((getattr(item, "info", None) or {}).get("skip_autogenerate"))


def may_cut(before: TypeEngine[Any] | None, after: TypeEngine[Any]) -> bool:
    """Tell whether some value of type `before` would not survive in type `after`.

    What is not known to fit is said to cut: the answer leads to a question, not to a loss.
    """
    if before is None:
        return True
    if isinstance(before, sa.Enum) and isinstance(after, sa.Enum):
        return not set(before.enums) <= set(after.enums)
    if isinstance(before, sa.String) and isinstance(after, sa.String):
        return after.length is not None and (before.length or 1 << 31) > after.length
    if isinstance(before, sa.Boolean):
        return not isinstance(after, (sa.Boolean, sa.Integer))
    if isinstance(before, sa.Integer):
        if isinstance(after, sa.Integer):
            return _bits(after) < _bits(before)
        digits = {16: 5, 32: 10, 64: 19}[_bits(before)]
        return not (isinstance(after, sa.Numeric) and _whole(after) >= digits)
    if isinstance(before, sa.Float) and isinstance(after, sa.Float):
        return (after.precision or 53) < (before.precision or 53)
    if isinstance(before, sa.Numeric) and isinstance(after, sa.Numeric):
        return _whole(after) < _whole(before) or (after.scale or 0) < (before.scale or 0)
    if isinstance(before, sa.Date):
        return not isinstance(after, (sa.Date, sa.DateTime))
    return type(before.as_generic(allow_nulltype=True)) is not type(
        after.as_generic(allow_nulltype=True)
    )


def _bits(type_: sa.Integer) -> int:
    if isinstance(type_, sa.BigInteger):
        return 64
    return 16 if isinstance(type_, sa.SmallInteger) else 32


def _whole(type_: sa.Numeric[Any]) -> float:
    return float("inf") if type_.precision is None else type_.precision - (type_.scale or 0)


def native_enum(type_: Any) -> sa.Enum | None:
    """Return the Enum that a database keeps as a type of its own, if `type_` is one."""
    plain = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    return plain if isinstance(plain, sa.Enum) and plain.native_enum else None


def enums_in(made: Iterable[Any]) -> dict[str, sa.Enum]:
    """Return, by schema and name, such Enums in tables or in operations that make columns."""
    found: dict[str, sa.Enum] = {}
    for each in made:
        found |= enums_in(getattr(each, "ops", ()))
        parts = [*getattr(each, "columns", ()), getattr(each, "column", None)]
        types = [part.type for part in parts if isinstance(part, sa.Column)]
        for type_ in [*types, getattr(each, "modify_type", None)]:
            enum = native_enum(getattr(type_, "item_type", type_))  # an ARRAY's, too
            if enum is not None:
                found[f"{enum.schema or ''}.{enum.name}"] = enum
    return found


def bound_name(check: Any, models: list[MetaData]) -> str | None:
    """Return what the models call the CHECK that a column's type brings; None if they lack it."""
    tables = [each.tables.get(check.table.key) for each in models]
    checks: list[Any] = [
        each for table in tables if table is not None for each in table.constraints
    ]
    bound = (each for each in checks if getattr(each, "_type_bound", False))
    same = (each for each in bound if each.columns.keys() == check.columns.keys())
    return next((str(each.name) for each in same), None)
