"""What env.py calls: here the parts of the library come together for one command of Alembic's."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from alembic import context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory, write_hooks
from alembic.util import CommandError
from sqlalchemy import MetaData
from sqlalchemy.engine import URL, Connection

from alambique import private
from alambique.autogenerate.directives import review
from alambique.autogenerate.filters import Ownership
from alambique.autogenerate.plugin import PLUGINS
from alambique.autogenerate.rendering import render_item
from alambique.database.capabilities import capabilities
from alambique.database.engine import IN_MEMORY, connect
from alambique.database.sqlite import check_foreign_keys
from alambique.formatting import format_python
from alambique.history.manifest import write_manifest
from alambique.history.source import created_tables
from alambique.history.status import unknown_revision
from alambique.settings import InvalidSetting, migration_url, use_project
from alambique.terminal import log_to_terminal
from alambique.upgrade.journal import with_journal
from alambique.upgrade.lock import has_work, one_at_a_time
from alambique.upgrade.retry import retry_when_busy


def run_migrations(**options: Any) -> None:
    """Run the command that Alembic was asked for; env.py is this call.

    The project is the folder of the alembic.ini that the command reads, the database the one that
    `settings.migration_url` finds, or the connection in `config.attributes["connection"]`.

    Args:
        options: what `context.configure` is given instead of, or besides, what `default_options`
            returns. Some add to ours and take nothing away: what `include_name` and
            `include_object` leave out is left out besides, a function in `on_version_apply` is
            called after ours, `template_args` join ours. `target_metadata` stands for the models
            that the library would find.

    Raises:
        CommandError: there is no such revision, the database is at one that the history lacks, it
            refused a statement, an interrupted revision cannot be finished, or a revision would
            lose data that nobody gave up; typed as a command, also what is an InvalidSetting
            elsewhere.
        LockTimeout: another migrator, or a long query, held the database for too long.
        ModelImportError: a model cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = context.config
    is_typed = _is_typed(config.cmd_opts)
    if is_typed:  # an application keeps its own logging
        log_to_terminal(logging.INFO)

    try:
        if config.config_file_name is not None:
            use_project(Path(config.config_file_name).parent)
        _register_write_hooks(config)

        if context.is_offline_mode():
            _print_sql(config, options)
        else:
            _run(config, options)
    except InvalidSetting as error:
        if is_typed:  # Alembic shows a sentence of these only
            raise CommandError(str(error)) from error
        raise


def default_options(ours: Ownership, backend: str) -> dict[str, Any]:
    """Return what `context.configure` is given unless the caller says otherwise.

    Args:
        ours: which tables are compared.
        backend: the kind of database, as SQLAlchemy names it.

    Raises:
        CommandError: it is none that migrations know.
    """
    return {
        # Only tables that are ours are read and compared,
        "include_name": ours.include_name,
        # and of them nothing that is marked skip_autogenerate, a view, or not for this database.
        "include_object": ours.include_object,
        # A generated revision is looked at once more: what would lose data needs consent.
        "process_revision_directives": review,
        # Types and defaults are compared, too, defaults in the database's own words,
        "compare_type": True,
        "compare_server_default": True,
        "autogenerate_plugins": PLUGINS,
        # and types are written without importing the application's.
        "render_item": render_item,
        # SQLite alters a table by making it anew; elsewhere a batch is plain ALTER TABLE.
        "render_as_batch": True,
        # Each revision is a transaction, whole or not at all, where the database can do that.
        "transaction_per_migration": True,
        "transactional_ddl": capabilities(backend).transactional_ddl,
        # In that transaction, rows of SQLite that refer to nothing undo the revision.
        "on_version_apply": check_foreign_keys,
        # What script.py.mako knows of, and most revisions do not have.
        "template_args": {"notes": "", "replaces": ()},
    }


def needs_database(options: Namespace | None) -> bool:
    """Tell whether the command typed needs a connection.

    An empty revision or a plain history does not, though `revision_environment` in alembic.ini
    sends them through env.py.

    Args:
        options: the command's, as `config.cmd_opts` has them.
    """
    said = vars(options) if options else {}
    if "indicate_current" in said:
        return bool(said["indicate_current"]) or "current" in (said.get("rev_range") or "")
    return said.get("autogenerate") is not False


def _is_typed(options: Namespace | None) -> bool:
    """Tell whether the command comes from Alembic's command line, not from Python."""
    return options is not None and "cmd" in vars(options)


def _register_write_hooks(config: Config) -> None:
    """Register what alembic.ini names for a revision that was written."""

    @write_hooks.register("ruff")
    def format_revision(path: str, options: Mapping[str, Any]) -> None:
        format_python(path)

    @write_hooks.register("history")
    def note_revision(path: str, options: Mapping[str, Any]) -> None:
        write_manifest(config)


def _print_sql(config: Config, options: Mapping[str, Any]) -> None:
    """Print the SQL instead of running it."""
    url = migration_url(config)
    ours = _ownership(context.script)
    _configure(
        ours,
        url.get_backend_name(),
        {"literal_binds": True, "dialect_opts": {"paramstyle": "named"}, **options, "url": url},
    )
    with context.begin_transaction():
        retry_when_busy(context.get_context(), context.run_migrations)


def _run(config: Config, options: Mapping[str, Any]) -> None:
    """Run on one connection: one migrator at a time, each revision whole or resumable."""
    given: Connection | None = config.attributes.get("connection")
    ours = _ownership(context.script)

    with connect(_target(config, given), given) as connection:
        steps = with_journal(private.steps_of_command())
        target = {"connection": connection, "fn": steps}
        migration = _configure(ours, connection.dialect.name, {**options, **target})

        with ExitStack() as held:
            if _has_work(migration, context.script):
                held.enter_context(one_at_a_time(migration))
            held.enter_context(context.begin_transaction())
            retry_when_busy(migration, context.run_migrations)


def _target(config: Config, given: Connection | None) -> URL:
    """Return the URL of the database to connect to, or that a given connection is to."""
    if given is not None:
        return given.engine.url
    return migration_url(config) if needs_database(config.cmd_opts) else IN_MEMORY


def _ownership(script: ScriptDirectory) -> Ownership:
    return Ownership(lambda: created_tables(script))


def _configure(ours: Ownership, backend: str, said: Mapping[str, Any]) -> MigrationContext:
    """Give Alembic its options, what the caller said above our defaults.

    Returns:
        What Alembic made of them, with the models if this command compares.
    """
    defaults = default_options(ours, backend)
    added = {
        "include_name": _both(ours.include_name, said.get("include_name")),
        "include_object": _both(ours.include_object, said.get("include_object")),
        "on_version_apply": [defaults["on_version_apply"], *_listed(said.get("on_version_apply"))],
        "template_args": {**defaults["template_args"], **said.get("template_args", {})},
    }
    context.configure(**{**defaults, **said, **added})

    migration = context.get_context()
    metadata = _listed(said.get("target_metadata"))
    if metadata:
        ours.metadata = metadata
    ours.prepare(migration, context.script.get_heads())
    if "include_schemas" in said:
        migration.opts["include_schemas"] = said["include_schemas"]
    return migration


def _both(ours: Callable[..., bool], theirs: Callable[..., bool] | None) -> Callable[..., bool]:
    """Return a filter that keeps what both keep: what is not ours is nobody's to bring back."""
    if theirs is None:
        return ours
    return lambda *item: ours(*item) and theirs(*item)


def _listed(value: Any) -> list[Any]:
    """Return an option that may be one or several, or missing, as a list."""
    if value is None:
        return []
    is_one = callable(value) or isinstance(value, MetaData)
    return [value] if is_one else list(value)


def _has_work(migration: MigrationContext, script: ScriptDirectory) -> bool:
    """Tell whether the command will write, or why the history lacks the database's revision."""
    with _unknown_revision_as_sentence(migration, script):
        return has_work(migration)


@contextmanager
def _unknown_revision_as_sentence(
    migration: MigrationContext, script: ScriptDirectory
) -> Iterator[None]:
    try:
        yield
    except CommandError:
        assert migration.connection is not None
        found = unknown_revision(script, migration.get_current_heads())
        migration.connection.rollback()
        if found is None:
            raise
        raise CommandError(found.sentence) from None
