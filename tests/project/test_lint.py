"""The rendered Python passes the project's own ruff and strict mypy, whatever the answers.

No `.py` under template/ and variants/ holds Jinja: a rendered module is one of these, byte for
byte. Once every one of them has been seen in a tree, mypy has read them all, with their imports
whole. The library is read in place, as a package like any other.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.cells import covering, name_of, product
from support.project import ROOT, files, read, render

JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
KEYS = "language", "database", "mode", "example", "api", "migrations_folder"  # what Python sees


@pytest.fixture(scope="module")
def trees(full: bool, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Render the cells; of those whose Python and settings are the same, keep one."""
    folder = tmp_path_factory.mktemp("trees")
    cells = covering(product(*KEYS), 3 if full else 2)
    # The routes of the example and their tests: four answers decide together which they are.
    by_routes = product("language", "example", "mode", "api")
    cells += [cell for cell in by_routes if is_with_routes(cell)]
    distinct: dict[str, Path] = {}
    for cell in cells:
        tree = render(folder / name_of(cell), project_name="loja", **cell)
        distinct.setdefault(fingerprint(tree), tree)
    return list(distinct.values())


def is_with_routes(cell: dict[str, object]) -> bool:
    """Tell whether a project with these answers has routes to begin with."""
    return bool(cell["example"]) and cell["api"] != "none"


def fingerprint(tree: Path) -> str:
    """Return a hash of all that ruff and mypy read in a tree."""
    seen = {name: path for name, path in files(tree).items() if path.suffix in {".py", ".toml"}}
    seen = {name: path for name, path in seen.items() if not name.startswith("vendor/")}
    content = b"\0".join(name.encode() + b"\0" + path.read_bytes() for name, path in seen.items())
    return hashlib.sha256(content).hexdigest()


def passes(*command: str | Path, cwd: Path) -> str:
    """Run a Python tool, expect it to be content, return what it printed."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{cwd}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_reads_the_trees(trees: list[Path], command: list[str]) -> None:
    passes("ruff", *command, "--no-cache", *trees, cwd=trees[0].parent)


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_reads_the_template(command: list[str]) -> None:
    passes("ruff", *command, "--no-cache", "template", "variants", "hooks", "tests", cwd=ROOT)


def test_mypy_reads_the_trees(trees: list[Path], tmp_path: Path) -> None:
    for tree in trees:
        modules = [name for name in files(tree) if name.endswith(".py")]
        modules = [name for name in modules if not name.startswith("vendor/")]
        printed = passes("mypy", f"--cache-dir={tmp_path}", cwd=tree)
        assert f"in {len(modules)} source files" in printed, f"{tree}: mypy skips some of {modules}"


@pytest.mark.parametrize("folder", ["hooks", "template/vendor/alambique"])
def test_mypy_reads_what_is_ours(tmp_path: Path, folder: str) -> None:
    passes("mypy", "--strict", f"--cache-dir={tmp_path}", folder, cwd=ROOT)


def test_the_trees_hold_all_of_the_template(trees: list[Path]) -> None:
    ours = [*(ROOT / "template").rglob("*.py"), *(ROOT / "variants").rglob("*.py")]
    rendered = {path.read_bytes() for tree in trees for path in tree.rglob("*.py")}
    assert not [str(path) for path in ours if path.read_bytes() not in rendered]
    assert not [str(path) for path in ours if JINJA.search(read(path))]
    chosen = list((ROOT / "template").rglob("*.py.jinja"))
    assert chosen and not [str(path) for path in chosen if JINJA.sub("", read(path)).strip()]


def test_every_test_module_says_what_it_proves() -> None:
    table = read(ROOT / "tests/README.md")
    for folder in ("project", "support"):
        for path in (ROOT / "tests" / folder).glob("[a-z]*.py"):
            assert f"`{path.name}`" in table, (
                f"tests/README.md lacks the row: | `{path.name}` | ... |"
            )


def test_no_test_module_imports_another() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        found = re.search(r"^\s*(from|import) (test_|project\b|unit\b|conftest)", read(path), re.M)
        assert not found, f"{path.name}: {found[0]}; what is shared lives in tests/support"
