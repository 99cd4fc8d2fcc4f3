"""May the service work on its database? What `/ready` answers, and whether a process starts."""

import logging
import os
import sys

from alembic.util import CommandError
from sqlalchemy.engine import URL

from core import InvalidSetting, database_url
from core.migrations import alembic_config, messages
from core.migrations.connection import DatabaseUnavailable, unavailable_as_sentence
from core.migrations.status import State, status

# Seconds until a server that does not answer counts as unreachable, in the driver's words.
PATIENCE = {
    "postgresql": {"connect_timeout": "3"},
    "mysql": {"connect_timeout": "3", "read_timeout": "3"},
}


def readiness() -> tuple[str, str]:
    """Find out whether the database answers and is at the code's revision, within seconds.

    Returns:
        A state, and the sentence that says what to do: "ready", "behind", "ahead", "two_heads",
        "unreachable", or "error" where the history or a setting cannot be read.
    """
    try:
        url = _impatient(database_url())
        with unavailable_as_sentence(url):
            found = status(alembic_config(), url, compare=False)
    except DatabaseUnavailable as error:
        return "unreachable", str(error)
    except (CommandError, InvalidSetting) as error:
        return "error", str(error)
    if found.state is State.CURRENT:
        return "ready", messages.READY.format(code=found.sentence)
    return found.state.name.lower(), found.sentence


def _impatient(url: URL) -> URL:
    ours = PATIENCE.get(url.get_backend_name().replace("mariadb", "mysql"), {})
    return url.set(query={**ours, **url.query})


def check_at_startup() -> None:
    """Keep a process from serving a database that is not ready, or warn, as STARTUP_CHECK says.

    Raises:
        InvalidSetting: STARTUP_CHECK is none of `refuse` (the default), `warn` and `off`.
        SystemExit: it is `refuse`, and the database is not ready; the sentence says why.
    """
    database_url()  # reads .env
    wanted = os.environ.get("STARTUP_CHECK") or "refuse"
    if wanted not in {"refuse", "warn", "off"}:
        raise InvalidSetting(messages.NOT_A_CHECK.format(value=wanted))
    if wanted == "off":
        return
    state, sentence = readiness()
    if state != "ready" and wanted == "warn":
        logging.getLogger(__name__).warning(sentence)
    elif state != "ready":
        sys.exit(messages.NOT_STARTED.format(cause=sentence))
