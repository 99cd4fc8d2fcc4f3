"""What the library uses of Alembic and SQLAlchemy without their word that it stays.

One function for each use, with what it uses and why there is no public way. Attributes are read
plainly: one that goes away raises AttributeError here, and its canary in tests/unit/test_private.py
fails before that.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from alembic import context, op, util
from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.ddl.impl import DefaultImpl
from alembic.operations.batch import BatchOperationsImpl
from alembic.operations.ops import MigrateOperation, MigrationScript
from alembic.runtime.environment import EnvironmentContext, ProcessRevisionDirectiveFn
from alembic.runtime.migration import MigrationContext, RevisionStep, StampStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import naming
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import greenlet_spawn

from alambique.versions import Unfit, at_least, require_versions

if TYPE_CHECKING:  # older ones lack these names, and have to come as far as the sentence
    from sqlalchemy import Dialect
    from sqlalchemy.engine.interfaces import ReflectedColumn

# Whatever depends on a version imports this module, and `env` does so before any other of those.
try:
    require_versions()
except Unfit as unfit:  # Alembic, which runs env.py, shows one of a CommandError only
    raise CommandError(str(unfit)) from unfit

Result = TypeVar("Result")


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


def target_of(key: sa.ForeignKey) -> tuple[str | None, str, str | None]:
    """Return the schema, the table and the column that a foreign key names, mapped or not."""
    if at_least("2.1"):
        return key.target_tokens

    # SQLAlchemy 2.0, ForeignKey._table_column and _column_tokens: what 2.1 has in public. Tokens
    # are cut from a text, where names with dots are no longer told apart.
    column: sa.Column[Any] | None = key._table_column
    if column is not None:
        return column.table.schema, column.table.name, column.key
    return key._column_tokens


def render_type(type_: TypeEngine[Any], context: AutogenContext) -> str:
    """Return a type as Python, as Alembic would write it in a revision, imports noted."""
    # Alembic, autogenerate.render._repr_type: `render_item` may replace a type's text, but has no
    # public way to ask for the text of another type. `render_python_code` writes whole operations.
    return render._repr_type(type_, context)


def render_operation(operation: MigrateOperation, context: AutogenContext) -> list[str]:
    """Return the lines of an operation, as a block of operations is made of those of each."""
    # Alembic, autogenerate.render.render_op: `render_op_text` joins what a printer is to indent.
    return render.render_op(context, operation)


def render_expression(expression: sa.ColumnElement[Any], context: AutogenContext) -> str:
    """Return an expression as SQL, with its values in it and no table's name before columns."""
    # Alembic, DefaultImpl.render_ddl_sql_expr: each database's `impl` overrides it, and no public
    # name leads to what it does.
    return context.migration_context.impl.render_ddl_sql_expr(expression)


def is_in_batch(context: AutogenContext) -> bool:
    """Tell whether an operation is being written into a `batch_alter_table`."""
    # Alembic, AutogenContext._has_batch: what each renderer of Alembic's asks, and none in public.
    return context._has_batch


def variant_of(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    """Return what `with_variant` chose for a database; the type itself where it chose nothing."""
    # SQLAlchemy, TypeEngine._variant_mapping: `TypeEngine.dialect_impl` follows it in public, but
    # ends at a type of the driver's, which may have lost precision and the like on its way.
    return type_._variant_mapping.get(dialect.name, type_)


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


def is_stamp(migration: MigrationContext) -> bool:
    """Tell whether the running command is a stamp."""
    # Alembic, command.stamp: it names several goals, even if it is given one; no other command
    # does, and nothing says which command it is where it was not typed.
    return isinstance(migration.opts.get("destination_rev"), tuple)


def has_lost_transaction(migration: MigrationContext) -> bool:
    """Tell whether a revision has committed what Alembic believes to be its transaction."""
    # Alembic, MigrationContext._transaction: what `Connection.get_transaction` returns may be one
    # that SQLAlchemy began by itself afterwards, which nobody would commit.
    transaction = migration._transaction
    return transaction is not None and not transaction.is_active


def steps_of_command() -> Callable[..., Iterable[RevisionStep | StampStep]]:
    """Return what the running command of Alembic's does: heads and a context give its steps."""
    # Alembic, alembic.context._proxy: `context.configure(fn=...)` takes the place of the command's
    # function, but `EnvironmentContext.context_opts`, which holds it, has no name in the module
    # that env.py is given. Hanging on it replaces MigrationContext._migrations_fn, which was set.
    environment: EnvironmentContext = context._proxy  # type: ignore[attr-defined]
    steps: Callable[..., Iterable[RevisionStep | StampStep]] = environment.context_opts["fn"]
    return steps


def version_folders(script: ScriptDirectory) -> list[Path]:
    """Return the folders that the revisions of a history are read from, each in full."""
    # Alembic, ScriptDirectory._version_locations: `version_locations` has them as alembic.ini says
    # them, such as `package:folder`, and `versions` raises where there are several.
    return [Path(folder) for folder in script._version_locations]


def print_upgrade(config: Config, start: Sequence[str], goal: str) -> None:
    """Run an upgrade offline, as `alembic upgrade --sql` does.

    Args:
        config: the command's configuration; the SQL goes to its `output_buffer`.
        start: the revisions the database is at, of which Alembic's own command takes one only.
        goal: where it goes.
    """
    # Alembic, ScriptDirectory._upgrade_revs: the steps of `command.upgrade`, which has no other
    # way to say more than one revision to start from.
    script = ScriptDirectory.from_config(config)

    def steps(heads: tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs(goal, heads)  # type: ignore[arg-type]

    given: Any = {"starting_rev": [*start] or None, "destination_rev": goal}
    with EnvironmentContext(config, script, fn=steps, as_sql=True, **given):
        script.run_env()


def steps_to_heads(script: ScriptDirectory) -> list[RevisionStep]:
    """Return what brings an empty database to all heads of a history.

    Args:
        script: the history.
    """
    # Alembic, ScriptDirectory._upgrade_revs: the steps of `command.upgrade`, which takes them by
    # itself; in which order branches that depend on each other go, nothing public says.
    return list(script._upgrade_revs("heads", ()))  # type: ignore[arg-type]


def at_once(
    script: ScriptDirectory, steps: Sequence[RevisionStep], note: Callable[[RevisionStep], None]
) -> list[StampStep]:
    """Return steps that take all of these as one, which notes only where the database is then.

    Args:
        script: the history.
        steps: what brings an empty database to all its heads.
        note: called before each of them.
    """
    # Alembic, StampStep: a step has either a revision or is a stamp, and each writes to the version
    # table and commits; no public step stands for several revisions.
    heads = [each.revision for each in script.get_revisions("heads")]
    stamps = [StampStep((), head, True, True, script.revision_map) for head in heads]

    def run(**given: Any) -> None:
        for step in steps:
            note(step)
            step.migration_fn(**given)

    for stamp in stamps[:1]:
        stamp.migration_fn = run
    return stamps


@contextmanager
def command_in_between() -> Iterator[None]:
    """Let another command of Alembic's run to its end in the middle of one, which then goes on."""
    # Alembic, ModuleClsProxy._install_proxy: what `alembic.context` and `alembic.op` are about is
    # one command for the whole process, and the end of a command leaves none.
    running = [vars(module).get("_proxy") for module in (context, op)]
    try:
        yield
    finally:
        for proxy in running:
            if proxy is not None:
                proxy._install_proxy()


def socket_of(driver: Any) -> socket.socket:
    """Return the socket of a connection of PyMySQL's."""
    # PyMySQL, Connection._sock: one may hand it a socket of one's own, but then has to find the
    # server, and speak TLS with it, oneself.
    found: socket.socket = driver._sock
    return found


async def in_greenlet(call: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """Return what a call returns that uses an asynchronous driver through SQLAlchemy's adapter."""
    # SQLAlchemy, util.greenlet_spawn: `AsyncConnection.run_sync` is the public way to it, and needs
    # an AsyncConnection; here a single call of the driver's is made, below any Connection.
    return await greenlet_spawn(call, *arguments, **named)


def socket_of_async(driver: Any) -> socket.socket | None:
    """Return the socket of a connection of asyncpg's, aiomysql's or asyncmy's."""
    # asyncpg, Connection._transport, and aiomysql's and asyncmy's Connection._writer: none of them
    # takes a socket of one's own, or is told to probe an idle connection.
    transport = driver._transport if hasattr(driver, "_transport") else driver._writer
    found: socket.socket | None = transport.get_extra_info("socket")
    return found


def wait_for_answers(driver: Any) -> None:
    """Have a connection of PyMySQL's wait for answers for as long as they take, from now on."""
    # PyMySQL, Connection._read_timeout: `read_timeout` counts as it connects, too, where a server
    # that says nothing would be waited for; nothing public ends it afterwards.
    driver._read_timeout = None


def stand_before(pooled: Any, stand_in: Any) -> None:
    """Have SQLAlchemy use a stand-in for a driver's connection, or that connection again.

    Args:
        pooled: what `Connection.connection` returns.
        stand_in: what is to take the place of its `dbapi_connection` and `driver_connection`.
    """
    # SQLAlchemy, PoolProxiedConnection.dbapi_connection, public to read, and _connection_record,
    # which `driver_connection` asks. SQLAlchemy's events tell of each statement that it sends, but
    # not of what a revision does with the driver's own connection and cursor.
    pooled.dbapi_connection = stand_in
    pooled._connection_record.dbapi_connection = stand_in


def order_indexes(table: sa.Table) -> None:
    """Have the indexes of a table be made in an order that is the same in every process."""

    # SQLAlchemy, Table.indexes: public to read, a set ordered by where its indexes lie in memory;
    # what creates a table, Alembic's operation too, goes through it as it is.
    def place(index: sa.Index) -> tuple[str, list[str]]:
        return str(index.name or ""), [str(expression) for expression in index.expressions]

    table.indexes = sa.util.OrderedSet(sorted(table.indexes, key=place))


@dataclass(frozen=True)
class Batch:
    """What a revision asks for in a `batch_alter_table`, as the block ends."""

    impl: DefaultImpl
    table: str
    schema: str | None
    operations: Sequence[tuple[str, tuple[Any, ...], dict[str, Any]]]
    """Each the name of a method of `impl`, with its arguments."""
    makes_anew: bool
    """Does Alembic make the table anew?"""
    always: bool
    """Does it even if no operation needs that?"""
    said: Sequence[sa.schema.SchemaItem]
    """What `table_args` adds to the table."""
    options: dict[str, Any]
    """What `table_kwargs` has."""
    known: Sequence[sa.Constraint]
    """What `copy_from`, `reflect_args` and `table_args` say of constraints that may be there."""
    naming_convention: dict[str, str] | None
    order: Sequence[Sequence[str]]
    """The columns whose order `partial_reordering` says."""


@contextmanager
def batches_by(carry_out: Callable[[Batch], bool]) -> Iterator[None]:
    """Have a function carry out the batch operations of revisions meanwhile, if it returns True."""
    # Alembic, operations.batch.BatchOperationsImpl.flush: `batch_alter_table` collects what it is
    # asked for in there. The public hooks of an `impl` are told of the table that Alembic made of
    # it, from its own reading of the old one, and no longer of what was asked for.
    flush = BatchOperationsImpl.flush

    def flush_or_leave(batch: BatchOperationsImpl) -> None:
        if not carry_out(_batch(batch)):
            flush(batch)

    collected: Any = BatchOperationsImpl
    collected.flush = flush_or_leave
    try:
        yield
    finally:
        collected.flush = flush


def _batch(batch: BatchOperationsImpl) -> Batch:
    copied = list(batch.copy_from.constraints) if batch.copy_from is not None else []
    given = [*batch.reflect_args, *batch.table_args]
    columns = [each for each in given if isinstance(each, sa.Column)]
    if batch.copy_from is not None:
        columns += list(batch.copy_from.columns)
    known = [each for each in given if isinstance(each, sa.Constraint)]
    return Batch(
        batch.impl,
        batch.table_name,
        batch.schema,
        batch.batch,
        batch._should_recreate(),
        batch.recreate == "always",
        batch.table_args,
        batch.table_kwargs,
        [*copied, *known, *(each for column in columns for each in column.constraints)],
        batch.naming_convention,
        batch.partial_reordering or (),
    )


def constraint_sql(constraint: sa.Constraint, dialect: Dialect) -> str:
    """Return a constraint as it stands in a CREATE TABLE."""
    # SQLAlchemy, DDLCompiler.process on a constraint: `AddConstraint` compiles to a statement that
    # SQLite does not have, and `CreateTable` needs a type for each column.
    return _ddl_compiler(dialect).process(constraint)


def is_about_columns(named: Any) -> bool:
    """Tell whether a primary key that is to be named has columns.

    Args:
        named: what SQLAlchemy fills a naming convention's template from.
    """
    # SQLAlchemy, sql.naming.ConventionDict: what the operator `%` is given has no public name. Each
    # table has a primary key from the first, without columns, which is named like any other.
    return bool(named.const.columns)


def convention_for_primary_keys(convention: Mapping[Any, Any]) -> str | None:
    """Return the template of a naming convention for primary keys; None if it has none."""
    # SQLAlchemy, sql.naming._get_convention: a key may be "pk", or any class of the constraint's.
    look_up: Callable[..., str | None] = naming._get_convention
    return look_up(convention, sa.PrimaryKeyConstraint)


def _ddl_compiler(dialect: Dialect) -> DDLCompiler:
    compiled = CreateTable(sa.Table("t", sa.MetaData())).compile(dialect=dialect)
    assert isinstance(compiled, DDLCompiler)
    return compiled


# Used by adopt and tools


@contextmanager
def argparse_speaking(words: Mapping[str, str]) -> Iterator[None]:
    """Have argparse say meanwhile what these have in the place of its English.

    Args:
        words: by the English, which stays where there is nothing else.
    """
    # argparse, `_`: it asks gettext, whose catalogs are compiled files of a whole program's domain
    # and follow the locale; the language here is the project's.
    module: Any = argparse
    english = module._
    module._ = lambda text: words.get(text, text)
    try:
        yield
    finally:
        module._ = english


@contextmanager
def nothing_announced() -> Iterator[None]:
    """Have Alembic not print meanwhile what it begins and that it is done."""
    # Alembic, util.status, as `script.write_hooks` calls it: `quiet` keeps a command from saying
    # that it generates a file, and is not handed on to what is said of each hook after it.
    announced = util.status

    def unannounced(*_: object, **__: object) -> AbstractContextManager[None]:
        return nullcontext()

    in_alembic: Any = util
    in_alembic.status = unannounced
    try:
        yield
    finally:
        in_alembic.status = announced


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
