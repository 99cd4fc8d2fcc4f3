"""`make doctor`: what this project needs, each check alone on a line, with what mends it."""

import argparse
import difflib
import os
import re
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast

from alembic.util import CommandError
from dotenv import dotenv_values
from sqlalchemy.engine import URL

from core import ROOT, database_url, is_sqlite_file, template
from core.migrations import alembic_config, messages
from core.migrations.connection import DatabaseUnavailable, connect
from core.migrations.models import load_metadata
from core.migrations.status import State, status
from core.migrations.tools import installed
from core.migrations.tools.installed import Ill, Note

T = TypeVar("T")
PATIENCE = 5  # seconds for a server, or for the template's repository
ENV, EXAMPLE = ROOT / ".env", ROOT / ".env.example"


def doctor(_: argparse.Namespace) -> int:
    """Check what this project needs: a line for each thing, with the command that mends it."""
    marks = {"well": "✓", "ill": "✗", "note": "–"}
    try:
        "".join(marks.values()).encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        marks = {"well": "+", "ill": "x", "note": "-"}
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    checks, faults = Checks(), 0
    for check in checks.all():
        state, sentence = _examine(check)
        print(marks[state], " ".join(sentence.split()), flush=True)
        faults += state == "ill"
    return 1 if faults else 0


def _examine(check: Callable[[], str]) -> tuple[str, str]:
    try:
        return "well", check()
    except Note as note:
        what = messages.DOCTOR_WHAT[check.__name__]
        return "note", str(note) or messages.DOCTOR_NOT_ASKED.format(what=what)
    except (Ill, CommandError, SystemExit) as fault:
        return "ill", str(fault)
    except Exception as error:  # whatever it is, the next check is made
        cause = f"{type(error).__name__}: {error}"
        return "ill", messages.DOCTOR_STUMBLED.format(
            what=messages.DOCTOR_WHAT[check.__name__], cause=cause
        )


class Checks:
    """The checks, in order; what one finds, a later one may need."""

    def __init__(self) -> None:
        self.given = os.environ.get("DATABASE_URL")  # what .env says is read in later
        self.url: URL | None = None
        self.answers = self.is_open = False

    def all(self) -> list[Callable[[], str]]:
        """Return the checks, in the order they are made."""
        configured = [self.env_file, self.settings, self.address]
        running = [self.server, self.database, self.revisions, self.models, self.template_version]
        return [*installed.CHECKS, *configured, *running]

    def env_file(self) -> str:
        """Check that `.env` is there, and can be read."""
        if not ENV.exists():
            raise Note(messages.DOCTOR_ENV_UNUSED) if self.given else Ill(messages.DOCTOR_NO_ENV)
        try:
            ENV.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Ill(messages.DOCTOR_ENV_UNREADABLE.format(cause=error)) from error
        return messages.DOCTOR_ENV

    def settings(self) -> str:
        """Check the names in `.env` against those of `.env.example`."""
        if not (ENV.is_file() and EXAMPLE.is_file()):
            raise Note
        ours, needed = dotenv_values(ENV).keys(), dotenv_values(EXAMPLE).keys()
        known = set(re.findall(r"^#?\s*([A-Z]\w*)=", EXAMPLE.read_text("utf-8"), re.MULTILINE))
        faults, meant = [], set[str]()
        for name in sorted(ours - known):
            for near in difflib.get_close_matches(name, sorted(known - ours), n=1, cutoff=0.8):
                faults.append(messages.DOCTOR_MISSPELT.format(name=name, meant=near))
                meant.add(near)
        for name in sorted(needed - ours - meant - os.environ.keys()):
            faults.append(messages.DOCTOR_NOT_SET.format(name=name))
        if faults:
            raise Ill(" ".join(faults))
        return messages.DOCTOR_SETTINGS

    def address(self) -> str:
        """Check DATABASE_URL."""
        self.url = database_url()
        sentence = messages.DOCTOR_URL_GIVEN if self.given else messages.DOCTOR_URL
        return sentence.format(url=self.url)

    def server(self) -> str:
        """Check that the server answers, whether it has the database or not."""
        url = _there(self.url)
        if url.get_backend_name() == "sqlite":
            self.answers = True
            return messages.DOCTOR_NO_SERVER
        always = "postgres" if url.get_backend_name() == "postgresql" else ""  # "": none, on MySQL
        refused = ""
        for name in (url.database, always):
            try:
                _in_time(partial(_open, url.set(database=name)))
            except DatabaseUnavailable as error:
                refused = refused or str(error)
            else:
                self.answers = True
                place = ":".join(str(each) for each in (url.host, url.port) if each)
                return messages.DOCTOR_SERVER.format(place=place)
        compose = messages.DOCTOR_COMPOSE if (ROOT / "compose.yaml").exists() else ""
        raise Ill(f"{refused} {compose}")

    def database(self) -> str:
        """Check that the database is there and lets us in."""
        url = _there(self.url if self.answers else None)
        if is_sqlite_file(url) and not Path(str(url.database)).exists():  # opening would make it
            raise Ill(messages.DOCTOR_NO_DATABASE.format(name=url.database))
        _in_time(lambda: _open(url))
        self.is_open = True
        return messages.DOCTOR_DATABASE.format(name=url.database)

    def revisions(self) -> str:
        """Check that the database is at the one head of the history."""
        url = _there(self.url if self.is_open else None)
        found = _in_time(lambda: status(alembic_config(), url, compare=False))
        if found.state is not State.CURRENT:
            raise Ill(found.sentence)
        return messages.DOCTOR_HEAD.format(head=found.sentence)

    def models(self) -> str:
        """Check that the models can be imported."""
        _there(self.url)
        count = sum(len(metadata.tables) for metadata in load_metadata())
        return messages.DOCTOR_MODELS.format(count=count)

    def template_version(self) -> str:
        """Say whether the template has a newer version; not to know is no fault."""
        silent = "ssh -oBatchMode=yes"  # nobody is here to type a password
        os.environ |= {"GIT_TERMINAL_PROMPT": "0"}
        os.environ.setdefault("GIT_SSH_COMMAND", silent)
        try:
            with TemporaryDirectory() as clone:
                state, _, news = template.newest(Path(clone), PATIENCE)
        except (OSError, SystemExit) as error:
            raise Note(messages.DOCTOR_TEMPLATE_UNKNOWN.format(cause=error)) from error
        if state:
            raise Note(news.splitlines()[0])
        return news.splitlines()[0]


def _there(url: URL | None) -> URL:
    if url is None:
        raise Note  # not asked, because of a fault above
    return url


def _open(url: URL) -> None:
    with connect(url):
        pass


def _in_time(call: Callable[[], T]) -> T:
    # A thread: no driver's own timeout covers a name server, a handshake and a query alike.
    box: list[Any] = []

    def run() -> None:
        try:
            box.append((call(), None))
        except BaseException as error:
            box.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not box:
        raise Ill(messages.DOCTOR_SILENT.format(seconds=PATIENCE))
    found, error = box[0]
    if error is not None:
        raise error
    return cast("T", found)
