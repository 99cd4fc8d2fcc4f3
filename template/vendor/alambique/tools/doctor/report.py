"""The command: makes every check, and prints a line for each."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum

from alembic.util import CommandError

from alambique import messages
from alambique.settings import InvalidSetting
from alambique.tools.doctor.checks import Fault, Found, Remark
from alambique.tools.doctor.configuration import Configuration
from alambique.tools.doctor.database import Database
from alambique.tools.doctor.environment import Environment
from alambique.tools.doctor.given_answers import GivenAnswers
from alambique.tools.doctor.versions import Versions
from alambique.tools.report import print_report


class Outcome(Enum):
    """How a check ended."""

    WELL = "well"
    FAULT = "fault"
    REMARK = "remark"


MARKS = {Outcome.WELL: "✓", Outcome.FAULT: "✗", Outcome.REMARK: "–"}
PLAIN_MARKS = {Outcome.WELL: "+", Outcome.FAULT: "x", Outcome.REMARK: "-"}


@dataclass(frozen=True)
class Diagnosis:
    """What one check found."""

    check: str
    outcome: Outcome
    sentence: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `doctor` takes."""
    parser.add_argument("--json", action="store_true", help=messages.OPTIONS["json"])


def run(options: argparse.Namespace) -> int:
    """Check what this project needs: a line for each thing, with the command that mends it.

    Returns:
        The exit code: 1 if there is something to mend.
    """
    if options.json:
        found = list(diagnoses(options.url))
        code = int(any(each.outcome is Outcome.FAULT for each in found))
        checks = [{**asdict(each), "outcome": each.outcome.value} for each in found]
        print_report("doctor", {"exit_code": code, "checks": checks})
        return code

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    marks = _marks(sys.stdout.encoding or "utf-8")

    has_fault = False
    for diagnosis in diagnoses(options.url):
        print(marks[diagnosis.outcome], diagnosis.sentence, flush=True)
        has_fault = has_fault or diagnosis.outcome is Outcome.FAULT
    return 1 if has_fault else 0


def diagnoses(url: str | None = None) -> Iterator[Diagnosis]:
    """Make the checks one after the other, whatever each finds.

    Args:
        url: the database to look at; the project's own by default.
    """
    found = Found(given_url=url)
    themes = [
        Environment(found).checks(),
        Configuration(found).checks(),
        GivenAnswers(found).checks(),
        Database(found).checks(),
        Versions(found).checks(),
    ]
    for theme in themes:
        for name, check in theme.items():
            yield examine(name, check)


def examine(name: str, check: Callable[[], str]) -> Diagnosis:
    """Make one check; it never raises.

    Args:
        name: what `messages.DOCTOR_WHAT` calls it.
        check: what returns a sentence, or raises one.
    """
    what = messages.DOCTOR_WHAT[name]
    try:
        outcome, text = Outcome.WELL, check()
    except Remark as remark:
        outcome = Outcome.REMARK
        text = str(remark) or messages.DOCTOR_NOT_ASKED.format(what=what)
    except (Fault, CommandError, InvalidSetting) as fault:
        outcome = Outcome.FAULT
        text = str(fault)
    except (Exception, SystemExit) as error:  # whatever it is, the next check is made
        outcome = Outcome.FAULT
        cause = f"{type(error).__name__}: {error}"
        text = messages.DOCTOR_STUMBLED.format(what=what, cause=cause)
    return Diagnosis(name, outcome, " ".join(text.split()))


def _marks(encoding: str) -> dict[Outcome, str]:
    """Return marks that this encoding has."""
    try:
        "".join(MARKS.values()).encode(encoding)
    except UnicodeEncodeError:
        return PLAIN_MARKS
    return MARKS
