"""The seal of the library: whatever differs from the release is named, and nothing else."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from alambique import messages
from alambique.tools.seal import (
    LIBRARY,
    SEAL,
    Broken,
    SealUnreadable,
    broken,
    digests,
    read_seal,
    write_seal,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a copy of the library, as it was released."""
    library = tmp_path / LIBRARY
    for name in ("__init__.py", "names.py", "Zebra.py", "tools/é.py", "tools/a b.py"):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(f"# {name}\n", encoding="utf-8")
    write_seal(library)
    return tmp_path


def test_the_seal_is_read_by_sha256sum_and_by_ourselves(root: Path) -> None:
    vendor = (root / SEAL).parent
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--quiet", SEAL.name], cwd=vendor, check=True)
    names = list(read_seal(root / SEAL))
    assert names == sorted(names, key=str.encode) and len(names) == 5
    assert names[0] == "alambique/Zebra.py"
    assert read_seal(root / SEAL) == digests(root / LIBRARY)


def test_a_copy_as_it_was_released_is_whole(root: Path) -> None:
    assert broken(root) == Broken() and broken(root).files == () and str(broken(root)) == ""


def test_what_programs_leave_behind_is_no_edit(root: Path) -> None:
    for name in ("__pycache__/names.pyc", "tools/__pycache__/x.pyc", ".DS_Store", ".cache/x"):
        (root / LIBRARY / name).parent.mkdir(exist_ok=True)
        (root / LIBRARY / name).write_text("left behind")
    assert broken(root) == Broken()
    before = (root / SEAL).read_bytes()
    assert write_seal(root / LIBRARY) == root / SEAL
    assert (root / SEAL).read_bytes() == before


EDITS: dict[str, tuple[Callable[[Path], object], Broken]] = {
    "edited": (
        lambda library: (library / "names.py").write_text("# mine\n"),
        Broken(edited=("vendor/alambique/names.py",)),
    ),
    "missing": (
        lambda library: (library / "names.py").unlink(),
        Broken(missing=("vendor/alambique/names.py",)),
    ),
    "added": (
        lambda library: (library / "tools/mine.py").write_text("# mine\n"),
        Broken(added=("vendor/alambique/tools/mine.py",)),
    ),
    "moved": (
        lambda library: (library / "names.py").rename(library / "other.py"),
        Broken(missing=("vendor/alambique/names.py",), added=("vendor/alambique/other.py",)),
    ),
    "no seal": (
        lambda library: library.with_name(SEAL.name).unlink(),
        Broken(missing=("vendor/alambique.sha256",)),
    ),
    "a conflict in the seal": (
        lambda library: library.with_name(SEAL.name).write_text("<<<<<<< before updating\n"),
        Broken(edited=("vendor/alambique.sha256",)),
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_kind_of_edit_is_named(root: Path, edit: str) -> None:
    change, expected = EDITS[edit]
    change(root / LIBRARY)
    assert broken(root) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "edited: a, b; missing: c"), ("pt", "editados: a, b; faltam: c")],
)
def test_an_edit_is_said_in_the_projects_language(language: str, expected: str) -> None:
    messages.speak(language)
    found = Broken(edited=("a", "b"), missing=("c",))
    assert str(found) == expected and found.files == ("a", "b", "c")


def test_a_seal_with_windows_line_ends_is_the_same_seal(root: Path) -> None:
    (root / SEAL).write_bytes((root / SEAL).read_bytes().replace(b"\n", b"\r\n"))
    assert broken(root) == Broken()


@pytest.mark.parametrize("line", ["nonsense", "ab  alambique/names.py", f"{'0' * 64}"])
def test_what_is_no_seal_is_not_read_as_one(tmp_path: Path, line: str) -> None:
    (tmp_path / "seal").write_text(f"{line}\n")
    with pytest.raises(SealUnreadable):
        read_seal(tmp_path / "seal")
