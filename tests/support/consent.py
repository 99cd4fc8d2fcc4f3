"""Consent to what a test's own downgrades lose: rows that the test put there itself."""

import re
import shlex

# Where a refusal says the command that would not be refused.
CONSENT = re.compile(r"(?:^|\s)('lose=[^'\n]+'|lose=[^\s\[]\S*)")


def consent_in(printed: str) -> str | None:
    """Return the `lose=…` that a refused downgrade asks for; None if it was not refused so."""
    found = CONSENT.search(printed)
    return shlex.split(found[1])[0] if found else None


def give_up_everything() -> None:
    """Consent to whatever is lost, in a process that ends with its one command."""
    from alambique.upgrade import guard

    vars(guard)["_names"] = lambda _found: set()


def nothing_is_anybodys() -> None:
    """Have every database be a scratch one, in a process that ends with its one command."""
    from alambique.upgrade import guard

    vars(guard)["is_scratch"] = lambda _url: True
