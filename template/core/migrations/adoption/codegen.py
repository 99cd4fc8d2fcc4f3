"""How tables become source: sqlacodegen's generator, on this project's Base."""

import re
from collections.abc import Collection
from contextlib import suppress
from typing import Any, cast

import sqlalchemy as sa
from sqlacodegen.generators import Base as Source
from sqlacodegen.generators import DeclarativeGenerator, LiteralImport
from sqlacodegen.models import Model, ModelClass
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.elements import TextClause

from core.database import Base
from core.migrations.adoption.prepare import MARK, escaped, prepare
from core.migrations.review import ascii_only

OPTIONS = ["nojoined", "nonativeenums", "nosyntheticenums", "include_dialect_options"]
# What the body of a model may not be called: the words it is written in, and what Base has.
RESERVED = {"Any", "Optional", "bool", "bytes", "conv", "datetime", "decimal", "dict", "enum"}
RESERVED |= {"float", "int", "ipaddress", "list", "object", "str", "text", "typing", "uuid"}
RESERVED |= {"Column", "Index", "Mapped", "Table", "mapped_column", "relationship", *dir(Base)}


def class_names() -> set[str]:
    """Return the names of the classes that the project maps already."""
    return {mapper.class_.__name__ for mapper in Base.registry.mappers}


class Generator(DeclarativeGenerator):
    """Writes one module of models; columns of a type it does not know are in `unknown`."""

    def __init__(
        self,
        metadata: sa.MetaData,
        bind: sa.Connection,
        ours: Collection[str],
        taken: set[str],
        relationships: bool = True,
    ) -> None:
        """Take what one module needs.

        Args:
            metadata: the tables, read without a naming convention, and those they refer to.
            bind: the connection they were read through.
            ours: the keys of the tables to write; of another, if its key is not in `known`, only
                enough is written for the foreign keys.
            taken: the names of classes that there are; the new ones are added.
            relationships: write relationship() too.
        """
        super().__init__(metadata, bind, OPTIONS)
        metadata.naming_convention = Base.metadata.naming_convention
        self.ours, self.taken, self.relationships = ours, taken, relationships
        self.known = {*Base.metadata.tables} - {*ours}
        self.unknown: list[str] = []

    def generate_base(self) -> None:
        """Take Base from the project."""
        self.base = Source([LiteralImport("core.database", "Base")], [], "Base.metadata")

    def collect_imports(self, models: Any) -> None:
        """Collect them with the project's Base, where there are only tables, too."""
        self.generate_base()
        super().collect_imports(models)

    def should_ignore_table(self, table: sa.Table) -> bool:
        """Leave out the tables that the project maps already."""
        for key in table.foreign_keys if table.key in self.ours else ():
            assert key.column is not None  # found while the other table is still there
        return table.key in self.known

    def fix_column_types(self, table: sa.Table) -> None:
        """Prepare a table for being written; guess nothing from its checks."""
        self.unknown += prepare(table, table.key in self.ours)
        for column in table.columns:
            held = getattr(column.type, "item_type", column.type)
            if not isinstance(held, (sa.Enum, sa.types.NullType)):
                with suppress(CompileError):  # a type that only its own dialect can write
                    column.type = self.get_adapted_type(column.type)

    def generate_relationships(self, source: ModelClass, models: Any, links: Any) -> Any:
        """Relate the models of this module, unless some of it lies elsewhere."""
        tables = {each.table for each in models.values()}
        links = [
            link
            for link in links
            if tables >= {key.column.table for key in link.table.foreign_keys}
            and source.table in {key.column.table for key in link.table.foreign_keys}
        ]
        inside = tables >= {key.column.table for key in source.table.foreign_keys}
        if self.relationships and inside:
            super().generate_relationships(source, models, links)

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
        clean = clean.strip("_") if clean.startswith("__") else clean
        return super().find_free_name(clean or "x", {*global_names, *RESERVED}, local_names)

    def render_class(self, model: ModelClass) -> str:
        """Write a class, its columns in the database's order."""
        columns = [self.render_column_attribute(each) for each in model.columns]
        related = [self.render_relationship(each) for each in model.relationships]
        parts = [self.render_class_variables(model), "\n".join(columns), "\n".join(related)]
        body = "\n\n".join(part for part in parts if part).replace("\n", "\n    ")
        return f"{self.render_class_declaration(model)}\n    {body}"

    def render_column(self, column: sa.Column[Any], show_name: bool, is_table: bool = False) -> str:
        """Write a column; an integer key that does not count by itself says so."""
        text = super().render_column(column, show_name, is_table)
        counts = column.autoincrement is not False or column.foreign_keys
        if "FetchedValue()" in text:
            self.add_literal_import("sqlalchemy", "FetchedValue")
        if column.primary_key and not counts and isinstance(column.type, sa.Integer):
            text = f"{text[:-1]}, autoincrement=False)"
        return text

    def render_column_attribute(self, column_attr: Any) -> str:
        """Write an attribute; mapped_column() wants a type, and not every column has one."""
        text = super().render_column_attribute(column_attr)
        if not isinstance(column_attr.column.type, sa.types.NullType):
            return text
        self.add_literal_import("sqlalchemy", "Column")
        return f"{column_attr.name} = Column{text.partition(' = mapped_column')[2]}"

    def render_column_python_type(self, column: sa.Column[Any]) -> str:
        """Write the annotation; what a JSON holds is not known."""
        if isinstance(column.type, (sa.JSON, sa.types.NullType)):
            self.add_literal_import("typing", "Any")
            return "Optional[Any]" if column.nullable else "Any"
        return super().render_column_python_type(column)

    def render_relationship_annotation(self, relationship: Any) -> str:
        """Write None inside the quotes: a string has no `|`."""
        text = super().render_relationship_annotation(relationship)
        return f"'{relationship.target.name} | None'" if text.startswith("Optional") else text

    def render_constraint(self, constraint: Any) -> str:
        """Write a constraint under its own name; a key on a column, after the column's type."""
        if isinstance(constraint, sa.ForeignKey):  # the other column's type need not be this one's
            type_ = self.render_column_type(constraint.parent)
            return f"{type_}, {super().render_constraint(constraint)}"
        text = super().render_constraint(constraint)
        if isinstance(constraint, sa.CheckConstraint):
            short = str(constraint.name).removeprefix(f"ck_{constraint.table.name}_")
            name = repr(short)
            if short == constraint.name and "skip_autogenerate" not in constraint.info:
                self.add_literal_import("sqlalchemy.sql.elements", "conv")
                name = f"conv({short!r})"
            sql = escaped(cast("TextClause", constraint.sqltext).text)
            text = f"CheckConstraint({sql!r}, name={name})"
        more = {**constraint.dialect_kwargs} | ({"info": MARK} if constraint.info else {})
        more = {name: value for name, value in more.items() if value}
        said = "".join(f", {name}={value!r}" for name, value in more.items())
        return f"{text[:-1]}{said})"

    def render_index(self, index: sa.Index) -> str:
        """Write an index, with expressions, directions and conditions as the database has them."""
        parts = [repr(index.name)]
        for each in index.expressions:
            plain = isinstance(each, sa.Column)
            parts.append(repr(cast("Any", each).name) if plain else self._text(each))
        parts += ["unique=True"] if index.unique else []
        for name, value in index.dialect_kwargs.items():
            if name.endswith("_where") and isinstance(value, str):
                value = sa.text(value)
            sql = isinstance(value, sa.ClauseElement)
            if value is not None and (sql or value):
                parts.append(f"{name}={self._text(value) if sql else repr(value)}")
        return f"Index({', '.join(parts)})"

    def _text(self, expression: Any) -> str:
        self.add_literal_import("sqlalchemy", "text")
        words = {"literal_binds": True, "include_table": False}
        plain = expression.text if isinstance(expression, TextClause) else None
        sql = plain or str(expression.compile(self.bind, compile_kwargs=words))
        return f"text({escaped(sql)!r})"
