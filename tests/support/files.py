"""Files that a test writes, and that Python is to read as they are now."""

import itertools
import os
from pathlib import Path

SECONDS = itertools.count(1_000_000_000)


def write_anew(path: Path, text: str) -> Path:
    """Write a file, with the folders it needs; return its path.

    Python compiles anew what has another size or second: an edit may have neither. So each file
    that is written gets a second of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")

    second = next(SECONDS)
    os.utime(path, (second, second))
    return path
