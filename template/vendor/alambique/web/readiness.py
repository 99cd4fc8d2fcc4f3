"""May the service work on its database? What `/ready` answers, and whether a process starts."""

from __future__ import annotations

import logging
import sys

from alembic.util import CommandError
from sqlalchemy.engine import URL

from alambique import messages
from alambique.database.errors import DatabaseUnavailable, unavailable_as_sentence
from alambique.history.status import State, status
from alambique.settings import (
    InvalidSetting,
    alembic_config,
    has_own_loop,
    service_url,
    variable,
)
from alambique.web.drift import differs

log = logging.getLogger(__name__)

# Seconds until a server that does not answer counts as unreachable, in the driver's words.
PATIENCE = {
    "postgresql": {"connect_timeout": "3"},
    "mysql": {"connect_timeout": "3", "read_timeout": "3"},
    "mariadb": {"connect_timeout": "3", "read_timeout": "3"},
}
PATIENCE_ON_A_LOOP = {
    "asyncpg": {"timeout": "3"},
    "aiomysql": {"connect_timeout": "3"},
    "asyncmy": {"connect_timeout": "3"},
}

READY = "ready"

# What STARTUP_CHECK may say of a database that is not ready.
REFUSE = "refuse"
WARN = "warn"
OFF = "off"


def readiness() -> tuple[str, str]:
    """Find out whether the service's database answers and is at the code's revision, in seconds.

    Returns:
        A state, and the sentence that says what to do: "ready", "behind", "ahead", "two_heads",
        "drift" if READY_DRIFT refuses it, "unreachable", or "error" where the history or a
        setting cannot be read.
    """
    try:
        url = _impatient(service_url())
        with unavailable_as_sentence(url):
            found = status(alembic_config(url), compare=False)
        is_adrift = found.state is State.CURRENT and differs()
    except DatabaseUnavailable as error:
        return "unreachable", str(error)
    except (CommandError, InvalidSetting) as error:
        return "error", str(error)

    if is_adrift:
        return "drift", messages.READY_DRIFTED  # where, no stranger needs to know
    if found.state is State.CURRENT:
        return READY, messages.READY.format(code=found.sentence)
    return found.state.name.lower(), found.sentence


def check_at_startup() -> None:
    """Keep a process from serving a database that is not ready, or warn, as STARTUP_CHECK says.

    Raises:
        InvalidSetting: STARTUP_CHECK is none of `refuse` (the default), `warn` and `off`; or a
            setting that the check needs cannot be read.
        SystemExit: it is `refuse`, and the database is not ready; the sentence says why.
    """
    wanted = variable("STARTUP_CHECK") or REFUSE
    if wanted not in {REFUSE, WARN, OFF}:
        raise InvalidSetting(messages.NOT_A_CHECK.format(value=wanted))
    if wanted == OFF:
        return

    state, sentence = readiness()
    if state == READY:
        return
    if wanted == WARN:
        log.warning(sentence)
    else:
        sys.exit(messages.NOT_STARTED.format(cause=sentence))


def _impatient(url: URL) -> URL:
    """Return the same database, given up on within seconds; what its URL says of that counts."""
    words = PATIENCE.get(url.get_backend_name(), {})
    if has_own_loop(url):
        words = PATIENCE_ON_A_LOOP[url.get_driver_name()]
    return url.set(query={**words, **url.query})
