"""What a fault is: something one could do wrong, and the tests that should say so."""

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from support.project import ROOT, read
from support.seal import seal

LIBRARY = "template/vendor/alambique"
TEMPLATE = "template"
JINJA = re.compile(r"\{[{%]")


class Stale(Exception):
    """A fault cannot be planted, or nothing could see it: what it speaks of has moved."""


class Change(Protocol):
    """What is done to the files of the template."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files it needs, by their path in the repository."""
        ...

    def plant(self, tree: Path) -> None:
        """Do it in a copy of the repository."""
        ...


@dataclass(frozen=True)
class Replaced:
    """Another text where there was one."""

    file: str
    old: str
    new: str

    @property
    def files(self) -> tuple[str, ...]:
        """The one file."""
        return (self.file,)

    def plant(self, tree: Path) -> None:
        """Write the other text.

        Raises:
            Stale: the text is not there, or more than once.
        """
        text = read(tree / self.file)
        found = text.count(self.old)
        if found != 1:
            raise Stale(f"{self.file} has {self.old!r} {found} times, not once: mend this fault")
        (tree / self.file).write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class Added:
    """More at the end of a file, or a new file."""

    file: str
    text: str

    @property
    def files(self) -> tuple[str, ...]:
        """The one file, if it is there."""
        return (self.file,) if (ROOT / self.file).exists() else ()

    def plant(self, tree: Path) -> None:
        """Write it."""
        (tree / self.file).parent.mkdir(parents=True, exist_ok=True)
        with (tree / self.file).open("a", encoding="utf-8") as target:
            target.write(self.text)


@dataclass(frozen=True)
class Moved:
    """A file of the template under another name."""

    old: str
    new: str

    @property
    def files(self) -> tuple[str, ...]:
        """The file that moves."""
        return (self.old,)

    def plant(self, tree: Path) -> None:
        """Rename it."""
        (tree / self.old).rename(tree / self.new)


@dataclass(frozen=True)
class Fault:
    """Something one could do wrong, and the tests that should say so."""

    what: str
    change: Change
    seen_by: str
    """A module of tests, `unit/undo`, or one test in it, `unit/undo::test_a_dot_is_...`."""

    is_sealed: bool = True
    """Whoever did it ran `make seal`: it is not for the seal to tell."""

    @property
    def test(self) -> str:
        """What pytest calls the tests that should turn red."""
        module, colons, name = self.seen_by.partition("::")
        kind, module = module.split("/")
        return f"tests/{kind}/test_{module}.py{colons}{name}"

    def plant(self, tree: Path) -> None:
        """Plant it in a copy of the repository.

        Raises:
            Stale: what it would change is not there.
        """
        missing = [file for file in self.change.files if not (tree / file).exists()]
        if missing:
            raise Stale(f"there is no {missing[0]}: mend this fault")
        self.change.plant(tree)

        is_in_library = any(file.startswith(f"{LIBRARY}/") for file in self.change.files)
        if is_in_library and self.is_sealed:
            seal((tree / LIBRARY).parent)


def library(module: str) -> str:
    """Return the path of a module of the library, such as `history/undo`."""
    return f"{LIBRARY}/{module}.py"


def check(fault: Fault) -> None:
    """Plant a fault in copies of the files it needs, run no test, and leave nothing behind.

    Raises:
        Stale: it can be planted no longer, what it leaves is no Python, or there is no such test.
    """
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for file in fault.change.files:
            if (ROOT / file).exists():
                (tree / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, tree / file)
        fault.plant(tree)

        for path in tree.rglob("*.py"):
            source = read(path)
            if not JINJA.search(source):
                _require_python(path.relative_to(tree), source)

    module, _, name = fault.test.partition("::")
    function = name.partition("[")[0]
    if not (ROOT / module).exists():
        raise Stale(f"there is no {module}")
    if f"def {function}" not in read(ROOT / module):
        raise Stale(f"{module} has no {function}")


def _require_python(path: Path, source: str) -> None:
    try:
        compile(source, path, "exec")
    except SyntaxError as error:
        raise Stale(f"{path} is no Python any more: {error}") from error
