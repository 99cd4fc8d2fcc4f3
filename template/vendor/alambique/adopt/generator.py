"""How tables become source: sqlacodegen's generator, on the project's own Base."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlacodegen.generators import Base as BaseSource
from sqlacodegen.generators import DeclarativeGenerator, LiteralImport
from sqlacodegen.models import ColumnAttribute, Model, ModelClass, RelationshipAttribute
from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.types import NullType, TypeEngine

from alambique.adopt.base import ProjectBase
from alambique.adopt.normalize import MARKED, escaped, normalize
from alambique.names import ColumnName, TableName
from alambique.text import ascii_only

OPTIONS = ["nojoined", "nonativeenums", "nosyntheticenums", "include_dialect_options"]

# What sqlacodegen is extended by: methods of its DeclarativeGenerator without an underscore. Its
# documentation does not name them; tests/unit/test_private_sqlacodegen.py holds it to them.
OVERRIDDEN = (
    "collect_imports",
    "find_free_name",
    "fix_column_types",
    "generate_base",
    "generate_model_name",
    "generate_relationships",
    "render_class",
    "render_column",
    "render_column_attribute",
    "render_column_python_type",
    "render_constraint",
    "render_index",
    "render_relationship_annotation",
    "should_ignore_table",
)

# The words that the body of a model is written in: no attribute may be called like one.
RESERVED = {
    "Any",
    "Column",
    "Index",
    "Mapped",
    "Optional",
    "Table",
    "bool",
    "bytes",
    "conv",
    "datetime",
    "decimal",
    "dict",
    "enum",
    "float",
    "int",
    "ipaddress",
    "list",
    "mapped_column",
    "object",
    "relationship",
    "str",
    "text",
    "typing",
    "uuid",
}


class Generator(DeclarativeGenerator):
    """Writes one module of models; columns of a type it does not know are in `unknown`."""

    def __init__(
        self,
        metadata: MetaData,
        bind: Connection,
        base: ProjectBase,
        ours: Collection[TableName],
        taken: set[str],
        relationships: bool = True,
    ) -> None:
        """Take what one module needs.

        Args:
            metadata: the tables, read without a naming convention, and those they refer to.
            bind: the connection they were read through.
            base: what the models are written on.
            ours: the tables to write; of another that is not mapped yet, only enough is written
                for the foreign keys.
            taken: the names of classes that there are; the new ones are added.
            relationships: write relationship() too.
        """
        super().__init__(metadata, bind, OPTIONS, base_class_name=base.name)
        mapped_on = base.declarative.metadata
        metadata.naming_convention = mapped_on.naming_convention

        self.project_base = base
        self.ours = set(ours)
        self.mapped = {TableName.of(table) for table in mapped_on.tables.values()} - self.ours
        self.reserved = RESERVED | set(dir(base.declarative))
        self.taken = taken
        self.relationships = relationships
        self.unknown: list[ColumnName] = []

    def generate_base(self) -> None:
        """Take the base from the project."""
        name = self.project_base.name
        imports = [LiteralImport(self.project_base.module, name)]
        self.base = BaseSource(imports, [], f"{name}.metadata")

    def collect_imports(self, models: Iterable[Model]) -> None:
        """Collect them with the project's base, where there are only tables, too."""
        self.generate_base()
        super().collect_imports(models)

    def should_ignore_table(self, table: sa.Table) -> bool:
        """Leave out the tables that the project maps already."""
        name = TableName.of(table)
        if name in self.ours:
            for key in table.foreign_keys:
                assert key.column is not None  # found while the other table is still there
        return name in self.mapped

    def fix_column_types(self, table: sa.Table) -> None:
        """Prepare a table for being written; guess nothing from its checks."""
        self.unknown += normalize(table, is_ours=TableName.of(table) in self.ours)
        for column in table.columns:
            if not isinstance(_held(column.type), (sa.Enum, NullType)):
                with suppress(CompileError):  # a type that only its own dialect can write
                    column.type = self.get_adapted_type(column.type)

    def generate_relationships(
        self,
        source: ModelClass,
        models_by_table_name: dict[str, Model],
        association_tables: list[Model],
    ) -> list[RelationshipAttribute]:
        """Relate the models of this module, unless some of it lies elsewhere."""
        inside = {model.table for model in models_by_table_name.values()}
        if not self.relationships or not _referred(source.table) <= inside:
            return []

        links = [
            link
            for link in association_tables
            if source.table in _referred(link.table) and _referred(link.table) <= inside
        ]
        return super().generate_relationships(source, models_by_table_name, links)

    def generate_model_name(self, model: Model, global_names: set[str]) -> None:
        """Give each class of the project a name of its own."""
        super().generate_model_name(model, global_names | self.taken)
        self.taken.add(model.name)

    def find_free_name(
        self, name: str, global_names: set[str], local_names: Collection[str] = ()
    ) -> str:
        """Make an identifier that hides nothing the module needs."""
        clean = re.sub(r"\W", "_", name)
        if not f"_{clean}".isidentifier():
            clean = ascii_only(clean)
        if clean.startswith("__"):  # Python would rename it inside a class
            clean = clean.strip("_")
        return super().find_free_name(clean or "x", global_names | self.reserved, local_names)

    def render_class(self, model: ModelClass) -> str:
        """Write a class, its columns in the database's order."""
        columns = [self.render_column_attribute(each) for each in model.columns]
        related = [self.render_relationship(each) for each in model.relationships]
        parts = [self.render_class_variables(model), "\n".join(columns), "\n".join(related)]
        body = "\n\n".join(part for part in parts if part)
        indented = body.replace("\n", f"\n{self.indentation}")
        return f"{self.render_class_declaration(model)}\n{self.indentation}{indented}"

    def render_column(self, column: sa.Column[Any], show_name: bool, is_table: bool = False) -> str:
        """Write a column; an integer key that does not count by itself says so."""
        source = super().render_column(column, show_name, is_table)
        if "FetchedValue()" in source:
            self.add_literal_import("sqlalchemy", "FetchedValue")

        may_count = column.autoincrement is not False or column.foreign_keys
        if column.primary_key and not may_count and isinstance(column.type, sa.Integer):
            source = _with_arguments(source, "autoincrement=False")
        return source

    def render_column_attribute(self, column_attr: ColumnAttribute) -> str:
        """Write an attribute; mapped_column() wants a type, and not every column has one."""
        source = super().render_column_attribute(column_attr)
        if not isinstance(column_attr.column.type, NullType):
            return source
        self.add_literal_import("sqlalchemy", "Column")
        arguments = source.partition(" = mapped_column")[2]
        return f"{column_attr.name} = Column{arguments}"

    def render_column_python_type(self, column: sa.Column[Any]) -> str:
        """Write the annotation; what a JSON holds is not known."""
        if isinstance(column.type, (sa.JSON, NullType)):
            self.add_literal_import("typing", "Any")
            return "Optional[Any]" if column.nullable else "Any"
        return super().render_column_python_type(column)

    def render_relationship_annotation(self, relationship: RelationshipAttribute) -> str:
        """Write None inside the quotes: a string has no `|`."""
        source = super().render_relationship_annotation(relationship)
        is_optional = source.startswith("Optional")
        return f"'{relationship.target.name} | None'" if is_optional else source

    def render_constraint(self, constraint: sa.Constraint | sa.ForeignKey) -> str:
        """Write a constraint under its own name; a key on a column, after the column's type."""
        if isinstance(constraint, sa.ForeignKey):  # the other column's type need not be this one's
            type_ = self.render_column_type(constraint.parent)
            return f"{type_}, {super().render_constraint(constraint)}"

        if isinstance(constraint, sa.CheckConstraint):
            source = self._check(constraint)
        else:
            source = super().render_constraint(constraint)
        options: dict[str, object] = dict(constraint.dialect_kwargs)
        if constraint.info:
            options["info"] = MARKED
        said = [f"{name}={value!r}" for name, value in options.items() if value]
        return _with_arguments(source, *said)

    def render_index(self, index: sa.Index) -> str:
        """Write an index, with expressions, directions and conditions as the database has them."""
        arguments = [repr(index.name)]
        for part in index.expressions:
            if isinstance(part, sa.Column):
                arguments.append(repr(part.name))
            else:
                assert not isinstance(part, str)  # reflection says columns and text() only
                arguments.append(self._text(part))
        if index.unique:
            arguments.append("unique=True")

        for name, value in index.dialect_kwargs.items():
            if name.endswith("_where") and isinstance(value, str):
                value = sa.text(value)
            if isinstance(value, sa.ClauseElement):
                arguments.append(f"{name}={self._text(value)}")
            elif value:
                arguments.append(f"{name}={value!r}")
        return f"Index({', '.join(arguments)})"

    def _check(self, check: sa.CheckConstraint) -> str:
        """Write a CHECK; a name that is not the naming convention's is kept from it by conv()."""
        assert check.table is not None
        full = str(check.name)
        short = full.removeprefix(f"ck_{check.table.name}_")
        name = repr(short)
        if short == full and not check.info:
            self.add_literal_import("sqlalchemy.sql.elements", "conv")
            name = f"conv({short!r})"
        return f"CheckConstraint({escaped(_sql_of(check))!r}, name={name})"

    def _text(self, expression: sa.ClauseElement) -> str:
        """Write an expression as text()."""
        self.add_literal_import("sqlalchemy", "text")
        if isinstance(expression, TextClause):
            sql = expression.text
        else:
            how = {"literal_binds": True, "include_table": False}
            sql = str(expression.compile(self.bind, compile_kwargs=how))
        return f"text({escaped(sql)!r})"


def _held(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return what an ARRAY holds; any other type as it is."""
    return type_.item_type if isinstance(type_, sa.ARRAY) else type_


def _referred(table: sa.Table) -> set[sa.Table]:
    """Return the tables that a table refers to."""
    return {key.column.table for key in table.foreign_keys}


def _sql_of(check: sa.CheckConstraint) -> str:
    """Return the condition of a CHECK that was read from a database."""
    condition = check.sqltext
    assert isinstance(condition, TextClause)
    return condition.text


def _with_arguments(call: str, *arguments: str) -> str:
    """Return the source of a call with more arguments at its end."""
    return f"{', '.join([call.removesuffix(')'), *arguments])})"
