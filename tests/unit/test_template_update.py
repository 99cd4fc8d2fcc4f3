"""The update of a project from a small template: what is done around Copier.

The library above all, which is replaced and never merged. Updates of whole projects are in
tests/project.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import alambique
import copier
import jsonschema
import pytest
from alambique import messages, terminal
from alambique.settings import use_project
from alambique.tools import template_check
from alambique.tools.answers import answers
from alambique.tools.seal import LIBRARY, SEAL, broken, write_seal
from alambique.tools.template_repository import Standing, fetch_template
from alembic.util import CommandError

# The smallest template that Copier can update a project from.
COPIER_YML = """
_subdirectory: template
ci: { type: str, default: github }
"""
ANSWERS_FILE = "# answers\n{{ _copier_answers | to_nice_yaml }}"
PYPROJECT = '[tool.alambique]\nlanguage = "en"\n# of {version}\n'


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    quiet = ["-c", "maintenance.auto=false", "-c", "gc.auto=0", "-c", "core.hooksPath=/dev/null"]
    command = ["git", *author, *quiet, *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def commit(folder: Path, tag: str | None = None) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    if tag:
        git(folder, "tag", tag)


def write_library(vendor: Path, **files: str) -> None:
    """Write these modules as the library, and its seal."""
    library = vendor / "alambique"
    library.mkdir(parents=True, exist_ok=True)
    for path in library.iterdir():
        path.unlink()
    for name, text in files.items():
        (library / f"{name}.py").write_text(text)
    write_seal(library)


def write_template(path: Path, version: str) -> None:
    """Write what a version of the template has besides the library."""
    folder = path / "template"
    folder.mkdir(exist_ok=True)
    (path / "copier.yml").write_text(COPIER_YML)
    (folder / "{{ _copier_conf.answers_file }}.jinja").write_text(ANSWERS_FILE)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(version=version))


def modules(root: Path) -> dict[str, str]:
    """Return the library of a project."""
    return {path.stem: path.read_text() for path in (root / LIBRARY).iterdir()}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template with two versions, and a library in both."""
    path = tmp_path / "template"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    for version, news, library in (
        ("v2.0.0", "", {"names": "2.0", "gone": "2.0"}),
        ("v2.1.0", "\n## 2.1.0\n\n- It is new.\n", {"names": "2.1", "new": "2.1"}),
    ):
        for name in ("CHANGELOG.md", "CHANGELOG.pt-BR.md"):
            (path / name).write_text(f"# Changes\n{news}")
        write_template(path, version)
        write_library(path / "template/vendor", **library)
        commit(path, version)
    return path


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A project of the first version, two folders below the top of its repository."""
    root = tmp_path / "mono/services/loja"
    copier.run_copy(str(template), root, vcs_ref="v2.0.0", defaults=True, quiet=True)
    git(tmp_path / "mono", "init", "--quiet", "--initial-branch=main")
    commit(tmp_path / "mono")
    use_project(root)
    return root


def status(root: Path) -> set[str]:
    """Return what git would commit of the project."""
    printed = git(root, "status", "--porcelain", "--untracked-files=all", "--", ".")
    prefix = git(root, "rev-parse", "--show-prefix").strip()
    return {line.replace(prefix, "", 1) for line in printed.splitlines()}


NEW = {
    " M .copier-answers.yml",
    " M pyproject.toml",
    " M vendor/alambique.sha256",
    " M vendor/alambique/names.py",
    " D vendor/alambique/gone.py",
    "?? vendor/alambique/new.py",
}


def test_the_library_is_replaced_and_the_answers_are_given(
    root: Path, update: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    assert update("--data", "ci=none", "--trust") == 0
    assert "\n\n## 2.1.0\n\n- It is new.\n" in capfd.readouterr().out
    assert modules(root) == {"names": "2.1", "new": "2.1"} and not broken(root).files
    assert status(root) == NEW
    assert answers()["ci"] == "none" and answers()["_commit"] == "v2.1.0"


def test_an_edited_library_is_replaced_only_after_a_yes(
    root: Path,
    update: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (root / LIBRARY / "names.py").write_text("mine")
    (root / LIBRARY / "mine.py").write_text("mine")
    commit(root)
    (root / LIBRARY / "unknown.py").write_text("mine, and git does not know it")

    assert update("--data", "ci=none") == 1
    printed = capsys.readouterr()
    assert "edited: vendor/alambique/names.py" in printed.out
    assert "added: vendor/alambique/mine.py, vendor/alambique/unknown.py" in printed.out
    assert 'make template-update data="ci=none" yes=1' in printed.err
    assert modules(root)["names"] == "mine" and status(root) == {"?? vendor/alambique/unknown.py"}

    asked = []

    def say_yes(question: str) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr(terminal, "confirmed", say_yes)
    assert update() == 0
    assert asked == [messages.ASK_REPLACE]
    assert modules(root) == {"names": "2.1", "new": "2.1"} and not broken(root).files
    assert status(root) == NEW | {" D vendor/alambique/mine.py"}  # and nothing is in conflict


def test_what_was_added_and_is_in_the_new_version_too_is_that_of_the_new_version(
    root: Path, update: Callable[..., int]
) -> None:
    (root / LIBRARY / "new.py").write_text("mine")
    commit(root)
    assert update("--yes") == 0
    assert modules(root) == {"names": "2.1", "new": "2.1"} and not broken(root).files


def test_yes_asks_nothing(root: Path, update: Callable[..., int]) -> None:
    (root / SEAL).unlink()
    commit(root)
    assert update("--yes") == 0
    assert not broken(root).files


def test_a_file_that_git_does_not_know_is_in_the_way_of_a_new_one(
    root: Path, update: Callable[..., int]
) -> None:
    (root / LIBRARY / "new.py").write_text("mine")
    with pytest.raises(CommandError, match="new.py"):
        update("--yes")
    assert (root / LIBRARY / "new.py").read_text() == "mine"
    assert status(root) == {"?? vendor/alambique/new.py"}


def test_a_conflict_outside_the_library_is_an_error_and_the_library_is_new(
    root: Path, update: Callable[..., int]
) -> None:
    text = PYPROJECT.format(version="v2.0.0").replace("# of", "# mine, of")
    (root / "pyproject.toml").write_text(text)
    commit(root)
    with pytest.raises(CommandError) as raised:
        update()
    assert "\n  pyproject.toml\n" in str(raised.value)
    assert " && rm vendor/alambique/new.py" in str(raised.value)
    assert "UU pyproject.toml" in status(root)
    assert modules(root) == {"names": "2.1", "new": "2.1"} and not broken(root).files


def test_a_vendor_folder_that_git_ignores_is_brought_all_the_same(
    root: Path, update: Callable[..., int]
) -> None:
    top = root.parents[1]
    (top / ".gitignore").write_text("vendor/\n")
    commit(top)
    assert update() == 0
    assert modules(root) == {"names": "2.1", "new": "2.1"} and not broken(root).files


def test_who_has_the_library_as_a_package_gets_no_copy_of_it(
    root: Path, update: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    git(root, "rm", "--quiet", "-r", "vendor")
    commit(root)
    assert update() == 0
    assert not (root / "vendor").exists()
    assert messages.LIBRARY_IS_A_PACKAGE.format(version="v2.1.0") in capsys.readouterr().out


def test_a_project_from_before_the_library_gets_it(
    root: Path, template: Path, update: Callable[..., int]
) -> None:
    git(template, "rm", "--quiet", "-r", "template/vendor")
    commit(template, "v2.2.0")
    write_library(template / "template/vendor", names="2.3")
    commit(template, "v2.3.0")
    git(root, "rm", "--quiet", "-r", "vendor")
    answers_file = root / ".copier-answers.yml"
    answers_file.write_text(answers_file.read_text().replace("v2.0.0", "v2.2.0"))
    commit(root)
    assert update() == 0
    assert modules(root) == {"names": "2.3"} and not broken(root).files


def test_nothing_new_asks_nothing_and_changes_nothing(
    root: Path, update: Callable[..., int]
) -> None:
    answers_file = root / ".copier-answers.yml"
    answers_file.write_text(answers_file.read_text().replace("v2.0.0", "v2.1.0"))
    (root / LIBRARY / "names.py").write_text("mine")
    commit(root)
    assert update() == 0
    assert status(root) == set()


def test_what_stops_an_update_is_a_sentence(
    root: Path, template: Path, update: Callable[..., int]
) -> None:
    with pytest.raises(CommandError, match="git mv <the old one> elsewhere"):
        update("--data", "migrations_folder=elsewhere")
    (template / "copier.yml").write_text(f'_min_copier_version: "99.0.0"\n{COPIER_YML}')
    commit(template, "v2.2.0")
    with pytest.raises(CommandError, match="Copier did not update"):
        update()
    assert status(root) == set()
    assert git(root, "worktree", "list").count("\n") == 1
    (root / "pyproject.toml").write_text("# mine\n")
    with pytest.raises(CommandError, match="not committed"):
        update()


def test_the_check_says_what_is_new(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "The template is at v2.1.0, this project at v2.0.0."
    assert template_check.run(argparse.Namespace(json=False)) == 3
    assert sentence in capsys.readouterr().out

    assert template_check.run(argparse.Namespace(json=True)) == 3
    said = json.loads(capsys.readouterr().out)
    schema = Path(alambique.__file__).parent / "schemas" / "template-check.json"
    jsonschema.validate(said, json.loads(schema.read_text(encoding="utf-8")))
    assert (said["state"], said["newest_version"]) == ("behind", "v2.1.0")
    assert sentence in said["news"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("_src_path: /", "_src_path: ../", "NO_TEMPLATE"),
        ("_src_path: /", "_src_path: /gone/", "NO_TEMPLATE"),
        ("_src_path", "_source", "NO_TEMPLATE"),
        ("_commit: v2.0.0", "_commit: v0.9.0", "NO_VERSION"),
    ],
)
def test_a_template_that_is_lost_is_a_sentence(
    root: Path, tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    file = root / ".copier-answers.yml"
    file.write_text(file.read_text().replace(old, new))
    begins = getattr(messages, sentence).partition("{")[0]
    with pytest.raises(CommandError, match=begins):
        fetch_template(tmp_path / "clone")


def test_a_project_newer_than_the_template_is_ahead(
    root: Path, template: Path, tmp_path: Path
) -> None:
    commit(template)
    head = git(template, "rev-parse", "HEAD").strip()
    file = root / ".copier-answers.yml"
    file.write_text(file.read_text().replace("v2.0.0", head))
    assert fetch_template(tmp_path / "clone").standing is Standing.AHEAD


def test_a_git_that_is_not_there_is_a_sentence(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    with pytest.raises(CommandError, match="git clone failed|The template is not at"):
        fetch_template(tmp_path / "clone")


def test_answers_are_read_as_copier_writes_them(root: Path) -> None:
    (root / ".copier-answers.yml").write_text(
        "# ci: a comment\n_commit: v1.2.0\n_src_path: 'a: b''s'\nexample: true\n"
        "project_name: \"lo\\xEAja\"\nname: two words \nlist:\n- item\nempty: ''\n",
        encoding="utf-8",
    )
    assert answers() == {
        "_commit": "v1.2.0",
        "_src_path": "a: b's",
        "example": "true",
        "project_name": "loêja",
        "name": "two words",
        "empty": "",
    }
    (root / ".copier-answers.yml").unlink()
    assert answers() == {}
