"""CHECKs are compared by what they say, as the database itself reads it, and not by name alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import ReflectedCheckConstraint
from sqlalchemy.ext.compiler import compiles

from alambique import private
from alambique.autogenerate.mapped import mapped_names, models_of
from alambique.autogenerate.stored import escaped, stored_checks

_Reflected = Mapping[tuple[str | None, str], list[ReflectedCheckConstraint]]

# Where an inspector keeps the CHECKs that it has read.
KNOWN = "alambique_check_constraints"


@dataclass(frozen=True)
class Check:
    """A CHECK of the models, or of the database."""

    constraint: sa.CheckConstraint

    name: str | None
    """None where it has none: the database makes one up, or not."""

    words: str
    """Its condition, as one types it in a revision."""

    @property
    def sql(self) -> str:
        """Its condition, as the database is sent it: of `::`, no colon needs to be escaped."""
        return self.words.replace("\\:", ":")

    def called(self, name: str, table: sa.Table) -> sa.CheckConstraint:
        """Return the constraint, on another table, to be written under a name."""
        words: Any = Words(self.words)
        said = sa.CheckConstraint(words, name=sa.schema.conv(name), **self._options)
        beside = sa.Table(table.name, sa.MetaData(), schema=table.schema)
        beside.append_constraint(said)
        return said

    def speaks_of(self, columns: Collection[str]) -> set[str]:
        """Return which of these columns are in its condition."""
        return words_in(self.words).intersection(columns)

    @property
    def _options(self) -> dict[str, Any]:
        return dict(self.constraint.dialect_kwargs)


class Words(sa.ColumnElement[bool]):
    """A condition that a revision has in these words: Alembic would double a percent sign."""

    inherit_cache = False

    def __init__(self, words: str) -> None:
        self.words = words


@compiles(Words)
def _as_it_is(condition: Words, _: object, **__: object) -> str:
    return condition.words


def compare_checks(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found_table: sa.Table | None,
    mapped_table: sa.Table | None,
) -> PriorityDispatchResult:
    """Find the CHECKs that only the models have, only the database, or that say something else.

    One without a name is the one in the database that says the same, whatever that is called; if
    none does, it takes the place, and the name, of one left that is about its columns, if there are
    as many of those.
    """
    if found_table is None or mapped_table is None:
        return PriorityDispatchResult.CONTINUE

    found = {check.name: check for check in _found(context, found_table) if check.name}
    mapped = mapped_checks(context, mapped_table)
    nameless = [check for check in mapped if not check.name]
    named: dict[str, list[Check]] = {}  # two types of one name bring a CHECK each
    for check in mapped:
        if check.name:
            named.setdefault(check.name, []).append(check)

    gone = [found[name] for name in sorted(found.keys() - named.keys())]
    both = [(found[name], named[name]) for name in sorted(found.keys() & named.keys())]
    new = [named[name][-1] for name in sorted(named.keys() - found.keys())]

    other = [(old, now) for old, now in both if old.sql not in {each.sql for each in now}]
    unsure = [check for old, now in other for check in (old, *now)]
    unsure += gone + nameless if nameless else []
    read = stored_checks(context, mapped_table, {check.words for check in unsure})
    changed = [
        (old, now[-1])
        for old, now in other
        if read[old.words] not in {read[each.words] for each in now}
    ]

    left = _without(nameless, gone, read)
    changed += _in_their_places(left, gone, mapped_table, context.dialect)
    replaced_names = {old.name for old, _ in changed}
    gone = [check for check in gone if check.name not in replaced_names]

    for old, now in changed:
        if _is_ours(context, now, False, old):
            changes.ops.append(_dropped(old, found_table))
            changes.ops.append(_made(now, old.name, mapped_table))
    changes.ops += [_dropped(old, found_table) for old in gone if _is_ours(context, old, True)]
    changes.ops += [_made(now, now.name, mapped_table) for now in new if _is_ours(context, now)]
    return PriorityDispatchResult.CONTINUE


def mapped_checks(context: AutogenContext, table: sa.Table) -> list[Check]:
    """Return the CHECKs that a mapped table has on this database, those of its columns, too."""
    parts = [table, *table.columns]
    constraints = [each for part in parts for each in part.constraints]
    return [
        Check(each, check_name(each, context.dialect), check_words(each, context))
        for each in constraints
        if isinstance(each, sa.CheckConstraint) and private.is_created_on(each, context.dialect)
    ]


def is_still_said(
    context: AutogenContext, name: object, words: str, mapped_table: sa.Table
) -> bool:
    """Tell whether a mapped table has a CHECK of this name, or one that says what the words do.

    Args:
        context: of the comparison.
        name: what the database calls the CHECK.
        words: its condition, as one types it in a revision.
        mapped_table: the table in the models.
    """
    mapped = mapped_checks(context, mapped_table)
    if name in {check.name for check in mapped}:
        return True
    conditions = {check.words for check in mapped}
    read = stored_checks(context, mapped_table, {words, *conditions})
    return read[words] in {read[each] for each in conditions}


def words_in(sql: str) -> set[str]:
    """Return the words of SQL, among them the columns it speaks of."""
    return set(re.findall(r"\w+", sql))


def check_name(check: sa.CheckConstraint, dialect: Dialect) -> str | None:
    """Return what a CHECK is called; None if by nothing."""
    if check.name is None:
        return None
    if isinstance(check.name, str) and not isinstance(check.name, sa.schema.conv):
        return check.name

    # That of a type is neither: a naming convention may give it a name. One that a convention
    # made may be too long for the database.
    preparer = dialect.identifier_preparer
    formatted = preparer.format_constraint(check)
    return None if formatted is None else preparer.unformat_identifiers(formatted)[0]


def check_words(check: sa.CheckConstraint, context: AutogenContext) -> str:
    """Return the condition of a CHECK as one types it in a revision: SQL, its colons escaped."""
    return condition_words(check.sqltext, context)


def condition_words(condition: sa.ColumnElement[Any] | str, context: AutogenContext) -> str:
    """Return a condition of the models as one types it in a revision: SQL, its colons escaped."""
    if isinstance(condition, str):
        return condition
    if isinstance(condition, sa.TextClause):
        return condition.text
    if isinstance(condition, Words):
        return condition.words
    sql = private.render_expression(condition, context)
    if context.dialect.paramstyle in ("format", "pyformat"):
        sql = sql.replace("%%", "%")
    return escaped(sql)


def _found(context: AutogenContext, table: sa.Table) -> list[Check]:
    """Return the CHECKs that the database has on a table."""
    checks = []
    for each in _reflected(context, table.schema).get((table.schema, table.name), []):
        where: Any = {"table_name": table.name, "schema_name": table.schema}
        if context.run_name_filters(each["name"], "check_constraint", where):
            words = escaped(each["sqltext"])
            name = None if each["name"] is None else str(each["name"])
            options: dict[str, Any] = each.get("dialect_options") or {}
            prefixed = {f"{context.dialect.name}_{key}": value for key, value in options.items()}
            constraint = sa.CheckConstraint(sa.text(words), name=name, table=table, **prefixed)
            checks.append(Check(constraint, name, words))
    return checks


def _reflected(context: AutogenContext, schema: str | None) -> _Reflected:
    """Return the CHECKs of the tables of a schema that are mapped, read once for all of them."""
    inspector = context.inspector
    assert inspector is not None
    known: dict[str | None, _Reflected] = inspector.info_cache.setdefault(KNOWN, {})
    if schema not in known:
        default_schema = context.dialect.default_schema_name
        names = mapped_names(models_of(context.migration_context), default_schema)
        known[schema] = inspector.get_multi_check_constraints(
            schema=schema, filter_names=[each.name for each in names if each.schema == schema]
        )
    return known[schema]


def _without(nameless: Iterable[Check], gone: list[Check], read: dict[str, str]) -> list[Check]:
    """Return the CHECKs without a name that nothing in the database says.

    Args:
        nameless: CHECKs of the models.
        gone: those that the database has under names of its own; what is found is taken out.
        read: what the words of each mean to the database.
    """
    left = []
    for check in nameless:
        same = next((each for each in gone if read[each.words] == read[check.words]), None)
        if same is None:
            left.append(check)
        else:
            gone.remove(same)
    return left


def _in_their_places(
    nameless: list[Check], gone: list[Check], table: sa.Table, dialect: Dialect
) -> Iterator[tuple[Check, Check]]:
    """Yield what CHECKs without a name take the place of, where there are as many as go.

    Which of several is which does not matter: all of those go, and all of these come.
    """
    # MariaDB does not show a CHECK that was made beside its column: that one may be there.
    is_mariadb = getattr(dialect, "is_mariadb", False)
    surely_new = [
        each for each in nameless if not is_mariadb or each.constraint in table.constraints
    ]

    names = table.columns.keys()
    for columns in {frozenset(each.speaks_of(names)): None for each in surely_new}:
        old, now = (
            [each for each in checks if each.speaks_of(names) == columns]
            for checks in (gone, surely_new)
        )
        if len(old) == len(now):
            yield from zip(old, now, strict=True)


def _is_ours(
    context: AutogenContext, check: Check, reflected: bool = False, other: Check | None = None
) -> bool:
    name: Any = check.name or (other.name if other else None)
    compared = None if other is None else other.constraint
    return context.run_object_filters(
        check.constraint, name, "check_constraint", reflected, compared
    )


def _dropped(check: Check, table: sa.Table) -> ops.DropConstraintOp:
    return ops.DropConstraintOp.from_constraint(check.called(str(check.name), table))


def _made(check: Check, name: str | None, table: sa.Table) -> ops.AddConstraintOp:
    return ops.AddConstraintOp.from_constraint(check.called(str(name), table))
