"""How many values a change of a column's type changes: what the server makes of them tells.

A value is lost that does not come back from the new type as it was. Where no way leads back, such
as from a timestamp to the number it was made of, as many are lost as fell together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from alambique.database.aside import Aside
from alambique.names import ColumnName, TableName

# Tables and a savepoint of ours, gone before anybody else could see them.
VALUES = "alambique_values"
WAY_BACK = "alambique_way_back"

TYPE_ON_POSTGRESQL = """
SELECT format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(:table) AND attname = :column AND NOT attisdropped
"""
TYPE_ON_MYSQL = """
SELECT column_type, character_set_name, collation_name FROM information_schema.columns
WHERE table_schema = coalesce(:schema, database()) AND table_name = :table AND column_name = :column
"""
# Each value as text and how often it is there, against the same of what came back.
FELL = """
SELECT coalesce(sum(there.n - least(there.n, coalesce(back.n, 0))), 0)
FROM {there} AS there LEFT JOIN ({back}) AS back ON back.v = there.v
"""


@dataclass(frozen=True)
class Remembered:
    """The values of a column of PostgreSQL, in a table of ours until they are compared."""

    column: ColumnName
    type: str
    table: str
    """Where they are."""


class Retyping:
    """Counts the values that other types change, on one connection."""

    def __init__(self, connection: Connection) -> None:
        """Ask nothing yet.

        Args:
            connection: it may be watched, or in a transaction that is to be undone.
        """
        self._aside = Aside(connection)
        self._quote = connection.dialect.identifier_preparer.quote_identifier
        self._put_aside = 0

    # PostgreSQL: before a statement, and after it

    def remember(self, column: ColumnName) -> Remembered | None:
        """Put the values of a column aside, before a statement changes its type.

        Returns:
            What `lost` is to be given afterwards; None where there is no such column.

        Raises:
            DBAPIError: temporary tables are forbidden to this user.
        """
        table = self._table(column.table)
        found = self._aside.query(TYPE_ON_POSTGRESQL, table=table, column=column.name)
        if not found:
            return None
        self._put_aside += 1
        values, name = f"{VALUES}_{self._put_aside}", self._quote(column.name)
        self._aside.query(
            f"CREATE TEMPORARY TABLE {values} AS SELECT {name}::text AS v, count(*) AS n "
            f"FROM {table} WHERE {name} IS NOT NULL GROUP BY 1"
        )
        return Remembered(column, found[0][0], f"pg_temp.{values}")

    def lost(self, remembered: Remembered) -> int:
        """Return how many of the values that were put aside the statement has changed."""
        column = self._quote(remembered.column.name)
        values = f"FROM {self._table(remembered.column.table)} WHERE {column} IS NOT NULL"
        back = f"SELECT {column}::{remembered.type}::text AS v, count(*) AS n {values} GROUP BY 1"
        self._aside.query(f"SAVEPOINT {WAY_BACK}")
        try:
            ((lost,),) = self._aside.query(FELL.format(there=remembered.table, back=back))
        except DBAPIError:
            self._aside.query(f"ROLLBACK TO SAVEPOINT {WAY_BACK}")
            ((lost,),) = self._aside.query(
                f"SELECT greatest(0, (SELECT count(*) FROM {remembered.table}) "
                f"- (SELECT count(DISTINCT {column}::text) {values}))"
            )
        self._aside.query(f"RELEASE SAVEPOINT {WAY_BACK}")
        self._aside.query(f"DROP TABLE {remembered.table}")
        return int(lost)

    # SQLite: a table made anew, beside the one it was copied from

    def lost_in_copy(
        self, source: TableName, table: TableName, columns: Mapping[str, str]
    ) -> dict[str, int]:
        """Return how many values a copy of a table has changed, by the column of the source.

        Args:
            source: the table that was copied.
            table: the one made anew.
            columns: from a column's name there to the one in the source.
        """
        before, after = self._declared(source), self._declared(table)
        return {
            old: self._lost_in_column(source.column(old), table.column(new), _affinity(before[old]))
            for new, old in columns.items()
            if old in before and new in after and before[old] != after[new]
        }

    def _lost_in_column(self, old: ColumnName, new: ColumnName, affinity: str) -> int:
        was, now = self._quote(old.name), self._quote(new.name)
        rows = f"FROM {self._table(new.table)} WHERE {now} IS NOT NULL GROUP BY 1"
        there = (
            f"(SELECT CAST({was} AS TEXT) AS v, count(*) AS n "
            f"FROM {self._table(old.table)} WHERE {was} IS NOT NULL GROUP BY 1)"
        )
        # What was kept whole came back as it is; a number may have to be one of the old kind.
        kept = f"SELECT CAST({now} AS TEXT) AS v, count(*) AS n {rows}"
        back = f"SELECT CAST(CAST({now} AS {affinity}) AS TEXT) AS v, count(*) AS n {rows}"
        ((lost,),) = self._aside.query(
            "SELECT coalesce(sum(there.n - min(there.n, max(coalesce(kept.n, 0), "
            f"coalesce(back.n, 0)))), 0) FROM {there} AS there "
            f"LEFT JOIN ({kept}) AS kept ON kept.v = there.v "
            f"LEFT JOIN ({back}) AS back ON back.v = there.v"
        )
        return int(lost)

    def _declared(self, table: TableName) -> dict[str, str]:
        """Return the types of a table's columns, in capitals."""
        rows = self._aside.query(
            "SELECT name, upper(type) FROM pragma_table_xinfo(:name, :schema)",
            name=table.name,
            schema=table.schema or "main",
        )
        return {name: declared for name, declared in rows}

    # MySQL: values tried in a table of ours

    def lost_in(self, column: ColumnName, type_: str) -> int:
        """Return how many values of a column another type would change; none where it is refused.

        Args:
            column: as it is.
            type_: the other type, as a statement writes it.

        Raises:
            DBAPIError: temporary tables are forbidden to this user.
        """
        found = self._aside.query(
            TYPE_ON_MYSQL,
            schema=column.table.schema,
            table=column.table.name,
            column=column.name,
        )
        if not found or _spelled(found[0][0]) == _spelled(type_):
            return 0
        declared, character_set, collation = found[0]
        text = f" CHARACTER SET {character_set} COLLATE {collation}" if character_set else ""

        name, table = self._quote(column.name), self._table(column.table)
        self._aside.query(
            f"CREATE TEMPORARY TABLE {VALUES} "
            f"SELECT {name} AS v, {name} AS w FROM {table} WHERE {name} IS NOT NULL"
        )
        try:
            self._aside.query(f"ALTER TABLE {VALUES} MODIFY w {type_}")
            return self._lost_on_the_way_back(f"{declared}{text}")
        except DBAPIError:  # the statement itself will be refused
            return 0
        finally:
            self._aside.query(f"DROP TEMPORARY TABLE {VALUES}")

    def _lost_on_the_way_back(self, declared: str) -> int:
        try:
            self._aside.query(f"ALTER TABLE {VALUES} MODIFY w {declared}")
        except DBAPIError:
            ((fell,),) = self._aside.query(
                f"SELECT count(DISTINCT BINARY v) - count(DISTINCT BINARY w) FROM {VALUES}"
            )
            return max(0, int(fell))
        ((lost,),) = self._aside.query(f"SELECT count(*) FROM {VALUES} WHERE BINARY v <> BINARY w")
        return int(lost)

    def _table(self, table: TableName) -> str:
        parts = [table.schema, table.name] if table.schema else [table.name]
        return ".".join(self._quote(part) for part in parts)


def _spelled(type_: str) -> str:
    return "".join(type_.lower().split())


def _affinity(declared: str) -> str:
    """Return what SQLite makes of a type's name: https://www.sqlite.org/datatype3.html, 3.1."""
    if "INT" in declared:
        return "INTEGER"
    if any(part in declared for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if "BLOB" in declared or not declared:
        return "BLOB"
    if any(part in declared for part in ("REAL", "FLOA", "DOUB")):
        return "REAL"
    return "NUMERIC"
