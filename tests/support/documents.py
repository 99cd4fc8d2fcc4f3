"""What a document shows: its headings and its commands."""

import re


def headings(text: str) -> list[str]:
    """Return the level of each heading of a Markdown text, not the comments in its examples."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+(?= )", outside, re.MULTILINE)
