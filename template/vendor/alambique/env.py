"""What env.py calls: here the parts of the library come together for one command of Alembic's."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from alembic import context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory, write_hooks
from alembic.script.revision import (
    MultipleHeads,
    RangeNotAncestorError,
    ResolutionError,
    RevisionError,
)
from alembic.util import CommandError
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import (
    DBAPIError,
    NoReferenceError,
    NoSuchTableError,
    SQLAlchemyError,
    UnreflectableTableError,
)

from alambique import messages, private
from alambique.autogenerate.directives import after, review
from alambique.autogenerate.filters import Ownership, compares
from alambique.autogenerate.on_demand import PLUGINS, register_plugin, render_item, rendered_first
from alambique.database.aside import Aside
from alambique.database.capabilities import capabilities
from alambique.database.dangling import keys_to_nothing
from alambique.database.engine import IN_MEMORY, connect
from alambique.database.foreign_keys import check_foreign_keys
from alambique.formatting import format_python
from alambique.history.environment import HEARS, TRIES
from alambique.history.failures import failure
from alambique.history.heads import ambiguous, final_heads, forks, heads_for, named
from alambique.history.manifest import write_manifest
from alambique.history.outcome import Outcome
from alambique.history.script import place_of, require_history
from alambique.history.source import created_tables
from alambique.history.status import unknown_revision
from alambique.logs import log_as_asked, say_what_went_wrong
from alambique.settings import (
    InvalidSetting,
    bind_of,
    migration_url,
    root_of,
    shown,
    use_bind,
    use_project,
)
from alambique.terminal import code_of, ended_by_signals, print_anything
from alambique.upgrade.dependents import refuse_broken
from alambique.upgrade.journal import (
    Step,
    Steps,
    commit_what_is_left,
    forget_half_done,
    half_done,
    interrupted_first,
    with_journal,
)
from alambique.upgrade.ledger import Ledger
from alambique.upgrade.lock import Decision, MigrationLock, decide, writes
from alambique.upgrade.retry import counts_steps, refused, require_same_start, retry_when_busy
from alambique.upgrade.watch import Watch


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
    if is_typed:
        print_anything()

    script = context.script
    with _typed_as_sentence(script) if is_typed else nullcontext(), _ended_as_sentence(script):
        if config.config_file_name is not None:
            use_project(root_of(Path(config.config_file_name)))
        use_bind(bind_of(config))
        if is_typed:  # an application keeps its own logging
            log_as_asked()
        require_history(script)
        _register_write_hooks(config)

        if context.is_offline_mode():
            _print_sql(config, options)
        else:
            is_tried = _is_to_be_tried(config)
            _run(config, options)
            if is_tried:
                _try_what_was_generated(config)


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
        with ended_by_signals():
            yield
    except InvalidSetting as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt as end:
        say_what_went_wrong(messages.INTERRUPTED)
        sys.exit(code_of(end))
    except CommandError:
        raise
    except Exception as error:
        said = failure(error, script)
        if said is None:
            raise
        raise said from error
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
        if isinstance(error.__cause__, ResolutionError):
            goal = error.__cause__.argument
            raise CommandError(messages.GOAL_UNKNOWN.format(goal=goal)) from error
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
        format_python(path, keep_imports=True)

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
    outcome, ledger, watch = Outcome(context.script), Ledger(), Watch()

    if TRIES in config.attributes:
        assert given is not None  # whoever tries lends it
        _try(ours, given, options)
        return

    with (
        watch.sent() if _is_typed(config.cmd_opts) else nullcontext(),
        connect(_target(config, given), given) as connection,
        _errors_as_sentences(connection),
        _keys_as_sentence(ours),
    ):
        lock = MigrationLock(connection)
        meant = _with_one_meaning(private.steps_of_command(), context.script)
        steps = watch.following(interrupted_first(meant))
        target = {"connection": connection, "fn": with_journal(steps, lock)}
        noting = [*_listed(options.get("on_version_apply")), ledger.note, outcome.note]
        said = {**options, **target, "on_version_apply": noting}
        migration = _configure(ours, connection.dialect.name, said)

        if not writes(migration):
            migration.opts["dont_mutate"] = True  # the version table is made by what migrates
            with _unknown_revision_as_sentence(migration, context.script):
                _read(migration)
            return

        with _told(outcome, migration) if _is_typed(config.cmd_opts) else nullcontext():
            seen = _decide(migration, context.script)
            if not (seen.has_work or half_done(connection)):
                return  # a thousand processes may start at once: none waits for another
            with lock.held():
                found = _decide(migration, context.script)
                require_same_start(migration, seen.heads, found.heads)
                if found.has_work:
                    planned = list(steps(found.heads, migration))
                    with watch.command(migration, planned):
                        _migrate(config, migration, planned, outcome, ledger)
                else:
                    _see_to_half_done(migration, connection)


def _is_to_be_tried(config: Config) -> bool:
    """Tell whether a revision that this command makes from the models is to be tried."""
    if TRIES in config.attributes or not vars(config.cmd_opts or Namespace()).get("autogenerate"):
        return False
    from alambique.history.trial import is_asked_for  # a start of a service does without it

    return is_asked_for(config)


def _try_what_was_generated(config: Config) -> None:
    """Refuse a revision that does not run, before it is written."""
    from alambique.history.trial import require_that_it_runs

    migration = context.get_context()
    comparison = migration.opts.get("revision_context")
    if comparison is not None and compares(migration) and comparison.generated_revisions:
        assert migration.connection is not None
        require_that_it_runs(config, comparison, migration.connection.engine.url)


def _try(ours: Ownership, lent: Connection, options: Mapping[str, Any]) -> None:
    """Take the steps of a command on a database that nobody misses: what fails there may."""
    from alambique.upgrade.rebuild import batches_keep_what_they_do_not_name

    with (
        connect(lent.engine.url, lent) as connection,
        _errors_as_sentences(connection),
        _keys_as_sentence(ours),
        batches_keep_what_they_do_not_name(connection),
    ):
        target = {"connection": connection, "fn": private.steps_of_command()}
        _configure(ours, connection.dialect.name, {**options, **target})
        with context.begin_transaction():
            context.run_migrations()


def _migrate(
    config: Config,
    migration: MigrationContext,
    planned: list[Step],
    outcome: Outcome,
    ledger: Ledger,
) -> None:
    """Take these steps, unless one loses what nobody gave up."""
    # A start with nothing to do, as most are, imports none of what is about tables and their rows.
    from alambique.upgrade.guard import require_consent
    from alambique.upgrade.rebuild import batches_keep_what_they_do_not_name

    assert migration.connection is not None
    with batches_keep_what_they_do_not_name(migration.connection):
        require_consent(config, migration, planned)
        ledger.prepare(migration)
        outcome.plan(revision for step in planned for revision in _of(step))
        _run_in_transactions(migration)


@contextmanager
def _told(outcome: Outcome, migration: MigrationContext) -> Iterator[None]:
    """Say at the end what was done; where it fails, at which revision."""
    try:
        yield
    except BaseException:
        if stopped := outcome.stopped():
            say_what_went_wrong(stopped)
        raise
    assert migration.connection is not None
    # The connection may be lost since all was done: that is no failure of it.
    with suppress(SQLAlchemyError):
        migration.connection.rollback()
        heads = migration.get_current_heads()
        migration.connection.rollback()
        print(outcome.sentence(heads))


def _of(step: Step) -> tuple[str, ...]:
    """Return the revisions that a step applies or undoes."""
    return tuple(step.info.up_revision_ids)


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


@contextmanager
def _keys_as_sentence(ours: Ownership) -> Iterator[None]:
    """Say in a sentence which foreign keys of the models refer to what no model maps."""
    try:
        yield
    except NoReferenceError as error:
        found = keys_to_nothing(ours.metadata)
        if not found:
            raise
        said = [messages.KEY_TO_NOTHING.format(column=each, missing=to) for each, to in found]
        raise CommandError("\n".join(said)) from error


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
    if compares(migration):
        register_plugin()
    if "process_revision_directives" not in said:  # which may say itself what a revision follows
        _require_head_to_follow(migration, context.script)
    with _unknown_revision_as_sentence(migration, context.script):
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
    except CommandError as error:
        if migration.connection is None:
            raise
        heads = migration.get_current_heads()
        migration.connection.rollback()
        if found := unknown_revision(script, heads):
            raise CommandError(found.sentence) from None
        if said := _goal_as_sentence(error, migration, ", ".join(sorted(heads)) or "base"):
            raise CommandError(said) from error
        raise


def _goal_as_sentence(error: CommandError, migration: MigrationContext, at: str) -> str | None:
    """Say why a goal cannot be reached from where the database is; None if it is not that."""
    goal, cause = migration.opts.get("destination_rev"), error.__cause__
    if isinstance(cause, RangeNotAncestorError):
        return messages.GOAL_NOT_BELOW.format(goal=goal, at=at)
    is_step = isinstance(cause, RevisionError) and counts_steps(migration)
    return messages.GOAL_TOO_FAR.format(goal=goal, at=at) if is_step else None
