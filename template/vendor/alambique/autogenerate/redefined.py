"""UNIQUEs and indexes that say something else than the models, under the same name.

Alembic compares their columns. Here is the rest: conditions, operators, what is included, when a
constraint is looked at. On PostgreSQL the server says both sides in its own words, which also takes
back what Alembic saw as a change and is only written otherwise; on SQLite it is the condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Dialect

from alambique import private
from alambique.autogenerate.checks import Words, condition_words
from alambique.autogenerate.definitions import (
    INDEX,
    UNIQUE,
    Definition,
    Options,
    found_definitions,
    found_options,
    mapped_name,
    mapped_options,
    mapped_words,
    stored_words,
)
from alambique.autogenerate.restated import DropConstraint, restated
from alambique.autogenerate.stored import escaped, stored_checks


def compare_uniques(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found_table: sa.Table | None,
    mapped_table: sa.Table | None,
) -> PriorityDispatchResult:
    """Find the UNIQUEs of PostgreSQL that say more, or less, of the same columns.

    This comes after Alembic's own comparison: of what that drops, the way back gets all it was.
    """
    if found_table is None or mapped_table is None or context.dialect.name != "postgresql":
        return PriorityDispatchResult.CONTINUE

    found = found_definitions(context, found_table)
    for place, op in enumerate(changes.ops):
        definition = found.get(_dropped_unique(op))
        if definition is not None and found_options(definition) != Options():
            changes.ops[place] = _drop_of_unique(definition, found_table, context.dialect)
        if isinstance(op, ops.CreateUniqueConstraintOp) and op.kw.get("postgresql_include"):
            changes.ops[place] = _unique_in_words(op, mapped_table, context.dialect)

    seen = {_dropped_unique(op) for op in changes.ops}
    for definition, mapped in _uniques(context, found.values(), mapped_table):
        if definition.name in seen or found_options(definition) == mapped_options(mapped):
            continue
        if _is_ours(context, mapped, definition.name, "unique_constraint"):
            words = mapped_words(mapped, context.dialect)
            changes.ops.append(
                restated(
                    found_table,
                    definition.name,
                    before=definition.words,
                    after=words,
                    dialect=context.dialect,
                )
            )
    return PriorityDispatchResult.CONTINUE


def compare_indexes(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found_table: sa.Table | None,
    mapped_table: sa.Table | None,
) -> PriorityDispatchResult:
    """Find the indexes that say something else; this comes after Alembic's own comparison."""
    if found_table is None or mapped_table is None:
        return PriorityDispatchResult.CONTINUE
    found = {str(index.name): index for index in found_table.indexes}
    mapped = {
        name: index
        for index in mapped_table.indexes
        if private.is_created_on(index, context.dialect)
        and (name := mapped_name(index, context.dialect)) in found
    }
    if context.dialect.name == "postgresql":
        same, other = _indexes_on_postgresql(context, found_table, mapped)
    else:
        same, other = set(), _indexes_of_another_condition(context, found, mapped, mapped_table)

    changes.ops[:] = [op for op in changes.ops if _index_of(op) not in same]
    seen = {_index_of(op) for op in changes.ops}
    for name in sorted(other - seen):
        if _is_ours(context, mapped[name], name, "index"):
            changes.ops.append(_drop_of_index(found[name]))
            changes.ops.append(ops.CreateIndexOp.from_index(mapped[name]))
    return PriorityDispatchResult.CONTINUE


def _uniques(
    context: AutogenContext, found: Iterable[Definition], mapped_table: sa.Table
) -> Iterator[tuple[Definition, sa.UniqueConstraint]]:
    """Yield the UNIQUEs that both sides have on the same columns: Alembic sees others."""
    uniques = [
        each
        for each in mapped_table.constraints
        if isinstance(each, sa.UniqueConstraint) and private.is_created_on(each, context.dialect)
    ]
    by_name = {mapped_name(each, context.dialect): each for each in uniques}
    nameless = {frozenset(each.columns.keys()): each for each in uniques if each.name is None}
    for definition in found:
        if definition.kind != UNIQUE:
            continue
        columns = frozenset(definition.columns)
        mapped = by_name.get(definition.name) or nameless.get(columns)
        if mapped is not None and {column.name for column in mapped.columns} == columns:
            yield definition, mapped


def _indexes_on_postgresql(
    context: AutogenContext, found_table: sa.Table, mapped: dict[str, sa.Index]
) -> tuple[set[str], set[str]]:
    """Return the names of the indexes that are the same, and of those that are not."""
    there = {
        each.name: each
        for each in found_definitions(context, found_table).values()
        if each.kind == INDEX and each.name in mapped
    }
    said = {name: mapped_words(mapped[name], context.dialect) for name in there}
    same = {name for name in there if said[name] == there[name].words}

    unsure = {name: words for name, words in said.items() if name not in same}
    before = {name: there[name].words for name in unsure}
    found_words, stored = stored_words(context, found_table, before, unsure)
    known = found_words.keys() & stored.keys()
    same |= {name for name in known if found_words[name] == stored[name]}
    alike = {name for name in same if there[name].is_unique == bool(mapped[name].unique)}
    return alike, known - same


def _indexes_of_another_condition(
    context: AutogenContext,
    found: dict[str, sa.Index],
    mapped: dict[str, sa.Index],
    mapped_table: sa.Table,
) -> set[str]:
    """Return the names of the indexes that are on other rows."""
    other = set()
    option = f"{context.dialect.name}_where"
    for name, index in mapped.items():
        there, said = found[name].dialect_kwargs.get(option), index.dialect_kwargs.get(option)
        if there is None or said is None:
            if there is not said:
                other.add(name)
            continue
        before, after = _found_words(there), condition_words(said, context)
        if before != after:
            read = stored_checks(context, mapped_table, {before, after})
            if read[before] != read[after]:
                other.add(name)
    return other


def say_conditions(context: AutogenContext, upgrade: ops.UpgradeOps) -> None:
    """Have the conditions of indexes written as they are: Alembic would double a percent sign.

    Args:
        context: of the comparison.
        upgrade: the operations, changed in place.
    """
    for changes in upgrade.ops:
        for op in changes.ops if isinstance(changes, ops.ModifyTableOps) else []:
            if not isinstance(op, (ops.CreateIndexOp, ops.DropIndexOp)):
                continue
            for name, said in op.kw.items():
                if name.endswith("_where") and said is not None:
                    is_found = isinstance(op, ops.DropIndexOp)
                    words = _found_words(said) if is_found else condition_words(said, context)
                    op.kw[name] = Words(words)


def _found_words(condition: sa.TextClause | str) -> str:
    """Return a condition of the database as one types it in a revision."""
    return escaped(condition if isinstance(condition, str) else condition.text)


def _is_ours(
    context: AutogenContext, mapped: sa.Constraint | sa.Index, name: str, kind: Any
) -> bool:
    return context.run_object_filters(mapped, name, kind, False, None)


def _dropped_unique(op: ops.MigrateOperation) -> str:
    """Return the name of the UNIQUE that an operation drops; "" if it drops none."""
    if isinstance(op, ops.DropConstraintOp) and op.constraint_type == "unique":
        return str(op.constraint_name or "")
    return ""


def _index_of(op: ops.MigrateOperation) -> str:
    """Return the name of the index that an operation is about; "" if it is about none."""
    return str(op.index_name) if isinstance(op, (ops.CreateIndexOp, ops.DropIndexOp)) else ""


def _drop_of_unique(
    definition: Definition, table: sa.Table, dialect: Dialect
) -> ops.DropConstraintOp:
    """Return the drop of a UNIQUE whose way back makes all of it."""
    beside = sa.Table(
        table.name,
        sa.MetaData(),
        *(sa.Column(name, sa.Integer) for name in definition.columns),
        schema=table.schema,
    )
    options = found_options(definition).arguments
    unique = sa.UniqueConstraint(*definition.columns, name=definition.name, **options)
    beside.append_constraint(unique)
    return DropConstraint.known_as(unique, definition.words, dialect)


def _unique_in_words(
    op: ops.CreateUniqueConstraintOp, mapped_table: sa.Table, dialect: Dialect
) -> ops.MigrateOperation:
    """Return what makes a UNIQUE that includes columns: Alembic's operation does not know them."""
    for each in mapped_table.constraints:
        if isinstance(each, sa.UniqueConstraint) and each.name == op.constraint_name:
            words = mapped_words(each, dialect)
            name = mapped_name(each, dialect) or f"{mapped_table.name}_{'_'.join(op.columns)}_key"
            return restated(mapped_table, name, before=None, after=words, dialect=dialect)
    return op


def _drop_of_index(index: sa.Index) -> ops.DropIndexOp:
    """Return the drop of an index as it was found, without what it says nothing by."""
    drop = ops.DropIndexOp.from_index(index)
    drop.kw = {name: value for name, value in drop.kw.items() if value not in (None, [], {})}
    return drop
