"""What env.py calls: here the parts of the library come together for one command of Alembic's."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from alembic import context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory, write_hooks
from alembic.script.revision import MultipleHeads
from alembic.util import CommandError
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError, NoSuchTableError, UnreflectableTableError

from alambique import messages, private
from alambique.autogenerate.directives import after, review
from alambique.autogenerate.filters import Ownership
from alambique.autogenerate.plugin import PLUGINS
from alambique.autogenerate.rendering import render_item, rendered_first
from alambique.database.aside import Aside
from alambique.database.capabilities import capabilities
from alambique.database.engine import IN_MEMORY, connect
from alambique.database.foreign_keys import check_foreign_keys
from alambique.formatting import format_python
from alambique.history.environment import HEARS
from alambique.history.heads import ambiguous, final_heads, forks, heads_for, named
from alambique.history.manifest import write_manifest
from alambique.history.script import place_of, require_history
from alambique.history.source import created_tables
from alambique.history.status import unknown_revision
from alambique.settings import (
    InvalidSetting,
    bind_of,
    migration_url,
    root_of,
    shown,
    use_bind,
    use_project,
)
from alambique.terminal import INTERRUPTED, log_to_terminal, print_anything
from alambique.upgrade.dependents import refuse_broken
from alambique.upgrade.guard import require_consent
from alambique.upgrade.journal import (
    Step,
    Steps,
    commit_what_is_left,
    forget_half_done,
    half_done,
    interrupted_first,
    with_journal,
)
from alambique.upgrade.lock import Decision, MigrationLock, decide, writes
from alambique.upgrade.rebuild import batches_keep_what_they_do_not_name
from alambique.upgrade.retry import refused, require_same_start, retry_when_busy


def run_migrations(**options: Any) -> None:
    """Run the command that Alembic was asked for; env.py is this call.

    The project is the folder of the alembic.ini that the command reads, the database the one that
    `settings.migration_url` finds, or the connection in `config.attributes["connection"]`.

    Args:
        options: what `context.configure` is given instead of, or besides, what `default_options`
            returns. Some add to ours and take nothing away: what `include_name` and
            `include_object` leave out is left out besides, `process_revision_directives` come
            before ours, `render_item` is asked before ours, a function in `on_version_apply` is
            called after ours, `template_args` join ours. `target_metadata` stands for the models
            that the library would find.

    Raises:
        CommandError: there is no such revision, or several could be meant; the database is at one
            that the history lacks, or refused a statement; a revision cannot be read, ended the
            program, was interrupted and cannot be finished, or would lose data that nobody gave up.
            Typed as a command, also what is an InvalidSetting elsewhere.
        LockTimeout: another migrator, or a long query, held the database for too long.
        ModelImportError: a model cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
        SystemExit: Ctrl-C, typed as a command; the code is 130.
    """
    config = context.config
    if HEARS in config.attributes:
        config.attributes[HEARS].update(options)
        return
    is_typed = _is_typed(config.cmd_opts)
    if is_typed:  # an application keeps its own logging
        print_anything()
        log_to_terminal(logging.INFO)

    script = context.script
    with _typed_as_sentence(script) if is_typed else nullcontext(), _ended_as_sentence(script):
        if config.config_file_name is not None:
            use_project(root_of(Path(config.config_file_name)))
        use_bind(bind_of(config))
        require_history(script)
        _register_write_hooks(config)

        if context.is_offline_mode():
            _print_sql(config, options)
        else:
            _run(config, options)


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
        # What a revision leaves without a name is called as in the models, on every command.
        "target_metadata": ours.models,
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


@contextmanager
def _typed_as_sentence(script: ScriptDirectory) -> Iterator[None]:
    """Have a person see a sentence, never a traceback, of what is no error of the program's.

    Alembic shows one of a CommandError only.
    """
    try:
        yield
    except InvalidSetting as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt:
        print(messages.INTERRUPTED, file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception:
        raise
    except BaseException as error:  # such as asyncio's CancelledError, which a program needs whole
        raise _ended(error, script) from error


@contextmanager
def _ended_as_sentence(script: ScriptDirectory) -> Iterator[None]:
    """Say in a sentence that the history forks, or that a revision ended the program.

    Ending it, also with an exit code of 0, is a failure: what a revision does is not over.
    """
    try:
        yield
    except CommandError as error:
        if isinstance(error.__cause__, MultipleHeads):
            raise ambiguous(script) from error
        raise
    except SystemExit as error:
        raise _ended(error, script) from error


def _ended(error: BaseException, script: ScriptDirectory) -> CommandError:
    place = place_of(error, script) or shown(context.config.config_file_name or "")
    return CommandError(messages.ENDED.format(place=place, cause=repr(error)))


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
    with _printed_or_told(context.script), context.begin_transaction():
        retry_when_busy(context.get_context(), context.run_migrations)


@contextmanager
def _printed_or_told(script: ScriptDirectory) -> Iterator[None]:
    """Say in a sentence which revision cannot be printed: as a rule, it reads the database."""
    try:
        yield
    except CommandError:
        raise
    except Exception as error:
        place = place_of(error, script)
        if place is None:
            raise
        cause = f"{type(error).__name__}: {error}"
        said = messages.NOT_WITHOUT_DATABASE.format(place=place, cause=cause)
        raise CommandError(said) from error


def _run(config: Config, options: Mapping[str, Any]) -> None:
    """Run on one connection: one migrator at a time, each revision whole or resumable."""
    given: Connection | None = config.attributes.get("connection")
    ours = _ownership(context.script)

    with connect(_target(config, given), given) as connection, _errors_as_sentences(connection):
        lock = MigrationLock(connection)
        steps = interrupted_first(_with_one_meaning(private.steps_of_command(), context.script))
        target = {"connection": connection, "fn": with_journal(steps, lock.check)}
        migration = _configure(ours, connection.dialect.name, {**options, **target})

        if not writes(migration):
            migration.opts["dont_mutate"] = True  # the version table is made by what migrates
            _read(migration)
            return

        seen = _decide(migration, context.script)
        if not (seen.has_work or half_done(connection)):
            return  # a thousand processes may start at once: none waits for another
        with lock.held():
            found = _decide(migration, context.script)
            require_same_start(migration, seen.heads, found.heads)
            if found.has_work:
                with batches_keep_what_they_do_not_name(connection):
                    require_consent(config, migration, steps(found.heads, migration))
                    _run_in_transactions(migration)
            else:
                _see_to_half_done(migration, connection)


def _with_one_meaning(steps: Steps, script: ScriptDirectory) -> Steps:
    """Have it be a sentence that `label@-1` means no revision, or any of several.

    Alembic asserts that it does not.
    """

    def told(heads: tuple[str, ...], migration: MigrationContext) -> Iterable[Step]:
        try:
            return steps(heads, migration)
        except AssertionError as error:
            if not writes(migration):
                raise
            to, found = migration.opts["destination_rev"], named(script, heads) or "base"
            raise CommandError(messages.WHICH_DOWN.format(to=to, heads=found)) from error

    return told


@contextmanager
def _errors_as_sentences(connection: Connection) -> Iterator[None]:
    """Turn what a server refused outside of a revision, as where the lock is taken, into one."""
    aside = Aside(connection)
    try:
        yield
    except aside.driver_error as error:
        raise refused(aside.wrapped(error)) from error
    except DBAPIError as error:
        raise refused(error) from error


def _see_to_half_done(migration: MigrationContext, connection: Connection) -> None:
    """Refuse to do nothing where a step was interrupted half-way; a stamp says that it is done."""
    step = half_done(connection)
    if step is None:
        return
    if not private.is_stamp(migration):
        asked = f"-> {migration.opts['destination_rev']}"
        raise CommandError(messages.HALF_APPLIED.format(step=step, asked=asked))
    forget_half_done(connection)


def _read(migration: MigrationContext) -> None:
    """Run a command that reads; no lock keeps another one from dropping what it reads."""
    try:
        _run_in_transactions(migration)
    except (NoSuchTableError, UnreflectableTableError) as error:
        raise CommandError(messages.CHANGED_MEANWHILE.format(cause=error)) from error


def _run_in_transactions(migration: MigrationContext) -> None:
    with context.begin_transaction():
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
    if said.get("target_metadata") is not None:
        ours.give(said["target_metadata"])
    added = {
        "target_metadata": ours.models,
        "include_name": _both(ours.include_name, said.get("include_name")),
        "include_object": _both(ours.include_object, said.get("include_object")),
        "on_version_apply": [
            defaults["on_version_apply"],
            *_listed(said.get("on_version_apply")),
            refuse_broken,
            commit_what_is_left,
        ],
        "template_args": {**defaults["template_args"], **said.get("template_args", {})},
    }
    if said.get("render_item") is not None:
        added["render_item"] = rendered_first(said["render_item"])
    if said.get("process_revision_directives") is not None:
        added["process_revision_directives"] = after(said["process_revision_directives"])
    context.configure(**{**defaults, **said, **added})

    migration = context.get_context()
    if "process_revision_directives" not in said:  # which may say itself what a revision follows
        _require_head_to_follow(migration, context.script)
    ours.prepare(migration, final_heads(context.script))
    if "include_schemas" in said:
        migration.opts["include_schemas"] = said["include_schemas"]
    return migration


def _require_head_to_follow(migration: MigrationContext, script: ScriptDirectory) -> None:
    """Refuse to write a revision where nothing says which of several heads it follows.

    Alembic looks at that last, and in English.
    """
    revision = migration.opts.get("revision_context")
    is_written = "autogenerate" in vars(context.config.cmd_opts or Namespace())
    if revision is None or not is_written:
        return
    try:
        script.get_revisions(revision.command_args["head"] or "head")
    except CommandError as error:
        if not isinstance(error.__cause__, MultipleHeads) or forks(script):
            raise
        raise CommandError(messages.WHICH_HEAD.format(**heads_for(script))) from error


def _both(ours: Callable[..., bool], theirs: Callable[..., bool] | None) -> Callable[..., bool]:
    """Return a filter that keeps what both keep: what is not ours is nobody's to bring back."""
    if theirs is None:
        return ours
    return lambda *item: ours(*item) and theirs(*item)


def _listed(value: Any) -> list[Any]:
    """Return an option that may be one or several, or missing, as a list."""
    if value is None:
        return []
    return [value] if callable(value) else list(value)


def _decide(migration: MigrationContext, script: ScriptDirectory) -> Decision:
    """Find out what there is to do, or why the history lacks the database's revision."""

    def attempt() -> Decision:
        with _unknown_revision_as_sentence(migration, script):
            return decide(migration)

    return retry_when_busy(migration, attempt)


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
