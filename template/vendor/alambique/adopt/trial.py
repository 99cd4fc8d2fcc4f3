"""The first revision held against the server's own words before it is written.

What models say comes as Alembic's operations. Each of them is tried on a scratch database; where a
table does not become what the original is, its statement is carried in the server's own words, and
so is everything that models have no words for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import render_op_text, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from alambique.adopt.definitions import Definition, read_definitions
from alambique.adopt.definitions.order import in_order
from alambique.adopt.one_by_one import OneByOne, needs_room
from alambique.autogenerate.stored import escaped
from alambique.database.engine import connect
from alambique.names import TableName

# What a scratch database need not do, as nobody misses it: wait for a disk (PostgreSQL's does not),
# look into functions whose tables come later.
HURRIED = {
    "sqlite": ["PRAGMA synchronous = OFF"],
    "postgresql": ["SET check_function_bodies = off"],
}

# What a revision says before its first function, which may speak of tables that come later.
UNCHECKED = "check_function_bodies = off"
FUNCTIONS = {"FUNCTION", "PROCEDURE"}

# The kinds that tables may need; MySQL and SQLite do not say what needs what.
EARLY = FUNCTIONS | {
    "AGGREGATE",
    "COLLATION",
    "DOMAIN",
    "EXTENSION",
    "OPERATOR",
    "SEQUENCE",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TYPE",
}


def carried(
    definitions: Sequence[Definition],
    tables: Collection[TableName],
    schemas: Collection[str] | None,
) -> list[Definition]:
    """Return what a first revision makes: these tables, what hangs on them, what they need.

    Args:
        definitions: all that the database is made of.
        tables: the tables that are mapped.
        schemas: of these schemas everything is made; None if only what the tables need is.
    """
    by_key = {each.key: each for each in definitions}
    kept: set[str] = set()

    def keep(definition: Definition) -> None:
        if definition.key in kept or not definition.create:
            return
        needed = [by_key[key] for key in definition.needs if key in by_key]
        strangers = [each for each in needed if not _may_come(each, tables, schemas)]
        if strangers or any(not each.create for each in needed):
            return
        kept.add(definition.key)
        for each in needed:
            keep(each)

    for definition in definitions:
        if _is_wanted(definition, tables, schemas):
            keep(definition)
    # What needs something that is not made is not made either, however far away that is.
    return possible([each for each in definitions if each.key in kept])


def left(
    definitions: Sequence[Definition],
    made: Sequence[Definition],
    tables: Collection[TableName],
) -> list[Definition]:
    """Return what a revision does not make, other people's tables aside.

    Args:
        definitions: all that the database is made of.
        made: what of it the revision makes.
        tables: the tables that are mapped.
    """
    there = {each.key for each in made}
    return [
        each
        for each in definitions
        if each.key not in there and (each.table is None or each.table in tables)
    ]


def _may_come(
    needed: Definition, tables: Collection[TableName], schemas: Collection[str] | None
) -> bool:
    """Tell whether what a table needs may be made with it; another's table is another's."""
    if needed.table is None or needed.table in tables:
        return True
    return schemas is not None and _is_inside(needed, schemas)


def _is_wanted(
    definition: Definition, tables: Collection[TableName], schemas: Collection[str] | None
) -> bool:
    if definition.table in tables:
        return True
    return schemas is not None and _is_inside(definition, schemas)


def _is_inside(definition: Definition, schemas: Collection[str]) -> bool:
    return definition.schema is None or definition.schema in schemas


def possible(kept: list[Definition]) -> list[Definition]:
    """Return those of which nothing that they need is missing."""
    while True:
        there = {each.key for each in kept}
        fewer = [each for each in kept if each.needs <= there]
        if len(fewer) == len(kept):
            return kept
        kept = fewer


class Trial:
    """Tries what models say, and puts what the server says in the place of what is not the same."""

    def __init__(
        self, original: Sequence[Definition], tables: Collection[TableName], scratch: URL
    ) -> None:
        """Take what is to be made.

        Args:
            original: what the revision has to make, in an order in which it can be made.
            tables: those of it that models map.
            scratch: an empty database to try it on.
        """
        self.original = list(original)
        self.tables = set(tables)
        self.scratch = scratch
        self.in_sql: set[TableName] = set()
        """The mapped tables that are made by their server's own statement."""
        self.refused: list[Definition] = []
        """What the server no longer lets anybody make, and what needs that."""

    @property
    def schemas(self) -> set[str]:
        """Return the schemas that have to be there, but for the one that every database has."""
        return {each.schema for each in self.original if each.schema} - {"public"}

    def complete(
        self, migration: MigrationContext, upgrade: ops.OpContainer, downgrade: ops.OpContainer
    ) -> None:
        """Change the operations of a revision so that they make the original.

        Args:
            migration: the context that they were generated in.
            upgrade: what autogenerate found, changed in place.
            downgrade: the same, backwards.
        """
        said = _Said(_flat(upgrade.ops))
        undone = _Said(_flat(downgrade.ops))
        tried = self._tried(migration, said)

        same = self._same(tried, said)
        order = _ordered(self.original, said, same)
        by_themselves = {_own_name(each) for each in self.original if each.kind == "INDEX"}
        units = [
            unit for each in order for unit in _units(each, said, each.key in same, by_themselves)
        ]

        apart = migration.dialect.name == "postgresql" and needs_room(self.original)
        forwards = [*_with_unchecked_bodies(units, one_by_one=apart), *said.others]
        backwards: list[ops.MigrateOperation] = []
        for unit in reversed(units):
            backwards.extend(unit.undo(undone, self.tables))
        backwards += undone.others
        upgrade.ops[:] = [OneByOne(forwards)] if apart else forwards
        downgrade.ops[:] = [OneByOne(backwards)] if apart else backwards

    def _tried(self, migration: MigrationContext, said: _Said) -> list[Definition]:
        """Make what is said on the scratch database; return what came of it."""
        with connect(self.scratch) as opened:
            connection = opened.execution_options(isolation_level="AUTOCOMMIT")
            for statement in HURRIED.get(connection.dialect.name, []):
                connection.exec_driver_sql(statement)

            for schema in sorted({each.schema for each in self.original if each.schema}):
                with suppress(SQLAlchemyError):
                    connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
            for definition in _before_tables(self.original):
                try:
                    connection.execute(sa.text(escaped(definition.create)))
                except SQLAlchemyError:
                    self._leave_out(definition)

            running = _running(migration, connection)
            for operation in said.made():
                # One that fails leaves a table that is not the same.
                with suppress(SQLAlchemyError):
                    running(operation)
        return read_definitions(self.scratch)

    def _leave_out(self, definition: Definition) -> None:
        """Leave out what cannot be made, with all that needs it."""
        kept = possible([each for each in self.original if each.key != definition.key])
        there = {each.key for each in kept}
        self.refused += [each for each in self.original if each.key not in there]
        self.original = kept

    def _same(self, tried: Sequence[Definition], said: _Said) -> set[str]:
        """Return what operations make as the original has it, by key; find who speaks in SQL."""
        found = {each.key: each for each in tried}
        hanging = [each for each in self.original if each.table in self.tables]
        alike = {
            each.key
            for each in hanging
            if each.key in found and each.says_the_same(found[each.key])
        }

        originals = {each.key for each in self.original}
        for definition in hanging:
            if definition.is_table and definition.key not in alike:
                assert definition.table is not None
                self.in_sql.add(definition.table)
        for each in tried:
            is_too_much = each.key not in originals or each.key not in alike
            if each.table in self.tables and is_too_much and not said.forget_index(each):
                self.in_sql.add(each.table)
        return {each.key for each in hanging if each.key in alike and each.table not in self.in_sql}


class _Said:
    """The operations that autogenerate found, by what they make."""

    def __init__(self, operations: Sequence[ops.MigrateOperation]) -> None:
        self.tables: dict[TableName, ops.MigrateOperation] = {}
        self.indexes: dict[TableName, dict[str, ops.MigrateOperation]] = defaultdict(dict)
        self.others: list[ops.MigrateOperation] = []
        for each in operations:
            if isinstance(each, (ops.CreateTableOp, ops.DropTableOp)):
                self.tables[TableName.of_operation(each)] = each
            elif isinstance(each, (ops.CreateIndexOp, ops.DropIndexOp)) and each.table_name:
                table = TableName(str(each.table_name), each.schema)
                self.indexes[table][str(each.index_name)] = each
            elif not _is_of_type(each):  # the server says those, too
                self.others.append(each)

    def made(self) -> Iterator[ops.MigrateOperation]:
        """Yield what makes tables and indexes."""
        yield from self.tables.values()
        for indexes in self.indexes.values():
            yield from indexes.values()
        yield from self.others

    def operation_for(self, definition: Definition) -> ops.MigrateOperation | None:
        """Return what makes a table or an index; None if it comes with its table."""
        if definition.table is None:
            return None
        if definition.is_table:
            return self.tables.get(definition.table)
        return self.indexes[definition.table].get(_own_name(definition))

    def indexes_of(self, table: TableName) -> list[tuple[str, ops.MigrateOperation]]:
        """Return what makes the indexes of a table, by their names."""
        return list(self.indexes[table].items())

    def forget_index(self, definition: Definition) -> bool:
        """Leave out an operation that makes another index than the original's; tell whether."""
        if definition.kind != "INDEX" or definition.table is None:
            return False
        return self.indexes[definition.table].pop(_own_name(definition), None) is not None

    def refers(self, table: TableName) -> list[TableName]:
        """Return the tables that the keys inside of CREATE TABLE refer to."""
        operation = self.tables.get(table)
        if not isinstance(operation, ops.CreateTableOp):
            return []
        keys = [each for each in operation.columns if isinstance(each, sa.ForeignKeyConstraint)]
        return [
            TableName.of(element.column.table)
            for key in keys
            for element in key.elements[:1]
            if TableName.of(element.column.table) != table
        ]


class _Unit:
    """A definition that is made, by an operation of Alembic's or in the server's own words."""

    def __init__(self, definition: Definition, operation: ops.MigrateOperation | None) -> None:
        self.definition = definition
        self.operation = operation

    def do(self) -> ops.MigrateOperation:
        """Return what makes it."""
        return self.operation or executed(self.definition.create)

    def undo(self, undone: _Said, tables: Collection[TableName]) -> Iterator[ops.MigrateOperation]:
        """Yield what takes it away; an index goes with its table."""
        definition = self.definition
        if definition.is_table and definition.table in tables:
            drop = undone.operation_for(definition)
            if drop is not None and not isinstance(self.operation, ops.CreateIndexOp):
                yield drop
        elif definition.drop and self.operation is None:
            yield executed(definition.drop)


def _units(
    definition: Definition, said: _Said, is_same: bool, by_themselves: Collection[str]
) -> Iterator[_Unit]:
    """Yield what makes a definition; nothing where it comes with its table.

    Args:
        definition: the definition.
        said: what models say.
        is_same: does that make the same?
        by_themselves: the indexes that have a definition of their own; where the server says an
            index with its table, none follows.
    """
    if not is_same:
        yield _Unit(definition, None)
        return
    operation = said.operation_for(definition)
    if operation is not None:
        yield _Unit(definition, operation)
    if definition.is_table and definition.table is not None:
        for name, index in said.indexes_of(definition.table):
            if name not in by_themselves:
                yield _Unit(definition, index)


def _ordered(
    original: Sequence[Definition], said: _Said, same: Collection[str]
) -> Iterator[Definition]:
    """Yield definitions in an order in which they can be made, some of them by operations."""
    by_key = {each.key: each for each in original}
    tables = {each.table: each.key for each in original if each.is_table}
    needs = {each.key: set(each.needs) for each in original}

    for each in original:
        if each.key not in same or each.table is None:
            continue
        if each.is_table:
            # Its operation has the foreign keys inside; what they refer to has to be there.
            needs[each.key] |= {
                tables[other] for other in said.refers(each.table) if other in tables
            }
        elif each.kind == "FOREIGN KEY" and each.table in tables:
            others = {
                key for key in each.needs if key in by_key and by_key[key].table != each.table
            }
            needs[tables[each.table]] |= others

    places = {each.key: place for place, each in enumerate(original)}
    return (by_key[key] for key in in_order(places, needs))


class StatementOp(ops.ExecuteSQLOp):
    """Runs a statement, and is written in a revision with its lines one below the other."""


@renderers.dispatch_for(StatementOp)
def written_in_lines(context: AutogenContext, operation: StatementOp) -> str:
    """Write `op.execute(...)`; each line is a string, so that no indentation gets into it."""
    call = f"{context.opts['alembic_module_prefix']}execute"
    lines = [repr(line) for line in str(operation.sqltext).splitlines(keepends=True)]
    if len(lines) == 1:
        return f"{call}({lines[0]})"
    return "\n    ".join([f"{call}(", *lines]) + "\n)"


def executed(statement: str) -> StatementOp:
    """Return an operation that runs a statement, in which a colon is a colon for text()."""
    return StatementOp(escaped(statement))


def _running(migration: MigrationContext, connection: Connection) -> Any:
    """Return what runs an operation as the revision will say it."""
    models = migration.opts["target_metadata"]
    rendering = AutogenContext(migration, metadata=models, opts=dict(migration.opts))
    context = MigrationContext.configure(connection, opts={"target_metadata": models})
    names = {
        "op": Operations(context),
        "sa": sa,
        "mysql": mysql,
        "postgresql": postgresql,
        "sqlite": sqlite,
    }

    def run(operation: ops.MigrateOperation) -> None:
        exec(render_op_text(rendering, operation), dict(names))

    return run


def _before_tables(definitions: Sequence[Definition]) -> Iterator[Definition]:
    """Yield what stands by itself, and needs no table."""
    late = {each.key for each in definitions if each.table is not None or each.kind not in EARLY}
    for each in list(definitions):
        if each.key not in late:
            if each.needs & late:
                late.add(each.key)
            else:
                yield each


def _with_unchecked_bodies(
    units: Iterable[_Unit], one_by_one: bool
) -> Iterator[ops.MigrateOperation]:
    """Yield what makes each, and before the first function of PostgreSQL's what lets it be made.

    Args:
        units: what is made.
        one_by_one: is each a transaction of its own? The setting is then the session's.
    """
    is_said = False
    for unit in units:
        definition = unit.definition
        if definition.kind in FUNCTIONS and definition.schema and not is_said:
            is_said = True
            yield executed(f"SET {'' if one_by_one else 'LOCAL '}{UNCHECKED}")
        yield unit.do()
    if is_said and one_by_one:
        yield executed("RESET check_function_bodies")


def _flat(operations: Iterable[ops.MigrateOperation]) -> list[ops.MigrateOperation]:
    """Return operations one by one, those of a table not under its name."""
    found: list[ops.MigrateOperation] = []
    for each in operations:
        found.extend(_flat(each.ops) if isinstance(each, ops.OpContainer) else [each])
    return found


def _is_of_type(operation: ops.MigrateOperation) -> bool:
    """Tell whether an operation makes or drops the type of an Enum."""
    if not isinstance(operation, ops.ExecuteSQLOp):
        return False
    return str(operation.sqltext).lstrip().startswith(("CREATE TYPE", "DROP TYPE"))


def _own_name(definition: Definition) -> str:
    """Return the name of an index as models have it: without its schema and quotes."""
    name = definition.name
    if definition.schema is not None:
        quoted = name.endswith('"')
        name = name[name[:-1].rindex('"') + 1 : -1] if quoted else name.rpartition(".")[2]
    return name
