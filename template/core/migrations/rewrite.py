"""A rename, where Alembic sees a drop and an add: compare with the database as it will be."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, cast

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Inspector, MetaData, Table, TextClause, inspect, text

Names = dict[str, str]  # old -> new
LITERAL = {"name", "type", "default", "comment", "referred_schema", "duplicates_index"}


@dataclass
class Renames:
    """What is called otherwise from now on."""

    tables: Names = field(default_factory=dict)  # by their key: with the schema, if it has one
    columns: dict[str, Names] = field(default_factory=dict)  # by their table's new key

    def old_table(self, new: str) -> str:
        """Return what the table `new` is called in the database."""
        return next((old for old, name in self.tables.items() if name == new), new)

    def operations(self, migration: MigrationContext) -> list[Any]:
        """Return the renames themselves, the tables' first."""
        done: list[Any] = []
        for old, new in _in_order(self.tables):
            schema, _, name = old.rpartition(".")
            done.append(RenameTable(name, new.rpartition(".")[2], schema=schema or None))
        for table, names in self.columns.items():
            schema, _, name = table.rpartition(".")
            found = found_table(migration, self.old_table(table))
            for old, new in _in_order(names):
                column = found.c[old if old in found.c else old.rstrip("_")]
                existing = {  # MariaDB says a column anew to rename it
                    "existing_type": column.type,
                    "existing_nullable": column.nullable,
                    "existing_server_default": column.server_default,
                    "existing_comment": column.comment,
                    "existing_autoincrement": column.autoincrement is True or None,
                }
                where: Any = {"schema": schema or None, "modify_name": new, **existing}
                done.append(RenameColumn(name, old, **where))
        return done


class RenameTable(ops.RenameTableOp):
    """A table's rename that knows its way back."""

    def reverse(self) -> "RenameTable":
        """Return the rename back."""
        return RenameTable(self.new_table_name, self.table_name, schema=self.schema)


class RenameColumn(ops.AlterColumnOp):
    """A column's rename that knows its way back."""

    def reverse(self) -> "RenameColumn":
        """Return the rename back."""
        back = super().reverse()
        back.column_name, back.modify_name = str(self.modify_name), self.column_name
        return cast("RenameColumn", back)


@renderers.dispatch_for(RenameTable)
def _render_rename_table(context: AutogenContext, op: RenameTable) -> str:
    schema = f", schema={op.schema!r}" if op.schema else ""
    prefix = context.opts["alembic_module_prefix"]
    return f"{prefix}rename_table({op.table_name!r}, {op.new_table_name!r}{schema})"


def key(op: Any) -> str:
    """Return the name of the table an operation is about, with its schema if it has one."""
    return _key(op.schema, str(op.table_name))


def column(op: Any) -> str | None:
    """Return the name of the column an operation is about, if it is about one."""
    if isinstance(op, ops.AddColumnOp):
        return str(op.column.name)
    if isinstance(op, (ops.DropColumnOp, ops.AlterColumnOp)):
        return str(op.column_name)
    return None


def compare(migration: MigrationContext, renames: Renames) -> list[Any]:
    """Return the differences between the models and the database after these renames.

    All of them speak of the new names, and so do the operations that undo them: between the
    renames and their way back there is no other name.
    """
    context = AutogenContext(migration)
    vars(context)["inspector"] = Renamed(inspect(cast("Any", migration.connection)), renames)
    upgrade = ops.UpgradeOps([])
    dispatch = context.comparators.dispatch("autogenerate", qualifier=migration.dialect.name)
    dispatch(context, upgrade)
    return list(upgrade.ops)


class Renamed:
    """An inspector that shows the database as if its tables and columns were renamed already."""

    def __init__(self, inspector: Inspector, renames: Renames) -> None:
        self._inspector, self._renames = inspector, renames

    def __getattr__(self, name: str) -> Any:
        read = getattr(self._inspector, name)
        if name.startswith("get_multi_"):
            return self._many(read)
        if not name.startswith("get_"):
            return read
        return lambda table, schema=None, **options: self._shown(
            _key(schema, table), read(self._old(schema, table), schema=schema, **options)
        )

    def get_table_names(self, schema: str | None = None) -> list[str]:
        """Return the tables' names as they will be."""
        return [self._new(schema, name) for name in self._inspector.get_table_names(schema)]

    def _many(self, read: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(read)
        def read_renamed(
            schema: str | None = None, filter_names: list[str] | None = None, **options: Any
        ) -> Any:
            names = filter_names and [self._old(schema, name) for name in filter_names]
            found = read(schema=schema, filter_names=names, **options)
            new = {(where, self._new(where, name)): each for (where, name), each in found.items()}
            return {place: self._shown(_key(*place), each) for place, each in new.items()}

        return read_renamed

    def _new(self, schema: str | None, name: str) -> str:
        return self._renames.tables.get(_key(schema, name), name).rpartition(".")[2]

    def _old(self, schema: str | None, name: str) -> str:
        return self._renames.old_table(_key(schema, name)).rpartition(".")[2]

    def _shown(self, table: str, found: Any) -> Any:
        if isinstance(found, list):
            return [self._shown(table, each) for each in found]
        if not isinstance(found, dict):
            return found
        names = self._renames.columns.get(table, {})
        shown = {what: _reworded(each, names, what) for what, each in found.items()}
        if "nullable" in found:
            shown["name"] = names.get(found["name"], found["name"])
        if "referred_table" in found:
            schema = found["referred_schema"]
            shown["referred_table"] = self._new(schema, found["referred_table"])
            names = self._renames.columns.get(_key(schema, shown["referred_table"]), {})
            shown["referred_columns"] = [
                names.get(each, each) for each in found["referred_columns"]
            ]
        return shown


def _reworded(found: Any, names: Names, what: str = "") -> Any:
    if not names or what in LITERAL:
        return found
    if isinstance(found, list):
        return [_reworded(each, names) for each in found]
    if isinstance(found, dict):
        return {names.get(k, k): _reworded(each, names, k) for k, each in found.items()}
    if isinstance(found, TextClause):
        return text(_reworded(found.text, names))
    if not isinstance(found, str):
        return found
    words = "|".join(map(re.escape, names))
    return re.sub(rf"(?<!\w)(?:{words})(?!\w)", lambda word: names[word[0]], found)


def _in_order(names: Names) -> Iterator[tuple[str, str]]:
    # a -> b, b -> c: first b -> c. A circle goes round by a stop: a -> a_, b -> a, a_ -> b.
    waiting = dict(names)
    while waiting:
        free = next((old for old, new in waiting.items() if new not in waiting), None)
        if free is None:
            old, new = waiting.popitem()
            yield old, f"{old}_"
            waiting[f"{old}_"] = new
        else:
            yield free, waiting.pop(free)


def found_table(migration: MigrationContext, table: str) -> Table:
    """Return a table as it is in the database."""
    schema, _, name = table.rpartition(".")
    where = {"schema": schema or None, "autoload_with": migration.connection}
    return Table(name, MetaData(), resolve_fks=False, **cast("Any", where))


def _key(schema: str | None, name: str) -> str:
    return f"{schema}.{name}" if schema else name
