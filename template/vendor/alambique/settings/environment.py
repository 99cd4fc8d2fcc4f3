"""Environment variables, and the `.env` that stands in for those that are not set."""

from __future__ import annotations

import math
import os
from pathlib import Path

from dotenv import dotenv_values

from alambique import messages
from alambique.settings.errors import InvalidSetting
from alambique.settings.folder import project

# The longest we can be asked to wait, in seconds: eleven days. No server counts on for ever.
LONGEST = 1_000_000

# What `.env` brought into this process's environment; the rest of it was there before.
_loaded: dict[str, str] = {}


def load_environment() -> None:
    """Put what `.env` says into the environment; a variable that is set already stays as it is.

    Raises:
        InvalidSetting: `.env` cannot be read.
    """
    for name, value in read_dotenv(project().root / ".env").items():
        if name not in os.environ:
            os.environ[name] = os.fsdecode(value.encode("utf-8"))
            _loaded[name] = value


def variable(name: str) -> str | None:
    """Return a variable of the environment, else of `.env`; None if it is empty or in neither.

    Raises:
        InvalidSetting: `.env` cannot be read.
    """
    load_environment()
    return _in_environment(name)


def given_variable(name: str) -> str | None:
    """Return a variable that the environment had before `.env` was read; None if it had none."""
    value = _in_environment(name)
    return None if value == _loaded.get(name) else value


def _in_environment(name: str) -> str | None:
    """Return a variable of the environment, which holds bytes: UTF-8, whatever the locale."""
    value = os.environ.get(name) or None
    return None if value is None else os.fsencode(value).decode("utf-8", "surrogateescape")


def read_dotenv(path: Path) -> dict[str, str]:
    """Return what a file such as `.env` sets; nothing where there is no such file.

    Raises:
        InvalidSetting: it is there and cannot be read.
    """
    try:
        values = dotenv_values(path, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(messages.DOCTOR_ENV_UNREADABLE.format(cause=error)) from error
    return {name: value for name, value in values.items() if value is not None}


def seconds(name: str, default: float) -> float:
    """Return the variable `name`, a number of seconds; `default` (seconds) where it is not set.

    Raises:
        InvalidSetting: it is no number from 0 to LONGEST, or `.env` cannot be read.
    """
    try:
        said = float(variable(name) or default)
    except ValueError:
        said = math.nan
    if not 0 <= said <= LONGEST:  # as nothing is that is no number
        raise InvalidSetting(messages.NOT_SECONDS.format(name=name, longest=LONGEST))
    return said
