"""`make template-update`: brings the template's newer version; a conflict is an error.

Copier updates a worktree beside the project, so that the project stays as it is until all of it is
known to fit: being killed half-way changes nothing.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic.util import CommandError

from alambique import messages, terminal
from alambique.settings import project
from alambique.tools import seal
from alambique.tools.answers import ANSWERS, answers_in, take_credentials_out
from alambique.tools.bringing import Brought, bring, states
from alambique.tools.copier import Copier
from alambique.tools.template_repository import NOBODY, Standing, Template, fetch_template, git
from alambique.tools.untouched import Unreached, Untouched

# What takes several words, as one types them after `make template-update`.
LISTS = ("data", "keep", "drop")


@dataclass(frozen=True)
class Told:
    """What an update tells besides, of what it leaves to be done by hand."""

    unreached: list[Unreached]
    answers: dict[str, tuple[str, str]]
    """By question, the answer before and after, where it is another one."""
    had_credentials: bool
    """There was a password or token in the template's address, and it is taken out."""

    def show(self, brought: Brought) -> None:
        """Print it, and what git does not show of what was brought."""
        for question, (old, new) in self.answers.items():
            if sentence := messages.ANSWER_CHANGED.get(question):
                print(sentence.format(old=old, new=new))
        if self.had_credentials:
            print(messages.CREDENTIALS_OUT.format(file=ANSWERS))
        if brought.ignored:
            print(messages.BROUGHT_IGNORED.format(files=_lines(brought.ignored)))
        if self.unreached:
            places = [_place(each) for each in self.unreached]
            print(messages.UNREACHED.format(files=_lines(places)))
            print(*(each.change for each in self.unreached if each.change), sep="\n", end="")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which Copier to run, and with what."""
    value, said = messages.PLACEHOLDERS, messages.OPTIONS
    parser.add_argument("--copier", required=True, metavar=value["program"], help=said["copier"])
    parser.add_argument("--trust", action="store_true", help=said["trust"])
    parser.add_argument("--yes", action="store_true", help=said["yes"])
    for name, kind in {"data": "pair", "keep": "file", "drop": "file"}.items():
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar=value[kind], help=said[name]
        )


def run(options: argparse.Namespace) -> int:
    """Bring the template's newer version, or the answers given as data.

    Returns:
        The exit code: 1 where an edited library would be replaced and nobody agreed.

    Raises:
        CommandError: something is not committed, the template or the project's version of it is not
            there, Copier could not update, a file that was edited would go and nobody said it may,
            a file that git does not know is in the way, or there are conflicts.
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
        brought, told = update(root, options, library)

    told.show(brought)
    if library.is_package:
        print(messages.LIBRARY_IS_A_PACKAGE.format(version=template.next_version))
    if brought.conflicts:
        undo = "".join(f" && rm {shlex.quote(path)}" for path in brought.new)
        raise CommandError(messages.CONFLICTS.format(files=_lines(brought.conflicts), undo=undo))
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
        if not self.broken.files or not self.template.has_library(self.template.next_version):
            return True

        print(messages.LIBRARY_GOES.format(files=self.broken))
        if options.yes or terminal.confirmed(messages.ASK_REPLACE):
            return True
        command = _command(options, "yes")
        print(messages.LIBRARY_STAYS.format(command=command), file=sys.stderr)
        return False

    def replace(self, folder: Path) -> None:
        """Put the library of the new version into a worktree of the project that Copier updated.

        Whatever Copier merged in there goes, its conflicts too. Where the project has the library
        as a package, nothing is left of it.

        Args:
            folder: the worktree.

        Raises:
            CommandError: git failed.
        """
        if not self.template.has_library(self.template.next_version):
            return

        released = self.template.check_out_library(self.template.next_version)
        for path in (seal.LIBRARY, seal.SEAL):
            git("reset", "--quiet", "HEAD", "--", str(path), cwd=folder)
            _remove(folder / path)
            if not self.is_package:
                _copy(released / path.name, folder / path)


def update(root: Path, options: argparse.Namespace, library: Library) -> tuple[Brought, Told]:
    """Let Copier update a worktree of the project, and bring what changed there.

    Args:
        root: the project's folder.
        options: those of the command.
        library: the project's copy of the library.

    Raises:
        CommandError: Copier could not update, a file that was edited would go and nobody said it
            may, or a file that git does not know is in the way; then nothing was changed.
    """
    copier = Copier(options.copier, options.trust)
    version = library.template.next_version

    with _worktree(root) as tree, TemporaryDirectory() as beside:
        said = [part for answer in options.data for part in ("--data", answer)]
        copier.update(tree, version, said, asks=sys.stdin.isatty())
        had_credentials = take_credentials_out(tree)
        library.replace(tree)

        untouched = Untouched.of_project(root, copier, Path(beside, "project"))
        _keep_what_was_edited(tree, untouched, options)
        told = Told(
            untouched.unreached(tree / ANSWERS, version),
            _changed_answers(answers_in(root), answers_in(tree)),
            had_credentials,
        )

        brought = bring(tree, root)
        for path in library.broken.added:
            if not (tree / path).exists():  # git may not know it, and then does not say it went
                (root / path).unlink(missing_ok=True)
    return brought, told


def _keep_what_was_edited(tree: Path, untouched: Untouched, options: argparse.Namespace) -> None:
    """Put back into an updated worktree what is to be kept of what the update takes away.

    Raises:
        CommandError: something that was edited would go, and nobody said whether it may.
    """
    # A file that a hook of the template moved is staged: its edits go with it.
    gone = [path for path, state in states(tree).items() if state == " D"]
    edited = [path for path in gone if path in untouched.edited]

    if undecided := [path for path in edited if path not in {*options.keep, *options.drop}]:
        keep, drop = (_command(options, **{way: undecided}) for way in ("keep", "drop"))
        sentence = messages.EDITED_GOES.format(files=_lines(undecided), keep=keep, drop=drop)
        raise CommandError(sentence)
    for path in edited:
        if path in options.keep:
            git("checkout", "--quiet", "--", path, cwd=tree)


def _changed_answers(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the answers that are others now, by question; a new question has no old answer."""
    return {key: (old[key], new[key]) for key in old.keys() & new.keys() if old[key] != new[key]}


def _place(unreached: Unreached) -> str:
    """Say of a file where it was, and where it is."""
    if unreached.now is None:
        return messages.UNREACHED_DELETED.format(path=unreached.path)
    sentence = messages.UNREACHED_MOVED if unreached.change else messages.UNREACHED_NO_MORE
    return sentence.format(path=unreached.path, now=unreached.now)


def _command(options: argparse.Namespace, *more: str, **names: Sequence[str]) -> str:
    """Return the command that was typed, with something more."""
    flags = [f"{name}=1" for name in ("trust", "yes") if getattr(options, name) or name in more]
    said = {name: [*getattr(options, name), *names.get(name, ())] for name in LISTS}
    lists = [f'{name}="{" ".join(values)}"' for name, values in said.items() if values]
    return " ".join(["make template-update", *lists, *flags])


def _lines(texts: Sequence[str]) -> str:
    """Put each text on a line of its own, below a first one."""
    return "\n  ".join(texts)


@contextmanager
def _worktree(root: Path) -> Iterator[Path]:
    """Lend a worktree of what is committed, with the project at its top.

    So nothing hangs on what the folders above it are called: Copier does not read each name that
    git writes in quotes.
    """
    project = git("rev-parse", "HEAD:./", cwd=root).strip()
    commit = git(*NOBODY, "commit-tree", "-m", "The project", project, cwd=root).strip()
    with TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        git("worktree", "add", "--quiet", "--detach", str(tree), commit, cwd=root)
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree), cwd=root)


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
