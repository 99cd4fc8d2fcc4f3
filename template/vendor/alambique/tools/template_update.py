"""`make template-update`: brings the template's newer version; a conflict is an error.

Copier updates a worktree beside the project, so that the project stays as it is until all of it is
known to fit: being killed half-way changes nothing.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic.util import CommandError

from alambique import messages, terminal
from alambique.settings import project
from alambique.tools import seal
from alambique.tools.template_repository import Standing, Template, fetch_template, git

# What git's index holds for a path that is in conflict no more: nothing.
REMOVED = "0 " + "0" * 40


@dataclass(frozen=True)
class Brought:
    """What an update brought that its reader has to know of, by path below the project."""

    conflicts: list[str]
    new: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which Copier to run, and with what."""
    parser.add_argument("--copier", required=True, metavar="PROGRAM")
    parser.add_argument("--trust", action="store_true")
    parser.add_argument("--data", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--yes", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Bring the template's newer version, or the answers given as data.

    Returns:
        The exit code: 1 where an edited library would be replaced and nobody agreed.

    Raises:
        CommandError: something is not committed, the template or the project's version of it is not
            there, Copier could not update, a file that git does not know is in the way, or there
            are conflicts.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    root = project().root
    if git("status", "--porcelain", "--untracked-files=no", "--", ".", cwd=root):
        raise CommandError(messages.NOT_COMMITTED)
    _require_history_in_place(options.data)

    with TemporaryDirectory() as folder:
        template = fetch_template(Path(folder))
        print(template.news, flush=True)
        if template.standing is not Standing.BEHIND and not options.data:
            return 0

        library = Library.of_project(root, template)
        if not library.may_be_replaced(options):
            return 1
        brought = update(root, _copier_command(options, template), library)

    if library.is_package:
        print(messages.LIBRARY_IS_A_PACKAGE.format(version=template.newest_version))
    if brought.conflicts:
        files = "\n  ".join(brought.conflicts)
        undo = "".join(f" && rm '{path}'" for path in brought.new)
        raise CommandError(messages.CONFLICTS.format(files=files, undo=undo))
    return 0


@dataclass(frozen=True)
class Library:
    """The project's copy of the library, which an update replaces and never merges."""

    template: Template
    broken: seal.Broken
    """What differs in the project from what was released."""
    is_package: bool
    """The project deleted its copy: it installs the library as a package."""

    @classmethod
    def of_project(cls, root: Path, template: Template) -> Library:
        """Look at the copy in a project.

        Raises:
            CommandError: git cannot say what the template has.
            OSError: a file of the library cannot be read.
        """
        if (root / seal.LIBRARY).is_dir():
            return cls(template, seal.broken(root), is_package=False)
        was_deleted = template.has_library(template.project_version)
        return cls(template, seal.Broken(), is_package=was_deleted)

    def may_be_replaced(self, options: argparse.Namespace) -> bool:
        """Say which files were edited, and ask whether they may go; nothing edited means yes."""
        if not self.broken.files or not self.template.has_library(self.template.newest_version):
            return True

        print(messages.LIBRARY_GOES.format(files=self.broken))
        if options.yes or terminal.confirmed(messages.ASK_REPLACE):
            return True
        data = f' data="{" ".join(options.data)}"' if options.data else ""
        command = f"make template-update{data} yes=1"
        print(messages.LIBRARY_STAYS.format(command=command), file=sys.stderr)
        return False

    def replace(self, folder: Path) -> None:
        """Put the library of the new version into a worktree of the project that Copier updated.

        Whatever Copier merged in there goes, its conflicts too. Where the project has the library
        as a package, nothing is left of it.

        Args:
            folder: the project's folder in that worktree.

        Raises:
            CommandError: git failed.
        """
        if not self.template.has_library(self.template.newest_version):
            return

        released = self.template.check_out_library(self.template.newest_version)
        for path in (seal.LIBRARY, seal.SEAL):
            git("reset", "--quiet", "HEAD", "--", str(path), cwd=folder)
            _remove(folder / path)
            if not self.is_package:
                _copy(released / path.name, folder / path)

        if not self.is_package:
            # Where the project's .gitignore has a vendor/, git would not see what is new in it.
            git("add", "--force", "--intent-to-add", "--", "vendor", cwd=folder)


def update(root: Path, copier: Sequence[str], library: Library) -> Brought:
    """Let Copier update a worktree of the project, and bring what changed there.

    Args:
        root: the project's folder.
        copier: the command, as one runs it in that folder.
        library: the project's copy of the library.

    Raises:
        CommandError: Copier could not update, or a file that git does not know is in the way.
    """
    prefix = git("rev-parse", "--show-prefix", cwd=root).rstrip("\n")
    top = Path(git("rev-parse", "--show-toplevel", cwd=root).rstrip("\n"))

    with _worktree(root) as tree:
        folder = tree / prefix
        if subprocess.run(copier, cwd=folder).returncode:
            raise CommandError(messages.NOT_UPDATED)
        library.replace(folder)
        brought = bring(tree, top)
        for path in library.broken.added:
            if not (folder / path).exists():  # git may not know it, and then does not say it went
                (root / path).unlink(missing_ok=True)

    return Brought(
        conflicts=[path.removeprefix(prefix) for path in brought.conflicts],
        new=[path.removeprefix(prefix) for path in brought.new],
    )


def bring(tree: Path, top: Path) -> Brought:
    """Bring what changed in a worktree, conflicts into the index.

    Args:
        tree: the worktree.
        top: where to, the repository's own working tree.

    Returns:
        The files in conflict and the new ones, by path below `top`.

    Raises:
        CommandError: the worktree has a new file where git does not know the one that is there;
            then nothing was brought.
    """
    status = git("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", cwd=tree)
    states = {entry[3:]: entry[:2] for entry in status.split("\0") if entry}
    new = [path for path, state in states.items() if state in {"??", " A"}]
    if in_the_way := [path for path in new if (top / path).exists()]:
        raise CommandError(messages.IN_THE_WAY.format(files=", ".join(in_the_way)))

    for path in states:
        if (tree / path).exists():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / path, top / path)
        else:
            (top / path).unlink(missing_ok=True)

    unmerged = git("ls-files", "--unmerged", "-z", cwd=tree)
    conflicts = sorted({entry.partition("\t")[2] for entry in unmerged.split("\0") if entry})
    removed = "".join(f"{REMOVED}\t{path}\0" for path in conflicts)
    git("update-index", "-z", "--index-info", cwd=top, given=removed + unmerged)
    return Brought(conflicts, new)


@contextmanager
def _worktree(root: Path) -> Iterator[Path]:
    """Lend a worktree of what is committed."""
    with TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        git("worktree", "add", "--quiet", "--detach", str(tree), cwd=root)
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree), cwd=root)


def _copier_command(options: argparse.Namespace, template: Template) -> list[str]:
    command = [options.copier, "update", "--quiet", "--vcs-ref", template.newest_version]
    command.append("--skip-answered" if sys.stdin.isatty() else "--defaults")
    if options.trust:
        command.append("--trust")
    for answer in options.data:
        command += ["--data", answer]
    return command


def _require_history_in_place(data: Sequence[str]) -> None:
    """Refuse to rename the folder of the migrations before its revisions were moved."""
    for answer in data:
        found = re.fullmatch(r"migrations_folder=(\w+)", answer)
        if found and not (project().root / found[1] / "env.py").exists():
            raise CommandError(messages.HISTORY_STAYS.format(folder=found[1]))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
