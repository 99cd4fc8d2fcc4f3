"""Which of the template's tags is its newest release.

This module needs nothing but Python: a hook of the template uses it where nothing is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# A pre-release has more to its name: v2.1.0rc1, v2.1.0-beta.2.
RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)")


def newest_release(tags: Iterable[str]) -> str | None:
    """Return the tag of the newest release; a pre-release is none.

    Args:
        tags: the names of tags, in any order; one that is no version does not count.

    Returns:
        None where no tag is a release.
    """
    releases = {}
    for tag in tags:
        if match := RELEASE.fullmatch(tag):
            releases[tuple(int(number) for number in match[1].split("."))] = tag
    return releases[max(releases)] if releases else None
