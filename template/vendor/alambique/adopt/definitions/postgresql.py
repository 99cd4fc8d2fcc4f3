"""PostgreSQL's own words: its catalogs, by the functions that pg_dump prints with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from alambique.adopt.definitions import postgresql_queries as queries
from alambique.adopt.definitions.definition import Definition
from alambique.adopt.definitions.order import in_order
from alambique.names import TableName

# Something in a catalog: the catalog's name, and the number in it.
Address = tuple[str, int]

# What comes first where neither needs the other.
ORDER = [
    "EXTENSION",
    "COLLATION",
    "TYPE",
    "DOMAIN",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH CONFIGURATION",
    "FUNCTION",
    "PROCEDURE",
    "AGGREGATE",
    "OPERATOR",
    "SEQUENCE",
    "TABLE",
    "OWNED BY",
    "COLUMN",
    "KEY",
    "CONSTRAINT",
    "INDEX",
    "PARTITION",
    "FOREIGN KEY",
    "STATISTICS",
    "VIEW",
    "MATERIALIZED VIEW",
    "RULE",
    "TRIGGER",
    "POLICY",
    "SETTING",
    "COMMENT",
]

DROPPED = {
    "COLLATION",
    "TYPE",
    "DOMAIN",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH CONFIGURATION",
    "FUNCTION",
    "PROCEDURE",
    "AGGREGATE",
    "OPERATOR",
    "SEQUENCE",
    "TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
}

HANGING = {"POLICY", "RULE", "TRIGGER"}

# The kinds of constraints that another name here tells apart.
CONSTRAINTS = {"f": "FOREIGN KEY", "p": "KEY", "u": "KEY", "x": "KEY"}


def read(connection: Connection) -> list[Definition]:
    """Return all that a database of PostgreSQL is made of, in an order in which it can be made."""
    # So that every name is said with its schema, whatever the role's search_path.
    connection.execute(sa.text("SELECT set_config('search_path', 'pg_catalog', true)"))
    return _Reader(connection).all()


@dataclass
class _Found:
    """A definition, with the address it is known by."""

    address: Address
    definition: Definition
    needs: set[Address] = field(default_factory=set)


class _Reader:
    """Reads one database."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.default_schema = connection.dialect.default_schema_name
        self.found: dict[Address, _Found] = {}
        self.extra: list[_Found] = []
        self.of_extension = {
            (catalog, number): ("pg_extension", extension)
            for catalog, number, extension in self.rows(queries.EXTENSION_MEMBERS)
        }
        self.within = {
            (catalog, number): (outer, outer_number)
            for catalog, number, outer, outer_number in self.rows(queries.WITHIN)
        }
        self.columns = self._columns()

    def rows(self, query: str) -> list[Any]:
        """Return what a query finds."""
        return list(self.connection.execute(sa.text(query.replace("::", "\\:\\:"))))

    def all(self) -> list[Definition]:
        """Return every definition, each after what it needs."""
        for row in self.rows(queries.EXTENSIONS):
            create = f"CREATE EXTENSION IF NOT EXISTS {row.name} WITH SCHEMA {row.nspname}"
            made = Definition("EXTENSION", row.name, create, schema=row.schema)
            self.add(("pg_extension", row.oid), made)  # others may need it longer: it stays

        self._plain(queries.COLLATIONS)
        self._plain(queries.TYPES)
        self._plain(queries.DICTIONARIES)
        self._plain(queries.CONFIGURATIONS)
        self._plain(queries.ROUTINES)
        self._plain(queries.AGGREGATES)
        self._plain(queries.OPERATORS)
        self._tables()
        self._plain(queries.SEQUENCES)
        self._plain(queries.VIEWS)
        self._constraints()
        self._hanging(queries.INDEXES)
        self._hanging(queries.STATISTICS)
        self._hanging(queries.RULES)
        self._hanging(queries.TRIGGERS)
        self._hanging(queries.POLICIES)
        self._more(queries.OWNED_BY)
        self._more(queries.PARTITIONS)
        self._more(queries.SETTINGS)
        self._more(queries.MAPPINGS)
        self._more(queries.COMMENTS)
        self._plain(queries.OTHERS)
        self._needs()
        return [each.definition for each in self._in_order()]

    def add(self, address: Address, definition: Definition) -> None:
        """Take a definition, unless an extension brings it."""
        if address not in self.of_extension:
            self.found[address] = _Found(address, definition)

    def _columns(self) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = defaultdict(list)
        for row in self.rows(queries.COLUMNS):
            found[row.attrelid].append(row)
        return found

    def _plain(self, query: str) -> None:
        """Add what stands by itself."""
        for row in self.rows(query):
            kind = row.kind
            drop = f"DROP {kind} IF EXISTS {row.identity}" if kind in DROPPED else ""
            made = Definition(
                kind, row.identity, row.definition or "", drop=drop, schema=row.schema
            )
            self.add((row.catalog, row.oid), made)

    def _tables(self) -> None:
        for row in self.rows(queries.TABLES):
            table = TableName(row.relname, row.nspname).within(self.default_schema)
            local = [each for each in self.columns[row.oid] if each.is_local or row.is_partition]
            columns = tuple((each.name, _column(each)) for each in local)
            inside = "".join(f"\n    {text}," for _, text in columns).removesuffix(",")
            made = Definition(
                "TABLE",
                row.identity,
                f"CREATE {row.before}TABLE {row.identity} ({inside}\n){row.after}",
                table=table,
                drop=f"DROP TABLE IF EXISTS {row.identity}",
                schema=row.nspname,
                # A table without columns is one, too.
                columns=columns or (("", ""),),
                options=f"{row.before}{row.after}".strip(),
            )
            self.add(("pg_class", row.oid), made)

    def _constraints(self) -> None:
        for row in self.rows(queries.CONSTRAINTS):
            kind = CONSTRAINTS.get(row.contype, "CONSTRAINT")
            only = "" if row.contype == "c" else "ONLY "
            create = f"ALTER TABLE {only}{row.owner} ADD CONSTRAINT {row.name} {row.definition}"
            drop = ""
            if row.contype == "f":  # it would keep what it refers to from being dropped
                drop = f"ALTER TABLE {row.owner} DROP CONSTRAINT IF EXISTS {row.name}"
            self._add_hanging(row, kind, f"{row.owner}.{row.name}", create, drop)

    def _hanging(self, query: str) -> None:
        """Add what hangs on a table, and goes with it."""
        for row in self.rows(query):
            # Another table that it speaks of could not be dropped before its own.
            drop = f"DROP {row.kind} IF EXISTS {row.identity}" if row.kind in HANGING else ""
            self._add_hanging(row, row.kind, row.identity, row.definition, drop)

    def _add_hanging(self, row: Any, kind: str, name: str, create: str, drop: str = "") -> None:
        owner = self.found.get(("pg_class", row.relation))
        if owner is None:
            return
        of = owner.definition
        made = Definition(kind, name, create, table=of.table, drop=drop, schema=of.schema)
        self.add((row.catalog, row.oid), made)
        if (row.catalog, row.oid) in self.found:
            self.found[row.catalog, row.oid].needs.add(owner.address)

    def _more(self, query: str) -> None:
        """Add what is said of something else, and is in no catalog by itself."""
        for row in self.rows(query):
            addresses = [(row.catalog, row.oid)]
            if row.other is not None:
                addresses.append(("pg_class", row.other))
            about = [self.found.get(self._node(each)) for each in addresses]
            if not about or any(each is None for each in about):
                continue
            first = about[0]
            assert first is not None
            of = first.definition
            made = Definition(row.kind, row.identity, row.definition, of.table, schema=of.schema)
            needs = {each.address for each in about if each is not None}
            self.extra.append(_Found(("", len(self.extra)), made, needs))
            if row.kind == "OWNED BY":
                self._go_with(addresses[1], addresses[0])

    def _go_with(self, sequence: Address, table: Address) -> None:
        """Have an owned sequence belong to its table."""
        there, owner = self.found.get(sequence), self.found.get(table)
        if there is not None and owner is not None:
            there.definition = replace(there.definition, table=owner.definition.table)

    def _node(self, address: Address) -> Address:
        """Return what makes an address: itself, what it is a part of, or an extension."""
        seen = address
        while seen not in self.found and seen in self.within:
            seen = self.within[seen]
        return self.of_extension.get(seen, seen)

    def _needs(self) -> None:
        for catalog, number, other, other_number in self.rows(queries.DEPENDENCIES):
            one, needed = self._node((catalog, number)), self._node((other, other_number))
            if one != needed and one in self.found and needed in self.found:
                self.found[one].needs.add(needed)

    def _in_order(self) -> Iterator[_Found]:
        """Yield each after what it needs, and otherwise in the order of the kinds."""
        every = {each.address: each for each in [*self.found.values(), *self.extra]}
        keys = {address: each.definition.key for address, each in every.items()}
        places = {address: (*_place(each), address) for address, each in every.items()}

        for address in in_order(places, {each.address: each.needs for each in every.values()}):
            found = every[address]
            needs = frozenset(keys[each] for each in found.needs if each in keys)
            found.definition = replace(found.definition, needs=needs)
            yield found


def _place(found: _Found) -> tuple[int, str]:
    kind = found.definition.kind
    return (ORDER.index(kind) if kind in ORDER else len(ORDER), found.definition.name)


def _column(row: Any) -> str:
    """Return what CREATE TABLE says of a column."""
    said: Sequence[str | None] = [
        row.name,
        row.type,
        row.collation and f"COLLATE {row.collation}",
        row.generated and f"GENERATED ALWAYS AS ({row.generated}) STORED",
        row.default and f"DEFAULT {row.default}",
        row.identity,
        "NOT NULL" if row.attnotnull else None,
    ]
    return " ".join(_there(said))


def _there(said: Iterable[str | None]) -> Iterator[str]:
    return (each for each in said if each)
