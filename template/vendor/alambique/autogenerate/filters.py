"""Which tables are ours, and the two filters that keep autogenerate away from all others.

Ours are the tables mapped in the models and the ones a revision of this project created: a table
whose model was removed shows up as a drop to decide on, where a mapped-only rule would leave it
orphaned and unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property

import sqlalchemy as sa
from alembic.operations import ops
from alembic.runtime.environment import NameFilterParentNames, NameFilterType
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Dialect, MetaData
from sqlalchemy.schema import SchemaItem

from alambique import messages, private
from alambique.autogenerate.discovery import load_metadata
from alambique.autogenerate.mapped import is_view, mapped_names
from alambique.autogenerate.marks import is_marked
from alambique.autogenerate.naming import Models, require_convention_of
from alambique.names import TableName


class Ownership:
    """One answer to "is it ours?" for the length of one command, worked out when first asked."""

    def __init__(
        self, created: Callable[[], Iterable[TableName]], dialect: Dialect | None = None
    ) -> None:
        """Ask nothing yet.

        Args:
            created: returns the tables that exist after the whole history has run.
            dialect: of a database that was connected to, which knows its default schema; what
                `prepare` is given takes its place.
        """
        self._created = created
        self.dialect = dialect
        self.models = Models(lambda: self.metadata)
        """The same models, as Alembic is given them on every command."""

    def give(self, models: MetaData | Sequence[MetaData]) -> None:
        """Take these models for all there are, whatever the settings say."""
        self.metadata = [models] if isinstance(models, MetaData) else list(models)
        self.models = Models(lambda: self.metadata, models)

    @cached_property
    def metadata(self) -> list[MetaData]:
        """The metadata of all models; asking for it imports the application.

        Raises:
            ModelImportError: a model cannot be imported.
            InvalidSetting: a setting that the application needs is missing or malformed.
        """
        return load_metadata()

    @cached_property
    def tables(self) -> frozenset[TableName]:
        """Our tables, with their schema where it is not the default one.

        Raises:
            ModelImportError: a model cannot be imported.
            InvalidSetting: a setting that the application needs is missing or malformed.
        """
        mapped = mapped_names(self.metadata, self._default_schema)
        created = {table.within(self._default_schema) for table in self._created()}
        return frozenset(mapped | created)

    @cached_property
    def schemas(self) -> frozenset[str]:
        """The schemas, other than the default one, that have a table of ours.

        Raises:
            ModelImportError: a model cannot be imported.
            InvalidSetting: a setting that the application needs is missing or malformed.
        """
        return frozenset(table.schema for table in self.tables if table.schema is not None)

    def prepare(self, migration: MigrationContext, heads: Collection[str]) -> None:
        """Import the models if this command compares; import nothing if it does not.

        Args:
            migration: what Alembic made of the connection and of `context.configure`.
            heads: the heads of the history.

        Raises:
            CommandError: the database is not at head, or `naming-convention` is not the models'.
            ModelImportError: a model cannot be imported.
            InvalidSetting: a setting that the application needs is missing or malformed.
        """
        if not compares(migration):
            return

        require_head(migration, heads)
        self.dialect = migration.dialect
        require_convention_of(self.metadata)
        migration.opts["include_schemas"] = bool(self.schemas)

    def include_name(
        self, name: str | None, type_: NameFilterType, parent_names: NameFilterParentNames
    ) -> bool:
        """Keep somebody else's schemas and tables from being read at all."""
        if type_ == "schema":
            return name is None or name in self.schemas
        if type_ == "table" and name is not None:
            return TableName(name, parent_names["schema_name"]) in self.tables
        return True

    def include_object(
        self,
        item: SchemaItem,
        name: str | None,
        type_: NameFilterType,
        reflected: bool,
        compare_to: SchemaItem | None,
    ) -> bool:
        """Leave out what a model marks with `info={"skip_autogenerate": True}`, and views."""
        if (
            isinstance(item, sa.Index)
            and isinstance(compare_to, sa.Index)
            and self._is_same_index(item, compare_to)
        ):
            return False
        return not any(self._is_left_out(each) for each in (item, compare_to) if each is not None)

    @property
    def _default_schema(self) -> str | None:
        return None if self.dialect is None else self.dialect.default_schema_name

    def _is_same_index(self, mapped: sa.Index, found: sa.Index) -> bool:
        # Only PostgreSQL tells an index's direction: elsewhere one with DESC would differ for ever.
        if self.dialect is None or self.dialect.name == "postgresql":
            return False

        expressions = [_as_sql(each, self.dialect) for each in mapped.expressions]
        mapped_columns = [re.sub(r"(?i) (asc|desc)$|\W", "", text) for text in expressions]
        found_columns = [re.sub(r"\W", "", column.name) for column in found.columns]

        same_columns = mapped_columns == found_columns
        return same_columns and bool(mapped.unique) == bool(found.unique)

    def _is_left_out(self, item: SchemaItem) -> bool:
        if is_marked(item, self.metadata, self._default_schema):
            return True
        if isinstance(item, sa.Table) and is_view(item):
            return True
        if isinstance(item, (sa.Constraint, sa.Index)) and self.dialect is not None:
            return not private.is_created_on(item, self.dialect)
        return False


def _as_sql(expression: str | sa.ColumnElement[object], dialect: Dialect) -> str:
    if isinstance(expression, str):
        return expression
    return str(expression.compile(dialect=dialect, compile_kwargs={"include_table": False}))


def compares(migration: MigrationContext) -> bool:
    """Tell whether the running command compares the models with the database."""
    comparison = migration.opts.get("revision_context")
    return comparison is not None and bool(comparison.command_args["autogenerate"])


def leave_out_marked(migration: MigrationContext, upgrade: ops.UpgradeOps) -> None:
    """Ask of each part of a new table what Alembic asks of the table alone: is it ours?"""
    is_ours = migration.opts.get("include_object")
    if is_ours is None:
        return
    for op in upgrade.ops:
        if isinstance(op, ops.CreateTableOp):
            parts = [part for part in op.columns if isinstance(part, (sa.Column, sa.Constraint))]
            op.columns = [
                part for part in parts if is_ours(part, part.name, _kind(part), False, None)
            ]


def _kind(part: SchemaItem) -> str:
    """Return what `include_object` calls a part of a table."""
    # SQLAlchemy calls all of them so but a CHECK, which may stand beside a column.
    return "check_constraint" if isinstance(part, sa.CheckConstraint) else part.__visit_name__


def require_head(migration: MigrationContext, heads: Collection[str]) -> None:
    """Refuse to compare the models with a database that is not at head.

    Args:
        migration: connected.
        heads: the heads of the history.

    Raises:
        CommandError: the database is behind, or at a revision this code does not know.
    """
    assert migration.connection is not None
    database = migration.get_current_heads()
    migration.connection.rollback()
    if set(database) != set(heads):
        raise CommandError(
            messages.NOT_AT_HEAD.format(
                database=", ".join(database) or "base", code=", ".join(heads) or "base"
            )
        )
