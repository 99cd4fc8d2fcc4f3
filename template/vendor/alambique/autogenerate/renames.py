"""A rename, where Alembic sees a drop and an add: compare with the database as it will be."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Inspector

from alambique.names import TableName

N = TypeVar("N", TableName, str)

# What an inspector says of one table.
OF_A_TABLE = {
    "get_check_constraints",
    "get_columns",
    "get_foreign_keys",
    "get_indexes",
    "get_pk_constraint",
    "get_table_comment",
    "get_table_options",
    "get_unique_constraints",
}

# What is no SQL and names no column, whatever its words; "text" is a table's comment.
LITERAL = {"name", "type", "default", "comment", "text", "referred_schema", "duplicates_index"}


@dataclass
class Renames:
    """What is called otherwise from now on."""

    tables: dict[TableName, TableName] = field(default_factory=dict)
    """The new name of each, by the old one; a rename does not leave its schema."""

    columns: dict[TableName, dict[str, str]] = field(default_factory=dict)
    """The new names of columns by the old ones, by their table's new name."""

    def new_table(self, old: TableName) -> TableName:
        """Return what the table that the database calls `old` will be called."""
        return self.tables.get(old, old)

    def old_table(self, new: TableName) -> TableName:
        """Return what the table `new` is called in the database."""
        return next((old for old, name in self.tables.items() if name == new), new)

    def operations(self, migration: MigrationContext) -> list[ops.MigrateOperation]:
        """Return the renames themselves, the tables' first.

        Args:
            migration: connected to the database as it is.
        """
        done: list[ops.MigrateOperation] = []
        for step in steps(self.tables, _tables_there(migration, self.tables)):
            done.append(RenameTable(step.old.name, step.new.name, schema=step.old.schema))

        for table, names in self.columns.items():
            found = found_table(migration, self.old_table(table))
            taken = {column.name for column in found.columns}
            for rename in steps(names, taken):
                done.append(_rename_column(table, rename.old, rename.new, found.c[rename.origin]))
        return done


class RenameTable(ops.RenameTableOp):
    """A table's rename that knows its way back."""

    def reverse(self) -> RenameTable:
        """Return the rename back."""
        return RenameTable(self.new_table_name, self.table_name, schema=self.schema)


class RenameColumn(ops.AlterColumnOp):
    """A column's rename that knows its way back."""

    def reverse(self) -> RenameColumn:
        """Return the rename back."""
        back = cast("RenameColumn", super().reverse())
        back.column_name, back.modify_name = str(self.modify_name), self.column_name
        return back


@renderers.dispatch_for(RenameTable)
def _render_rename_table(context: AutogenContext, op: RenameTable) -> str:
    schema = f", schema={op.schema!r}" if op.schema else ""
    prefix = context.opts["alembic_module_prefix"]
    return f"{prefix}rename_table({op.table_name!r}, {op.new_table_name!r}{schema})"


def _rename_column(table: TableName, old: str, new: str, found: sa.Column[Any]) -> RenameColumn:
    return RenameColumn(
        table.name,
        old,
        schema=table.schema,
        modify_name=new,
        # MariaDB says a column anew to rename it.
        existing_type=found.type,
        existing_nullable=found.nullable,
        existing_server_default=found.server_default,
        existing_comment=found.comment,
        existing_autoincrement=found.autoincrement is True or None,
    )


@dataclass(frozen=True)
class Step(Generic[N]):
    """One rename, at a time when nothing else has the new name."""

    old: N
    new: N
    origin: N
    """What the database calls it before the first step."""


def steps(names: Mapping[N, N], taken: Collection[N]) -> Iterator[Step[N]]:
    """Yield renames in an order in which no new name is taken.

    With a -> b and b -> c, b -> c comes first. A circle goes round by a stop: a -> a_, b -> a,
    a_ -> b.

    Args:
        names: the new name of each thing by the old one.
        taken: the names that are there.
    """
    waiting = dict(names)
    origins = {old: old for old in names}

    while waiting:
        free = next((old for old, new in waiting.items() if new not in waiting), None)
        if free is not None:
            yield Step(free, waiting.pop(free), origins[free])
            continue

        old, new = waiting.popitem()
        stop = _beside(old)
        while stop in taken or stop in names.values():
            stop = _beside(stop)
        yield Step(old, stop, origins[old])
        waiting[stop] = new
        origins[stop] = origins[old]


def _beside(name: N) -> N:
    if isinstance(name, TableName):
        return TableName(f"{name.name}_", name.schema)
    return f"{name}_"


def _tables_there(
    migration: MigrationContext, renamed: Mapping[TableName, TableName]
) -> set[TableName]:
    """Return the tables in the schemas where some are renamed."""
    inspector = sa.inspect(_connection(migration))
    return {
        TableName(name, schema)
        for schema in {table.schema for table in renamed}
        for name in inspector.get_table_names(schema)
    }


def found_table(migration: MigrationContext, table: TableName) -> sa.Table:
    """Return a table as it is in the database."""
    return sa.Table(
        table.name,
        sa.MetaData(),
        schema=table.schema,
        autoload_with=_connection(migration),
        resolve_fks=False,
    )


def compare(migration: MigrationContext, renames: Renames) -> list[ops.MigrateOperation]:
    """Return the differences between the models and the database after these renames.

    All of them speak of the new names, and so do the operations that undo them: between the
    renames and their way back there is no other name.
    """
    context = AutogenContext(migration)
    inspector = RenamedInspector(sa.inspect(_connection(migration)), renames)
    context.inspector = cast("Inspector", inspector)
    upgrade = ops.UpgradeOps([])
    run = context.comparators.dispatch("autogenerate", qualifier=migration.dialect.name)
    run(context, upgrade)
    return list(upgrade.ops)


def _connection(migration: MigrationContext) -> sa.Connection:
    assert migration.connection is not None
    return migration.connection


def shown_renames(inspector: object) -> Renames:
    """Return what an inspector shows under new names already: nothing, as a rule."""
    return inspector.renames if isinstance(inspector, RenamedInspector) else Renames()


class RenamedInspector:
    """An inspector that shows the database as if its tables and columns were renamed already."""

    def __init__(self, inspector: Inspector, renames: Renames) -> None:
        """Show what `inspector` reads, under the names that `renames` says."""
        self._inspector = inspector
        self.renames = renames

    def __getattr__(self, name: str) -> Any:
        """Return what the inspector has; a method that reads tables reads them renamed."""
        attribute = getattr(self._inspector, name)
        if name.startswith("get_multi_"):
            return self._reading_many(attribute)
        if name in OF_A_TABLE:
            return self._reading_one(attribute)
        return attribute

    def get_table_names(self, schema: str | None = None) -> list[str]:
        """Return the tables' names as they will be."""
        found = self._inspector.get_table_names(schema)
        return [self.renames.new_table(TableName(name, schema)).name for name in found]

    def _reading_one(self, read: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(read)
        def read_renamed(table_name: str, schema: str | None = None, **options: Any) -> Any:
            table = TableName(table_name, schema)
            found = read(self.renames.old_table(table).name, schema=schema, **options)
            return self._shown(table, found)

        return read_renamed

    def _reading_many(self, read: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(read)
        def read_renamed(
            schema: str | None = None, filter_names: Collection[str] | None = None, **options: Any
        ) -> Any:
            names = None
            if filter_names is not None:
                tables = [TableName(name, schema) for name in filter_names]
                names = [self.renames.old_table(table).name for table in tables]

            found = read(schema=schema, filter_names=names, **options)
            shown = {}
            for (where, name), each in found.items():
                table = self.renames.new_table(TableName(name, where))
                shown[table.schema, table.name] = self._shown(table, each)
            return shown

        return read_renamed

    def _shown(self, table: TableName, found: Any) -> Any:
        """Return what was read of a table, with the new names in it.

        Args:
            table: its new name.
            found: a column, a key, a constraint, ... as inspectors give them, or a list of them.
        """
        if isinstance(found, list):
            return [self._shown(table, each) for each in found]
        if not isinstance(found, dict):
            return found

        names = self.renames.columns.get(table, {})
        shown = {what: _reworded(each, names, what) for what, each in found.items()}
        if "nullable" in found:  # only a column says so; elsewhere a name is not a column's
            shown["name"] = names.get(found["name"], found["name"])
        if "referred_table" in found:
            target = TableName(found["referred_table"], found["referred_schema"])
            new_target = self.renames.new_table(target)
            new_names = self.renames.columns.get(new_target, {})
            shown["referred_table"] = new_target.name
            shown["referred_columns"] = [
                new_names.get(each, each) for each in found["referred_columns"]
            ]
        return shown


def _reworded(found: Any, names: Mapping[str, str], what: str = "") -> Any:
    """Return a part of what an inspector says, columns renamed, in its SQL, too."""
    if not names or what in LITERAL:
        return found
    if isinstance(found, list):
        return [_reworded(each, names) for each in found]
    if isinstance(found, dict):
        return {names.get(key, key): _reworded(each, names, key) for key, each in found.items()}
    if isinstance(found, sa.TextClause):
        return sa.text(_reworded(found.text, names))
    if not isinstance(found, str):
        return found

    words = "|".join(re.escape(name) for name in names)
    return re.sub(rf"(?<!\w)(?:{words})(?!\w)", lambda word: names[word[0]], found)
