"""The seal of the library: a digest of each of its files, so that an edited copy shows.

A project carries the library in `vendor/alambique`, and beside it `vendor/alambique.sha256`, which
`cd vendor && sha256sum -c alambique.sha256` understands, too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alambique import messages

LIBRARY = Path("vendor", "alambique")
SEAL = Path("vendor", "alambique.sha256")

LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")


@dataclass(frozen=True)
class Broken:
    """What differs from the release, each file as one types it at the project's root."""

    edited: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All of them; none where the library is as it was released."""
        return tuple(sorted((*self.edited, *self.missing, *self.added)))

    def __str__(self) -> str:
        """Say what happened to which files."""
        kinds = [
            (messages.SEAL_EDITED, self.edited),
            (messages.SEAL_MISSING, self.missing),
            (messages.SEAL_ADDED, self.added),
        ]
        return "; ".join(
            sentence.format(files=", ".join(files)) for sentence, files in kinds if files
        )


def is_sealed(path: str) -> bool:
    """Tell whether a path, relative to the project, is that of the library or its seal."""
    return Path(path) == SEAL or Path(path).is_relative_to(LIBRARY)


class SealUnreadable(ValueError):
    """The file with the digests is not what `write_seal` writes."""


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 digest of each file of a copy of the library.

    Args:
        folder: the library's own folder.

    Returns:
        Digests by path, the library's folder included (`alambique/names.py`), in byte order.

    Raises:
        OSError: a file cannot be read.
    """
    paths = {path.relative_to(folder.parent).as_posix(): path for path in _files(folder)}
    return {name: hashlib.sha256(paths[name].read_bytes()).hexdigest() for name in sorted(paths)}


def write_seal(folder: Path) -> Path:
    """Write the seal of a copy of the library beside it, and return where.

    Args:
        folder: the library's own folder.

    Raises:
        OSError: a file cannot be read, or the seal cannot be written.
    """
    seal = folder.with_name(SEAL.name)
    lines = [f"{digest}  {name}\n" for name, digest in digests(folder).items()]
    seal.write_text("".join(lines), encoding="utf-8", newline="\n")
    return seal


def read_seal(seal: Path) -> dict[str, str]:
    """Return the digests that a seal says, by path.

    Raises:
        FileNotFoundError: there is no seal.
        SealUnreadable: a line is no digest and path.
    """
    said = {}
    for line in seal.read_text(encoding="utf-8", errors="replace").splitlines():
        found = LINE.fullmatch(line)
        if found is None:
            raise SealUnreadable(line)
        digest, name = found.groups()
        said[name] = digest
    return said


def broken(root: Path) -> Broken:
    """Compare a project's copy of the library with its seal.

    A seal that is gone, or that cannot be read, is itself what is missing or edited: it says
    nothing of the other files.

    Args:
        root: the project's folder, which has `vendor/alambique`.

    Raises:
        OSError: a file cannot be read.
    """
    try:
        released = read_seal(root / SEAL)
    except FileNotFoundError:
        return Broken(missing=(SEAL.as_posix(),))
    except SealUnreadable:
        return Broken(edited=(SEAL.as_posix(),))

    found = digests(root / LIBRARY)
    in_both = released.keys() & found.keys()
    return Broken(
        edited=_in_project(name for name in in_both if released[name] != found[name]),
        missing=_in_project(released.keys() - found.keys()),
        added=_in_project(found.keys() - released.keys()),
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield the library's files; what Python and other programs leave behind is none of them."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        left_behind = "__pycache__" in parts or any(part.startswith(".") for part in parts)
        if path.is_file() and not left_behind:
            yield path


def _in_project(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(f"{LIBRARY.parent.as_posix()}/{name}" for name in names))
