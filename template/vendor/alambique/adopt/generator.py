"""How tables become source: sqlacodegen's generator, on the project's own Base."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlacodegen.generators import Base as BaseSource
from sqlacodegen.generators import DeclarativeGenerator, LiteralImport
from sqlacodegen.models import (
    ColumnAttribute,
    Model,
    ModelClass,
    RelationshipAttribute,
)
from sqlalchemy import Connection, MetaData
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.dialects.postgresql import HSTORE
from sqlalchemy.dialects.postgresql.ranges import AbstractRange
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.elements import TextClause, UnaryExpression
from sqlalchemy.types import NullType, TypeEngine

from alambique.adopt.base import ProjectBase
from alambique.adopt.normalize import MARKED, escaped, normalize
from alambique.adopt.relationship_names import names_for
from alambique.adopt.words import singular
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
    "generate_column_attr_name",
    "generate_model_name",
    "generate_models",
    "generate_relationship_name",
    "generate_relationships",
    "group_imports",
    "render_class",
    "render_column",
    "render_column_attribute",
    "render_column_python_type",
    "render_column_type",
    "render_constraint",
    "render_index",
    "render_models",
    "render_relationship_annotation",
    "render_relationship_arguments",
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
    "conv",
    "mapped_column",
    "relationship",
    "typing",
}
# Those that only some models are written in: where one is not, an attribute may be called so.
OF_SOME = {
    "bool",
    "bytes",
    "datetime",
    "decimal",
    "dict",
    "enum",
    "float",
    "int",
    "ipaddress",
    "list",
    "object",
    "set",
    "str",
    "text",
    "uuid",
}

# What an index says of a part behind it.
DIRECTION = re.compile(r"( ASC| DESC)?( NULLS (FIRST|LAST))?", re.IGNORECASE)

# What drivers give back for types of which SQLAlchemy does not say it.
PYTHON_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (mysql.YEAR, "int"),
    (mysql.SET, "set[str]"),
    (mysql.BIT, "bytes"),
    (postgresql.BIT, "str"),
    (postgresql.MONEY, "str"),
    (postgresql.MACADDR, "str"),
    (postgresql.MACADDR8, "str"),
    (postgresql.OID, "int"),
    (postgresql.TSVECTOR, "str"),
)


@dataclass(frozen=True)
class Written:
    """One of several modules."""

    source: str
    names: list[str]
    """Its models."""


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
        self.reserved = RESERVED | OF_SOME | set(dir(base.declarative))
        self.taken = taken
        self.relationships = relationships
        self.unknown: list[ColumnName] = []
        self.models: list[Model] = []

    def written_apart(self, modules: Mapping[str, Collection[TableName]]) -> dict[str, Written]:
        """Write the models as several modules, which import each other's for a type checker only.

        What SQLAlchemy relates it finds by name, once all of the modules are imported.

        Args:
            modules: the tables of each, by the module's dotted name.
        """
        self.generate()
        models = self.models
        module_of = {table: module for module, tables in modules.items() for table in tables}

        found: dict[str, Written] = {}
        for module in modules:
            inside = [each for each in models if _module(each, module_of) == module]
            self.imports, self.module_imports = {}, set()
            self.collect_imports(inside)
            rendered = self.render_models(inside)

            needed: dict[str, set[str]] = defaultdict(set)
            for target in _targets(inside):
                needed[_module(target, module_of)].add(target.name)
            needed.pop(module, None)
            if needed:
                self.add_literal_import("typing", "TYPE_CHECKING")
            imports = "\n".join(line for group in self.group_imports() for line in group)
            source = "\n\n".join([imports, *_for_type_checkers(needed), rendered])
            found[module] = Written(source, sorted(each.name for each in inside))
        return found

    def render_models(self, models: list[Model]) -> str:
        """Write the models; keep them, too, for what writes them apart.

        Tables come first: a type checker has to know them where a relationship speaks of one.
        """
        self.models = models
        return super().render_models(sorted(models, key=lambda each: isinstance(each, ModelClass)))

    def generate_base(self) -> None:
        """Take the base from the project; where there is none, declare one."""
        name = self.project_base.name
        if not self.project_base.module:
            declared = [f"class {name}(DeclarativeBase):", f"{self.indentation}pass"]
            imports = [LiteralImport("sqlalchemy.orm", "DeclarativeBase")]
            self.base = BaseSource(imports, declared, f"{name}.metadata")
            return
        imports = [LiteralImport(self.project_base.module, name)]
        self.base = BaseSource(imports, [], f"{name}.metadata")

    def collect_imports(self, models: Iterable[Model]) -> None:
        """Collect them with the project's base, where there are only tables, too."""
        self.generate_base()
        super().collect_imports(models)

    def group_imports(self) -> list[list[str]]:
        """Write the imports; a name that a dialect has, too, is the dialect's.

        Its type does all that the other one of the name does.
        """
        general = self.imports.get("sqlalchemy", set())
        for package, names in self.imports.items():
            if package.startswith("sqlalchemy.dialects."):
                general -= names
        if not general:
            self.imports.pop("sqlalchemy", None)
        return super().group_imports()

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

    def generate_models(self) -> list[Model]:
        """Make the models, and name what is in them once all of them have a name."""
        models = super().generate_models()
        imported = {name for names in self.imports.values() for name in names}
        for model in models:
            if isinstance(model, ModelClass):
                self._name_attributes(model, imported | _said_in(model))
        return models

    def generate_model_name(self, model: Model, global_names: set[str]) -> None:
        """Give each class of the project a name of its own, in the singular."""
        others = global_names | self.taken
        if isinstance(model, ModelClass):
            name = _camel(model.table.name)
            schema = _camel(model.table.schema or "")
            candidates = [singular(name), name, schema + singular(name), f"{singular(name)}Model"]
            model.name = self._first_free(candidates, others)
        else:
            super().generate_model_name(model, others)
        self.taken.add(model.name)

    def _name_attributes(self, model: ModelClass, global_names: set[str]) -> None:
        """Name the columns of a model, then its relationships."""
        local_names: set[str] = set()
        for column in model.columns:
            self.generate_column_attr_name(column, global_names, local_names)
            local_names.add(column.name)
        for relationship in model.relationships:
            self.generate_relationship_name(relationship, global_names, local_names)
            local_names.add(relationship.name)

    def generate_column_attr_name(
        self, column_attr: ColumnAttribute, global_names: set[str], local_names: set[str]
    ) -> None:
        """Call an attribute like its column, unless its model is written in that very word."""
        name = column_attr.column.name
        if name in OF_SOME - _words(column_attr.column.table) and name not in local_names:
            column_attr.name = name
        else:
            super().generate_column_attr_name(column_attr, global_names, local_names)

    def generate_relationship_name(
        self, relationship: RelationshipAttribute, global_names: set[str], local_names: set[str]
    ) -> None:
        """Call what leads to many in the plural, what leads to one in the singular."""
        candidates = names_for(relationship)
        relationship.name = self._first_free(candidates, global_names, local_names)

    def _first_free(
        self, candidates: Sequence[str], global_names: set[str], local_names: Collection[str] = ()
    ) -> str:
        """Return the first of these names that is free; if none is, the first one, changed."""
        for name in candidates:
            if name and self.find_free_name(name, global_names, local_names) == name:
                return name
        return self.find_free_name(candidates[0], global_names, local_names)

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
            if not column.nullable:
                return "Any"
            self.add_literal_import("typing", "Optional")
            return "Optional[Any]"
        held = _held(column.type)
        for type_, python in PYTHON_TYPES:
            if isinstance(held, type_) and held is column.type:
                return f"{python} | None" if column.nullable else python
        if isinstance(column.type, AbstractRange):
            self.add_literal_import("sqlalchemy.dialects.postgresql", "Range")
            self.add_literal_import("typing", "Any")
            return "Range[Any] | None" if column.nullable else "Range[Any]"
        return super().render_column_python_type(column)

    def render_column_type(self, column: sa.Column[Any]) -> str:
        """Write the type; an HSTORE holds text, and the generator would not import its name."""
        if isinstance(column.type, HSTORE):
            self.add_literal_import("sqlalchemy.dialects.postgresql", "HSTORE")
            return "HSTORE"
        return super().render_column_type(column)

    def render_relationship_annotation(self, relationship: RelationshipAttribute) -> str:
        """Write None inside the quotes: a string has no `|`."""
        source = super().render_relationship_annotation(relationship)
        is_optional = source.startswith("Optional")
        return f"'{relationship.target.name} | None'" if is_optional else source

    def render_relationship_arguments(
        self, relationship: RelationshipAttribute
    ) -> Mapping[str, Any]:
        """Write the joins of a table with itself so that they may have several columns."""
        arguments = dict(super().render_relationship_arguments(relationship))
        for name in ("primaryjoin", "secondaryjoin"):
            terms = getattr(relationship, name)
            if len(terms) > 1:
                self.add_literal_import("sqlalchemy", "and_")
                pairs = [
                    (f"{model.name}.{model.get_column_attribute(column).name}", link.name, other)
                    for model, column, link, other in terms
                ]
                equal = [f"{column} == {link}.c.{other}" for column, link, other in pairs]
                arguments[name] = f"lambda: and_({', '.join(equal)})"
        return arguments

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
        if isinstance(constraint, (sa.PrimaryKeyConstraint, sa.UniqueConstraint)):
            options |= {"deferrable": constraint.deferrable, "initially": constraint.initially}
        if constraint.info:
            options["info"] = MARKED
        said = [f"{name}={value!r}" for name, value in options.items() if value]
        return _with_arguments(source, *said)

    def render_index(self, index: sa.Index) -> str:
        """Write an index, with expressions, directions and conditions as the database has them."""
        arguments = [repr(index.name)]
        operators = index.dialect_kwargs.get("postgresql_ops") or {}
        for part in index.expressions:
            if isinstance(part, sa.Column):
                arguments.append(repr(part.name))
            else:
                assert not isinstance(part, str)  # reflection says columns and text() only
                arguments.append(self._part_of_index(part, operators))
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

    def _part_of_index(self, part: sa.ClauseElement, operators: Mapping[str, str]) -> str:
        """Write an expression of an index, with its operator class.

        SQLAlchemy finds that by the part's name: text() has none, what is sorted has none either.
        """
        sql = self._sql(part)
        if sql in operators:
            self.add_literal_import("sqlalchemy", "literal_column")
            return f"literal_column({sql!r})"

        sorted_ = part
        while isinstance(sorted_, UnaryExpression):
            sorted_ = sorted_.element
        names = {self._sql(sorted_): sorted_.name} if isinstance(sorted_, sa.Column) else {}
        for begin in [*names, *operators]:
            operator, direction = operators.get(names.get(begin, begin)), sql.removeprefix(begin)
            if operator and direction != sql and DIRECTION.fullmatch(direction):
                return self._text(sa.text(f"{begin} {operator}{direction}"))
        return self._text(part)

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
        return f"text({escaped(self._sql(expression))!r})"

    def _sql(self, expression: sa.ClauseElement) -> str:
        if isinstance(expression, TextClause):
            return expression.text
        how = {"literal_binds": True, "include_table": False}
        return str(expression.compile(self.bind, compile_kwargs=how))


def _module(model: Model, module_of: Mapping[TableName, str]) -> str:
    """Return the module that a model goes into."""
    return module_of[TableName.of(model.table)]


def _targets(models: Iterable[Model]) -> Iterator[ModelClass]:
    """Yield the models that these are related to."""
    for model in models:
        if isinstance(model, ModelClass):
            yield from (relationship.target for relationship in model.relationships)


def _for_type_checkers(needed: Mapping[str, Collection[str]]) -> list[str]:
    """Return the imports of these names, by their module; nothing if there is none."""
    if not needed:
        return []
    lines = [
        f"    from {module} import {', '.join(sorted(names))}"
        for module, names in sorted(needed.items())
    ]
    return ["\n".join(["if TYPE_CHECKING:", *lines])]


def _held(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return what an ARRAY holds; any other type as it is."""
    return type_.item_type if isinstance(type_, sa.ARRAY) else type_


def _camel(name: str) -> str:
    """Return a table's name as a class has it: `order_items`, or `ORDER_ITEMS`, as `OrderItems`."""
    parts = re.split(r"[\W_]+", name.lower() if name.isupper() else name)
    return "".join(part[:1].upper() + part[1:] for part in parts)


def _said_in(model: ModelClass) -> set[str]:
    """Return the models that the body of this one speaks of."""
    names = {model.name}
    for relationship in model.relationships:
        names.add(relationship.target.name)
        if relationship.association_table is not None:
            names.add(relationship.association_table.name)
    return names


def _words(table: sa.Table) -> set[str]:
    """Return the words that the body of a table's model is written in, of OF_SOME."""
    found = {"list"}  # of relationships
    for column in table.columns:
        held = _held(column.type)
        with suppress(NotImplementedError):
            type_ = held.python_type
            found.add(type_.__name__ if type_.__module__ == "builtins" else type_.__module__)
        found |= {
            python.partition("[")[0] for each, python in PYTHON_TYPES if isinstance(held, each)
        }
        if column.server_default is not None:
            found.add("text")
    if table.indexes:
        found.add("text")
    return found | {"str"} if "set" in found else found


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
