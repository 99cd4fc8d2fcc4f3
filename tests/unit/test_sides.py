"""Which of two heads stays below, in real repositories: clones, forks, merges under way and done.

In each, `t` is the revision that others have and `m` is mine. Which of them is the older, and the
first in the alphabet, says nothing.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from alambique.history.git import TARGETS, new_revisions, on_trunk
from alambique.history.rebase import lines_to_be
from alambique.history.script import history
from alambique.settings import use_project
from alembic.util import CommandError

from support.minimal import Minimal, minimal_project

SETTINGS = {
    "user.name": "a",
    "user.email": "a@example.com",
    "init.defaultBranch": "main",
    "maintenance.auto": "false",
    "gc.auto": "0",
    "protocol.file.allow": "always",
}


class Clone:
    """A project in a git repository; the revision a1 is on its main."""

    def __init__(self, project: Minimal) -> None:
        self.project = project

    def git(self, *arguments: str, code: int = 0) -> str:
        """Run git in the project."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.project.root, capture_output=True, encoding="utf-8"
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def commit(self, message: str = "x") -> None:
        """Commit all there is."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def add(self, *ids: str, below: str = "a1") -> None:
        """Commit revisions, each on top of the one before."""
        for id in ids:
            self.project.revision(id, below)
            below = id
        self.commit()

    def branch(self, name: str, *ids: str, start: str = "main") -> None:
        """Commit revisions on a new branch, and stay there."""
        self.git("switch", "--quiet", "--no-track", "--create", name, start)
        if ids:
            self.add(*ids)

    def switch(self, name: str) -> None:
        """Check a branch out."""
        self.git("switch", "--quiet", name)

    def merge(self, name: str, done: bool = False) -> None:
        """Merge a branch; the merge is left under way unless it is to be done."""
        self.git("merge", "--quiet", "--no-ff", *([] if done else ["--no-commit"]), name)

    def published(self, name: str, *branches: str) -> str:
        """Push branches to a new repository, a remote of that name; return its address."""
        path = self.project.root.parent / f"{name}.git"
        if not path.exists():
            self.git("init", "--quiet", "--bare", str(path))
            self.git("remote", "add", name, str(path))
        self.git("push", "--quiet", name, *branches)
        return str(path)

    def clone(self, name: str, *options: str) -> "Clone":
        """Clone a remote, and have this process work for the clone."""
        address = f"file://{self.project.root.parent / name}.git"
        root = self.project.root.parent / f"clone-of-{name}"
        self.git("clone", "--quiet", *options, address, str(root))
        use_project(root)
        return Clone(Minimal(root, self.project.package))

    def elsewhere(self, name: str, branch: str, *ids: str) -> None:
        """Have somebody else push revisions to a branch of a remote."""
        root = self.project.root.parent / "colleague"
        self.git("clone", "--quiet", "-b", branch, str(root.with_name(f"{name}.git")), str(root))
        colleague = Clone(Minimal(root, self.project.package))
        colleague.add(*ids)
        colleague.git("push", "--quiet", "origin", f"HEAD:{branch}")
        shutil.rmtree(root)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    for name in (*TARGETS, "GIT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(SETTINGS)))
    for index, (key, value) in enumerate(SETTINGS.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{index}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{index}", value)
    made = Clone(minimal_project(tmp_path / "project"))
    made.git("init", "--quiet")
    made.project.revision("a1")
    made.commit()
    return made


@pytest.fixture(params=[("b1", "c1"), ("c1", "b1")], ids=["theirs_first", "mine_first"])
def ids(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The revision others have, and mine, in either order of the alphabet."""
    t, m = request.param
    return t, m


def order() -> list[str]:
    """Return the heads as `make rebase` would put them, the lowest first."""
    (line,) = lines_to_be(history())
    return line


def refusal() -> str:
    """Return what it says where it does not know."""
    with pytest.raises(CommandError) as stopped:
        order()
    return str(stopped.value)


# A merge of the trunk into a branch, or of a branch into the trunk


@pytest.mark.parametrize("done", [False, True], ids=["under_way", "committed"])
def test_a_clone_whose_main_is_ahead(clone: Clone, ids: tuple[str, str], done: bool) -> None:
    """1.2 looked at origin/main, which has neither, and let the older one stay."""
    t, m = ids
    clone.published("origin", "main")
    clone.branch("city", t)
    clone.switch("main")
    clone.merge("city", done=True)
    clone.branch("stock", m, start="origin/main")
    clone.merge("main", done)
    assert order() == [t, m]


@pytest.mark.parametrize("done", [False, True], ids=["under_way", "committed"])
def test_a_branch_merged_into_the_trunk(clone: Clone, ids: tuple[str, str], done: bool) -> None:
    """Once the merge is committed the trunk has both; what it had before is in its reflog."""
    t, m = ids
    clone.branch("stock", m)
    clone.switch("main")
    clone.add(t)
    clone.merge("stock", done)
    assert order() == [t, m]


def test_the_trunk_took_a_branch_by_going_forward_to_it(clone: Clone, ids: tuple[str, str]) -> None:
    """The merge's first parent is the branch, and still it is the trunk's that stays."""
    t, m = ids
    clone.branch("stock", m)
    clone.switch("main")
    clone.add(t)
    clone.switch("stock")
    clone.merge("main", done=True)
    clone.switch("main")
    clone.git("merge", "--quiet", "--ff-only", "stock")
    assert order() == [t, m]
    clone.published("origin", "main")
    clone.clone("origin")
    assert t in refusal()  # a new clone does not know what was there first


def test_what_a_remote_has_comes_before_what_only_my_main_has(
    clone: Clone, ids: tuple[str, str]
) -> None:
    t, m = ids
    clone.published("origin", "main")
    clone.elsewhere("origin", "main", t)
    clone.add(m)
    clone.git("pull", "--quiet", "--no-rebase", "origin", "main")
    assert order() == [t, m]
    clone.git("push", "--quiet", "origin", "main")
    assert order() == [t, m]  # origin/main was at the other's first


def test_a_fork(clone: Clone, ids: tuple[str, str]) -> None:
    t, m = ids
    clone.published("upstream", "main")
    clone.published("origin", "main")
    clone.elsewhere("upstream", "main", t)
    clone.git("fetch", "--quiet", "upstream")
    clone.branch("stock", m)
    clone.published("origin", "stock")
    clone.merge("upstream/main")
    assert order() == [t, m]
    assert [each.revision for each in new_revisions(history())] == [m]


def test_a_fork_with_databases_of_its_own(clone: Clone) -> None:
    """Whichever stays, a database somewhere would lack it."""
    clone.published("upstream", "main")
    clone.elsewhere("upstream", "main", "b1")
    clone.add("c1")
    clone.published("origin", "main")
    clone.git("fetch", "--quiet", "upstream")
    clone.merge("upstream/main")
    said = refusal()
    assert "make rebase top=b1    moves migrations/versions/b1.py" in said
    assert "make rebase top=c1    moves migrations/versions/c1.py" in said


def test_an_address_is_pulled_from(clone: Clone, ids: tuple[str, str]) -> None:
    """No branch stands for what came: it may be anybody's trunk, or what somebody else proposes."""
    t, m = ids
    address = clone.published("origin", "main")
    clone.elsewhere("origin", "main", t)
    clone.git("remote", "remove", "origin")
    clone.branch("stock", m)
    clone.git("pull", "--quiet", "--no-rebase", address, "main")
    assert order() == [t, m]
    clone.switch("main")
    clone.add(m)
    clone.git("pull", "--quiet", "--no-rebase", address, "main")
    assert m in refusal()


# Rebase, cherry-pick


@pytest.mark.parametrize("trunk", ["main", "somewhere"])
def test_while_git_rebases(clone: Clone, ids: tuple[str, str], trunk: str) -> None:
    """What is rebased is nobody's yet, whatever the branch it is put on is called."""
    t, m = ids
    clone.branch("stock", m)
    if trunk == "main":
        clone.switch("main")
    else:
        clone.branch(trunk)
    clone.add(t)
    clone.switch("stock")
    clone.project.write("conflict", "mine")
    clone.commit()
    clone.switch(trunk)
    clone.project.write("conflict", "theirs")
    clone.commit()
    clone.switch("stock")
    clone.git("rebase", "--quiet", trunk, code=1)
    assert order() == [t, m]


def test_a_commit_is_picked_from_a_branch(clone: Clone, ids: tuple[str, str]) -> None:
    t, m = ids
    clone.branch("stock", m)
    clone.branch("somewhere", t)
    clone.git("cherry-pick", "--no-commit", "stock")
    assert order() == [t, m]


def test_a_branch_that_was_squashed_goes_on(clone: Clone, ids: tuple[str, str]) -> None:
    """Its first revision is on the trunk, after another one: the branch still follows a1."""
    t, m = ids
    clone.branch("stock", m)
    clone.switch("main")
    clone.add(t)
    clone.git("merge", "--quiet", "--squash", "stock")
    clone.project.revision(m, t)
    clone.commit()
    clone.switch("stock")
    clone.add("d1", below=m)
    clone.git("merge", "--quiet", "--no-commit", "-X", "ours", "main")
    clone.project.revision(m, "a1")
    assert order() == [t, "d1"]


# What nobody else can have


def test_what_is_not_committed_moves(clone: Clone, ids: tuple[str, str]) -> None:
    t, m = ids
    clone.branch("somewhere", t)
    clone.project.revision(m, "a1")
    assert order() == [t, m]
    clone.git("add", "--all")
    assert order() == [t, m]


def test_what_was_never_pushed_moves(clone: Clone, ids: tuple[str, str]) -> None:
    """Neither is on a trunk: a colleague's branch goes into mine."""
    t, m = ids
    clone.published("origin", "main")
    clone.branch("theirs", t)
    clone.published("origin", "theirs")
    clone.branch("mine", m)
    clone.merge("theirs")
    assert order() == [t, m]
    clone.published("origin", "mine")
    assert t in refusal()


# What a trunk is called, and where it is


def test_a_remote_says_what_its_trunk_is(clone: Clone, ids: tuple[str, str]) -> None:
    t, m = ids
    clone.branch("production", t)
    clone.branch("stock", m)
    clone.published("origin", "main", "production", "stock")
    origin = clone.project.root.parent / "origin.git"
    clone.git("--git-dir", str(origin), "symbolic-ref", "HEAD", "refs/heads/production")
    here = clone.clone("origin")
    here.git("switch", "--quiet", "stock")
    here.merge("origin/production")
    assert order() == [t, m]
    here.git("remote", "set-head", "origin", "--delete")
    assert m in refusal()  # it may be anything: both were pushed
    assert on_trunk(history()) == {"a1"}


def test_a_trunk_that_has_another_name(clone: Clone, ids: tuple[str, str]) -> None:
    t, m = ids
    clone.git("branch", "--move", "develop")
    clone.branch("stock", m, start="develop")
    clone.switch("develop")
    clone.add(t)
    clone.switch("stock")
    clone.merge("develop")
    assert order() == [t, m]
    clone.git("branch", "--move", "develop", "production")
    assert m in refusal()


def test_a_pipeline_knows_what_the_branch_enters(
    clone: Clone, ids: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shallow clone, at no branch, of a request into one that is no trunk."""
    t, m = ids
    clone.branch("version-2", t)
    clone.branch("stock", m)
    clone.published("origin", "main", "version-2", "stock")
    here = clone.clone("origin", "--depth", "1", "--no-single-branch")
    here.git("checkout", "--quiet", "--detach", "origin/version-2")
    here.project.revision(m, "a1")
    here.commit()
    assert m in refusal()
    monkeypatch.setenv("GITHUB_BASE_REF", "version-2")
    assert order() == [t, m]
    assert [each.revision for each in new_revisions(history())] == [m]


def test_a_shallow_clone_has_the_trunk(clone: Clone, ids: tuple[str, str]) -> None:
    t, m = ids
    clone.add(t)
    clone.published("origin", "main")
    here = clone.clone("origin", "--depth", "1")
    here.branch("stock")
    here.add(m)
    assert order() == [t, m]


def test_a_file_that_was_renamed_is_the_revision_it_was(clone: Clone, ids: tuple[str, str]) -> None:
    t, m = ids
    clone.add(t)
    clone.branch("stock", m)
    clone.git("mv", f"migrations/versions/{t}.py", "migrations/versions/renamed.py")
    clone.commit()
    assert order() == [t, m]
    assert [each.revision for each in new_revisions(history())] == [m]


def break_git(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def leave_git(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(clone.project.root / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(clone.project.root.parent))


def ignore_revisions(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.git("rm", "-r", "--quiet", "--cached", "migrations")
    clone.project.write(".gitignore", "migrations")
    clone.git("add", ".gitignore")
    clone.git("commit", "--quiet", "--amend", "-m", "x")
    clone.git("reflog", "expire", "--expire=now", "--all")


@pytest.mark.parametrize("without", [break_git, leave_git, ignore_revisions])
def test_without_git_nothing_is_guessed(
    clone: Clone,
    monkeypatch: pytest.MonkeyPatch,
    without: Callable[[Clone, pytest.MonkeyPatch], None],
) -> None:
    clone.add("b1")
    without(clone, monkeypatch)
    clone.project.revision("c1", "a1")
    assert "top=b1" in refusal() and "top=c1" in refusal()
    assert lines_to_be(history(), "b") == [["c1", "b1"]]


# More than two


def test_of_three_each_is_said_or_known(clone: Clone) -> None:
    clone.branch("mine", "m1")
    clone.branch("theirs", "t1")
    clone.switch("main")
    clone.add("t0")
    clone.switch("mine")
    clone.merge("theirs", done=True)
    clone.merge("main")
    assert "top=m1 " in refusal() and "t0" not in refusal()
    assert lines_to_be(history(), "m1") == [["t0", "t1", "m1"]]
    with pytest.raises(CommandError, match="top=m1,t0 .*\n.*top=t1,t0 "):
        lines_to_be(history(), "t0")
    assert lines_to_be(history(), "m1,t0") == [["t1", "m1", "t0"]]
    for name in ("x", "t", "m1,", ","):  # none, two, and a name that is missing
        with pytest.raises(CommandError, match="m1, t0, t1"):
            lines_to_be(history(), name)
