"""What a person in a terminal is asked, and shown."""

import logging
import select
import sys
from functools import cache

from alambique import messages

# Seconds to wait for an answer that is piped in: a pipe that never says anything must not hold a
# pipeline for ever.
PATIENCE = 1


def ask(question: str) -> str:
    """Put a question to the terminal, or to standard input if an answer waits there.

    Returns:
        The answer without the blanks around it; "" where there is none.
    """
    try:
        if sys.stdin.isatty():
            return input(question).strip()
        answer = sys.stdin.readline() if _answers_wait() else ""
    except (EOFError, OSError):
        return ""
    if answer:
        print(question + answer.strip())
    return answer.strip()


def confirmed(question: str) -> bool:
    """Ask for a yes; no answer means no."""
    return ask(question).lower() in messages.YES


def log_to_terminal(detail: int = logging.INFO) -> None:
    """Show what Alembic does on standard error, unless something configured logging already.

    Args:
        detail: the level from which on it is shown, as in `logging`.
    """
    if logging.root.handlers:
        return
    logging.basicConfig(format="%(levelname)-5.5s [%(name)s] %(message)s")
    for name in ("alembic.runtime.migration", "alembic.autogenerate"):
        logging.getLogger(name).setLevel(detail)
    logging.getLogger("alembic.util.messaging").disabled = True  # it prints what it logs


@cache
def _answers_wait() -> bool:
    try:
        ready, _, _ = select.select([sys.stdin], [], [], PATIENCE)
    except (OSError, ValueError):
        return False
    return bool(ready)
