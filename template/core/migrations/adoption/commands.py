"""An existing database comes aboard: its models, a first revision, and nothing but a stamp."""

import keyword
import re
import subprocess
import sys
import warnings
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import URL

from core import ROOT, database_url
from core.migrations import (
    alembic_config,
    apply_migrations,
    confirmed,
    create_migration,
    messages,
)
from core.migrations.adoption.baseline import complete, whole_baseline, write
from core.migrations.adoption.legacy import (
    Key,
    carried,
    chosen,
    differences,
    groups,
    left_over,
    read,
    references,
    text,
)
from core.migrations.connection import connect, scratch_database
from core.migrations.review import ascii_only
from core.migrations.status import current_heads, status
from core.policy import MODEL_PACKAGES

TRY = """
from sqlalchemy.orm import configure_mappers
from core.migrations.models import load_metadata
try:
    load_metadata(), configure_mappers()
except Exception as error:
    raise SystemExit(f"{type(error).__name__}: {error}")
"""


def models(options: Namespace) -> int:
    """Write models from an existing database; a file that is there stays as it is."""
    warnings.simplefilter("ignore", sa.exc.SAWarning)
    write_models(database_url(options.url), options)
    return 0


def adopt(options: Namespace) -> int:
    """Bring a database aboard: models, a first revision that rebuilds it, and, asked, a stamp."""
    warnings.simplefilter("ignore", sa.exc.SAWarning)  # what SQLAlchemy cannot read is said below
    url = database_url(options.url)
    if ScriptDirectory.from_config(alembic_config()).get_heads():
        raise CommandError(messages.HISTORY_THERE)
    found = current_heads(url)
    if found:
        raise CommandError(messages.OTHER_HISTORY.format(revisions=", ".join(found)))
    with scratch_database(url) as scratch:  # first of all: may we make one?
        tables = write_models(url, options)
        with connect(url) as connection:
            needed = carried(connection, tables)
            left = [name for name in left_over(connection) if name not in needed.made]
        with whole_baseline(url, {text(key) for key in tables}) as late:
            path = Path(str(create_migration(messages.BASELINE, url=scratch)))
            complete(path, needed, late, left)
    with scratch_database(url) as replay:
        try:
            apply_migrations("head", replay)
        except (CommandError, sa.exc.SQLAlchemyError) as error:
            raise CommandError(messages.NOT_REBUILT.format(path=path, cause=error)) from error
        rebuilt = status(alembic_config(replay), replay)
        differ = differences(url, replay, tables)
    print(messages.REPLAYED.format(path=path, sentence=rebuilt.sentence))
    print("\n".join([messages.DIFFER, *differ]) if differ else messages.SAME)
    if left:
        print("\n".join([messages.LEFT_OVER, *(f"  {name}" for name in left)]))
    if not (options.yes or confirmed(messages.ASK_STAMP.format(url=url))):
        print(messages.NOT_STAMPED, file=sys.stderr)
        return 1
    command.stamp(alembic_config(url), "head")
    reached = status(alembic_config(url), url)
    print(reached.sentence)
    return reached.state


def write_models(url: URL, options: Namespace) -> list[Key]:
    """Write a module of models for each group of tables that foreign keys hold together.

    Returns:
        The tables that are now mapped.

    Raises:
        CommandError: sqlacodegen is missing, there is nothing to map, a file is in the way, or
            what was written cannot be imported.
    """
    try:
        import sqlacodegen  # noqa: F401
    except ModuleNotFoundError as error:
        raise CommandError(messages.NO_SQLACODEGEN.format(cause=error)) from error
    with connect(url) as connection:
        tables = chosen(connection, options.schema, options.tables)
        modules = dict(_modules(references(connection, tables), options.module))
        there = [str(path) for path in modules if path.exists()]
        if there:
            raise CommandError(messages.FILES_THERE.format(files=", ".join(there)))
        files = ", ".join(str(path.relative_to(ROOT)) for path in modules)
        unknown = _write(connection, modules, tables, relationships=True)
        if cause := _not_importable():
            unknown = _write(connection, modules, tables, relationships=False)
            print(messages.NO_RELATIONSHIPS.format(cause=cause))
            if cause := _not_importable():
                raise CommandError(messages.MODELS_BROKEN.format(files=files, cause=cause))
    invalidate_caches()
    print(messages.MODELS_WRITTEN.format(count=len(tables), files=files))
    for name in unknown:
        print(messages.TYPE_UNKNOWN.format(name=name))
    return tables


def _modules(refers: dict[Key, list[Key]], module: str | None) -> Iterator[tuple[Path, list[Key]]]:
    folder = ROOT / MODEL_PACKAGES[0].replace(".", "/")
    if module is not None:
        if not module.isidentifier():
            raise CommandError(messages.NO_MODULE_NAME.format(name=module))
        yield folder / module / "models.py", sorted({*refers}.union(*refers.values()), key=text)
        return
    referred = Counter(other for one, others in refers.items() for other in others if other != one)
    taken = set[str]()
    for group in groups(refers):
        first = max((key for key in group if key in refers), key=lambda key: referred[key])
        name = module_name(first[1])
        while name in taken:
            name = f"{module_name(first[0] or '')}_{name}" if first[0] else f"{name}_"
        taken.add(name)
        yield folder / name / "models.py", group


def module_name(table: str) -> str:
    """Return a table's name as one that a folder, and Python, can carry."""
    name = re.sub(r"\W+", "_", ascii_only(table)).strip("_").lower()
    return f"{name}_" if keyword.iskeyword(name) else name if name.isidentifier() else f"t_{name}"


def _write(
    connection: sa.Connection,
    modules: dict[Path, list[Key]],
    tables: list[Key],
    relationships: bool,
) -> list[str]:
    from core.migrations.adoption.codegen import Generator, class_names

    unknown, taken, ours = list[str](), class_names(), {text(key) for key in tables}
    sources: dict[Path, str] = {}
    for path, group in modules.items():
        generator = Generator(read(connection, group), connection, ours, taken, relationships)
        sources[path] = f'"""{messages.MODELS_DOCSTRING}"""\n\n{generator.generate()}'
        unknown += generator.unknown
    write(sources)
    return unknown


def _not_importable() -> str:
    done = subprocess.run([sys.executable, "-c", TRY], cwd=ROOT, capture_output=True, text=True)
    return done.stderr.strip()[-2000:] if done.returncode else ""
