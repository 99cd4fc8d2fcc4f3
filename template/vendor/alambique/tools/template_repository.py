"""The repository of the template that this project came from."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from alembic.util import CommandError

from alambique import messages
from alambique.settings import project
from alambique.tools.answers import ANSWERS, answers
from alambique.tools.credentials import without_credentials
from alambique.tools.releases import newest_release

# The part of the repository that is rendered.
SUBDIRECTORY = "template"

# Copier's short names of addresses.
HOSTS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}

# Who commits what is thrown away afterwards.
NOBODY = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=no"]


class Standing(IntEnum):
    """Where the project stands against the template; the value is an exit code, as `check`'s."""

    CURRENT = 0
    BEHIND = 3
    AHEAD = 4


@dataclass(frozen=True)
class Template:
    """The template, as it was fetched."""

    clone: Path
    """The repository, with nothing checked out."""
    project_version: str
    """The version, or commit, that the project was made of."""
    newest_version: str
    standing: Standing
    news: str
    """A sentence on the first line; below it, what the changelog says of what is new."""

    @property
    def next_version(self) -> str:
        """What an update brings: the newest version, but never an older one than the project's."""
        is_ahead = self.standing is Standing.AHEAD
        return self.project_version if is_ahead else self.newest_version

    def has_library(self, version: str) -> bool:
        """Tell whether the library is rendered into projects, in this version of the template.

        Raises:
            CommandError: git cannot say.
        """
        folder = f"{SUBDIRECTORY}/vendor/alambique/"
        return bool(git("ls-tree", "--name-only", version, folder, cwd=self.clone))

    def check_out_library(self, version: str) -> Path:
        """Write what this version of the template has in `vendor/`, and return the folder.

        Raises:
            CommandError: git cannot write it.
        """
        vendor = f"{SUBDIRECTORY}/vendor"
        git("checkout", "--quiet", version, "--", vendor, cwd=self.clone)
        return self.clone / vendor


def fetch_template(clone: Path, patience: float | None = None) -> Template:
    """Fetch the template, and find out what is new in it.

    Args:
        clone: an empty folder, for the repository.
        patience: how many seconds the fetch may take, with nobody there to type a password; by
            default as long as it likes.

    Raises:
        CommandError: the template is not where the project says, no longer has the project's
            version, or does not answer in time.
        InvalidSetting: the project's pyproject.toml cannot be read.
        OSError: the answers file is there and cannot be read.
    """
    said = answers()
    source = said.get("_src_path", "?")
    old = said.get("_commit", "?")

    shown = without_credentials(source)
    lost = messages.NO_TEMPLATE.format(source=shown, file=ANSWERS)
    address = _address(source)
    if address is None:
        raise CommandError(lost)
    # As they were committed, whatever this machine does to the ends of lines.
    clone_it = ["clone", "--quiet", "--no-checkout", "--filter=blob:none"]
    clone_it += ["--config", "core.autocrlf=false", address, str(clone)]
    git(*clone_it, cwd=project().root, failed=lost, patience=patience)

    new = newest_release(git("tag", "--list", cwd=clone).split()) or "HEAD"
    gone = messages.NO_VERSION.format(old=old, source=shown, file=ANSWERS, new=new)
    git("rev-parse", "--verify", old + "^{commit}", cwd=clone, failed=gone)

    standing = _standing(clone, old, new)
    sentence = messages.TEMPLATE[standing].format(old=old, new=new)
    entries = "".join(f"\n\n## {entry}" for entry in _new_entries(clone, old, new))
    return Template(clone, old, new, standing, news=sentence + entries)


def git(
    *arguments: str,
    cwd: Path,
    given: str | None = None,
    failed: str = "",
    patience: float | None = None,
) -> str:
    """Run git, without anybody's hooks, and return what it prints.

    Args:
        arguments: the command and its arguments.
        cwd: where to run it.
        given: what it reads on standard input.
        failed: the sentence to raise if it fails; by default what git says.
        patience: how many seconds it may take, with nobody there to type a password; by default as
            long as it likes.

    Raises:
        CommandError: it failed, it took longer, or there is no git.
    """
    environment = dict(os.environ)
    if patience is not None:
        environment["GIT_TERMINAL_PROMPT"] = "0"
        environment.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")

    try:
        done = subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", *arguments],
            cwd=cwd,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=patience,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        cause = f"{patience:g} s"
        sentence = failed or messages.GIT_FAILED.format(command=arguments[0], cause=cause)
        raise CommandError(sentence) from error
    except OSError as error:
        sentence = messages.GIT_FAILED.format(command=arguments[0], cause=error)
        raise CommandError(sentence) from error

    if done.returncode:
        cause = without_credentials(done.stderr)
        sentence = messages.GIT_FAILED.format(command=arguments[0], cause=cause)
        raise CommandError(failed or sentence)
    return done.stdout


def _address(source: str) -> str | None:
    """Return what git clones for a source as Copier writes it; None for a relative path.

    A relative path is another place to everybody.
    """
    address = source.removeprefix("git+")
    for short, host in HOSTS.items():
        if address.startswith(short):
            address = host + address.removeprefix(short)
    is_relative = ":" not in address and not address.startswith("/")
    return None if is_relative else address


def _standing(clone: Path, old: str, new: str) -> Standing:
    """Compare two versions by the commits that only one of them has."""
    counted = git("rev-list", "--count", "--left-right", f"{old}...{new}", cwd=clone)
    only_ours, only_theirs = counted.split()
    if int(only_theirs):
        return Standing.BEHIND
    return Standing.AHEAD if int(only_ours) else Standing.CURRENT


def _new_entries(clone: Path, old: str, new: str) -> list[str]:
    """Return what the changelog says in the new version and did not say in the old one."""
    before = git("show", f"{old}:{messages.CHANGELOG}", cwd=clone).split("\n## ")
    after = git("show", f"{new}:{messages.CHANGELOG}", cwd=clone).split("\n## ")
    return [entry.strip() for entry in after if entry not in before]
