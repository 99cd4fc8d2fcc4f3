"""`make models`: models written from an existing database."""

from __future__ import annotations

import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Mapping
from importlib import invalidate_caches
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SAWarning

from alambique import messages
from alambique.adopt.base import ProjectBase, project_base
from alambique.adopt.grouping import modules
from alambique.adopt.importable import why_not_importable
from alambique.adopt.reflection import chosen_tables, references, reflect
from alambique.autogenerate.discovery import project_with_policy
from alambique.database.engine import connect
from alambique.formatting import write_modules
from alambique.history.environment import hear
from alambique.names import ColumnName, TableName
from alambique.settings import alembic_config, migration_url, shown

if TYPE_CHECKING:
    from alambique.adopt.generator import Generator


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `models` takes: schemas and tables with commas between them, one module."""
    parser.add_argument("--schema")
    parser.add_argument("--tables")
    parser.add_argument("--module")


def run(options: Namespace) -> int:
    """Write models from an existing database; a file that is there stays as it is.

    Raises:
        CommandError: sqlacodegen is missing, there is nothing to map, a file is in the way, or
            what was written cannot be imported.
        ModelImportError: a model that there is already cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    # What SQLAlchemy cannot read it warns of; what of that counts is said in sentences.
    with warnings.catch_warnings(action="ignore", category=SAWarning):
        write_models(alembic_config(options.url), options)
    return 0


def write_models(config: Config, options: Namespace) -> list[TableName]:
    """Write a module of models for each group of tables that foreign keys hold together.

    Args:
        config: the command's configuration; it says which database.
        options: what `add_arguments` declares.

    Returns:
        The tables that are now mapped.

    Raises:
        CommandError: sqlacodegen is missing, there is nothing to map, a file is in the way, or
            what was written cannot be imported.
        ModelImportError: a model that there is already cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    generator = _generator()
    base = project_base()

    ours = hear(config).own_tables()
    with connect(migration_url(config)) as connection:
        tables = chosen_tables(connection, _names(options.schema), _names(options.tables), ours)
        to_write = modules(references(connection, tables), _package_folder(), options.module)
        files = ", ".join(shown(path) for path in to_write)
        _refuse_to_overwrite(to_write)

        writer = _Writer(generator, connection, base, tables)
        unknown = writer.write(to_write, relationships=True)
        if cause := why_not_importable():
            unknown = writer.write(to_write, relationships=False)
            print(messages.NO_RELATIONSHIPS.format(cause=cause))
            if cause := why_not_importable():
                raise CommandError(messages.MODELS_BROKEN.format(files=files, cause=cause))

    invalidate_caches()  # this process may import them next
    print(messages.MODELS_WRITTEN.format(count=len(tables), files=files))
    for column in unknown:
        print(messages.TYPE_UNKNOWN.format(name=column))
    return tables


class _Writer:
    """Writes modules of models from the tables of one database."""

    def __init__(
        self,
        generator: type[Generator],
        connection: Connection,
        base: ProjectBase,
        tables: Collection[TableName],
    ) -> None:
        self.generator = generator
        self.connection = connection
        self.base = base
        self.tables = tables

    def write(
        self, to_write: Mapping[Path, Collection[TableName]], relationships: bool
    ) -> list[ColumnName]:
        """Write the modules; return the columns of a type that models cannot carry.

        Raises:
            CommandError: the source cannot be formatted.
        """
        sources: dict[Path, str] = {}
        unknown: list[ColumnName] = []
        taken = self.base.class_names()
        for path, group in to_write.items():
            module = self.generator(
                reflect(self.connection, group),
                self.connection,
                self.base,
                self.tables,
                taken,
                relationships,
            )
            sources[path] = f'"""{messages.MODELS_DOCSTRING}"""\n\n{module.generate()}'
            unknown += module.unknown
        write_modules(sources)
        return unknown


def _generator() -> type[Generator]:
    """Return the generator; nothing else here needs sqlacodegen, which only developers have.

    Raises:
        CommandError: sqlacodegen is not installed.
    """
    try:
        from alambique.adopt.generator import Generator
    except ModuleNotFoundError as error:
        raise CommandError(messages.NO_SQLACODEGEN.format(cause=error)) from error
    return Generator


def _names(typed: str | None) -> list[str]:
    """Return the names in what was typed with commas between them."""
    return [name.strip() for name in (typed or "").split(",") if name.strip()]


def _package_folder() -> Path:
    """Return the folder of the package in which the project has its models."""
    here = project_with_policy()
    return here.root.joinpath(*here.models[0].split("."))


def _refuse_to_overwrite(paths: Collection[Path]) -> None:
    there = [shown(path) for path in paths if path.exists()]
    if there:
        raise CommandError(messages.FILES_THERE.format(files=", ".join(there)))
