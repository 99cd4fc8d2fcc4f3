"""What opens a repository, and is for nobody else to read: the user and password in its address.

This module needs nothing but Python: a hook of the template uses it where nothing is installed.
"""

from __future__ import annotations

import re

# The part before the last @ is the user's, even where a password has an @ that nobody encoded.
USER_INFORMATION = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<user>[^/\s'\"<>]*)@", re.I)


def without_credentials(text: str) -> str:
    """Return a text without the credentials in the addresses that it has.

    What `https://` has before the host may be a token whole, and goes. The user of `ssh://` (and of
    `git@host:path`) opens nothing without a key and stays; a password beside it goes.

    Args:
        text: an address, or what a program printed that quotes some.
    """
    return USER_INFORMATION.sub(_without, text)


def _without(found: re.Match[str]) -> str:
    scheme, user = found["scheme"], found["user"]
    if scheme.lower().endswith("ssh://"):
        return f"{scheme}{user.partition(':')[0]}@"
    return scheme
