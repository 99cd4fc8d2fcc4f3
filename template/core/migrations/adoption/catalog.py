"""The catalogs: what SQLAlchemy does not read of a database, asked of the server itself."""

from itertools import product
from typing import Any

import sqlalchemy as sa

NOT_TABLES = {  # partitions and children, an extension's tables; virtual ones with their shadows
    "postgresql": """SELECT relnamespace::regnamespace::text, relname FROM pg_class
        WHERE oid IN (SELECT inhrelid FROM pg_inherits UNION SELECT objid FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND deptype = 'e')""",
    "sqlite": "SELECT NULL, name FROM pragma_table_list WHERE type IN ('virtual', 'shadow')",
}
OPTIONS = {  # what a table was made with and SQLAlchemy does not read
    "postgresql": """SELECT nspname, relname, 'postgresql_partition_by', pg_get_partkeydef(c.oid)
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'p'""",
    "sqlite": """SELECT NULL, name, 'sqlite_autoincrement', 1 FROM sqlite_master
        WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'
        UNION ALL SELECT NULL, name, 'sqlite_strict', 1 FROM pragma_table_list WHERE strict
        UNION ALL SELECT NULL, name, 'sqlite_with_rowid', 0 FROM pragma_table_list WHERE wr""",
}
EXTENSIONS = {  # those whose types, functions or operators something else is made of
    "postgresql": """SELECT DISTINCT extname FROM pg_extension e
        JOIN pg_depend m ON m.refclassid = 'pg_extension'::regclass AND m.refobjid = e.oid
        JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid
        WHERE m.deptype = 'e' AND d.deptype IN ('n', 'a') AND d.classid IN ('pg_class'::regclass,
            'pg_attrdef'::regclass, 'pg_constraint'::regclass) AND NOT EXISTS (SELECT FROM pg_depend
            WHERE classid = d.classid AND objid = d.objid AND deptype = 'e') ORDER BY 1""",
}
SEQUENCES = {  # behind a default: what owns it, and is that a primary key
    "postgresql": """SELECT nspname, t.relname, attname, s.oid::regclass::text,
    EXISTS (SELECT FROM pg_depend o WHERE o.objid = s.oid AND o.refobjid = t.oid
        AND o.refobjsubid = attnum AND o.deptype = 'a'),
    EXISTS (SELECT FROM pg_index WHERE indrelid = t.oid AND indisprimary AND attnum = ANY (indkey)),
    format('AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s', seqtypid::regtype,
        seqincrement, seqmin, seqmax, seqstart, seqcache), t.oid::regclass::text
    FROM pg_attrdef d JOIN pg_class t ON t.oid = adrelid JOIN pg_namespace n ON n.oid = relnamespace
    JOIN pg_attribute a ON attrelid = t.oid AND attnum = adnum
    JOIN pg_depend p ON p.objid = d.oid AND p.classid = 'pg_attrdef'::regclass
    JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S' JOIN pg_sequence ON seqrelid = s.oid
    ORDER BY 1, 2, attnum""",
}
EXPRESSION_INDEXES = {
    "sqlite": """SELECT tbl_name, sql FROM sqlite_master m WHERE type = 'index'
    AND EXISTS (SELECT 1 FROM pragma_index_xinfo(m.name) WHERE cid = -2) ORDER BY name""",
}
LEFT_OVER = {  # a kind and a name
    "postgresql": """SELECT kind, name FROM (
        SELECT oid, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' ELSE 'FOREIGN TABLE' END AS kind, oid::regclass::text AS name
            FROM pg_class c WHERE relkind IN ('v', 'm', 'f') OR relkind = 'S' AND NOT EXISTS (
            SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i'))
        UNION ALL SELECT oid, 'PARTITION', oid::regclass || ' OF ' || inhparent::regclass
            FROM pg_inherits JOIN pg_class ON oid = inhrelid AND relkind IN ('r', 'p', 'f')
        UNION ALL SELECT oid, 'FUNCTION', oid::regprocedure::text FROM pg_proc
        UNION ALL SELECT oid, 'TYPE', oid::regtype::text FROM pg_type WHERE typtype IN ('d', 'r')
            OR typtype = 'c' AND (SELECT relkind FROM pg_class WHERE oid = typrelid) = 'c'
        UNION ALL SELECT oid, 'TRIGGER', tgname || ' ON ' || tgrelid::regclass FROM pg_trigger
            WHERE NOT tgisinternal AND tgparentid = 0
        UNION ALL SELECT oid, 'RULE', rulename || ' ON ' || ev_class::regclass FROM pg_rewrite
            WHERE rulename <> '_RETURN'
        UNION ALL SELECT oid, 'POLICY', polname || ' ON ' || polrelid::regclass FROM pg_policy
        UNION ALL SELECT oid, 'EXCLUDE', conname || ' ON ' || conrelid::regclass
            FROM pg_constraint WHERE contype = 'x'
        UNION ALL SELECT oid, 'EXTENSION', extname FROM pg_extension) AS x
        WHERE oid >= 16384 AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')""",
    "sqlite": """SELECT upper(type), name FROM sqlite_master WHERE type IN ('view', 'trigger')
        OR sql LIKE 'CREATE VIRTUAL%'""",
    "mysql": """SELECT 'VIEW', table_name FROM information_schema.views
        WHERE table_schema = database()
        UNION ALL SELECT 'TRIGGER', trigger_name FROM information_schema.triggers
        WHERE trigger_schema = database()
        UNION ALL SELECT routine_type, routine_name FROM information_schema.routines
        WHERE routine_schema = database()
        UNION ALL SELECT 'EVENT', event_name FROM information_schema.events
        WHERE event_schema = database()
        UNION ALL SELECT table_type, table_name FROM information_schema.tables
        WHERE table_schema = database() AND table_type NOT IN ('BASE TABLE', 'VIEW')""",
    "mariadb": """SELECT 'CHECK', concat(table_name, '.', constraint_name, ': ', check_clause)
        FROM information_schema.check_constraints
        WHERE constraint_schema = database() AND level = 'Column'""",
}


def rows(connection: sa.Connection, queries: dict[str, str]) -> list[Any]:
    """Return what the query for this kind of database finds; nothing where there is none."""
    names = [connection.dialect.name.replace("mariadb", "mysql")]
    names += ["mariadb"] if getattr(connection.dialect, "is_mariadb", False) else []
    asked = [queries[name] for name in names if name in queries]
    return [row for query in asked for row in connection.execute(sa.text(query))]


def read_keys_whole(dialect: Any) -> None:
    """Have SQLite's keys say what SQLAlchemy overlooks: NOT NULL, ON DELETE, ON UPDATE."""
    read_columns, read_keys = dialect.get_columns, dialect.get_foreign_keys

    def get_columns(*where: Any, **how: Any) -> Any:
        found = read_columns(*where, **how)  # a primary key without NOT NULL holds no NULL, either
        return [each | {"nullable": each["nullable"] and not each["primary_key"]} for each in found]

    def get_foreign_keys(
        connection: sa.Connection, table_name: str, schema: str | None = None, **how: Any
    ) -> Any:
        found, said = read_keys(connection, table_name, schema, **how), dict[int, Any]()
        query = sa.text("SELECT * FROM pragma_foreign_key_list(:name) ORDER BY id, seq")
        for row in connection.execute(query, {"name": table_name}).mappings():
            said.setdefault(row["id"], {**row, "of": []})["of"].append(row["from"])
        for key, each in product(found, said.values()):
            if key["constrained_columns"] == each["of"]:
                actions = {"ondelete": each["on_delete"], "onupdate": each["on_update"]}
                given = {name: action for name, action in actions.items() if action != "NO ACTION"}
                key["options"] = key["options"] | given
        return found

    dialect.get_columns, dialect.get_foreign_keys = get_columns, get_foreign_keys
