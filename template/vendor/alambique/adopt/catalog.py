"""The catalogs: what SQLAlchemy does not read of a database, asked of the server itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects.mysql.base import MySQLDialect

from alambique.names import TableName

# A query for each kind of database that has something to answer; `mysql` is asked of MariaDB, too.
Queries = Mapping[str, str]

# Partitions and children, an extension's tables; virtual tables with their shadows.
NOT_TABLES = {
    "postgresql": """
        SELECT nspname, relname
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = relnamespace
        WHERE c.oid IN (
            SELECT inhrelid FROM pg_inherits
            UNION
            SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e'
        )
    """,
    "sqlite": """
        SELECT NULL, name
        FROM pragma_table_list
        WHERE type IN ('virtual', 'shadow')
    """,
}

OPTIONS = {
    "postgresql": """
        SELECT nspname, relname, 'postgresql_partition_by', pg_get_partkeydef(c.oid)
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind = 'p'
    """,
    "sqlite": """
        SELECT NULL, name, 'sqlite_autoincrement', 1
        FROM sqlite_master
        WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'

        UNION ALL
        SELECT NULL, name, 'sqlite_strict', 1
        FROM pragma_table_list
        WHERE strict

        UNION ALL
        SELECT NULL, name, 'sqlite_with_rowid', 0
        FROM pragma_table_list
        WHERE wr
    """,
}

DEFERRABLE = {
    "postgresql": """
        SELECT nspname, relname, conname, condeferred
        FROM pg_constraint JOIN pg_class t ON t.oid = conrelid
        JOIN pg_namespace n ON n.oid = relnamespace
        WHERE contype IN ('p', 'u') AND condeferrable
        ORDER BY 1, 2, 3
    """,
}

EXTENSIONS = {
    "postgresql": """
        SELECT DISTINCT extname
        FROM pg_extension e
        JOIN pg_depend member
            ON member.refclassid = 'pg_extension'::regclass AND member.refobjid = e.oid
        JOIN pg_depend user_of
            ON user_of.refclassid = member.classid AND user_of.refobjid = member.objid
        WHERE member.deptype = 'e'
            AND user_of.deptype IN ('n', 'a')
            AND user_of.classid IN (
                'pg_class'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass
            )
            AND NOT EXISTS (
                SELECT FROM pg_depend
                WHERE classid = user_of.classid AND objid = user_of.objid AND deptype = 'e'
            )
        ORDER BY 1
    """,
}

SEQUENCES = {
    "postgresql": """
        SELECT
            nspname,
            t.relname,
            attname,
            s.oid::regclass::text,
            EXISTS (
                SELECT FROM pg_depend o
                WHERE o.objid = s.oid AND o.refobjid = t.oid
                    AND o.refobjsubid = attnum AND o.deptype = 'a'
            ),
            EXISTS (
                SELECT FROM pg_index
                WHERE indrelid = t.oid AND indisprimary AND attnum = ANY (indkey)
            ),
            format(
                'AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s',
                seqtypid::regtype, seqincrement, seqmin, seqmax, seqstart, seqcache
            ),
            t.oid::regclass::text
        FROM pg_attrdef d
        JOIN pg_class t ON t.oid = adrelid
        JOIN pg_namespace n ON n.oid = relnamespace
        JOIN pg_attribute a ON attrelid = t.oid AND attnum = adnum
        JOIN pg_depend p ON p.objid = d.oid AND p.classid = 'pg_attrdef'::regclass
        JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
        JOIN pg_sequence ON seqrelid = s.oid
        ORDER BY 1, 2, attnum
    """,
}

EXPRESSION_INDEXES = {
    "sqlite": """
        SELECT tbl_name, sql
        FROM sqlite_master m
        WHERE type = 'index'
            AND EXISTS (SELECT 1 FROM pragma_index_xinfo(m.name) WHERE cid = -2)
        ORDER BY name
    """,
}

NO_MODELS = {
    "postgresql": """
        SELECT kind, name
        FROM (
            SELECT
                oid,
                CASE relkind
                    WHEN 'v' THEN 'VIEW'
                    WHEN 'm' THEN 'MATERIALIZED VIEW'
                    WHEN 'S' THEN 'SEQUENCE'
                    ELSE 'FOREIGN TABLE'
                END AS kind,
                oid::regclass::text AS name
            FROM pg_class c
            WHERE relkind IN ('v', 'm', 'f')
                OR relkind = 'S' AND NOT EXISTS (
                    SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')
                )

            UNION ALL
            SELECT oid, 'PARTITION', oid::regclass || ' OF ' || inhparent::regclass
            FROM pg_inherits
            JOIN pg_class ON oid = inhrelid AND relkind IN ('r', 'p', 'f')

            UNION ALL
            SELECT oid, 'FUNCTION', oid::regprocedure::text
            FROM pg_proc

            UNION ALL
            SELECT oid, 'TYPE', oid::regtype::text
            FROM pg_type
            WHERE typtype IN ('d', 'r')
                OR typtype = 'c' AND (SELECT relkind FROM pg_class WHERE oid = typrelid) = 'c'

            UNION ALL
            SELECT oid, 'TRIGGER', tgname || ' ON ' || tgrelid::regclass
            FROM pg_trigger
            WHERE NOT tgisinternal AND tgparentid = 0

            UNION ALL
            SELECT oid, 'RULE', rulename || ' ON ' || ev_class::regclass
            FROM pg_rewrite
            WHERE rulename <> '_RETURN'

            UNION ALL
            SELECT oid, 'POLICY', polname || ' ON ' || polrelid::regclass
            FROM pg_policy

            UNION ALL
            SELECT oid, 'EXCLUDE', conname || ' ON ' || conrelid::regclass
            FROM pg_constraint
            WHERE contype = 'x'

            UNION ALL
            SELECT oid, 'EXTENSION', extname
            FROM pg_extension
        ) AS x
        WHERE oid >= 16384 AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')
    """,
    "sqlite": """
        SELECT upper(type), name
        FROM sqlite_master
        WHERE type IN ('view', 'trigger') OR sql LIKE 'CREATE VIRTUAL%'
    """,
    "mysql": """
        SELECT 'VIEW', table_name
        FROM information_schema.views
        WHERE table_schema = database()

        UNION ALL
        SELECT 'TRIGGER', trigger_name
        FROM information_schema.triggers
        WHERE trigger_schema = database()

        UNION ALL
        SELECT routine_type, routine_name
        FROM information_schema.routines
        WHERE routine_schema = database()

        UNION ALL
        SELECT 'EVENT', event_name
        FROM information_schema.events
        WHERE event_schema = database()

        UNION ALL
        SELECT table_type, table_name
        FROM information_schema.tables
        WHERE table_schema = database() AND table_type NOT IN ('BASE TABLE', 'VIEW')
    """,
    "mariadb": """
        SELECT 'CHECK', concat(table_name, '.', constraint_name, ': ', check_clause)
        FROM information_schema.check_constraints
        WHERE constraint_schema = database() AND level = 'Column'
    """,
}


@dataclass(frozen=True)
class TableOption:
    """What a table was made with, as SQLAlchemy's Table takes it."""

    table: TableName
    name: str
    value: str | int


@dataclass(frozen=True)
class SequenceDefault:
    """A column whose default counts on a sequence."""

    table: TableName
    column: str
    sequence: str
    """The sequence, quoted, with its schema where that is needed."""

    is_owned: bool
    """Does the sequence go with the column, as that of a SERIAL does?"""

    is_in_primary_key: bool
    options: str
    """What CREATE SEQUENCE says after the name."""

    quoted_table: str


@dataclass(frozen=True, order=True)
class CatalogObject:
    """Something that a database has: a view, a trigger, an extension, ..."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Write it as `VIEW vista`."""
        return f"{self.kind} {self.name}"


def not_tables(connection: Connection) -> set[TableName]:
    """Return what looks like a table and belongs to another, or to an extension."""
    return {_table(connection, schema, name) for schema, name in _rows(connection, NOT_TABLES)}


def options(connection: Connection) -> list[TableOption]:
    """Return what tables were made with and SQLAlchemy does not read."""
    return [
        TableOption(_table(connection, schema, table), name, value)
        for schema, table, name, value in _rows(connection, OPTIONS)
    ]


def deferrable_keys(connection: Connection) -> list[tuple[TableName, str, bool]]:
    """Return the PRIMARY KEYs and UNIQUEs that may wait for the end of a transaction.

    Returns:
        The table, the constraint's name, and whether it waits unless it is told otherwise.
    """
    return [
        (_table(connection, schema, table), name, is_deferred)
        for schema, table, name, is_deferred in _rows(connection, DEFERRABLE)
    ]


def extensions(connection: Connection) -> list[str]:
    """Return the extensions whose types, functions or operators something else is made of."""
    return [name for (name,) in _rows(connection, EXTENSIONS)]


def sequence_defaults(connection: Connection) -> list[SequenceDefault]:
    """Return the columns that count on a sequence."""
    return [
        SequenceDefault(_table(connection, schema, table), *rest)
        for schema, table, *rest in _rows(connection, SEQUENCES)
    ]


def expression_indexes(connection: Connection) -> list[tuple[TableName, str]]:
    """Return SQLite's indexes on expressions: the table, and the statement that made each."""
    return [(TableName(table), sql) for table, sql in _rows(connection, EXPRESSION_INDEXES)]


def no_models(connection: Connection) -> list[CatalogObject]:
    """Return all of a database that models have no words for: triggers, functions, views, ..."""
    return sorted(CatalogObject(kind, name) for kind, name in _rows(connection, NO_MODELS))


def _rows(connection: Connection, queries: Queries) -> list[Sequence[Any]]:
    """Return what the queries for this kind of database find; nothing where there is none."""
    asked = [queries[kind] for kind in _kinds(connection.dialect) if kind in queries]
    return [row for query in asked for row in connection.execute(sa.text(query))]


def _kinds(dialect: Dialect) -> list[str]:
    """Return what a database is called in the queries; MariaDB also answers to MySQL's name."""
    if not isinstance(dialect, MySQLDialect):
        return [dialect.name]
    return ["mysql", "mariadb"] if dialect.is_mariadb else ["mysql"]


def _table(connection: Connection, schema: str | None, name: str) -> TableName:
    return TableName(name, schema).within(connection.dialect.default_schema_name)
