"""What env.py says, asked of env.py itself: the commands that are not Alembic's obey it, too.

Which table says where a database is, and in which schema, is an argument of `run_migrations` or of
`context.configure`, and only running env.py tells.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from alambique import messages, private
from alambique.database.tables import BOOKKEEPING, LEDGER_TABLE, VERSION_TABLE
from alambique.history.script import script_directory
from alambique.names import TableName
from alambique.settings import InvalidSetting, is_sqlite_file, migration_url, shown

Answer = TypeVar("Answer")

HEARS = "alambique_hears"
"""In `config.attributes`: what `run_migrations` is to put its options into, and do nothing else."""

TRIES = "alambique_tries"
"""In `config.attributes`: that the connection is to a scratch database nobody else knows of, on
which steps are taken as they come: without lock, journal or consent."""


@dataclass(frozen=True)
class Heard:
    """What env.py says to every command."""

    version_table: TableName
    """The table where a database says what it is at."""
    ini: Mapping[str, str]
    """What env.py sets in the section of alembic.ini, such as a URL."""
    connects_by_itself: bool
    """Does it go without `run_migrations`?"""

    def own_tables(self, default_schema: str | None = None) -> set[TableName]:
        """Return the tables that migrations keep for themselves.

        Args:
            default_schema: the schema that a table is in if it says none.
        """
        ledger = TableName(LEDGER_TABLE, self.version_table.schema)
        beside = {self.version_table.within(default_schema), ledger.within(default_schema)}
        return beside | set(map(TableName, BOOKKEEPING))


_heard: dict[tuple[object, ...], Heard] = {}
_one_at_a_time = threading.RLock()


def ask(config: Config, question: Callable[[MigrationContext], Answer]) -> list[Answer]:
    """Run env.py as a command of Alembic's that reads does.

    Args:
        config: the command's configuration.
        question: what is asked of the database that env.py connects to.

    Returns:
        The answer; of an env.py that goes through several databases, one for each.

    Raises:
        CommandError: there is no folder of revisions, or env.py fails.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    answers: list[Answer] = []

    def steps(_: object, migration: MigrationContext) -> list[Any]:
        answers.append(question(migration))
        return []

    _run(config, script_directory(config), steps)
    return answers


def hear(config: Config) -> Heard:
    """Return what env.py says; it is run once in a process, and again where it has changed.

    One that calls `run_migrations` connects to nothing meanwhile. What it sets in the section of
    alembic.ini is set in `config` afterwards, whether it was run or not.

    Args:
        config: the command's configuration.

    Raises:
        CommandError: there is no folder of revisions, or env.py fails.
        DatabaseUnavailable: it connects by itself, and the database does not let us in.
        InvalidSetting: a setting that env.py asks for is missing or malformed.
    """
    script = script_directory(config)
    with _one_at_a_time:
        key = _key(config, script)
        if key not in _heard:
            _heard[key] = _listen(config, script)
        heard = _heard[key]
    for name, value in heard.ini.items():
        config.set_section_option(config.config_ini_section, name, value)
    return heard


def require_obedience(config: Config) -> None:
    """Refuse an env.py that would go to another database than the one that is named.

    Where none is named, the database is the one that env.py goes to.

    Args:
        config: the command's configuration; `config.attributes["url"]`, or a connection there,
            names a database.

    Raises:
        CommandError: it connects to another one, or fails.
        DatabaseUnavailable: it connects by itself, and the database does not let us in.
        InvalidSetting: a setting that env.py asks for is missing or malformed.
    """
    # Heard in any case: who asks in another thread meanwhile, as a probe does, need not run it in
    # the middle of the command.
    connects_by_itself = hear(config).connects_by_itself
    is_named = not {"url", "connection"}.isdisjoint(config.attributes)
    if not (connects_by_itself and is_named):
        return
    given = config.attributes.get("connection")
    wanted = _database(migration_url(config)) if given is None else given
    for connection in ask(config, lambda migration: migration.connection):
        assert connection is not None
        if wanted != (_database(connection.engine.url) if given is None else connection):
            place = shown(script_directory(config).env_py_location)
            raise CommandError(messages.ENV_CONNECTS.format(place=place))


def _database(url: URL) -> tuple[object, ...]:
    """Return what tells a database from another, whatever driver goes there."""
    path = Path(str(url.database)).absolute() if is_sqlite_file(url) else url.database
    return url.get_backend_name(), url.host, url.port, path


def _key(config: Config, script: ScriptDirectory) -> tuple[object, ...]:
    place = Path(script.env_py_location)
    changed = place.stat().st_mtime_ns if place.exists() else None
    typed = vars(config.cmd_opts).get("x") if config.cmd_opts else None
    section = config.config_ini_section
    return (config.config_file_name, section, str(place), changed, tuple(typed or ()))


def _listen(config: Config, script: ScriptDirectory) -> Heard:
    said: dict[str, Any] = {}
    connected: list[MigrationContext] = []

    def steps(_: object, migration: MigrationContext) -> list[Any]:
        connected.append(migration)
        return []

    before = _section(config)
    config.attributes[HEARS] = said
    try:
        _run(config, script, steps)
    finally:
        del config.attributes[HEARS]

    for migration in connected:
        said["version_table"] = migration.version_table
        said["version_table_schema"] = migration.version_table_schema
    table = TableName(said.get("version_table", VERSION_TABLE), said.get("version_table_schema"))
    ini = {name: value for name, value in _section(config).items() if before.get(name) != value}
    return Heard(table, ini, connects_by_itself=bool(connected))


def _section(config: Config) -> dict[str, str]:
    """Return what the section of alembic.ini says, as it is written there."""
    parser, name = config.file_config, config.config_ini_section
    return dict(parser.items(name, raw=True)) if parser.has_section(name) else {}


def _run(config: Config, script: ScriptDirectory, steps: Callable[..., list[Any]]) -> None:
    """Run env.py with a function in the place of what a command does."""
    with (
        _one_at_a_time,
        private.command_in_between(),
        _failure_as_sentence(script),
        EnvironmentContext(config, script, fn=steps, dont_mutate=True),
    ):
        script.run_env()


@contextmanager
def _failure_as_sentence(script: ScriptDirectory) -> Iterator[None]:
    try:
        yield
    except (CommandError, InvalidSetting, SQLAlchemyError):
        raise
    except Exception as error:
        env = Path(script.env_py_location)
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if Path(frame.filename) == env]
        place = f"{shown(env)}:{lines[-1]}" if lines else shown(env)
        cause = f"{type(error).__name__}: {error}"
        raise CommandError(messages.ENV_FAILED.format(place=place, cause=cause)) from error
