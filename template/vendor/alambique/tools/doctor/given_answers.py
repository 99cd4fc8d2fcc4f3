"""What the doctor asks of the answers given to Copier: whether this machine is as they say."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alambique import messages
from alambique.settings import Source
from alambique.tools.answers import ANSWERS, answers
from alambique.tools.credentials import without_credentials
from alambique.tools.doctor.checks import Checks, Fault, Found, Remark, needed

# The files that name a database for the project; the environment is that of one machine.
PLACES = {Source.DOTENV: ".env", Source.INI: "alembic.ini"}

# The answer that each kind of URL belongs to.
ENGINES = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}


@dataclass
class GivenAnswers:
    """The check of the answers: an update changes them, and cannot change all that follows."""

    found: Found

    def checks(self) -> Checks:
        """Return the one check."""
        return {"answers": self.answers}

    def answers(self) -> str:
        """Check what was made by hand, or by an earlier set-up, against the answers of now.

        Raises:
            Fault: it belongs to another answer, or the template's address has credentials.
            OSError: the answers file cannot be read.
            Remark: the project is not known, or has no answers.
        """
        root = needed(self.found.project).root
        said = answers()
        if not said:
            raise Remark

        faults = [
            *self._other_engine(said.get("database")),
            *self._other_environment(root, said.get("environment")),
            *_credentials(said.get("_src_path", "")),
        ]
        if faults:
            raise Fault(" ".join(faults))
        return messages.DOCTOR_ANSWERS

    def _other_engine(self, asked: str | None) -> Iterator[str]:
        """Yield a sentence if a file of the project names a database of another kind."""
        if self.found.url is None or self.found.source not in PLACES:
            return
        engine = ENGINES.get(self.found.url.get_backend_name())
        if asked and engine and engine != asked:
            place = PLACES[self.found.source]
            yield messages.DOCTOR_OTHER_ENGINE.format(place=place, found=engine, asked=asked)

    def _other_environment(self, root: Path, asked: str | None) -> Iterator[str]:
        """Yield a sentence if `.venv` is not what the program asked for makes."""
        is_conda = (root / ".venv" / "conda-meta").is_dir()
        lacks_pip = asked == "pip" and importlib.util.find_spec("pip") is None
        if asked and ((asked == "conda") != is_conda or lacks_pip):
            yield messages.DOCTOR_OTHER_ENVIRONMENT.format(asked=asked)


def _credentials(source: str) -> Iterator[str]:
    """Yield a sentence if the template's address has more in it than everybody may read."""
    if without_credentials(source) != source:
        yield messages.DOCTOR_CREDENTIALS.format(file=ANSWERS)
