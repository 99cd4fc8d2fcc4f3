"""The seal of the library, as a release writes it.

While the library is being changed its seal in the working tree is old. That is one test's to say
(test_sealed.py); all others see what a release would have: a copy of the working tree is sealed.
"""

import hashlib
from pathlib import Path

SEAL = "alambique.sha256"


def digests(library: Path) -> dict[str, str]:
    """Return the digest of each file of a copy of the library, by its path in vendor/."""
    return {
        path.relative_to(library.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(library.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def seal(vendor: Path) -> None:
    """Write the seal of the library in a folder, if there is one: not up to 1.2."""
    if (vendor / "alambique").is_dir():
        found = sorted(digests(vendor / "alambique").items())
        text = "".join(f"{digest}  {name}\n" for name, digest in found)
        (vendor / SEAL).write_text(text, encoding="utf-8", newline="\n")
