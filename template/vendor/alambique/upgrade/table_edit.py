"""What a batch of operations makes of a table's own text, on SQLite."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import Dialect
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import TypeEngine

from alambique import messages, private
from alambique.database.sqlite_ddl import (
    Clause,
    Column,
    Kind,
    NotUnderstood,
    Piece,
    TableText,
    Token,
    clause_of,
    column_of,
    fold,
    names_in,
    same_words,
    tokens,
)
from alambique.private import Batch

log = logging.getLogger("alembic.runtime.migration")

KINDS: dict[type[sa.Constraint], Kind] = {
    sa.PrimaryKeyConstraint: Kind.PRIMARY_KEY,
    sa.UniqueConstraint: Kind.UNIQUE,
    sa.CheckConstraint: Kind.CHECK,
    sa.ForeignKeyConstraint: Kind.FOREIGN_KEY,
}

# Of these, the columns stand in the first parentheses.
LISTS_COLUMNS = frozenset({Kind.PRIMARY_KEY, Kind.UNIQUE, Kind.FOREIGN_KEY})

# These go with any of their columns, as with Alembic alone and on PostgreSQL: no row is lost, and
# released revisions count on it. A primary key and a condition would come to say something else.
GOES_WITH_A_COLUMN = frozenset({Kind.UNIQUE, Kind.FOREIGN_KEY})

# What SQLite has no place for.
WITHOUT_EFFECT = frozenset({"create_table_comment", "drop_table_comment", "create_column_comment"})


@dataclass(frozen=True)
class OldIndex:
    """An index that is there."""

    name: str
    sql: str


class TableEdit:
    """A table's text, while the operations of a batch change it one by one."""

    def __init__(
        self,
        batch: Batch,
        text: TableText,
        indexes: Iterable[OldIndex],
        types: dict[str, TypeEngine[Any]],
        renamed: dict[str, str],
    ) -> None:
        """Nothing is changed yet.

        Args:
            batch: what is asked for; its operations are given to `apply`.
            text: the table's.
            indexes: those it has.
            types: of its columns as SQLAlchemy knows them, by their names in small letters.
            renamed: the new names of the columns that the batch has renamed before, by old ones.
        """
        self.text = text
        self.indexes = list(indexes)
        self.new_indexes: list[tuple[sa.Index, dict[str, Any]]] = []
        self.values = {fold(each.bare_name): self._quoted(batch, each) for each in text.columns}
        """The SQL of what a column is filled with, by the column's name in small letters."""

        self._batch = batch
        self._dialect: Dialect = batch.impl.dialect
        self._types = types
        self._renamed = renamed
        self._dropped: set[str] = set()

    @property
    def dropped(self) -> set[str]:
        """The columns that are gone for good, in small letters."""
        return {name for name in self._dropped if self.text.column(name) is None}

    def apply(self, operations: Iterable[tuple[str, tuple[Any, ...], dict[str, Any]]]) -> None:
        """Carry out operations, each named as the method of Alembic's `impl` that it is for.

        Raises:
            CommandError: an operation cannot be carried out without losing what it does not name.
            ValueError: what is dropped is not there, or has no name.
        """
        for name, arguments, options in operations:
            match name:
                case "add_column":
                    self._add_column(arguments[1], **options)
                case "drop_column":
                    self._drop_column(arguments[1], **options)
                case "alter_column":
                    self._alter_column(arguments[1], **options)
                case "add_constraint":
                    self._add_constraint(arguments[0])
                case "drop_constraint":
                    self._drop_constraint(arguments[0])
                case "create_index":
                    self.new_indexes.append((self._index(arguments[0]), options))
                case "drop_index":
                    self._drop_index(arguments[0], **options)
                case _ if name in WITHOUT_EFFECT:
                    pass
                case _:
                    raise NotImplementedError(name)

    def finish(self, is_last: bool) -> None:
        """Add what the whole batch says of the table, and let go what its columns take along.

        Args:
            is_last: no more operations of the batch follow.

        Raises:
            CommandError: something that is not dropped speaks of a column that is.
        """
        if is_last:
            self._add_what_is_said()
        self._let_go()

    def require_not_awaited(self, trigger: str) -> None:
        """Refuse to drop a column whose change a trigger waits for: it would wait for ever.

        Args:
            trigger: what made it.

        Raises:
            CommandError: it is `UPDATE OF` such a column.
        """
        found = tokens(trigger)
        of = next((n for n, token in enumerate(found) if token.word == "OF" and n), None)
        if of is None or found[of - 1].word != "UPDATE":
            return
        on = next(n for n in range(of, len(found)) if found[n].word == "ON")
        awaited = {fold(token.name) for token in found[of + 1 : on]} & self.dropped
        if awaited:
            raise self._in_the_way(awaited, trigger)

    def _add_what_is_said(self) -> None:
        for item in self._batch.said:
            if isinstance(item, sa.Constraint):
                self._add_said(item)
            elif isinstance(item, sa.Column) and self.text.column(item.name) is None:
                self._add_column(sa.Table(self._batch.table, sa.MetaData(), item).columns[0])
        if self._batch.order:
            self._reorder(self._batch.order)
        self._say_options(self._batch.options)

    # Columns

    def _add_column(
        self,
        column: sa.Column[Any],
        *,
        insert_before: str | None = None,
        insert_after: str | None = None,
        if_not_exists: bool | None = None,
        inline_references: bool | None = None,
        inline_primary_key: bool | None = None,
        schema: str | None = None,
    ) -> None:
        if if_not_exists and self.text.column(column.name) is not None:
            return

        added = self._written(column)
        if column.primary_key or inline_primary_key:
            self._require_no_key(column.name)
            if added.clause(Kind.PRIMARY_KEY) is None:
                added.put(clause_in_column("PRIMARY KEY", added))
        self.text.columns.insert(self._place(insert_before, insert_after), added)

        if inline_references:
            for constraint in column.table.constraints:
                if isinstance(constraint, sa.ForeignKeyConstraint):
                    self._add_constraint(constraint)

    def _place(self, before: str | None, after: str | None) -> int:
        names = [fold(column.bare_name) for column in self.text.columns]
        if before is not None:
            return names.index(fold(self._now(before)))
        return names.index(fold(self._now(after))) + 1 if after is not None else len(names)

    def _require_no_key(self, column: str) -> None:
        for clause in self.text.all_clauses():
            if clause.kind is Kind.PRIMARY_KEY:
                raise self._in_the_way([column], clause.text)

    def _drop_column(
        self,
        column: sa.Column[Any],
        *,
        if_exists: bool | None = None,
        existing_type: Any = None,
        **_: object,
    ) -> None:
        found = self.text.column(self._now(column.name))
        if found is None:
            if if_exists:
                return
            raise KeyError(column.name)

        check_name = getattr(existing_type, "name", None)
        for clause in list(self.text.clauses):
            if check_name and clause.kind is Kind.CHECK and _is_named(clause, check_name):
                self.text.take_out(clause)
        self.text.columns[:] = [each for each in self.text.columns if each is not found]
        self._dropped.add(fold(found.bare_name))
        self.values.pop(fold(found.bare_name), None)

    def _alter_column(
        self,
        name: str,
        /,
        *,
        nullable: bool | None = None,
        server_default: Any = False,
        type_: TypeEngine[Any] | type[TypeEngine[Any]] | None = None,
        **_: object,
    ) -> None:
        column = self._column(name)
        if type_ is not None:
            self._retype(column, sa.types.to_instance(type_))

        if nullable is not None:
            column.remove(Kind.NULL)
        if nullable is False and column.clause(Kind.NOT_NULL) is None:
            column.put(clause_in_column("NOT NULL", column))
        if nullable:
            column.remove(Kind.NOT_NULL)

        if server_default is None:
            column.remove(Kind.DEFAULT)
        elif server_default is not False:
            wanted = sa.Column(column.bare_name, sa.Integer, server_default=server_default)
            sa.Table(self._batch.table, sa.MetaData(), wanted)
            default = self._written(wanted).clause(Kind.DEFAULT)
            if default is None:
                raise self._not_understood(f"{column.bare_name}: {server_default!r}")
            column.put(default)

    def _retype(self, column: Column, type_: TypeEngine[Any]) -> None:
        column.type = Piece(type_.compile(dialect=self._dialect), column.type.gap)

        name = fold(column.bare_name)
        if name in self._types and name in self.values:
            there: sa.Column[Any] = sa.Column(column.bare_name, self._types[name])
            transfer: dict[str, Any] = {"expr": there}
            impl: Any = self._batch.impl
            impl.cast_for_batch_migrate(there, transfer, type_)
            if transfer["expr"] is not there:
                self.values[name] = str(transfer["expr"].compile(dialect=self._dialect))

    def _reorder(self, orders: Sequence[Sequence[str]]) -> None:
        graph: dict[str, set[str]] = {fold(each.bare_name): set() for each in self.text.columns}
        for order in orders:
            names = [fold(self._now(name)) for name in order]
            for before, after in zip(names, names[1:], strict=False):
                graph[after].add(before)
        sorted_names = list(TopologicalSorter(graph).static_order())
        self.text.columns.sort(key=lambda each: sorted_names.index(fold(each.bare_name)))

    # Constraints

    def _add_constraint(self, constraint: sa.Constraint) -> None:
        if not private.is_created_on(constraint, self._dialect):
            return
        clause = self._clause(constraint)
        if clause.kind is Kind.PRIMARY_KEY:
            self._remove_key()
        for there in list(self.text.all_clauses()):
            if clause.name and _is_named(there, clause.name) and there.kind is clause.kind:
                self.text.take_out(there)
        self.text.clauses.append(clause)

    def _add_said(self, constraint: sa.Constraint) -> None:
        """Add a constraint, unless the table has it: Alembic's reading may have missed it."""
        clause = self._clause(constraint)
        if not any(_says_the_same(there, clause) for there in self.text.all_clauses()):
            self.text.clauses.append(clause)

    def _remove_key(self) -> None:
        for there in list(self.text.all_clauses()):
            if there.kind is Kind.PRIMARY_KEY:
                self.text.take_out(there)

    def _drop_constraint(self, constraint: sa.Constraint) -> None:
        if not constraint.name:
            raise ValueError("Constraint must have a name")
        name = str(constraint.name)
        kind = next((KINDS[each] for each in type(constraint).__mro__ if each in KINDS), None)
        there = [each for each in self.text.all_clauses() if kind in {None, each.kind}]

        found = next((each for each in there if _is_named(each, name)), None)
        if found is None:
            found = self._known_as(name, [each for each in there if each.name is None])
        if found is not None:
            self.text.take_out(found)
        elif not (isinstance(constraint, sa.CheckConstraint) and private.is_type_bound(constraint)):
            raise ValueError(f"No such constraint: '{name}'")

    def _known_as(self, name: str, nameless: list[Clause]) -> Clause | None:
        """Return the constraint without a name that the batch calls by one."""
        for known in self._batch.known:
            if known.name == name:
                return next((each for each in nameless if self._is_known(each, known)), None)

        convention = self._batch.naming_convention
        if convention:
            for clause in nameless:
                if self._conventional_name(clause, convention) == name:
                    return clause
        return None

    def _is_known(self, clause: Clause, known: sa.Constraint) -> bool:
        if isinstance(known, sa.CheckConstraint):
            return _says_the_same(clause, self._clause(known))
        if not isinstance(known, sa.schema.ColumnCollectionConstraint):
            return False
        names = [self._now(column.name) for column in known.columns]
        return KINDS.get(type(known)) is clause.kind and _same_names(names, clause.columns)

    def _conventional_name(self, clause: Clause, convention: dict[str, str]) -> str | None:
        table = self._table_like_it(sa.MetaData(naming_convention=convention))
        constraint: sa.Constraint
        match clause.kind:
            case Kind.UNIQUE:
                constraint = sa.UniqueConstraint(*clause.columns)
            case Kind.PRIMARY_KEY:
                constraint = sa.PrimaryKeyConstraint(*clause.columns)
            case Kind.FOREIGN_KEY:
                parent, columns = _referred(clause)
                targets = [f"{parent}.{column}" for column in columns or clause.columns]
                constraint = sa.ForeignKeyConstraint(clause.columns, targets)
            case _:
                return None
        table.append_constraint(constraint)
        return self._dialect.identifier_preparer.format_constraint(constraint)

    # Indexes

    def _index(self, index: sa.Index) -> sa.Index:
        """Return an index on the columns as they are called by now; what else it says stays."""
        # Of an expression given as text, Alembic makes a column of that name.
        names = [each.name for each in index.columns if self.text.column(self._now(each.name))]
        if all(self._now(name) == name for name in names):
            return index
        table = sa.Table(
            self._batch.table,
            sa.MetaData(),
            *(sa.Column(self._now(name), sa.Integer) for name in dict.fromkeys(names)),
            schema=self._batch.schema,
        )

        def now(element: Any, **_: object) -> Any:
            is_renamed = isinstance(element, sa.Column) and element.name in names
            return table.columns[self._now(element.name)] if is_renamed else None

        expressions: list[Any] = [*index.expressions]
        moved = [replacement_traverse(each, {}, now) for each in expressions]
        said = [each if isinstance(each, sa.Column) else self._text(each) for each in moved]
        options = {f"{key}": value for key, value in index.kwargs.items()}
        return sa.Index(index.name, *said, unique=index.unique, _table=table, **options)

    def _text(self, expression: Any) -> sa.TextClause:
        compiled = expression.compile(
            dialect=self._dialect, compile_kwargs={"include_table": False, "literal_binds": True}
        )
        return sa.text(str(compiled).replace(":", "\\:"))

    def _drop_index(self, index: sa.Index, *, if_exists: bool | None = None, **_: object) -> None:
        name = fold(str(index.name))
        old = [each for each in self.indexes if fold(each.name) != name]
        new = [each for each in self.new_indexes if fold(str(each[0].name)) != name]
        is_there = len(old) < len(self.indexes) or len(new) < len(self.new_indexes)
        if not (is_there or if_exists):
            raise ValueError(f"No such index: '{index.name}'")
        self.indexes, self.new_indexes = old, new

    # What goes with a column

    def _let_go(self) -> None:
        """Let go what speaks of dropped columns alone, and keys over them; refuse the rest.

        Raises:
            CommandError: a primary key, a condition or an index speaks of one that is dropped, and
                of others.
        """
        dropped = self.dropped
        if not dropped:
            return
        there = {fold(each.bare_name) for each in self.text.columns}
        for clause in list(self.text.all_clauses()):
            named = set(map(fold, clause.columns))
            gone = named & dropped
            if not gone:
                continue
            if clause.kind not in GOES_WITH_A_COLUMN:
                self._require_apart(named, dropped, there, clause.text)
            elif named & there:
                log.warning(self._told(messages.REBUILD_WENT_ALONG, gone, clause.text))
            self.text.take_out(clause)

        for index in list(self.indexes):
            names = names_in(index.sql[_start_of_columns(index.sql) :])
            self._require_apart(names, dropped, there, index.sql)
            if dropped.intersection(map(fold, names)):
                self.indexes.remove(index)

    def _require_apart(
        self, names: Iterable[str], dropped: set[str], there: set[str], sql: str
    ) -> None:
        named = set(map(fold, names))
        if named & dropped and named & there:
            raise self._in_the_way(named & dropped, sql)

    def _in_the_way(self, columns: Iterable[str], sql: str) -> CommandError:
        return CommandError(self._told(messages.REBUILD_IN_THE_WAY, columns, sql))

    def _told(self, message: str, columns: Iterable[str], sql: str) -> str:
        column = ", ".join(sorted(columns))
        return message.format(table=self._batch.table, column=column, sql=" ".join(sql.split()))

    def _not_understood(self, what: str) -> CommandError:
        said = {"table": self._batch.table, "what": what}
        return CommandError(messages.REBUILD_NOT_UNDERSTOOD.format(**said))

    # Names and words

    def _say_options(self, options: dict[str, Any]) -> None:
        wanted = {
            "WITHOUT ROWID": options.get("sqlite_with_rowid") is False,
            "STRICT": bool(options.get("sqlite_strict")),
        }
        there = {token.word for token in tokens(self.text.closing)}
        for words, is_wanted in wanted.items():
            if is_wanted and words.split()[0] not in there:
                comma = "," if self.text.closing.rstrip()[-1] != ")" else ""
                self.text.closing = f"{self.text.closing.rstrip()}{comma} {words}"

        known = {"sqlite_with_rowid", "sqlite_strict"}
        is_counted = options.get("sqlite_autoincrement") and self.text.is_counted
        known |= {"sqlite_autoincrement"} if is_counted else set()
        for name in options:
            if name.startswith("sqlite_") and name not in known:
                raise self._not_understood(f"{name}={options[name]!r}")

    def _column(self, name: str) -> Column:
        found = self.text.column(self._now(name))
        if found is None:
            raise KeyError(name)
        return found

    def _now(self, name: str) -> str:
        """Return what a column is called by now."""
        if self.text.column(name) is not None:
            return name
        return self._renamed.get(fold(name), name)

    def _written(self, column: sa.Column[Any]) -> Column:
        sql = str(sa.schema.CreateColumn(column).compile(dialect=self._dialect))
        return column_of(sql)

    def _clause(self, constraint: sa.Constraint) -> Clause:
        self._put_in_table(constraint)
        sql = private.constraint_sql(constraint, self._dialect)
        try:
            clause = clause_of(sql)
        except NotUnderstood as error:
            raise self._not_understood(str(error)) from error

        names = [self._now(name) for name in clause.columns]
        if clause.kind not in LISTS_COLUMNS or names == clause.columns:
            return clause
        quoted = ", ".join(map(self._dialect.identifier_preparer.quote, names))
        found = tokens(sql)
        opening = next(token for token in found if token.text == "(")
        closing = next(token for token in found if token.text == ")")
        return clause_of(f"{sql[: opening.end]}{quoted}{sql[closing.start :]}")

    def _put_in_table(self, constraint: sa.Constraint) -> None:
        """Give a constraint a table, if it was made without one: its SQL has names of columns."""
        try:
            _ = constraint.table
        except InvalidRequestError:
            beside = sa.MetaData()
            self._table_like_it(beside).append_constraint(constraint)
            if isinstance(constraint, sa.ForeignKeyConstraint):
                for element in constraint.elements:
                    parent, _, column = element.target_fullname.rpartition(".")
                    sa.Table(parent, beside, sa.Column(column, sa.Integer), extend_existing=True)

    def _table_like_it(self, metadata: sa.MetaData) -> sa.Table:
        """Return a table that has these columns, of whatever type."""
        columns = [sa.Column(each.bare_name, sa.Integer) for each in self.text.columns]
        return sa.Table(self._batch.table, metadata, *columns)

    @staticmethod
    def _quoted(batch: Batch, column: Column) -> str:
        return batch.impl.dialect.identifier_preparer.quote(column.bare_name)


def _start_of_columns(sql: str) -> int:
    """Return where the columns of an index begin, after its name and its table's."""
    return next(token.start for token in tokens(sql) if token.text == "(")


def clause_in_column(sql: str, column: Column) -> Clause:
    """Return a constraint as a column of that name would have it."""
    return column_of(f"{column.name.text} {sql}").clauses[0]


def _is_named(clause: Clause, name: str) -> bool:
    return clause.name is not None and fold(clause.name) == fold(name)


def _says_the_same(there: Clause, wanted: Clause) -> bool:
    """Tell whether two constraints say the same, whatever they are called."""
    if there.kind is not wanted.kind:
        return False
    if there.kind is Kind.CHECK:
        return same_words(_expression(there), _expression(wanted))
    is_same = _same_names(there.columns, wanted.columns)
    if there.kind is Kind.FOREIGN_KEY:
        return is_same and fold(_referred(there)[0]) == fold(_referred(wanted)[0])
    return is_same


def _same_names(one: Iterable[str], other: Iterable[str]) -> bool:
    return list(map(fold, one)) == list(map(fold, other))


def _expression(check: Clause) -> str:
    return check.text[check.text.index("(") : check.text.rindex(")") + 1]


def _referred(key: Clause) -> tuple[str, list[str]]:
    """Return the table that a foreign key refers to, and the columns, if it names any."""
    found: list[Token] = tokens(key.text)
    at = next(n for n, token in enumerate(found) if token.word == "REFERENCES")
    columns: list[str] = []
    if [token.text for token in found[at + 2 : at + 3]] == ["("]:
        for token in found[at + 3 :]:
            if token.text == ")":
                break
            columns += [token.name] if token.text != "," else []
    return found[at + 1].name, columns
