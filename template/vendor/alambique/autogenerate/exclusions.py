"""The EXCLUDE constraints of PostgreSQL, which Alembic does not compare.

They are compared, and written, in the words of the server: no other way back says all of one.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from alambique import private
from alambique.autogenerate.checks import words_in
from alambique.autogenerate.definitions import (
    EXCLUSION,
    Definition,
    found_definitions,
    mapped_name,
    mapped_words,
    stored_words,
)
from alambique.autogenerate.restated import restated


def compare_exclusions(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found_table: sa.Table | None,
    mapped_table: sa.Table | None,
) -> PriorityDispatchResult:
    """Find the EXCLUDEs that only the models have, only the database, or that say something else.

    One without a name is the one in the database that says the same, whatever that is called.
    """
    if found_table is None or mapped_table is None or context.dialect.name != "postgresql":
        return PriorityDispatchResult.CONTINUE
    found = {
        each.name: each
        for each in found_definitions(context, found_table).values()
        if each.kind == EXCLUSION
    }
    mapped = _mapped(context, mapped_table)
    said = {name: mapped_words(each, context.dialect) for name, each in mapped.items()}
    before = {name: each.words for name, each in found.items()}
    if said != before:
        there, wanted = stored_words(context, found_table, before, said)
        before, said = {**before, **there}, {**said, **wanted}

    for name in sorted(mapped):
        if mapped[name].name is None and said[name] in before.values():
            same = next(each for each in sorted(before) if before[each] == said[name])
            before.pop(same)
        elif before.get(name) == said[name]:
            before.pop(name)
        elif _is_ours(context, mapped[name], name, reflected=False):
            old = before.pop(name, None)
            changes.ops.append(
                restated(found_table, name, before=old, after=said[name], dialect=context.dialect)
            )
    for name, words in sorted(before.items()):
        if _is_ours(context, _stand_in(found[name], found_table), name, reflected=True):
            drop = restated(found_table, name, before=words, after=None, dialect=context.dialect)
            if words not in said.values():
                drop.lost, drop.columns = name, frozenset(words_in(words))
            changes.ops.append(drop)
    return PriorityDispatchResult.CONTINUE


def make_after_their_table(context: AutogenContext, upgrade: ops.UpgradeOps) -> None:
    """Take the EXCLUDEs out of new tables, and make them afterwards in the words of the models.

    Args:
        context: of the comparison.
        upgrade: the operations, changed in place.
    """
    done: list[ops.MigrateOperation] = []
    for op in upgrade.ops:
        done.append(op)
        if not isinstance(op, ops.CreateTableOp):
            continue
        table = op.to_table()
        for name, exclusion in sorted(_mapped(context, table).items()):
            words = mapped_words(exclusion, context.dialect)
            done.append(restated(table, name, before=None, after=words, dialect=context.dialect))
        op.columns = [part for part in op.columns if not isinstance(part, ExcludeConstraint)]
    upgrade.ops[:] = done


def _mapped(context: AutogenContext, table: sa.Table) -> dict[str, ExcludeConstraint]:
    """Return the EXCLUDEs of the models by their names; one without, by what it will be called."""
    exclusions = sorted(
        (
            each
            for each in table.constraints
            if isinstance(each, ExcludeConstraint) and private.is_created_on(each, context.dialect)
        ),
        key=lambda each: mapped_words(each, context.dialect),
    )
    named: dict[str, ExcludeConstraint] = {}
    for each in exclusions:
        name = mapped_name(each, context.dialect) or f"{table.name}_excl"
        while name in named:
            name += "_"
        named[name] = each
    return named


def _stand_in(definition: Definition, table: sa.Table) -> sa.Constraint:
    """Return a constraint on the same columns, for who decides whether it is compared."""
    beside = sa.Table(table.name, sa.MetaData(), schema=table.schema)
    columns = [sa.Column(name, sa.Integer) for name in definition.columns]
    for column in columns:
        beside.append_column(column)
    stand_in = sa.schema.ColumnCollectionConstraint(*columns, name=definition.name)
    beside.append_constraint(stand_in)
    return stand_in


def _is_ours(
    context: AutogenContext, constraint: sa.Constraint, name: str, reflected: bool
) -> bool:
    kind: Any = "exclude_constraint"
    return context.run_object_filters(constraint, name, kind, reflected, None)
