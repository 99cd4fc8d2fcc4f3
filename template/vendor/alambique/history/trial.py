"""A generated revision goes up, down and up again before it is written, on a scratch database.

The history builds that database, so its tables are empty: what rows need is asked elsewhere. What
the history itself cannot do there is not the new revision's fault: it is written, and one line says
why it was not tried.
"""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import warnings
from argparse import Namespace
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import RevisionContext
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep, StampStep
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError

from alambique import messages, private
from alambique.database.creation import MayNotCreate, is_scratch, scratch_database
from alambique.database.elsewhere import heard_elsewhere
from alambique.database.engine import connect
from alambique.database.error_codes import INVALID_SCHEMA_NAME, codes
from alambique.database.known import only_in, schemas_of
from alambique.history.environment import TRIES
from alambique.history.raised import raised_by
from alambique.history.script import folders, source_of, titled
from alambique.settings import sync_driver
from alambique.terminal import NO, YES

# After -x, and after make.
TRIED = "tried="

# What a scratch file of SQLite's need not do, as nobody misses it: wait for a disk.
HURRIED = ("PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = OFF")

# Where a service looks for its database.
ADDRESSES = ("DATABASE_URL", "MIGRATION_DATABASE_URL")

Step = RevisionStep | StampStep


class _GoesElsewhere(CommandError):
    """A revision asked for another connection, which may be to anybody's database."""


def is_asked_for(config: Config) -> bool:
    """Tell whether a revision is to be tried, as it is unless `-x tried=no` says otherwise.

    Args:
        config: the command's configuration.

    Raises:
        CommandError: it says neither yes nor no.
    """
    typed = vars(config.cmd_opts or Namespace()).get("x") or ()
    said = [each.removeprefix(TRIED) for each in typed if each.startswith(TRIED)]
    if not said:
        return True
    word = said[-1].strip().lower()
    if word not in YES | NO:
        raise CommandError(messages.TRIED_UNKNOWN.format(said=said[-1]))
    return word in YES


def require_that_it_runs(config: Config, comparison: RevisionContext, url: URL) -> None:
    """Refuse a revision that does not run; say so where it cannot be tried.

    Nothing of it is on the disk yet where it will be, and nothing is asked of the database but, if
    it fails, what is in there that the history does not make.

    Args:
        config: the command's configuration.
        comparison: what was generated.
        url: the database that was compared.

    Raises:
        CommandError: an operation of the revision was refused.
        DatabaseUnavailable: the server does not let us in any more.
        InvalidSetting: a setting, such as MIGRATION_LOCK_TIMEOUT, is malformed.
    """
    failed = _failure(config, comparison, url)
    if failed is None:
        return
    if failed.why is None:
        raise CommandError(failed.sentence) from failed.error
    print(messages.NOT_TRIED.format(why=failed.why), file=sys.stderr)


@dataclass(frozen=True)
class _Failed:
    """A trial that did not come to its end."""

    error: BaseException
    sentence: str = ""
    """What is said of the revision."""
    why: str | None = None
    """Why it is not the revision's fault; None where it is."""
    is_of_history: bool = False

    @property
    def codes(self) -> frozenset[str | int]:
        """What the server calls its refusal."""
        return codes(getattr(self.error, "orig", None))


def _failure(config: Config, comparison: RevisionContext, url: URL) -> _Failed | None:
    """Try what was generated; return what went wrong."""
    schemas: Collection[str] = ()
    failed = _attempt(config, comparison, url, schemas)
    if failed is not None and INVALID_SCHEMA_NAME in failed.codes:
        schemas = schemas_of(url)  # as a rule somebody else makes them, before any revision
        failed = _attempt(config, comparison, url, schemas)
    if failed is not None and failed.is_of_history:
        failed = _attempt(config, comparison, url, schemas, one_by_one=True)
    return failed


def _attempt(
    config: Config,
    comparison: RevisionContext,
    url: URL,
    schemas: Collection[str],
    one_by_one: bool = False,
) -> _Failed | None:
    """Try what was generated on a scratch database of its own; return what went wrong.

    Args:
        config: the command's configuration.
        comparison: what was generated.
        url: the database that was compared.
        schemas: those that are there before the history.
        one_by_one: is each revision of the history a transaction of its own?
    """
    with ExitStack() as lent:
        try:
            folder = Path(lent.enter_context(TemporaryDirectory()))
            scratch = lent.enter_context(scratch_database(url))
        except MayNotCreate as error:
            return _Failed(error, why=str(error))
        except OSError as error:
            return _Failed(error, why=f"{error}.")
        connection = lent.enter_context(_opened(scratch))
        _prepare(connection, schemas)

        trial = _Trial(config, comparison, folder)
        try:
            with _nothing_elsewhere(connection), _pointed_at(scratch), _unheard():
                trial.run(connection, one_by_one)
        except Exception as raised:
            if not connection.invalidated:
                connection.rollback()
            return trial.judged(_first_of(raised), connection, url)
    return None


class _Trial:
    """The history and what comes after it, run through env.py on one connection."""

    def __init__(self, config: Config, comparison: RevisionContext, folder: Path) -> None:
        """Run nothing yet.

        Args:
            config: the command's configuration.
            comparison: what was generated.
            folder: where to write it for the trial.
        """
        self._config = config
        self._comparison = comparison
        self._folder = folder
        places = folders(comparison.script_directory)
        self._script = ScriptDirectory.from_config(config)
        self._script.version_locations = [*map(str, places), str(folder)]
        self._script.hooks = []
        self._script.messaging_opts = {"quiet": True}
        self._new: list[Script] = []
        self._at: Script | None = None
        self._direction = ""

    def run(self, connection: Connection, one_by_one: bool) -> None:
        """Build the history, then take each new revision up, down and up.

        Args:
            connection: to an empty database.
            one_by_one: is each revision of the history a transaction of its own?

        Raises:
            Exception: whatever a revision, or the server, raises.
        """
        history = private.steps_to_heads(self._script)
        before: Sequence[Step] = history
        if not one_by_one:
            before = private.at_once(self._script, history, self._note)
        self._new = self._written()

        def steps(_: object, __: MigrationContext) -> Iterator[Step]:
            for step in before:
                if isinstance(step, RevisionStep):
                    self._note(step)
                yield step
            for direction, step in self._there_and_back():
                self._at, self._direction = step.revision, direction
                yield step

        with (
            _lent(self._config, connection),
            private.command_in_between(),
            EnvironmentContext(self._config, self._script, fn=steps),
        ):
            self._script.run_env()

    def judged(self, error: BaseException, connection: Connection, url: URL) -> _Failed:
        """Return what is to be said of an error that ended the trial.

        Args:
            error: the error.
            connection: to the scratch database, in no transaction.
            url: the database that was compared.

        Raises:
            DatabaseUnavailable: that does not let us in any more.
        """
        cause = _spoken(error)
        is_lost = getattr(error, "connection_invalidated", False)
        if isinstance(error, _GoesElsewhere) or is_lost or self._at is None:
            return _Failed(error, why=cause)
        if self._at not in self._new:
            at = titled(self._script, self._at.revision)
            why = messages.NOT_TRIED_HISTORY.format(at=at, cause=cause)
            return _Failed(error, why=why, is_of_history=True)

        sql = (getattr(error, "statement", None) or "").strip()
        sentence = messages.DOES_NOT_RUN.format(
            where=messages.TRIED_WHERE[self._direction],
            operation=raised_by(error, source_of(self._at)),
            cause=cause,
            sql=f"{sql}\n" if sql else "",
        )
        strangers = _spoken_of(sql or cause, only_in(url, connection))
        if not strangers:
            return _Failed(error, sentence)
        names = ", ".join(sorted(strangers))
        return _Failed(error, why=messages.NOT_TRIED_STRANGERS.format(names=names, cause=cause))

    def _note(self, step: RevisionStep) -> None:
        self._at = step.revision

    def _written(self) -> list[Script]:
        """Write what was generated where nobody else looks; Alembic does the same again later."""
        generated = self._comparison.generated_revisions
        places = [each.version_path for each in generated]
        before = self._comparison.script_directory
        self._comparison.script_directory = self._script
        try:
            for each in generated:
                each.version_path = str(self._folder)
            return [each for each in self._comparison.generate_scripts() if each is not None]
        finally:
            self._comparison.script_directory = before
            for each, place in zip(generated, places, strict=True):
                each.version_path = place

    def _there_and_back(self) -> Iterator[tuple[str, RevisionStep]]:
        known = self._script.revision_map
        for each in self._new:
            for direction in ("up", "down", "again"):
                yield direction, RevisionStep(known, each, is_upgrade=direction != "down")


def _opened(scratch: URL) -> AbstractContextManager[Connection]:
    """Connect to a scratch database as somebody does who lends us the connection."""
    if scratch.get_backend_name() == "sqlite":  # what its transactions need is done as it is lent
        return sa.create_engine(sync_driver(scratch), poolclass=sa.NullPool).connect()
    return connect(scratch)


def _prepare(connection: Connection, schemas: Collection[str]) -> None:
    """Have a scratch database be quick, and have the schemas that somebody else makes."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        for statement in HURRIED:
            driver.execute(statement)
    for schema in sorted(schemas):
        connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    connection.commit()


@contextmanager
def _lent(config: Config, connection: Connection) -> Iterator[None]:
    """Have a command work on a scratch database meanwhile, as one that nobody typed."""
    attributes, typed = dict(config.attributes), config.cmd_opts
    x = [each for each in vars(typed or Namespace()).get("x") or () if not each.startswith("url=")]
    config.attributes.update(connection=connection, url=connection.engine.url)
    config.attributes[TRIES] = True
    config.cmd_opts = Namespace(x=x)
    try:
        yield
    finally:
        config.cmd_opts = typed
        config.attributes.clear()
        config.attributes.update(attributes)


@contextmanager
def _pointed_at(scratch: URL) -> Iterator[None]:
    """Have a revision that asks the environment for the database find the scratch one."""
    before = {name: os.environ.get(name) for name in ADDRESSES}
    address = scratch.render_as_string(hide_password=False)
    os.environ.update(dict.fromkeys(ADDRESSES, address))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _nothing_elsewhere(connection: Connection) -> Iterator[None]:
    """Refuse what a revision sends over any other connection: it ran on that database long ago."""

    def refuse(other: Connection, sql: str) -> None:
        if not is_scratch(other.engine.url):
            shown = " ".join(sql.split())
            raise _GoesElsewhere(messages.NOT_TRIED_ELSEWHERE.format(sql=shown))

    with heard_elsewhere(connection, refuse):
        yield


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep to ourselves what revisions print and log: they have said it once."""
    logger = logging.getLogger("alembic")
    disabled = logger.manager.disable
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(disabled)


def _first_of(error: BaseException) -> BaseException:
    """Return the server's refusal, of which a sentence was made."""
    cause = error.__cause__
    return cause if isinstance(error, CommandError) and isinstance(cause, DBAPIError) else error


def _spoken(error: BaseException) -> str:
    """Return an error as a part of a sentence: what a server says, on one line."""
    if isinstance(error, CommandError):
        return str(error)
    said = getattr(error, "orig", None)
    if said is None:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return " ".join(str(said.args[-1] if said.args else said).split())


def _spoken_of(text: str, names: Collection[str]) -> set[str]:
    """Return the names that stand in a text as words."""
    return {each for each in names if re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text)}
