"""The rendered Python passes the project's own ruff and strict mypy, whatever the answers.

No `.py` under template/ holds Jinja, so a rendered module is the template's, byte for byte: once
every one of them has been seen in a tree, mypy has read all of template/, with its imports whole.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, render
from test_render import files, name_of, pairwise, product

KEYS = "language", "database", "mode", "example", "api", "migrations_folder"  # what Python sees


@pytest.fixture(scope="module")
def trees(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Render the cells; of those whose Python and settings are the same, keep one."""
    folder = tmp_path_factory.mktemp("trees")
    cells = product(*KEYS) if request.config.getoption("full") else pairwise(product(*KEYS))
    # The routes of the example and their tests: three answers decide together which they are.
    cells += [cell for cell in product("example", "mode", "api") if is_with_routes(cell)]
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
    read = {name: path for name, path in files(tree).items() if path.suffix in {".py", ".toml"}}
    content = b"\0".join(name.encode() + b"\0" + path.read_bytes() for name, path in read.items())
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
    passes("ruff", *command, "--no-cache", "template", "hooks", cwd=ROOT)


def test_mypy_reads_the_trees(trees: list[Path], tmp_path: Path) -> None:
    for tree in trees:
        modules = [name for name in files(tree) if name.endswith(".py")]
        printed = passes("mypy", f"--cache-dir={tmp_path}", cwd=tree)
        assert f"in {len(modules)} source files" in printed, f"{tree}: mypy skips some of {modules}"


def test_mypy_reads_the_hooks(tmp_path: Path) -> None:
    passes("mypy", "--strict", f"--cache-dir={tmp_path}", "hooks", cwd=ROOT)


def test_the_trees_hold_all_of_the_template(trees: list[Path]) -> None:
    template = list((ROOT / "template").rglob("*.py"))
    rendered = {path.read_bytes() for tree in trees for path in tree.rglob("*.py")}
    assert template and not list((ROOT / "template").rglob("*.py.jinja"))
    assert not [str(path) for path in template if path.read_bytes() not in rendered]
