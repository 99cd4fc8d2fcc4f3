"""What a database needs besides its tables, and what of it no revision from models makes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import URL, Connection

from alambique.adopt import catalog
from alambique.adopt.catalog import CatalogObject, SequenceDefault
from alambique.database.engine import connect
from alambique.names import TableName


@dataclass
class ExtraDDL:
    """Statements for what models cannot say and the tables cannot do without."""

    before: list[str] = field(default_factory=list)
    """What the tables need to be there."""

    after: list[str] = field(default_factory=list)
    """What needs the tables to be there."""

    undo: list[str] = field(default_factory=list)
    """What takes it away again, once the tables are gone."""

    makes: list[CatalogObject] = field(default_factory=list)
    left_over: list[CatalogObject] = field(default_factory=list)
    """What else the database has, and these statements do not make."""


def read_extra_ddl(url: URL, tables: Collection[TableName]) -> ExtraDDL:
    """Return what makes extensions, sequences behind defaults, SQLite's indexes on expressions.

    Args:
        url: the database that has them.
        tables: the tables that are made from models.

    Raises:
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """
    found = ExtraDDL()
    with connect(url) as connection:
        for extension in catalog.extensions(connection):
            # Nothing undoes it: others may need it longer.
            found.before.append(f'CREATE EXTENSION IF NOT EXISTS "{extension}"')
            found.makes.append(CatalogObject("EXTENSION", extension))

        for default in catalog.sequence_defaults(connection):
            comes_with_its_table = default.is_owned and default.is_in_primary_key
            if default.table in tables and not comes_with_its_table:
                _add_sequence(found, connection, default)

        for table, create_index in catalog.expression_indexes(connection):
            if table in tables:
                found.after.append(create_index)

        made = set(found.makes)
        found.left_over = [each for each in catalog.no_models(connection) if each not in made]
    return found


def _add_sequence(found: ExtraDDL, connection: Connection, default: SequenceDefault) -> None:
    sequence = default.sequence
    found.before.append(f"CREATE SEQUENCE IF NOT EXISTS {sequence} {default.options}")
    found.makes.append(CatalogObject("SEQUENCE", sequence))
    found.undo.append(f"DROP SEQUENCE IF EXISTS {sequence}")

    if default.is_owned:
        table = default.quoted_table
        column = connection.dialect.identifier_preparer.quote(default.column)
        found.after.append(f"ALTER TABLE {table} ALTER {column} SET DEFAULT nextval('{sequence}')")
        found.after.append(f"ALTER SEQUENCE {sequence} OWNED BY {table}.{column}")
