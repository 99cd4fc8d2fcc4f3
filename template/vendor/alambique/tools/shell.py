"""`make shell`: Python with the models and a session at hand."""

from __future__ import annotations

import argparse
import code
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine
from sqlalchemy.orm import Mapper, Session

from alambique import messages
from alambique.autogenerate.discovery import load_metadata
from alambique.database.errors import opening
from alambique.settings import alembic_config, migration_url, shown_url, sync_driver


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no argument."""


def run(options: argparse.Namespace) -> int:
    """Read Python from the terminal, or from standard input, until it ends.

    The session is a synchronous one, whatever the service uses: nothing has to be awaited.

    Raises:
        ModelImportError: a model cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    url = migration_url(alembic_config(options.url))
    models = mapped_classes(load_metadata())
    engine = _engine(url)
    with opening(url), engine.connect():
        pass

    with Session(engine) as session:
        names = {"sa": sa, "select": sa.select, "engine": engine, "session": session, **models}
        shown = ", ".join(models) or "-"
        _interact(messages.SHELL.format(url=shown_url(url), models=shown), names)
    engine.dispose()
    return 0


def mapped_classes(models: Sequence[sa.MetaData]) -> dict[str, type]:
    """Return the classes that map tables of these, by name; where two share one, either.

    Args:
        models: all metadata, of modules that are imported.
    """
    found: dict[str, type] = {}
    for module in list(sys.modules.values()):
        for value in list(vars(module).values()):
            mapper = sa.inspect(value, raiseerr=False) if isinstance(value, type) else None
            if isinstance(mapper, Mapper) and mapper.local_table.metadata in models:
                found[value.__name__] = value
    return dict(sorted(found.items()))


def _engine(url: URL) -> Engine:
    engine = sa.create_engine(sync_driver(url))
    if engine.dialect.name == "sqlite":  # as the service has it

        @sa.event.listens_for(engine, "connect")
        def enforce_foreign_keys(connection: Any, _: object) -> None:
            connection.execute("PRAGMA foreign_keys=ON")

    return engine


def _interact(banner: str, names: dict[str, Any]) -> None:
    """Use IPython where it is installed, and somebody is there to see it."""
    if sys.stdin is not None and sys.stdin.isatty():
        if find_spec("IPython") is not None:
            print(banner)
            import_module("IPython").start_ipython(argv=[], user_ns=names)
            return
        with suppress(ImportError):  # there is none on every system
            import_module("readline").set_completer(
                import_module("rlcompleter").Completer(names).complete
            )
            import_module("readline").parse_and_bind("tab: complete")
    code.interact(banner, local=names, exitmsg="")
