"""What was committed by mistake: a conflict with its markers, a lock file that is out of date.

The repositories are git's own, and so are the conflicts; the lock files are uv's.
"""

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from alambique import messages
from alambique.history.manifest import write_manifest
from alambique.tools import lint, lock_file
from alambique.tools.conflict_markers import conflicts_left
from alambique.tools.lock_file import stale_locks

from support.minimal import Minimal, minimal_project

PYPROJECT = '[project]\nname = "loja"\nversion = "1.0"\nrequires-python = ">=3.11"\n{}\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    monkeypatch.delenv("GIT_DIR", raising=False)
    made = minimal_project(tmp_path / "loja")
    made.revision("a1")
    write_manifest()
    git(made.root, "init", "--quiet", "--initial-branch=main")
    return made


def git(folder: Path, *arguments: str, code: int = 0) -> None:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    done = subprocess.run(["git", *author, *arguments], cwd=folder, capture_output=True)
    assert done.returncode == code, done.stderr


def commit(project: Minimal) -> None:
    git(project.root, "add", "--all")
    git(project.root, "commit", "--quiet", "--message", "x")


@pytest.mark.parametrize("name", ["README.md", "Makefile", "com espaço/é.yml"])
@pytest.mark.parametrize("style", ["merge", "diff3"])
def test_a_conflict_that_was_committed_is_found(
    project: Minimal, capsys: pytest.CaptureFixture[str], name: str, style: str
) -> None:
    project.write(name, "Loja\n=======\n\n> > quoted\n>>> print(1)\n")
    commit(project)
    assert lint.run(Namespace(url=None, json=False)) == 0
    git(project.root, "switch", "--quiet", "--create", "feature")
    project.write(name, "Mine\n=======\n")
    commit(project)
    git(project.root, "switch", "--quiet", "main")
    project.write(name, "Theirs\r\n=======\r\n")
    commit(project)
    git(project.root, "-c", f"merge.conflictStyle={style}", "merge", "feature", code=1)
    commit(project)
    capsys.readouterr()
    assert lint.run(Namespace(url=None, json=False)) == 1
    said = capsys.readouterr().out
    assert f"{name}:1: " in said and "<<<<<<< HEAD" in said and ">>>>>>> feature" in said
    assert said.count(messages.CONFLICT_LEFT.partition("(")[0].partition("}")[2]) == 2


def test_what_is_half_mended_or_a_binary_or_unknown_to_git(project: Minimal) -> None:
    project.write("half.txt", "one\n>>>>>>> feature\n")
    project.write("heading.rst", "Heading\n=======\n\n||||||| no\n>>>>>>>> eight\n <<<<<<< in\n")
    (project.root / "binary").write_bytes(b"\0<<<<<<< HEAD\n")
    commit(project)
    project.write("unknown.txt", "<<<<<<< HEAD\n")
    assert [each.partition(" ")[0] for each in conflicts_left(project.root)] == ["half.txt:2:"]
    assert list(conflicts_left(project.root / "migrations")) == []


def test_where_markers_belong_gitattributes_says_so(project: Minimal) -> None:
    project.write("docs/conflicts.md", "```\n<<<<<<< HEAD\n=======\n>>>>>>> feature\n```\n")
    commit(project)
    (first, _) = conflicts_left(project.root)
    project.write(".gitattributes", first.rpartition(": ")[2] + "\n")  # the sentence's way out
    assert list(conflicts_left(project.root)) == []


def test_without_git_there_is_nothing_to_find(
    project: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("README.md", "<<<<<<< HEAD\n")
    commit(project)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert list(conflicts_left(project.root)) == []
    monkeypatch.setenv("PATH", "/nowhere")
    assert list(conflicts_left(project.root)) == []


def test_a_lock_file_is_what_pyproject_says(
    project: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline: the dependencies are none, then one that the lock file lacks."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    root = project.root / "service"
    project.write("service/pyproject.toml", PYPROJECT.format("dependencies = []"))
    assert list(stale_locks(root)) == []
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "lock", "--quiet"], cwd=root, check=True)
    before = (root / "uv.lock").read_bytes()
    assert list(stale_locks(root)) == []

    project.write("service/pyproject.toml", PYPROJECT.format('dependencies = ["flask"]'))
    (said,) = stale_locks(root)
    assert said.startswith("uv.lock ") and "`uv lock`" in said
    assert (root / "uv.lock").read_bytes() == before


def test_a_lock_file_that_nothing_can_read_is_said(
    project: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("poetry.lock", "")
    monkeypatch.setattr(lock_file, "_with_own_programs", lambda: {"PATH": os.devnull})
    monkeypatch.setenv("PATH", os.devnull)
    said = messages.LOCK_UNCHECKED.format(file="poetry.lock", tool="poetry")
    assert list(stale_locks(project.root)) == [said]
