"""What a typed command logs to standard error: text for a person, or JSON for a collector."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime

from alambique import messages
from alambique.settings import InvalidSetting
from alambique.terminal import log_to_terminal

log = logging.getLogger("alambique")

# What MIGRATION_LOG may say.
TEXT = "text"
JSON = "json"

# What every record has; the rest are fields that somebody gave it.
OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as one object in one line: time, level, logger, message, and the fields it has."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, in ASCII, whatever the terminal's encoding."""
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= {name: value for name, value in vars(record).items() if name not in OWN}
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


def log_as_asked() -> None:
    """Log to standard error as MIGRATION_LOG says, unless something configured logging already.

    Raises:
        InvalidSetting: it is neither `text` (the default) nor `json`.
    """
    wanted = os.environ.get("MIGRATION_LOG") or TEXT
    if wanted not in {TEXT, JSON}:
        raise InvalidSetting(messages.NOT_A_LOG.format(value=wanted))
    log_to_terminal(JsonFormatter() if wanted == JSON else None)


def say_what_went_wrong(sentence: str) -> None:
    """Say a sentence on standard error; where that is for a collector, as a record."""
    if any(isinstance(each.formatter, JsonFormatter) for each in logging.root.handlers):
        log.error(sentence)
    else:
        print(sentence, file=sys.stderr)
