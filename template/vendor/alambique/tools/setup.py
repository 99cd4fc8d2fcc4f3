"""`make setup`, after the installation: what a fresh clone lacks."""

from __future__ import annotations

import argparse
import shutil
import subprocess

from alembic import command

from alambique import messages
from alambique.database.creation import create_missing_database
from alambique.history.environment import require_obedience
from alambique.history.heads import upgrade
from alambique.settings import alembic_config, migration_url, project, shown_url

# What `make new` leaves in the repository of a project whose set-up failed.
TO_COMMIT = ".git/alambique-first-commit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no argument."""


def run(options: argparse.Namespace) -> int:
    """Make what is missing: `.env` from `.env.example`, the database, the tables.

    Raises:
        CommandError: a branch has two heads, the database is at a revision that the history lacks,
            it refused a statement, or an interrupted revision cannot be finished.
        LockTimeout: another migrator, or a long query, held the database for too long.
        DatabaseUnavailable: the server does not let us in, or does not let us create.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    _make_dotenv()

    config = alembic_config(options.url)
    require_obedience(config)
    url = migration_url(config)
    if create_missing_database(url):
        print(messages.DATABASE_MADE.format(url=shown_url(url)))

    # As Alembic's command line has it: who typed this is told in a sentence what happened.
    config.cmd_opts = argparse.Namespace(cmd=(command.upgrade,), x=None)
    upgrade(config)
    _make_first_commit()
    print(messages.NEXT_STEPS)
    return 0


def _make_dotenv() -> None:
    root = project().root
    example = root / ".env.example"
    if example.exists() and not (root / ".env").exists():
        shutil.copy(example, root / ".env")
        print(messages.ENV_MADE)


def _make_first_commit() -> None:
    """Commit a project that `make new` made and could not set up, as it does if it can."""
    root = project().root
    asked = root / TO_COMMIT
    if not asked.exists():
        return
    for words in (["add", "--all"], ["commit", "--quiet", "--message", "Start the service"]):
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, encoding="utf-8"
        )
        if done.returncode:
            print(messages.NO_FIRST_COMMIT.format(cause=" ".join(done.stderr.split())))
            return
    asked.unlink()
    print(messages.FIRST_COMMIT)
