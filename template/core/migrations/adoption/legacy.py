"""A database that was there first: its tables, what hangs together, what models cannot say."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine import URL

from core.migrations import messages
from core.migrations.adoption import catalog
from core.migrations.adoption.catalog import rows
from core.migrations.connection import ALEMBIC_TABLES, connect
from core.migrations.models import load_metadata

Key = tuple[str | None, str]  # schema (None: the default one) and table
PARTS = ["columns", "pk_constraint", "foreign_keys", "unique_constraints", "check_constraints"]


def _key(connection: sa.Connection, schema: str | None, table: str) -> Key:
    return None if schema == connection.dialect.default_schema_name else schema, table


def text(key: Key) -> str:
    """Return a table's name, with its schema where that is not the default one."""
    return f"{key[0]}.{key[1]}" if key[0] else key[1]


def chosen(connection: sa.Connection, schemas: str | None, tables: str | None) -> list[Key]:
    """Return the tables to map: those asked for, or all that are tables and not mapped yet.

    Args:
        connection: to the database to read.
        schemas: the schemas to look in, with commas between them; the default one if there is none.
        tables: the tables to take, with commas between them: `pedidos,vendas.itens`.

    Raises:
        CommandError: something asked for is not there, or nothing is left.
    """
    inspector, default = sa.inspect(connection), connection.dialect.default_schema_name
    asked = [name.strip() for name in schemas.split(",")] if schemas else [str(default)]
    several = connection.dialect.name == "postgresql"  # elsewhere, another schema is a database
    unknown = {*asked} - ({*inspector.get_schema_names()} if several else {str(default)})
    if unknown:
        raise CommandError(messages.NO_SCHEMA.format(names=", ".join(sorted(unknown))))
    found = [
        (schema, name)
        for schema, _ in (_key(connection, each, "") for each in asked)
        for name in inspector.get_table_names(schema)
    ]
    others = {_key(connection, *row) for row in rows(connection, catalog.NOT_TABLES)}
    mapped = {name for metadata in load_metadata() for name in metadata.tables}
    left = {
        text(key): key
        for key in sorted(found, key=text)
        if key not in others and key[1] not in ALEMBIC_TABLES and text(key) not in mapped
    }
    wanted = [name.strip() for name in (tables or "").split(",") if name.strip()] or [*left]
    wanted = [name.removeprefix(f"{default}.") for name in wanted]
    missing = [name for name in wanted if name not in left]
    if missing:
        raise CommandError(messages.NO_TABLE.format(names=", ".join(missing)))
    if not left:
        raise CommandError(messages.NO_TABLES.format(url=connection.engine.url))
    return [left[name] for name in wanted]


def references(connection: sa.Connection, tables: Iterable[Key]) -> dict[Key, list[Key]]:
    """Return, for each of these tables, the tables that it refers to."""
    found = {key: list[Key]() for key in tables}
    for schema in {schema for schema, _ in found}:
        for place, keys in sa.inspect(connection).get_multi_foreign_keys(schema=schema).items():
            if place in found:
                found[place] = [(key["referred_schema"], key["referred_table"]) for key in keys]
    return found


def groups(refers: dict[Key, list[Key]]) -> Iterator[list[Key]]:
    """Yield the tables that foreign keys hold together, those they refer to with them."""
    around: dict[Key, set[Key]] = {key: {*others} for key, others in refers.items()}
    for one, others in refers.items():
        for other in others:
            around.setdefault(other, set()).add(one)
    while around:
        group, waiting = set[Key](), [next(iter(around))]
        while waiting:
            key = waiting.pop()
            if key not in group:
                group.add(key)
                waiting += around.pop(key)
        yield sorted(group, key=text)


def read(connection: sa.Connection, tables: Iterable[Key]) -> sa.MetaData:
    """Read tables as they are: no name is made up, no other table is followed."""
    metadata, wanted = sa.MetaData(), [*tables]
    schemas = {schema for schema, _ in wanted}
    for schema in sorted(schemas, key=lambda name: name is None):  # `only` mixes up bare names
        names = [name for where, name in wanted if where == schema]
        metadata.reflect(connection, schema=schema, only=names, resolve_fks=False)
        _sort_expressions(metadata, sa.inspect(connection).get_multi_indexes(schema=schema))
    for schema, name, option, value in rows(connection, catalog.OPTIONS):
        table = metadata.tables.get(text(_key(connection, schema, name)))
        if table is not None:
            table.dialect_kwargs[option] = value
    for schema, name, column, _, owned, in_key, *_ in rows(connection, catalog.SEQUENCES):
        table = metadata.tables.get(text(_key(connection, schema, name)))
        if table is not None and owned:  # Alembic takes it for a SERIAL, whatever it is called
            table.c[column].server_default = None if in_key else sa.FetchedValue()
    return metadata


def _sort_expressions(metadata: sa.MetaData, read: dict[Key, Any]) -> None:
    # SQLAlchemy keeps the DESC of a column, and forgets that of an expression.
    for key, indexes in read.items():
        table = metadata.tables.get(text(key))
        found = {} if table is None else {index.name: index for index in table.indexes}
        for each in indexes if found else ():
            for number, part in enumerate(each.get("expressions", [])):
                how = each.get("column_sorting", {}).get(part)
                if how and each["column_names"][number] is None:
                    words = " ".join(how).replace("_", " ")
                    cast("Any", found[each["name"]]).expressions[number] = sa.text(
                        f"{part} {words}"
                    )


@dataclass
class Carried:
    """Statements for what models cannot say and the tables cannot do without."""

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    undo: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)  # by their kind and name


def carried(connection: sa.Connection, tables: Iterable[Key]) -> Carried:
    """Return what makes extensions, sequences behind defaults, SQLite's indexes on expressions."""
    found, ours = Carried(), {*tables}
    for (name,) in rows(connection, catalog.EXTENSIONS):
        found.before.append(f'CREATE EXTENSION IF NOT EXISTS "{name}"')  # others may need it longer
        found.made.append(f"EXTENSION {name}")
    for schema, name, column, sequence, owned, in_key, options, table in rows(
        connection, catalog.SEQUENCES
    ):
        if _key(connection, schema, name) in ours and not (owned and in_key):
            found.before.append(f"CREATE SEQUENCE IF NOT EXISTS {sequence} {options}")
            found.made.append(f"SEQUENCE {sequence}")
            found.undo.append(f"DROP SEQUENCE IF EXISTS {sequence}")
            if owned:
                quoted = connection.dialect.identifier_preparer.quote(column)
                change = f"ALTER TABLE {table} ALTER {quoted} SET DEFAULT nextval('{sequence}')"
                found.after += [change, f"ALTER SEQUENCE {sequence} OWNED BY {table}.{quoted}"]
    for table, sql in rows(connection, catalog.EXPRESSION_INDEXES):
        found.after += [sql] if (None, table) in ours else []
    return found


def left_over(connection: sa.Connection) -> list[str]:
    """Return what else the database has: triggers, functions, views, partitions and so on."""
    return sorted(f"{kind} {name}" for kind, name in rows(connection, catalog.LEFT_OVER))


def differences(before: URL, after: URL, tables: list[Key]) -> list[str]:
    """Compare two databases both ways; `-` is what only the first has, `+` only the second."""
    one, other = ({*_facts(url, tables)} for url in (before, after))
    marked = [("-", fact) for fact in one - other] + [("+", fact) for fact in other - one]
    return [f"  {mark} {fact}" for mark, fact in sorted(marked, key=lambda each: each[::-1])]


def _facts(url: URL, tables: list[Key]) -> Iterator[str]:
    with connect(url) as connection:
        inspector = sa.inspect(connection)
        for schema in {schema for schema, _ in tables}:
            names = [name for where, name in tables if where == schema]
            comments = ["table_comment"] if connection.dialect.supports_comments else []
            for part in (*PARTS, "indexes", *comments):
                found = getattr(inspector, f"get_multi_{part}")(schema=schema, filter_names=names)
                for key, each in found.items():
                    yield from _lines(connection, text(key), part, each)


def _lines(connection: sa.Connection, table: str, part: str, found: Any) -> Iterator[str]:
    for number, each in enumerate(found if isinstance(found, list) else [found]):
        known = {name: value for name, value in each.items() if value not in (None, [], {}, False)}
        if connection.dialect.name == "sqlite" and part in PARTS[1:]:
            known.pop("name", None)  # it need not have one there
        if part == "columns":
            known["position"] = number
        for name, value in known.get("dialect_options", {}).items():
            known[name] = str(value)
        known.pop("dialect_options", None)
        said = ", ".join(f"{name}={value}" for name, value in sorted(known.items()))
        yield re.sub(r"nextval\('.*?'::regclass\)", "nextval", f"{table}: {part} {said}")
