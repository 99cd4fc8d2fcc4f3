"""What git knows of the revisions: which ones each branch has, and which are new.

The trunk is the branch that all others start from: what it has, databases everywhere may have.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.util import to_tuple

from alambique.history.manifest import recorded
from alambique.history.script import folders, oldest_first
from alambique.history.source import variables_in

# What a pipeline sets to the branch that a pull or merge request wants to enter.
TARGETS = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
# What a trunk is called where a remote does not say which branch is its default.
TRUNKS = ("main", "master")
# What it may be called besides, in a clone that has none of these.
OTHER_TRUNKS = ("trunk", "develop")

OURS = "refs/heads/"
THEIRS = "refs/remotes/"


class Repository:
    """The git repository that a project is in, asked about the project's revisions.

    Where there is none, or no git, it has no branch.
    """

    def __init__(self, script: ScriptDirectory) -> None:
        """Look at the repository in which the revisions of a history are."""
        self.folder = Path(script.dir)
        self._folders = [folder for folder in folders(script) if folder.exists()]
        self._listing = ["-r"] if script.recursive_version_locations else []
        self._revisions: dict[str, str | None] = {}  # by the name that git has for the file
        self._followed: dict[str, tuple[str, ...]] = {}  # what each revision that was read follows

    @property
    def targets(self) -> list[str]:
        """The branch that the pull request wants to enter, in the pipeline of one."""
        named = [os.environ[name] for name in TARGETS if os.environ.get(name)]
        return self._existing(f"{THEIRS}origin/{name}" for name in named)[:1]

    @cached_property
    def remote_trunks(self) -> list[str]:
        """The trunk of each remote, as it was when it was last fetched."""
        remotes = dict.fromkeys(["origin", *self._lines("remote")])
        return [trunk for remote in remotes for trunk in self._trunk_of(f"{THEIRS}{remote}/")]

    @cached_property
    def local_trunks(self) -> list[str]:
        """The trunk here, which may have what no remote has yet."""
        followed = [f"{OURS}{trunk.split('/', 3)[-1]}" for trunk in self.remote_trunks]
        named = [f"{OURS}{name}" for name in (*TRUNKS, *OTHER_TRUNKS)]
        return self._existing(followed) or self._existing(named)[:1]

    @property
    def published(self) -> list[str]:
        """Every branch of every remote."""
        return [name for name in self._branches if name.startswith(THEIRS)]

    @property
    def fetched(self) -> list[str]:
        """What was fetched last, if from an address: no branch here stands for it."""
        if self._ask("rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}") is None:
            return []
        has_branch = bool(self._lines("for-each-ref", "--contains", "FETCH_HEAD", THEIRS))
        return [] if has_branch else ["FETCH_HEAD"]

    @property
    def rebased_onto(self) -> list[str]:
        """What the commits of an unfinished `git rebase` are put on."""
        found = []
        for state in ("rebase-merge/onto", "rebase-apply/onto"):
            for path in self._lines("rev-parse", "--git-path", state):
                if (self.folder / path).exists():
                    found.append((self.folder / path).read_text(encoding="utf-8").strip())
        return found

    @property
    def committed(self) -> list[str]:
        """What is checked out, and what an unfinished `git merge` brings to it."""
        return ["HEAD", "MERGE_HEAD"]

    def earlier(self, branch: str) -> Iterator[str]:
        """Yield the commits that a branch was at in this clone, the latest first."""
        yield from self._lines("log", "--walk-reflogs", "--format=%H", branch, "--")

    def revisions(self, commits: Iterable[str]) -> set[str]:
        """Return the revisions that any of these commits has; of one that is not there, none."""
        files: set[str] = set()
        for commit, folder in product(commits, self._folders):
            listing = ["ls-tree", "-z", *self._listing, commit, "./"]
            listed = self._ask(*listing, folder=folder) or b""
            for entry in listed.decode(errors="replace").split("\0"):
                kind, _, name = entry.partition("\t")
                if name.endswith(".py"):
                    files.add(kind.split()[2])
        self._read(files)
        return {found for file in files if (found := self._revisions[file])}

    def branch_with(self, revision: str) -> str | None:
        """Return what `git switch` takes to bring a revision here: of this clone, else of a remote.

        Returns:
            None where no branch has it.
        """
        own_first = sorted(self._branches, key=lambda name: not name.startswith(OURS))
        for name in own_first:
            if revision in self.revisions([name]):
                is_own = name.startswith(OURS)
                return name.removeprefix(OURS) if is_own else name.split("/", 3)[-1]
        return None

    def up_to(self, revision: str) -> set[str]:
        """Return a revision and all that it follows, as any branch has them; not what they need."""
        self.revisions(self._branches)
        found: set[str] = set()
        left = [revision]
        while left:
            each = left.pop()
            if each not in found:
                found.add(each)
                left += self._followed.get(each, ())
        return found

    def _read(self, files: Iterable[str]) -> None:
        """Read which revision each of these files is, unless it has been read before."""
        unread = [file for file in files if file not in self._revisions]
        said = self._ask("cat-file", "--batch", given="".join(f"{file}\n" for file in unread))
        rest = said or b""
        for file in unread:
            header, _, rest = rest.partition(b"\n")
            length = int(header.split()[-1]) if header.split()[1:2] == [b"blob"] else 0
            source = rest[:length].decode(errors="replace")
            self._revisions[file] = revision = _revision_in(source)
            if revision is not None:
                self._followed[revision] = _followed_in(source)
            rest = rest[length + 1 :] if length else rest

    @cached_property
    def _branches(self) -> dict[str, str]:
        """Every branch by its whole name, with that of the one it stands for, if for another."""
        listed = self._lines("for-each-ref", "--format=%(refname) %(symref)", OURS, THEIRS)
        return dict(line.split(" ", 1) for line in listed)

    def _trunk_of(self, prefix: str) -> list[str]:
        default = self._branches.get(f"{prefix}HEAD")
        names = [default] if default else [f"{prefix}{name}" for name in TRUNKS]
        return self._existing(names)[:1]

    def _existing(self, branches: Iterable[str]) -> list[str]:
        return [branch for branch in dict.fromkeys(branches) if branch in self._branches]

    def _lines(self, *arguments: str) -> list[str]:
        return (self._ask(*arguments) or b"").decode(errors="replace").splitlines()

    def _ask(self, *arguments: str, given: str = "", folder: Path | None = None) -> bytes | None:
        """Return what git answers; None where it is not there, or fails."""
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=folder or self.folder,
                input=given.encode(),
                capture_output=True,
            )
        except OSError:
            return None
        return done.stdout if done.returncode == 0 else None


def _followed_in(source: str) -> tuple[str, ...]:
    below = to_tuple(variables_in(source).get("down_revision"), default=())
    return tuple(each for each in below if isinstance(each, str))


def _revision_in(source: str) -> str | None:
    try:
        revision = variables_in(source).get("revision")
    except (SyntaxError, ValueError):  # it is no revision that Alembic could read, either
        return None
    return revision if isinstance(revision, str) else None


def on_trunk(script: ScriptDirectory) -> set[str] | None:
    """Return the revisions on the branch that all others start from.

    That is a pull request's target; else the trunk of every remote, as a fork has two; else the
    trunk of this clone.

    Returns:
        None where git knows no such branch.
    """
    git = Repository(script)
    trunks = git.targets or git.remote_trunks or git.local_trunks
    return git.revisions(trunks) if trunks else None


def new_revisions(script: ScriptDirectory) -> list[Script]:
    """Return the revisions that are not on the trunk yet, the oldest first.

    Without git, those that are still open.

    Raises:
        CommandError: the revisions do not make a history.
    """
    revisions = oldest_first(script)
    trunk = on_trunk(script)
    closed = recorded(script) if trunk is None else trunk
    return [each for each in revisions if each.revision not in closed]
