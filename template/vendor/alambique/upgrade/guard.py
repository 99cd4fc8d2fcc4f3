"""No downgrade loses data unless somebody said so: asked in a terminal, refused elsewhere.

It stands in the run itself, so that no door leads around it. What is said names the database and
what is lost there, `lose=db.example.com/shop:users`: a line from a log empties no other one.
"""

from __future__ import annotations

import logging
import re
import shlex
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy.engine import URL, make_url

from alambique import messages
from alambique.database.creation import is_scratch
from alambique.names import ColumnName, TableName, split
from alambique.settings import is_sqlite_file, shown_url
from alambique.terminal import confirmed
from alambique.upgrade.journal import Step, half_done
from alambique.upgrade.loss import Losses, Untold
from alambique.upgrade.losses import losses
from alambique.upgrade.retry import retry_when_busy

log = logging.getLogger("alembic.runtime.migration")

LOSE = "lose="
# Names with commas between them: a comma between quotes is part of a name.
LISTED = re.compile(r'(?:"(?:[^"]|"")*"|[^,])+')


def require_consent(config: Config, migration: MigrationContext, steps: Iterable[Step]) -> None:
    """Let a command that downgrades go on, if it loses nothing that was not given up.

    It was where `-x lose=` says so, or `config.attributes["lose"]`; or somebody in a terminal does.
    Scratch databases that this process made are nobody's, and nothing is asked about them.

    Args:
        config: the command's configuration. `config.attributes["typed_as"]` is how a command is
            typed that is not Alembic's.
        migration: what Alembic made of the connection, which is in no transaction.
        steps: what the command does.

    Raises:
        CommandError: data would be lost that nobody gave up; or a revision fails.
        LockTimeout: a table stayed busy.
        LockLost: the database closed the connection.
        InvalidSetting: MIGRATION_LOCK_WAIT is no number.
    """
    undone = [step for step in steps if isinstance(step, RevisionStep) and not step.is_upgrade]
    assert migration.connection is not None
    url = migration.connection.engine.url
    if not undone or is_scratch(url):
        return

    found = retry_when_busy(migration, lambda: _losses(migration, undone))
    if not found:
        return
    database = place_of(url)
    lines = "\n".join(f"  {line}" for line in _lines(found))
    report = messages.WILL_DROP.format(database=database, losses=lines)
    said = _said(config)
    if _names(found) <= _agreed(said, database):
        log.warning(report)
        return

    is_there = _is_typed(config) and sys.stdin is not None and sys.stdin.isatty()
    if is_there:
        print(report)
        if confirmed(messages.CONFIRM):
            return
    elsewhere = [each for each in said if not each.startswith(f"{database}:")]
    consent = f"{database}:{','.join(_written(found))}"
    sentences = [
        *([] if is_there else [report]),
        *(messages.CONSENT_ELSEWHERE.format(said=each) for each in elsewhere),
        messages.NOT_CONFIRMED.format(command=_command(config, migration, consent)),
    ]
    raise CommandError("\n".join(sentences))


def place_of(url: URL) -> str:
    """Return what a consent calls a database: host, port and name; a file's path."""
    if is_sqlite_file(url):
        return Path(str(url.database)).absolute().as_posix()
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    hosts = url.query.get("host", "")
    host = url.host or (hosts if isinstance(hosts, str) else ",".join(hosts))
    port = f":{url.port}" if url.port else ""
    return f"{host}{port}/{url.database or ''}"


def _losses(migration: MigrationContext, undone: list[RevisionStep]) -> Losses:
    """Return what these revisions lose; of one that was interrupted it was asked before."""
    assert migration.connection is not None
    interrupted = half_done(migration.connection)
    if interrupted != f"downgrade {undone[0].revision.revision}":
        return losses(migration, undone)
    cause = messages.AFTER_INTERRUPTED.format(step=interrupted)
    return Losses(untold=[Untold(step.revision.revision, cause) for step in undone[1:]])


def _is_typed(config: Config) -> bool:
    """Tell whether a person typed the command, and may be asked."""
    return "typed_as" in config.attributes or "cmd" in _options(config)


def _options(config: Config) -> dict[str, object]:
    return vars(config.cmd_opts or Namespace())


def _x_arguments(config: Config) -> list[str]:
    said = _options(config).get("x")
    return [str(each) for each in said] if isinstance(said, list) else []


def _said(config: Config) -> list[str]:
    """Return what was given up, as it was said."""
    said = config.attributes.get("lose") or ()
    given = [said] if isinstance(said, str) else [str(each) for each in said]
    typed = [each.removeprefix(LOSE) for each in _x_arguments(config) if each.startswith(LOSE)]
    return [*given, *typed]


def _agreed(said: Iterable[str], database: str) -> set[tuple[str, ...]]:
    """Return the names, out of their quotes, that were given up in this database."""
    before = f"{database}:"
    agreed = set()
    for each in said:
        if each.startswith(before):
            agreed |= {_parts(name) for name in LISTED.findall(each.removeprefix(before))}
    return agreed


def _parts(name: str) -> tuple[str, ...]:
    try:
        return tuple(split(name.strip()))
    except ValueError:  # the name of nothing
        return (name,)


def _names(found: Losses) -> set[tuple[str, ...]]:
    return {_parts(name) for name in _written(found)}


def _written(found: Losses) -> list[str]:
    """Return what is lost as a consent names it: tables, columns, and @revisions."""
    return [*(_listed(loss.name) for loss in found.known), *_revisions(found)]


def _listed(name: TableName | ColumnName) -> str:
    """Return a name, with quotes around a part that has a comma."""
    if isinstance(name, ColumnName):
        parts = [name.table.schema, name.table.name, name.name]
    else:
        parts = [name.schema, name.name]
    return ".".join(
        '"' + part.replace('"', '""') + '"' if re.search(r'[,."]', part) else part
        for part in parts
        if part is not None
    )


def _revisions(found: Losses) -> list[str]:
    return list(dict.fromkeys(f"@{untold.revision}" for untold in found.untold))


def _lines(found: Losses) -> Iterator[str]:
    for loss in found.known:
        yield messages.ROWS.format(name=loss.name, rows=loss.rows)
    for untold in found.untold:
        yield messages.UNTOLD.format(revision=untold.revision, cause=untold.cause)


def _command(config: Config, migration: MigrationContext, consent: str) -> str:
    """Return the command that was given, with a consent."""
    typed_as = config.attributes.get("typed_as")
    if typed_as is not None:
        return f"{typed_as} {shlex.quote(LOSE + consent)}"
    goal = str(migration.opts["destination_rev"])
    if "cmd" not in _options(config):
        return f"revert_migrations({goal!r}, lose=[{consent!r}])"

    others = [_safe(each) for each in _x_arguments(config) if not each.startswith(LOSE)]
    given = [f"-x {shlex.quote(each)}" for each in [*others, LOSE + consent]]
    return f"alembic {' '.join(given)} downgrade {shlex.quote(goal)}"


def _safe(argument: str) -> str:
    """Return what was typed after `-x`, without a password."""
    if not argument.startswith("url="):
        return argument
    return f"url={shown_url(make_url(argument.removeprefix('url=')))}"
