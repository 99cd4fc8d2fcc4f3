"""Migrations from Python: what `make` does, for a program that starts itself.

Everything here is synchronous, needs no current directory and leaves logging alone. Inside a
running event loop, call it through `asyncio.to_thread`.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from alembic import command
from alembic.script import Script
from sqlalchemy.engine import URL

from alambique.history.environment import require_obedience
from alambique.history.heads import upgrade
from alambique.history.script import history
from alambique.history.status import NotCurrent, State, heads_at_once, pending, status
from alambique.history.undo import require_one_meaning
from alambique.settings import alembic_config


def create_migration(
    message: str,
    autogenerate: bool = True,
    url: str | URL | None = None,
    *,
    consent: Sequence[str] = (),
    said: Sequence[str] = (),
    tried: bool = True,
) -> str | None:
    """Write a revision, filled from the models unless `autogenerate` is false.

    Args:
        message: what changes, in a few words.
        autogenerate: compare the models with the database; otherwise the revision is empty.
        url: the database to compare with; the project's own by default.
        consent: what may be renamed, dropped or filled, as after `-x`:
            "rename=users.name:nickname", "drop=users.email", "fill=users.age:18".
        said: what `consent` was called in 1.x; it goes on working.
        tried: first run what was made from the models on a scratch database, up, down and up.

    Returns:
        The path of the new file; None when the models and the database already agree.

    Raises:
        CommandError: nothing is mapped, the database is not at head, the history has two, the
            revision would lose data that nothing in `consent` gives up, or it does not run.
        ModelImportError: a model cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(url)
    require_obedience(config)
    x = [*consent, *said]
    if not tried:
        x.append("tried=no")
    config.cmd_opts = Namespace(autogenerate=autogenerate, x=x)
    written = command.revision(config, message, autogenerate=autogenerate)
    return str(written.path) if isinstance(written, Script) else None


def apply_migrations(to: str | None = None, url: str | URL | None = None) -> None:
    """Upgrade the database.

    Args:
        to: a revision, a step such as `+1`, `head`, `heads` or `label@head`; by default the head,
            or all of them where the history is meant to have several.
        url: the database; the project's own by default.

    Raises:
        CommandError: there is no such revision, a branch has two heads, the database is at a
            revision that the history lacks, it refused a statement, or an interrupted revision
            cannot be finished.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    upgrade(alembic_config(url), to)


def revert_migrations(
    to: str = "-1", url: str | URL | None = None, *, lose: str | Sequence[str] = ()
) -> None:
    """Downgrade the database; it does not ask, and refuses to lose data that is not given up.

    Args:
        to: a revision, `base` or a step such as `-1`; of one branch, `label@base` or `label@-1`.
        url: the database; the project's own by default.
        lose: what may be lost, with the database it is in, as after `-x lose=`:
            "db.example.com/shop:users,products.price". What a refusal names is what is needed.

    Raises:
        CommandError: there is no such revision, the database is at one that the history lacks, it
            refused a statement, an interrupted revision cannot be finished, data would be lost
            that nothing in `lose` gives up, or a step does not say from which of several heads.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(url)
    require_obedience(config)
    require_one_meaning(config, to)
    config.attributes["lose"] = lose
    command.downgrade(config, to)


def current_revision(url: str | URL | None = None) -> str | None:
    """Return the revision the database is at.

    Args:
        url: the database; the project's own by default.

    Returns:
        The revision; of a database at several heads all, with commas between; None when it was
        never migrated.

    Raises:
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    return ", ".join(sorted(heads_at_once(alembic_config(url)))) or None


def pending_revisions(url: str | URL | None = None) -> list[str]:
    """Return the revisions an upgrade to all heads would apply, the first one first.

    Args:
        url: the database; the project's own by default.

    Raises:
        CommandError: the revisions do not make a history, or the database is at one it lacks.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(url)
    return pending(history(config), heads_at_once(config))


def ensure_current(url: str | URL | None = None) -> None:
    """Do nothing if all revisions are applied; meant for a service's start-up, costs milliseconds.

    Args:
        url: the database; the project's own by default.

    Raises:
        NotCurrent: the database is behind or ahead of this code, or a branch of the history has
            two heads; the message says what to run.
        CommandError: the revisions do not make a history.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    found = status(alembic_config(url), compare=False)
    if found.state is not State.CURRENT:
        raise NotCurrent(found.sentence)
