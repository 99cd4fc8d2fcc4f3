"""The make targets that are more than one Alembic command: `python -m core.migrations <target>`."""

import argparse
import logging
import shutil
import sys

from alembic.util import CommandError

from core import ROOT, database_url
from core.migrations import alembic_config, apply_migrations, log_to_terminal, messages
from core.migrations.adoption.commands import adopt, models
from core.migrations.connection import create_missing_database
from core.migrations.status import status
from core.migrations.tools.comment import comment
from core.migrations.tools.diagram import diagram
from core.migrations.tools.doctor import doctor
from core.migrations.tools.downgrade import downgrade
from core.migrations.tools.lint import lint
from core.migrations.tools.plan import plan as upgrade_plan
from core.migrations.tools.rebase import rebase
from core.migrations.tools.squash import squash
from core.migrations.tools.tour import tour


def setup(_: argparse.Namespace) -> int:
    """Make what a fresh clone lacks: `.env`, the database, the tables."""
    if not (ROOT / ".env").exists():
        shutil.copy(ROOT / ".env.example", ROOT / ".env")
        print(messages.ENV_MADE)
    url = database_url()
    if create_missing_database(url):
        print(messages.DATABASE_MADE.format(url=url))
    apply_migrations()
    print(messages.NEXT_STEPS)
    return 0


def check(_: argparse.Namespace) -> int:
    """Say where the database stands; the exit code is the state's."""
    found = status(alembic_config(), database_url())
    print(found.sentence)
    if found.ignored:
        print(messages.IGNORED.format(tables=", ".join(found.ignored)))
    return found.state


def plan(options: argparse.Namespace) -> int:
    """Print the SQL an upgrade would run, with what loses data or rewrites a table marked."""
    if options.markdown:
        print(comment(alembic_config(), database_url()), end="")
        return 0
    statements = upgrade_plan(alembic_config(), database_url())
    print("\n\n".join(statements) or messages.NOTHING_TO_DO)
    return 0


TARGETS = setup, check, plan, downgrade, rebase, squash, lint, tour, diagram, doctor, models, adopt


def main() -> int:
    """Run one target and turn what went wrong into a sentence."""
    parser = argparse.ArgumentParser(prog="python -m core.migrations")
    targets = parser.add_subparsers(required=True, metavar="TARGET")
    for target in TARGETS:
        sub = targets.add_parser(target.__name__, help=target.__doc__)
        sub.set_defaults(run=target)
        if target is plan:
            sub.add_argument("--markdown", action="store_true")
        if target is downgrade:
            sub.add_argument("to", nargs="?", default="-1")
        if target is rebase:
            sub.add_argument("--top")
        if target in (downgrade, rebase, squash, models, adopt):
            sub.add_argument("--yes", action="store_true")
        for option in ("url", "schema", "tables", "module") if target in (models, adopt) else ():
            sub.add_argument(f"--{option}")
    options = parser.parse_args()
    log_to_terminal(logging.INFO if options.run in (setup, downgrade, models) else logging.WARNING)
    try:
        return int(options.run(options))
    except CommandError as error:
        print(messages.FAILED.format(error=error), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
