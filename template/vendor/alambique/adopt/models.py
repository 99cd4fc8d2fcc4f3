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
from alambique.adopt.grouping import files, modules
from alambique.adopt.importable import importer
from alambique.adopt.made import MadeFiles, ToBeMended, taken_back
from alambique.adopt.reflection import Reflection, chosen_tables, references
from alambique.autogenerate.discovery import load_metadata, project_with_policy
from alambique.autogenerate.mapped import mapped_names
from alambique.database.engine import connect
from alambique.formatting import write_modules
from alambique.history.environment import hear
from alambique.names import ColumnName, TableName
from alambique.settings import alembic_config, migration_url, project, shown

if TYPE_CHECKING:
    from alambique.adopt.generator import Generator


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `models` takes: schemas and tables with commas between them, one module."""
    for name in ("schema", "tables", "module"):
        value, said = messages.PLACEHOLDERS[name], messages.OPTIONS[name]
        parser.add_argument(f"--{name}", metavar=value, help=said)


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
    with warnings.catch_warnings(action="ignore", category=SAWarning), taken_back() as made:
        write_models(alembic_config(options.url), options, made)
    return 0


def write_models(config: Config, options: Namespace, made: MadeFiles) -> list[TableName]:
    """Write a module of models for each group of tables that foreign keys hold together.

    Args:
        config: the command's configuration; it says which database.
        options: what `add_arguments` declares.
        made: where the files are noted.

    Returns:
        The tables that are now mapped.

    Raises:
        CommandError: sqlacodegen is missing, there is nothing to map, or a file is in the way.
        ToBeMended: what was written cannot be imported.
        ModelImportError: a model that there is already cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    with importer() as why_not_importable:
        generator = load_generator()
        base = project_base()

        ours = hear(config).own_tables()
        with connect(migration_url(config)) as connection:
            left_out = ours | mapped_names(load_metadata(), connection.dialect.default_schema_name)
            asked = names(options.tables)
            tables = chosen_tables(connection, names(options.schema), asked, left_out)
            referred = references(connection, tables)
            found = modules(referred, _package_folder(), options.module)
            reflection = Reflection(
                connection, {each for group in found.values() for each in group}
            )
            together = {} if options.module else reflection.links_to_one()
            to_write = {
                path: {path: group} if options.module else files(path, group, referred, together)
                for path, group in found.items()
            }
            said = ", ".join(map(shown, to_write))
            _refuse_to_overwrite(to_write)
            made.add(*(file for path, parts in to_write.items() for file in _written(path, parts)))

            writer = _Writer(generator, connection, base, tables, reflection)
            unknown = writer.write(to_write, relationships=True)
            if cause := why_not_importable():
                unknown = writer.write(to_write, relationships=False)
                print(messages.NO_RELATIONSHIPS.format(cause=cause))
                if cause := why_not_importable():
                    raise ToBeMended(messages.MODELS_BROKEN.format(files=said, cause=cause))

    invalidate_caches()  # this process may import them next
    print(messages.MODELS_WRITTEN.format(count=len(tables), files=said))
    if unknown:
        print(messages.TYPE_UNKNOWN.format(name=", ".join(map(str, sorted(unknown)))))
    return tables


class _Writer:
    """Writes modules of models from the tables of one database."""

    def __init__(
        self,
        generator: type[Generator],
        connection: Connection,
        base: ProjectBase,
        tables: Collection[TableName],
        reflection: Reflection,
    ) -> None:
        self.generator = generator
        self.connection = connection
        self.reflection = reflection
        self.base = base
        self.tables = tables

    def write(
        self, to_write: Mapping[Path, Mapping[Path, Collection[TableName]]], relationships: bool
    ) -> list[ColumnName]:
        """Write the modules; return the columns of a type that models cannot carry.

        Raises:
            CommandError: the source cannot be formatted.
        """
        sources: dict[Path, str] = {}
        unknown: list[ColumnName] = []
        taken = self.base.class_names()
        for path, parts in to_write.items():
            module = self.generator(
                self.reflection.copies(table for part in parts.values() for table in part),
                self.connection,
                self.base,
                self.tables,
                taken,
                relationships,
            )
            if path in parts:
                sources[path] = module.generate()
            else:
                sources |= _package(path, parts, module)
            unknown += module.unknown
        write_modules(
            {path: f'"""{messages.MODELS_DOCSTRING}"""\n\n{each}' for path, each in sources.items()}
        )
        return unknown


def _package(
    path: Path, parts: Mapping[Path, Collection[TableName]], module: Generator
) -> dict[Path, str]:
    """Return the sources of a package, which has in it what is in its files."""
    dotted = {_dotted(file): file for file in parts}
    written = module.written_apart({name: parts[file] for name, file in dotted.items()})

    imports = [f"from {name} import {', '.join(each.names)}" for name, each in written.items()]
    everything = sorted(name for each in written.values() for name in each.names)
    found = {dotted[name]: each.source for name, each in written.items()}
    found[_init(path)] = "\n".join([*imports, "", f"__all__ = {everything!r}"])
    return found


def _init(path: Path) -> Path:
    """Return the file that makes a package of a module's name."""
    return path.with_suffix("") / "__init__.py"


def _dotted(file: Path) -> str:
    return ".".join(file.relative_to(project().root).with_suffix("").parts)


def load_generator() -> type[Generator]:
    """Return the generator; nothing else needs sqlacodegen, which only developers have.

    Raises:
        CommandError: sqlacodegen is not installed.
    """
    try:
        from alambique.adopt.generator import Generator
    except ModuleNotFoundError as error:
        raise CommandError(messages.NO_SQLACODEGEN.format(cause=error)) from error
    return Generator


def names(typed: str | None) -> list[str]:
    """Return the names in what was typed with commas between them."""
    return [name.strip() for name in (typed or "").split(",") if name.strip()]


def _package_folder() -> Path:
    """Return the folder of the package in which the project has its models."""
    here = project_with_policy()
    return here.root.joinpath(*here.models[0].split("."))


def _written(path: Path, parts: Collection[Path]) -> list[Path]:
    """Return the files that a module is written to."""
    return [path] if path in parts else [*parts, _init(path)]


def _refuse_to_overwrite(modules: Collection[Path]) -> None:
    """Refuse where a file has one of these names, or a package, which Python would take instead."""
    both = [each for path in modules for each in (path, path.with_suffix(""))]
    there = [shown(path) for path in both if path.exists()]
    if there:
        raise CommandError(messages.FILES_THERE.format(files=", ".join(there)))
