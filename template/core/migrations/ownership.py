"""Which tables are ours, and the two filters that keep autogenerate away from all others.

Ours are the tables mapped in the models and the ones a revision of this project created: a table
whose model was removed shows up as a drop to decide on, where a mapped-only rule would leave it
orphaned and unseen.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Dialect, MetaData

from core.migrations import messages
from core.migrations.models import is_marked, load_metadata


class Ownership:
    """One answer to "is it ours?" for the length of one command, worked out when first asked."""

    def __init__(self, script: ScriptDirectory, dialect: Dialect | None = None) -> None:
        self.script = script
        self.dialect = dialect

    @cached_property
    def metadata(self) -> list[MetaData]:
        """The metadata of all models; asking for it imports the application."""
        return load_metadata()

    @cached_property
    def tables(self) -> frozenset[str]:
        """The names of our tables, with their schema where it is not the default one."""
        mapped = {name for metadata in self.metadata for name in metadata.tables}
        default = f"{getattr(self.dialect, 'default_schema_name', None)}."
        names = mapped | created_tables(self.script)
        return frozenset(name.removeprefix(default) for name in names)

    @cached_property
    def schemas(self) -> frozenset[str]:
        """The schemas, other than the default one, that have a table of ours."""
        return frozenset(name.rpartition(".")[0] for name in self.tables if "." in name)

    def prepare(self, migration: MigrationContext) -> None:
        """Hand Alembic the models if this command compares; import nothing if it does not.

        Raises:
            CommandError: a model cannot be imported, or the database is not at head.
        """
        comparison = migration.opts.get("revision_context")
        if comparison is None or not comparison.command_args["autogenerate"]:
            return
        require_head(migration, self.script)
        self.dialect = migration.dialect
        migration.opts["target_metadata"] = self.metadata
        migration.opts["include_schemas"] = bool(self.schemas)

    def include_name(self, name: str | None, type_: str, parent_names: Any) -> bool:
        """Keep somebody else's schemas and tables from being read at all."""
        if type_ == "schema":
            return name is None or name in self.schemas
        if type_ == "table":
            return parent_names["schema_qualified_table_name"] in self.tables
        return True

    def include_object(
        self, item: Any, name: str | None, type_: str, reflected: bool, compare_to: Any
    ) -> bool:
        """Leave out what a model marks with `info={"skip_autogenerate": True}`, and views."""
        if type_ == "index" and compare_to is not None and self._same_index(item, compare_to):
            return False
        return not any(self._is_left_out(each) for each in (item, compare_to) if each is not None)

    def _same_index(self, mapped: Any, found: Any) -> bool:
        # Only PostgreSQL tells an index's direction: elsewhere one with DESC would differ for ever.
        if self.dialect is None or self.dialect.name == "postgresql":
            return False
        words = {"dialect": self.dialect, "compile_kwargs": {"include_table": False}}
        compiled = [str(each.compile(**words)) for each in mapped.expressions]
        names = [re.sub(r"(?i) (asc|desc)$|\W", "", text) for text in compiled]
        there = [re.sub(r"\W", "", name) for name, _ in found.columns.items()]
        return (names, bool(mapped.unique)) == (there, bool(found.unique))

    def _is_left_out(self, item: Any) -> bool:
        if is_marked(item, self.metadata) or getattr(item, "is_view", False):
            return True
        if self.dialect is None:
            return False
        # What only some databases have: `ddl_if`, the CHECK that stands in for a BOOLEAN.
        compiler = self.dialect.ddl_compiler(self.dialect, cast("Any", None))
        condition, rule = getattr(item, "_ddl_if", None), getattr(item, "_create_rule", None)
        if condition and not condition._should_execute(None, item, None, compiler=compiler):
            return True
        return rule is not None and not rule(compiler)


def leave_out_marked(migration: MigrationContext, upgrade: ops.UpgradeOps) -> None:
    """Ask of each part of a new table what Alembic asks of the table alone: is it ours?"""
    ours = migration.opts["include_object"]
    for op in upgrade.ops:
        if isinstance(op, ops.CreateTableOp):
            parts: list[Any] = list(op.columns)
            op.columns = [
                each for each in parts if ours(each, each.name, each.__visit_name__, False, None)
            ]


def leave_indexes_to_their_table(container: ops.OpContainer) -> None:
    """Take out what is dropped with its table anyway; MariaDB refuses it where a key needs it."""
    gone = {(op.schema, op.table_name) for op in container.ops if isinstance(op, ops.DropTableOp)}
    container.ops = [
        op
        for op in container.ops
        if not (isinstance(op, ops.ModifyTableOps) and (op.schema, op.table_name) in gone)
    ]


def require_head(migration: MigrationContext, script: ScriptDirectory) -> None:
    """Refuse to compare the models with a database that is not at head.

    Raises:
        CommandError: it is behind, or at a revision this code does not know.
    """
    assert migration.connection is not None
    database, heads = migration.get_current_heads(), script.get_heads()
    migration.connection.rollback()
    if set(database) != set(heads):
        raise CommandError(
            messages.NOT_AT_HEAD.format(
                database=", ".join(database) or "base", code=", ".join(heads) or "base"
            )
        )


def created_tables(script: ScriptDirectory) -> set[str]:
    """Return the tables that exist after the whole history has run, read from its source."""
    tables: set[str] = set()
    for revision in reversed(list(script.walk_revisions())):
        for call in operations(Path(revision.path), "upgrade"):
            if call.name == "create_table":
                tables.add(call.table)
            elif call.name == "drop_table":
                tables.discard(call.table)
            elif call.name == "rename_table":
                tables.discard(call.table)
                tables.add(call.other)
    return tables


@dataclass(frozen=True)
class Operation:
    """One `op.` call of a revision, as far as its source says it in plain strings."""

    name: str  # create_table, drop_column, ...
    table: str  # with its schema, where it names one
    other: str  # the column, or the table's new name
    renamed: str = ""  # the column's new name


def operations(path: Path, function: str) -> Iterator[Operation]:
    """Yield the operations that `function` of the revision at `path` names, in source order."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            yield from _inside(node.body, None)


def _inside(nodes: Iterable[ast.AST], batch: str | None) -> Iterator[Operation]:
    for node in nodes:
        if isinstance(node, ast.With):
            opened = _operation(node.items[0].context_expr, None)
            inner = opened.table if opened and opened.name == "batch_alter_table" else batch
            yield from _inside(node.body, inner)
        elif found := _operation(node, batch):
            yield found
        else:
            yield from _inside(ast.iter_child_nodes(node), batch)


def _operation(node: ast.AST, batch: str | None) -> Operation | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    said = {keyword.arg: _text(keyword.value) for keyword in node.keywords}
    texts = iter([_text(argument) for argument in node.args])
    schema = f"{said['schema']}." if said.get("schema") else ""
    named = said.get("table_name") or said.get("old_table_name")
    table = batch or schema + (named or next(texts, ""))
    other = said.get("column_name") or said.get("new_table_name") or next(texts, "")
    other = f"{schema}{other}" if node.func.attr == "rename_table" else other
    return Operation(node.func.attr, table, other, said.get("new_column_name") or "")


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
