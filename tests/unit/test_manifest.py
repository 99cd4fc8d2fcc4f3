"""The line of the history: what history.txt says, and which revisions are new."""

import subprocess
from pathlib import Path

import pytest
from alambique import messages
from alambique.history.git import new_revisions, on_trunk
from alambique.history.heads import refuse_forks
from alambique.history.manifest import manifest_paths, recorded, write_manifest
from alambique.history.script import history
from alambique.history.source import digest
from alambique.settings import shown
from alembic.util import CommandError

from support.minimal import Minimal, minimal_project

AUTHOR = ["-c", "user.name=a", "-c", "user.email=a@example.com"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        monkeypatch.delenv(name, raising=False)
    made = minimal_project(tmp_path)
    made.revision("a1")
    made.revision("b2", "a1")
    return made


def git(project: Minimal, *arguments: str) -> None:
    subprocess.run(["git", *AUTHOR, *arguments], cwd=project.root, check=True, capture_output=True)


def commit(project: Minimal, message: str) -> None:
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", message)


def test_a_revision_is_closed_once_another_follows_it(project: Minimal) -> None:
    write_manifest()
    closed = digest(project.versions / "a1.py")
    assert project.manifest == f"{messages.HISTORY_HEADER}\na1 {closed}\nb2\n"
    assert recorded(history()) == {"a1": closed}
    assert [*map(shown, manifest_paths(history()))] == ["migrations/versions/history.txt"]


def test_a_digest_stays_unless_it_is_taken_anew(project: Minimal) -> None:
    write_manifest()
    before = recorded(history())["a1"]
    project.revision("a1", upgrade="return")
    write_manifest()
    assert recorded(history())["a1"] == before
    write_manifest(anew={"a1"})
    assert recorded(history())["a1"] == digest(project.versions / "a1.py") != before


def test_a_squash_is_not_taken_for_the_head_whose_id_it_has(project: Minimal) -> None:
    """A branch from before it was merged in: its file has the old head's digest."""
    project.revision("c3", "b2")
    write_manifest()
    before = recorded(history())["b2"]
    (project.versions / "a1.py").unlink()
    project.revision("b2", upgrade="return", more='replaces = ("a1",)')
    write_manifest()
    after = recorded(history())
    assert after == {"b2": digest(project.versions / "b2.py")} and after["b2"] != before
    project.revision("b2", upgrade="pass", more='replaces = ("a1",)')
    write_manifest()
    assert recorded(history()) == after  # from now on an edit shows, as of any closed revision


def test_a_file_in_conflict_can_be_read(project: Minimal) -> None:
    manifest_paths(history())[0].write_text(
        "# header\n<<<<<<< HEAD\na1 0123456789abcdef\nb2\n=======\nc3\n>>>>>>> feature\n"
    )
    assert recorded(history()) == {"a1": "0123456789abcdef"}


def test_two_heads_are_no_line(project: Minimal) -> None:
    refuse_forks(history())
    project.revision("c3", "a1")
    with pytest.raises(CommandError, match="rebase"):
        refuse_forks(history())
    assert set(history().get_heads()) == {"b2", "c3"}


def test_new_is_what_the_trunk_lacks(project: Minimal, monkeypatch: pytest.MonkeyPatch) -> None:
    git(project, "init", "--quiet", "--initial-branch=main")
    commit(project, "start")
    git(project, "switch", "--quiet", "--create", "feature")
    project.revision("c3", "b2")
    commit(project, "feature")
    assert on_trunk(history()) == {"a1", "b2"}
    assert [each.revision for each in new_revisions(history())] == ["c3"]

    git(project, "update-ref", "refs/remotes/origin/develop", "feature")
    monkeypatch.setenv("GITHUB_BASE_REF", "develop")
    assert new_revisions(history()) == []


def test_without_git_new_is_what_is_open(project: Minimal, monkeypatch: pytest.MonkeyPatch) -> None:
    write_manifest()
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert [each.revision for each in new_revisions(history())] == ["b2"]
    monkeypatch.setenv("PATH", "/nowhere")
    assert [each.revision for each in new_revisions(history())] == ["b2"]
