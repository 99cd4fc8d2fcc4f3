"""Migrations from Python: what `make` does, for a program that starts itself.

Everything here is synchronous and needs no current directory. Inside a running event loop, call
it through `asyncio.to_thread`. Alembic is imported when a function is called: a service that only
wants its engine does not pay for it.
"""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import URL


def create_migration(
    message: str,
    autogenerate: bool = True,
    url: str | URL | None = None,
    *,
    said: Sequence[str] = (),
) -> str | None:
    """Write a revision, filled from the models unless `autogenerate` is false.

    Args:
        message: what changes, in a few words.
        autogenerate: compare the models with the database; otherwise the revision is empty.
        url: the database to compare with; the project's own by default.
        said: what may be renamed, dropped or filled, as after `-x`: "rename=usuarios.nome:apelido".

    Returns:
        The path of the new file; None when the models and the database already agree.

    Raises:
        CommandError: a model cannot be imported, nothing is mapped, the database is behind, or the
            revision would lose data that nothing in `said` gives up.
    """
    from alembic import command

    config = alembic_config(url)
    config.cmd_opts = Namespace(autogenerate=autogenerate, x=list(said))
    script = command.revision(config, message, autogenerate=autogenerate)
    return getattr(script, "path", None)


def apply_migrations(to: str = "head", url: str | URL | None = None) -> None:
    """Upgrade the database to a revision, `head` or a step such as `+1`."""
    from alembic import command

    command.upgrade(alembic_config(url), to)


def revert_migrations(to: str = "-1", url: str | URL | None = None) -> None:
    """Downgrade the database to a revision, `base` or a step such as `-1`; it does not ask."""
    from alembic import command

    command.downgrade(alembic_config(url), to)


def current_revision(url: str | URL | None = None) -> str | None:
    """Return the revision the database is at, None when it was never migrated."""
    from core import database_url
    from core.migrations.status import current_heads

    return ", ".join(current_heads(database_url(url))) or None


def pending_revisions(url: str | URL | None = None) -> list[str]:
    """Return the revisions an upgrade to head would apply, the first one first."""
    from alembic.script import ScriptDirectory

    from core import database_url
    from core.migrations.status import current_heads, pending

    script = ScriptDirectory.from_config(alembic_config())
    return pending(script, current_heads(database_url(url)))


def ensure_current(url: str | URL | None = None) -> None:
    """Do nothing if the database is at head; meant for a service's start-up, costs milliseconds.

    Raises:
        NotCurrent: the database is behind or ahead of this code; the message says what to run.
    """
    from core import database_url
    from core.migrations.status import NotCurrent, State, status

    found = status(alembic_config(url), database_url(url), compare=False)
    if found.state is not State.CURRENT:
        raise NotCurrent(found.sentence)


def alembic_config(url: str | URL | None = None) -> Config:
    """Return the project's Alembic configuration, pointed at `url` if there is one."""
    from alembic.config import Config

    from core import ROOT

    config = Config(ROOT / "alembic.ini")
    if url is not None:
        config.attributes["url"] = url
    return config


def seconds(name: str, default: float) -> float:
    """Return the environment variable `name` in seconds.

    Raises:
        InvalidSetting: it is no number.
    """
    from core import InvalidSetting
    from core.migrations.messages import NOT_SECONDS

    try:
        return float(os.environ.get(name) or default)
    except ValueError:
        raise InvalidSetting(NOT_SECONDS.format(name=name)) from None


def needs_database(options: Any) -> bool:
    """Tell whether the command typed needs a connection: an empty revision or a plain history does
    not, though `revision_environment` in alembic.ini sends them through env.py.
    """
    if hasattr(options, "indicate_current"):
        return bool(options.indicate_current or "current" in (options.rev_range or ""))
    return getattr(options, "autogenerate", True) is not False


def format_revision(path: str, *_: Any, **__: Any) -> None:
    """Format a new revision as the project is.

    Raises:
        CommandError: ruff could not.
    """
    from alembic.util import CommandError

    from core.migrations.messages import NOT_FORMATTED

    for step in (["check", "--fix", "--exit-zero", "--silent"], ["format", "--quiet"]):
        if subprocess.run([sys.executable, "-m", "ruff", *step, path]).returncode:
            raise CommandError(NOT_FORMATTED.format(path=path))


def log_to_terminal(detail: int = logging.INFO) -> None:
    """Show what Alembic does on standard error, unless something configured logging already."""
    if not logging.root.handlers:
        logging.basicConfig(format="%(levelname)-5.5s [%(name)s] %(message)s")
        for name in ("alembic.runtime.migration", "alembic.autogenerate"):
            logging.getLogger(name).setLevel(detail)
        logging.getLogger("alembic.util.messaging").disabled = True  # it prints what it logs


def ask(question: str) -> str:
    """Put a question to the terminal, or to standard input if an answer waits there; "" is none."""
    try:
        if sys.stdin.isatty():
            return input(question).strip()
        answer = sys.stdin.readline() if _answers_wait() else ""
    except (EOFError, OSError):
        return ""
    if answer:
        print(question + answer.strip())
    return answer.strip()


@cache
def _answers_wait() -> bool:
    try:  # an open pipe that never says anything must not hold a pipeline for ever
        return bool(select.select([sys.stdin], [], [], 1)[0])
    except (OSError, ValueError):
        return False


def confirmed(question: str) -> bool:
    """Ask for a yes; no answer means no."""
    from core.migrations.messages import YES

    return ask(question).lower() in YES
