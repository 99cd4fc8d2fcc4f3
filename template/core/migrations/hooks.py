"""What Alembic is taught: to compare defaults, to write, judge and fill columns, to format."""

import re
from contextlib import suppress
from graphlib import TopologicalSorter
from typing import Any, cast

import sqlalchemy as sa
from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.runtime.plugins import Plugin
from alembic.util import CommandError
from alembic.util import PriorityDispatchResult as Result
from sqlalchemy.dialects.postgresql import CreateEnumType, DropEnumType
from sqlalchemy.dialects.postgresql.base import PGInspector
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator

from core.migrations import messages
from core.migrations.models import bound_name, enums_in, native_enum
from core.migrations.rewrite import column, key

PLUGINS = ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname", __name__]
Fills = dict[str, str | None]  # SQL expressions, by the column they are for
DROPS = (ops.DropIndexOp, ops.DropConstraintOp)


def compare_type(context: AutogenContext, operation: ops.AlterColumnOp, *where: Any) -> Result:
    """Take REAL and FLOAT(24) for one type, and stop at what Alembic overlooks in an Enum."""
    *_, found, mapped = where
    before, after = native_enum(found.type), native_enum(mapped.type)
    if before and after and context.dialect.name == "postgresql" and before.enums != after.enums:
        what = {"name": before.name, "found": before.enums, "mapped": after.enums}
        raise CommandError(messages.ENUM_CHANGED.format(**what))
    if context.migration_context.impl.compare_type(found, mapped):
        stored = _stored(context, mapped)
        if stored is not None and repr(stored.type) == repr(found.type):
            return Result.STOP
    return Result.CONTINUE


def compare_server_default(
    context: AutogenContext, operation: ops.AlterColumnOp, *where: Any
) -> Result:
    """Compare two server defaults as the database itself would write them down.

    Each database keeps a default in words of its own: 0 as 0.00, now() as CURRENT_TIMESTAMP. A
    temporary table with the models' default shows those words, without a list of ours to keep.
    """
    *_, found, mapped = where
    before, after = found.server_default, mapped.server_default
    if any(isinstance(each, (sa.Computed, sa.Identity, sa.Sequence)) for each in (before, after)):
        return Result.CONTINUE
    operation.existing_server_default = before
    stored = _stored(context, mapped) if after is not None else mapped
    if stored is None or _words(found) != _words(stored):
        operation.modify_server_default = after
    return Result.STOP


def _words(column: sa.Column[Any]) -> Any:
    return getattr(getattr(column.server_default, "arg", None), "text", None)


def _stored(context: AutogenContext, mapped: sa.Column[Any]) -> sa.Column[Any] | None:
    connection, migration = cast("Any", context.connection), context.migration_context
    copy = sa.Column("c", mapped.type, server_default=mapped.server_default)
    scratch = sa.Table("alembic_scratch", sa.MetaData(), copy, prefixes=["TEMPORARY"])
    ddl = str(sa.schema.CreateTable(scratch).compile(connection))
    known: dict[str, sa.Column[Any] | None] = migration.opts.setdefault("stored_columns", {})
    if ddl not in known:  # most columns of a project share a few types and defaults
        known[ddl] = None  # where the database refuses it: its message comes with the upgrade
        with suppress(DBAPIError), connection.begin_nested() as savepoint:
            scratch.create(connection)
            inspector = sa.inspect(connection)
            (found,) = inspector.get_columns(scratch.name)
            cast("Any", migration.impl).autogen_column_reflect(inspector, scratch, found)
            default = None if found["default"] is None else sa.text(found["default"])
            known[ddl] = sa.Column("c", found["type"], server_default=default)
            if connection.dialect.name == "postgresql":
                savepoint.rollback()  # with the Enum type that may have come with it
            else:  # a rollback would make SQLite read its whole schema again, and MySQL commits
                temporary = "" if connection.dialect.name == "sqlite" else "TEMPORARY "
                connection.exec_driver_sql(f"DROP {temporary}TABLE alembic_scratch")
    return known[ddl]


_plugin = Plugin(__name__)
_plugin.add_autogenerate_comparator(compare_type, "column", "types")
_plugin.add_autogenerate_comparator(compare_server_default, "column", "server_default")


def render_item(type_: str, item: Any, context: AutogenContext) -> Any:
    """Write a type as the plain one behind it, without `app`; its CHECK apart, with its name."""
    if type_ == "check" and getattr(item, "_type_bound", False):
        compiler = context.dialect.ddl_compiler(context.dialect, cast("Any", None))
        name = item._create_rule(compiler) and bound_name(item, context.opts["target_metadata"])
        sql = render._render_potential_expr(item.sqltext, context, wrap_in_element=False)
        return f"sa.CheckConstraint({sql}, name=op.f({name!r}))" if name else None
    words = getattr(getattr(item, "arg", getattr(item, "sqltext", None)), "text", "")
    if re.search(r"\\:|%", words):  # Alembic changes both
        if type_ == "check":
            return f"sa.CheckConstraint({words!r}, name=op.f({item.name!r}))"
        if type_ == "server_default" and not isinstance(item, sa.Computed):
            return f"sa.text({words!r})"
    enum = native_enum(item)
    if enum is not None and context.dialect.name == "postgresql":  # create_enums makes its type
        members = ", ".join(map(repr, enum.enums))
        schema = f", schema={enum.schema!r}" if enum.schema else ""
        return f"sa.Enum({members}, name={enum.name!r}{schema}, create_type=False)"
    if type_ == "type" and isinstance(item, TypeDecorator):
        return render._repr_type(item.impl_instance, context)
    if type_ == "type" and getattr(item, "create_constraint", False):
        plain = item.copy()
        plain.create_constraint = False
        return render._repr_type(plain, context)
    return False


def create_enums(migration: MigrationContext, up: ops.OpContainer, down: ops.OpContainer) -> None:
    """Create PostgreSQL's type for an Enum before its first column; drop it after its last."""
    if migration.connection is None or migration.dialect.name != "postgresql":
        return
    read = cast("PGInspector", sa.inspect(migration.connection)).get_enums
    there = {f".{each['name']}" for each in read()}  # the default schema's
    there |= {f"{each['schema']}.{each['name']}" for each in read("*")}
    models = migration.opts["target_metadata"]
    mapped = enums_in(table for each in models for table in each.tables.values())
    made = {name: each for name, each in enums_in(up.ops).items() if name not in there}
    gone = {name: each for name, each in enums_in(down.ops).items() if name not in mapped}
    for container, new, old in ((up, made, gone), (down, gone, made)):
        container.ops[:0] = [_execute(migration, CreateEnumType(each)) for each in new.values()]
        container.ops += [_execute(migration, DropEnumType(each)) for each in old.values()]


def _execute(migration: MigrationContext, statement: Any) -> ops.ExecuteSQLOp:
    sql = statement.compile(dialect=migration.dialect).string
    return ops.ExecuteSQLOp(sql.strip().replace(":", "\\:"))


def in_order(found: list[Any]) -> list[Any]:
    """Put what others need before them, so that the way back is the same backwards."""
    for modify in found:
        if isinstance(modify, ops.ModifyTableOps):
            made = {_name(op) for op in modify.ops if not isinstance(op, DROPS)}
            modify.ops.sort(key=lambda op: _rank(op, made))
    drops = {key(op): op for op in found if isinstance(op, ops.DropTableOp)}
    order = TopologicalSorter({name: _refers_to(op) & {*drops} for name, op in drops.items()})
    last = [drops[name] for name in order.static_order()][::-1]
    return [op for op in found if op not in last] + last


def _refers_to(op: ops.DropTableOp) -> set[str]:
    return {fk.target_fullname.rpartition(".")[0] for fk in op.to_table().foreign_keys} - {key(op)}


def _rank(op: Any, made: set[str]) -> tuple[int, str]:
    ranks = {ops.AddColumnOp: 1, ops.AlterColumnOp: 1, ops.DropColumnOp: 5}
    rank = ranks.get(type(op), 3)
    is_key = getattr(op, "constraint_type", None) == "foreignkey"
    if isinstance(op, DROPS):
        rank = 0 if is_key else 2 if _name(op) in made else 4
    elif is_key:  # MariaDB holds on to the index under a foreign key
        rank = 6
    return rank, _name(op)


def _name(op: Any) -> str:
    names = (getattr(op, f"{kind}_name", None) for kind in ("index", "constraint", "column"))
    return next((str(name) for name in names if name), "")


def fill(migration: MigrationContext, upgrade: ops.UpgradeOps, values: Fills) -> None:
    """Give the rows that are there a value, before a column of theirs may not be null."""
    done: list[Any] = []
    for change in upgrade.ops:
        done.append(change)
        for op in getattr(change, "ops", []):
            value = values.get(f"{key(change)}.{column(op)}")
            if value is not None and isinstance(op, ops.AddColumnOp):
                op.column = op.column._copy()
                op.column.nullable = True
                where: Any = {"schema": op.schema, "existing_type": op.column.type}
                where["modify_nullable"] = False
                alter = ops.AlterColumnOp(op.table_name, op.column.name, **where)
                required = ops.ModifyTableOps(op.table_name, [alter], schema=op.schema)
                done += [_update(migration, op, value), required]
            elif value is not None:
                done.insert(done.index(change), _update(migration, op, value))
    upgrade.ops = done


def _update(migration: MigrationContext, op: Any, value: str) -> ops.ExecuteSQLOp:
    quote = migration.dialect.identifier_preparer.quote
    table = ".".join(quote(part) for part in (op.schema, op.table_name) if part)
    name, text = quote(str(column(op))), value.replace(":", "\\:")
    return ops.ExecuteSQLOp(f"UPDATE {table} SET {name} = {text} WHERE {name} IS NULL")
