"""The library is sealed: its bytes are the same everywhere, and an edited copy is told of.

Before an update replaces an edited copy it says so and asks; `make doctor` says it at any time. And
a project may do without its copy: with the wheel of the same version nothing else changes.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cells import covering, product
from support.messages import said, sentence
from support.project import ROOT, Project, append, read, render
from support.releases import commit, copiers, first_release, git, project_of, status, update
from support.seal import digests, seal

LIBRARY = "vendor/alambique"
SEAL = "vendor/alambique.sha256"
EDITED = f"{LIBRARY}/names.py"
CHECK = ["sha256sum", "--check", "--strict", "--quiet", "alambique.sha256"]


# The seal


def test_the_seal_of_the_working_tree_is_current() -> None:
    """Red means: the library was changed; `make seal` writes its digests anew."""
    vendor = ROOT / "template/vendor"
    subprocess.run(CHECK, cwd=vendor, check=True)
    sealed = dict(line.split("  ")[::-1] for line in read(ROOT / "template" / SEAL).splitlines())
    assert sealed == digests(vendor / "alambique")


@pytest.mark.full
def test_the_library_is_the_same_whatever_the_answers(tmp_path: Path) -> None:
    template = digests(ROOT / "template/vendor/alambique")
    for number, cell in enumerate(covering(product("language", "database", "mode", "api"), 2)):
        tree = render(tmp_path / str(number), **cell)
        assert digests(tree / LIBRARY) == template, cell


def test_no_jinja_no_answer_and_no_machine_is_in_the_library() -> None:
    for path in (ROOT / "template/vendor/alambique").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.suffix in {".json", ".py", ".mako", ""} or path.name == "py.typed", path
            assert not re.search(r"\{\{|\{%|/work/|/root/", read(path)), path


def test_the_doctor_says_what_was_edited(project: Callable[..., Project]) -> None:
    made = project()
    sealed = made.alambique("doctor")
    assert sentence(made, "DOCTOR_LIBRARY").search(sealed), sealed
    append(made.path / EDITED, "# mine")
    (made.path / LIBRARY / "text.py").rename(made.path / LIBRARY / "moved.py")
    printed = made.alambique("doctor", code=1)
    assert sentence(made, "DOCTOR_LIBRARY_EDITED").search(printed), printed
    assert all(f"{LIBRARY}/{name}" in printed for name in ("names.py", "text.py", "moved.py"))
    assert len(re.findall(f"{LIBRARY}/[a-z_/]+.py", printed)) == 3
    (made.path / SEAL).unlink()
    assert SEAL in made.alambique("doctor", code=1)


# An update


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template of two versions: in the second, the library has changed, and has a module more."""
    path = first_release(tmp_path)
    library = path / "template/vendor/alambique"
    append(library / "text.py", "# v1.1.0")
    (library / "new.py").write_text('"""What is new."""\n')
    (library / "terminal.py").unlink()
    seal(path / "template/vendor")
    commit(path, "v1.1.0")
    return path


@pytest.fixture
def loja(template: Path, tmp_path: Path) -> Project:
    """A project of the first version."""
    return project_of(template, tmp_path / "mono/services/loja", language="en")


def test_an_update_replaces_the_library_and_asks_nothing(loja: Project, template: Path) -> None:
    assert not said(loja, "ASK_REPLACE", update(loja))
    assert digests(loja.path / LIBRARY) == digests(template / "template/vendor/alambique")
    subprocess.run(CHECK, cwd=loja.path / "vendor", check=True)
    assert status(loja) == {
        " M .copier-answers.yml",
        f" M {SEAL}",
        f" M {LIBRARY}/text.py",
        f" D {LIBRARY}/terminal.py",
        f"?? {LIBRARY}/new.py",
    }


@pytest.mark.full
def test_an_edited_library_is_told_of_before_it_is_replaced(loja: Project, template: Path) -> None:
    append(loja.path / EDITED, "# mine")
    append(loja.path / LIBRARY / "text.py", "# mine, where the new version has a line, too")
    (loja.path / LIBRARY / "added.py").write_text('"""Mine."""\n')
    assert said(loja, "NOT_COMMITTED", update(loja, 1))
    commit(loja.path)
    before = digests(loja.path / LIBRARY)

    copier = ["--copier", copiers()["newest"]]
    for answer in ({}, {"input": "n\n"}):
        printed = loja.alambique("template-update", *copier, code=1, **answer)
        assert said(loja, "LIBRARY_GOES", printed) and said(loja, "LIBRARY_STAYS", printed)
        assert all(f"{LIBRARY}/{name}.py" in printed for name in ("names", "text", "added"))
        assert status(loja) == set() and digests(loja.path / LIBRARY) == before

    printed = update(loja, 0, "--yes")
    assert EDITED in printed and "conflict" not in printed.lower()
    assert digests(loja.path / LIBRARY) == digests(template / "template/vendor/alambique")
    assert "# mine" in git(loja.path, "show", f"HEAD:./{EDITED}")  # nothing is lost that was said


@pytest.mark.full
def test_the_library_lies_outside_of_what_the_service_looks_at(
    project: Callable[..., Project],
) -> None:
    made = project()
    append(made.path / EDITED, "import os;x:int='not an int'")
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        printed = made.run(made.interpreter, "-m", *command)
        assert "vendor" not in printed, printed
    git(made.path, "init", "--quiet")
    shown = git(made.path, "check-attr", "linguist-generated", "diff", "--", EDITED)
    assert "linguist-generated: true" in shown or "linguist-generated: set" in shown, shown


# Without the copy


def test_the_wheel_has_the_version_of_the_repository(wheel: Path) -> None:
    version = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["version"]
    assert wheel.name == f"alambique-{version}-py3-none-any.whl"
    source = read(ROOT / "template/vendor/alambique/__init__.py")
    assert f'__version__ = "{version}"' in source


@pytest.mark.full
@pytest.mark.parametrize("language", ["en", "pt"])
def test_a_project_does_without_its_copy(tmp_path: Path, wheel: Path, language: str) -> None:
    """What docs/library.md says is done; nothing else changes, and the service's tests pass."""
    made = Project(render(tmp_path / "loja", language=language)).installed()
    made.env["PATH"] = f"{sys.prefix}/bin:{made.env['PATH']}"  # uv
    page = read(made.path / "docs/library.md")
    (shown,) = re.findall(r"^```toml\n(\[project\].*?)^```", page, re.MULTILINE | re.DOTALL)
    asked = tomllib.loads(shown)
    (dependency,) = asked["project"]["dependencies"]
    local = re.sub(r"git\+https.*", wheel.as_uri(), dependency)
    (packages,) = re.findall(r"^packages = .*$", shown, re.MULTILINE)
    text = read(made.path / "pyproject.toml")
    text = re.sub(r"(?m)^packages = .*$", packages, text)
    yours = "    # Yours from here on.\n" if language == "en" else "    # Suas, daqui em diante.\n"
    made.write("pyproject.toml", text.replace(yours, f'{yours}    "{local}",\n', 1))
    shutil.rmtree(made.path / "vendor")
    git(made.path, "init", "--quiet")
    commit(made.path)

    made.make("setup")
    made.make("check", "lint")
    assert " passed" in made.make("test")
    where = made.python("import alambique; print(alambique.__file__)")
    assert "site-packages" in where and "vendor" not in where
    version = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["version"]
    assert f"alambique {version}." in made.make("doctor")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `pip` builds from this repository."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], check=True)
    (found,) = folder.iterdir()
    return found
