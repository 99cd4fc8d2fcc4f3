"""What the doctor asks of the settings: `.env`, and the database's URL."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass

from alambique import messages
from alambique.settings import (
    InvalidSetting,
    Source,
    alembic_config,
    resolve_migration_url,
    shown_url,
)
from alambique.settings.environment import read_dotenv
from alambique.tools.doctor.checks import Checks, Fault, Found, Remark, needed

# A setting in `.env.example`, one that is commented out included.
SETTING = re.compile(r"^#?\s*([A-Z]\w*)=", re.MULTILINE)

# From which likeness on, of 1, a name is taken for another one misspelt.
LIKENESS = 0.8


@dataclass
class Configuration:
    """The checks of the settings."""

    found: Found

    def checks(self) -> Checks:
        """Return the checks, in the order they are made."""
        return {"env_file": self.env_file, "settings": self.settings, "address": self.address}

    def env_file(self) -> str:
        """Check that `.env` is there, and can be read.

        Raises:
            Fault: it is not there, or cannot be read.
            Remark: it is not there and not needed, or the project is not known.
        """
        file = needed(self.found.project).root / ".env"
        if not file.exists():
            if self._url_comes_from_elsewhere():
                raise Remark(messages.DOCTOR_ENV_UNUSED)
            raise Fault(messages.DOCTOR_NO_ENV)
        try:
            file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Fault(messages.DOCTOR_ENV_UNREADABLE.format(cause=error)) from error
        return messages.DOCTOR_ENV

    def settings(self) -> str:
        """Check the names in `.env` against those of `.env.example`.

        Raises:
            Fault: one is misspelt, or not set.
            InvalidSetting: one of the files cannot be read.
            Remark: there are no two files to compare.
        """
        root = needed(self.found.project).root
        env, example = root / ".env", root / ".env.example"
        if not (env.is_file() and example.is_file()):
            raise Remark

        ours = read_dotenv(env).keys()
        asked = read_dotenv(example).keys()
        known = set(SETTING.findall(example.read_text(encoding="utf-8")))

        faults = []
        meant = set()
        for name in sorted(ours - known):
            unused = sorted(known - ours)
            for near in difflib.get_close_matches(name, unused, n=1, cutoff=LIKENESS):
                faults.append(messages.DOCTOR_MISSPELT.format(name=name, meant=near))
                meant.add(near)
        for name in sorted(asked - ours - meant - os.environ.keys()):
            faults.append(messages.DOCTOR_NOT_SET.format(name=name))

        if faults:
            raise Fault(" ".join(faults))
        return messages.DOCTOR_SETTINGS

    def address(self) -> str:
        """Check the database's URL, and say where it comes from.

        Raises:
            InvalidSetting: there is none, it cannot be read, or its driver is not installed.
            Remark: the project is not known.
        """
        needed(self.found.project)
        self.found.config = alembic_config(self.found.given_url)
        resolved = resolve_migration_url(self.found.config)
        self.found.url = resolved.url
        self.found.source = resolved.source

        sentences = {
            Source.GIVEN: messages.DOCTOR_URL_ASKED,
            Source.INI: messages.DOCTOR_URL_INI,
            Source.ENVIRONMENT: messages.DOCTOR_URL_GIVEN,
            Source.DOTENV: messages.DOCTOR_URL,
            Source.EXAMPLE: messages.DOCTOR_URL_EXAMPLE,
        }
        url = shown_url(resolved.url)
        return sentences[resolved.source].format(url=url, name=resolved.variable)

    def _url_comes_from_elsewhere(self) -> bool:
        """Tell whether the database is known without `.env`."""
        try:
            resolved = resolve_migration_url(alembic_config(self.found.given_url))
        except InvalidSetting:
            return False
        return resolved.source is not Source.EXAMPLE
