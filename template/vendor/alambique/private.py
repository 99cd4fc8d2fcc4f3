"""What the library uses of Alembic and SQLAlchemy without their word that it stays.

One function for each use, with what it uses and why there is no public way. Attributes are read
plainly: one that goes away raises AttributeError here, and its canary in tests/unit/test_private.py
fails before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrationScript
from alembic.runtime.environment import EnvironmentContext, ProcessRevisionDirectiveFn
from alembic.runtime.migration import MigrationContext, RevisionStep, StampStep
from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.types import TypeEngine


def is_created_on(part: sa.Constraint | sa.Index, dialect: Dialect) -> bool:
    """Tell whether `create_all` would make this part of a table on such a database.

    It would not where `ddl_if` names another, nor the CHECK that stands in for a BOOLEAN where the
    database has that type.
    """
    compiler = _ddl_compiler(dialect)

    # SQLAlchemy, Constraint._should_create_for_compiler, and Index._ddl_if: `ddl_if` is public to
    # say and private to ask. A compiled CREATE TABLE would tell of constraints, but only as text.
    if isinstance(part, sa.Constraint):
        return part._should_create_for_compiler(compiler)
    condition = part._ddl_if
    if condition is None:
        return True
    return condition._should_execute(CreateIndex(part), part, None, compiler=compiler)


def is_type_bound(check: sa.CheckConstraint) -> bool:
    """Tell whether a CHECK comes with its column's type, such as an Enum's, and not by itself."""
    # SQLAlchemy, Constraint._type_bound: nothing public tells the one from the other.
    return check._type_bound


def render_type(type_: TypeEngine[Any], context: AutogenContext) -> str:
    """Return a type as Python, as Alembic would write it in a revision, imports noted."""
    # Alembic, autogenerate.render._repr_type: `render_item` may replace a type's text, but has no
    # public way to ask for the text of another type. `render_python_code` writes whole operations.
    return render._repr_type(type_, context)


def render_expression(expression: sa.ColumnElement[Any], context: AutogenContext) -> str:
    """Return an expression as SQL, with its values in it and no table's name before columns."""
    # Alembic, DefaultImpl.render_ddl_sql_expr: each database's `impl` overrides it, and no public
    # name leads to what it does.
    return context.migration_context.impl.render_ddl_sql_expr(expression)


def types_differ(found: sa.Column[Any], mapped: sa.Column[Any], context: AutogenContext) -> bool:
    """Tell whether Alembic takes the types of two columns for different ones."""
    # Alembic, DefaultImpl.compare_type: a plugin may answer before Alembic or after it, but not ask
    # what it would answer.
    return context.migration_context.impl.compare_type(found, mapped)


def correct_reflected_column(
    context: AutogenContext, inspector: sa.Inspector, table: sa.Table, column: ReflectedColumn
) -> None:
    """Change what was read of a column, in place, as Alembic does before it compares."""
    # Alembic, DefaultImpl.autogen_column_reflect: what it mends differs by database (SQLite leaves
    # out the brackets around a default), and only a whole comparison applies it.
    impl: Any = context.migration_context.impl
    impl.autogen_column_reflect(inspector, table, column)


def steps_of_command() -> Callable[..., Iterable[RevisionStep | StampStep]]:
    """Return what the running command of Alembic's does: heads and a context give its steps."""
    # Alembic, alembic.context._proxy: `context.configure(fn=...)` takes the place of the command's
    # function, but `EnvironmentContext.context_opts`, which holds it, has no name in the module
    # that env.py is given. Hanging on it replaces MigrationContext._migrations_fn, which was set.
    environment: EnvironmentContext = context._proxy  # type: ignore[attr-defined]
    steps: Callable[..., Iterable[RevisionStep | StampStep]] = environment.context_opts["fn"]
    return steps


def _ddl_compiler(dialect: Dialect) -> DDLCompiler:
    compiled = CreateTable(sa.Table("t", sa.MetaData())).compile(dialect=dialect)
    assert isinstance(compiled, DDLCompiler)
    return compiled


# Used by adopt and tools


def after_env(complete: ProcessRevisionDirectiveFn) -> ProcessRevisionDirectiveFn:
    """Return what `command.revision` takes to have a revision completed after env.py saw it.

    Args:
        complete: what changes the revision last, once env.py's own directives have run.
    """

    # Alembic, RevisionContext._run_environment: the command's `process_revision_directives` run
    # first, then those of `context.configure`, which are looked up only then. Nothing public runs
    # after these; what completes a revision must, as they judge every operation they are given.
    def prepare(
        migration: MigrationContext,
        revision: str | Iterable[str | None] | Iterable[str],
        directives: list[MigrationScript],
    ) -> None:
        of_env: ProcessRevisionDirectiveFn | None = migration.opts["process_revision_directives"]

        def both(
            migration: MigrationContext,
            revision: str | Iterable[str | None] | Iterable[str],
            directives: list[MigrationScript],
        ) -> None:
            if of_env is not None:
                of_env(migration, revision, directives)
            complete(migration, revision, directives)

        migration.opts["process_revision_directives"] = both

    return prepare
