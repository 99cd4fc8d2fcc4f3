"""`alambique models`: into a project, or, of a URL that is said right behind it, to the terminal.

The second needs no project, and writes nothing: one module, with a base of its own.
"""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentParser, Namespace

from alembic.config import Config
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import DeclarativeBase

from alambique import messages
from alambique.adopt import models
from alambique.adopt.base import ProjectBase
from alambique.adopt.reflection import Reflection, chosen_tables, references
from alambique.database.engine import connect
from alambique.database.tables import ALEMBIC_TABLES
from alambique.formatting import formatted
from alambique.names import TableName
from alambique.settings import migration_url


class Base(DeclarativeBase):
    """Stands for the base that the printed module declares."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `models` takes: a URL, or what goes into a project."""
    parser.add_argument("address", nargs="?", metavar="URL", help=messages.MODELS_OF_ADDRESS)
    models.add_arguments(parser)


def run(options: Namespace) -> int:
    """Write models into the project, or print those of the URL.

    Raises:
        CommandError: sqlacodegen is missing, there is nothing to map, a file is in the way, or
            what was written cannot be imported.
        ModelImportError: a model that there is already cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    if options.address is None:
        return models.run(options)

    with warnings.catch_warnings(action="ignore", category=SAWarning):
        print(printed_models(options), end="")
    return 0


def printed_models(options: Namespace) -> str:
    """Return the source of one module of models, and say of what it lacks on the standard error.

    Raises:
        CommandError: sqlacodegen is missing, or there is nothing to map.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: the URL cannot be read.
    """
    generator = models.load_generator()
    kept_by_migrations = [TableName(name) for name in ALEMBIC_TABLES]

    with connect(migration_url(Config(), options.address)) as connection:
        schemas, asked = models.names(options.schema), models.names(options.tables)
        tables = chosen_tables(connection, schemas, asked, kept_by_migrations)
        references_of = references(connection, tables)
        found = set(references_of).union(*references_of.values())
        module = generator(
            Reflection(connection, found).copies(found),
            connection,
            ProjectBase("", Base.__name__, Base),
            tables,
            taken=set(),
        )
        source = f'"""{messages.MODELS_DOCSTRING}"""\n\n{module.generate()}'

    for column in module.unknown:
        print(messages.TYPE_NOT_CARRIED.format(name=column), file=sys.stderr)
    return formatted(source)
