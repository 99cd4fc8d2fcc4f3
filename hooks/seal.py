"""What `make seal` does: note the digest of each file of the library, for the projects to compare.

A project is rendered with the library and with this seal; `make doctor` and an update tell from it
whether somebody edited the copy.
"""

import hashlib
from pathlib import Path

from alambique.tools.seal import write_seal

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "template" / "vendor" / "alambique"


def seal_library() -> Path:
    """Write the seal beside the library, and return where."""
    return write_seal(LIBRARY)


def digest() -> str:
    """Return the SHA-256 digest of the seal: one line that stands for the whole library."""
    return hashlib.sha256(LIBRARY.with_name("alambique.sha256").read_bytes()).hexdigest()


if __name__ == "__main__":
    print(f"{seal_library().relative_to(ROOT)}: {digest()}")
