"""`make status`: the history as a list, with what the database has and lacks of it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from alembic.config import Config

from alambique import messages
from alambique.database.ledger import Entry
from alambique.history.heads import forked, forks
from alambique.history.ledger import ledger
from alambique.history.outcome import spoken
from alambique.history.overview import Listed, Overview, Unknown, overview
from alambique.history.script import history
from alambique.history.status import on_branch
from alambique.settings import alembic_config
from alambique.tools.report import print_report

# How many steps of the ledger are listed; `json=1` has them all.
LAST = 50

# Digits of a commit that tell it from others.
SHORT = 12

APPLIED, PENDING, UNKNOWN = "✓", "·", "?"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `status` takes."""
    parser.add_argument("--ledger", action="store_true", help=messages.OPTIONS["ledger"])
    parser.add_argument("--json", action="store_true", help=messages.OPTIONS["json"])


def run(options: Namespace) -> int:
    """List the revisions, applied and not, and say what comes next.

    Raises:
        CommandError: the revisions do not make a history.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    found = overview(config)
    fork = forks(history(config))
    if options.json:
        pending = [each.revision for each in found.pending]
        said: dict[str, Any] = {**asdict(found), "pending": pending, "forks": fork}
        if options.ledger:
            said["ledger"] = [_plain(each) for each in ledger(config)]
        print_report("status", said)
        return 0

    print(found.database)
    for each in found.revisions:
        print(_line(each))
    print(*_said(found), sep="\n")
    if fork:
        print(forked(fork))
    if options.ledger:
        print(*_ledger(config), sep="\n")
    return 0


def _ledger(config: Config) -> Iterator[str]:
    """Yield what was done to the database, the last first."""
    found = ledger(config, LAST + 1)
    yield ""
    yield messages.LEDGER if found else messages.LEDGER_EMPTY
    for each in found[:LAST]:
        who = f"{each.os_user}@{each.host}"
        commit = f"  {each.git_commit[:SHORT]}" if each.git_commit else ""
        said = f"{each.command:9} {each.revision}  {each.title}"
        yield f"  {each.applied_at:%Y-%m-%d %H:%M}  {said}  {spoken(each.seconds)}  {who}{commit}"
    if len(found) > LAST:
        yield messages.LEDGER_GOES_ON


def _plain(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "applied_at": f"{entry.applied_at:%Y-%m-%dT%H:%M:%SZ}"}


def _line(each: Listed) -> str:
    mark = APPLIED if each.is_applied else PENDING
    labels = f"  [{', '.join(each.branch_labels)}]" if each.branch_labels else ""
    return f"  {mark} {each.revision}  {each.date or '':10}  {each.title}{labels}"


def _said(found: Overview) -> Iterator[str]:
    """Yield what the database has that the code lacks, then what comes next."""
    for each in found.unknown:
        yield f"  {UNKNOWN} {each.revision}  {_where(each)}"
    if found.unknown:
        return
    if found.pending:
        yield messages.LEFT_TO_APPLY.format(count=len(found.pending))
    elif found.revisions:
        yield messages.NONE_LEFT
    else:
        yield messages.NO_REVISIONS


def _where(each: Unknown) -> str:
    if each.replaced_by is not None:
        return messages.SQUASHED.format(database=each.revision, new=each.replaced_by)
    if each.git_branch is not None:
        return on_branch(each.revision, each.git_branch)
    return messages.NOWHERE.format(revision=each.revision)
