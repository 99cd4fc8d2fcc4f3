"""The template as a repository with its released versions, the working tree as the newest one."""

import os
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from support.project import ROOT, SETTINGS, Project
from support.seal import seal

NEWEST = "v1000.0.0"  # the working tree, in the repository the tests make
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "Ana", "EMAIL": "ana@example.org"}.items()
}
# What later versions changed on purpose of what earlier ones promised.
DECLARED = tomllib.loads((ROOT / "releases.toml").read_text(encoding="utf-8"))["declared"]
QUIET = ["-c", "maintenance.auto=false", "-c", "gc.auto=0", "-c", "init.defaultBranch=main"]


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """Run git in a folder as Ana, and return what it prints."""
    done = subprocess.run(
        ["git", *QUIET, *arguments],
        cwd=folder,
        env=os.environ | AUTHOR,
        check=check,
        capture_output=True,
        text=True,
    )
    return done.stdout


def commit(folder: Path, tag: str = "") -> None:
    """Commit everything in a folder, a repository from now on, and perhaps tag it."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", tag or "Work")
    if tag:
        git(folder, "tag", "--force", tag)


def released() -> list[str]:
    """Return the released versions, the oldest first."""
    noted = tomllib.loads((ROOT / "releases.toml").read_text(encoding="utf-8"))
    return [release["version"] for release in noted.get("release", [])]


def copy_working_tree(folder: Path) -> None:
    """Make a folder hold what the working tree holds, but what git ignores; the library sealed."""
    for path in folder.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():  # not removed since the last commit
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    seal(folder / "template/vendor")


def repository(folder: Path) -> Path:
    """Clone the template into a folder, with a tag for each release and for the working tree.

    A release is found by its tag, else by the commit in releases.toml, else by that commit's
    message. Without any, which only happens to a clone without history, the test is skipped.
    """
    git(ROOT, "clone", "--quiet", str(ROOT), str(folder))
    noted = tomllib.loads((ROOT / "releases.toml").read_text(encoding="utf-8"))
    for release in noted.get("release", []):
        version = release["version"]
        subject = git(folder, "log", "--format=%H", f"--grep=^Release {version}$").split()
        for place in (f"v{version}", release["commit"], *subject):
            if git(folder, "rev-parse", "--verify", "--quiet", f"{place}^{{commit}}", check=False):
                git(folder, "tag", "--force", f"v{version}", f"{place}^{{commit}}")
                break
        else:
            pytest.skip(f"the history of this clone does not reach back to {version}")
    copy_working_tree(folder)
    commit(folder, NEWEST)
    return folder


@cache
def copiers() -> dict[str, str]:
    """Return the Copier commands to update with: the newest, and the oldest copier.yml supports."""
    oldest = str(SETTINGS["_min_copier_version"])
    home = Path(sys.prefix) / f"copier-{oldest}"
    command = home / "bin/copier"
    if not command.exists():
        uv = [f"{sys.prefix}/bin/uv", "--quiet"]
        mine = home.with_name(f"{home.name}.{os.getpid()}")  # other workers make theirs
        subprocess.run([*uv, "venv", "--relocatable", str(mine)], check=True)
        install = [*uv, "pip", "install", "--python", str(mine / "bin/python")]
        subprocess.run([*install, f"copier=={oldest}"], check=True)
        try:
            mine.rename(home)
        except OSError:
            shutil.rmtree(mine)
    return {"newest": f"{sys.prefix}/bin/copier", "oldest": str(command)}


def questions(repository: Path, ref: str) -> set[str]:
    """Return the keys a version asks for."""
    settings = yaml.safe_load(git(repository, "show", f"{ref}:copier.yml"))
    return {key for key in settings if not key.startswith("_")}


def first_release(tmp_path: Path) -> Path:
    """Return a template released as v1.0.0, to be changed."""
    path = tmp_path / "alambique"
    path.mkdir()
    copy_working_tree(path)
    commit(path, "v1.0.0")
    return path


def usable(template: Path) -> Path:
    """Have the `make` of a template's repository work in the tests' environment."""
    (template / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (template / ".venv" / name).symlink_to(Path(sys.prefix, name))
    (template / ".venv/new").touch()
    (template / ".git/info/exclude").write_text(".venv\n")
    return template


def project_of(template: Path, path: Path, ref: str = "v1.0.0", **answers: str) -> Project:
    """Make and commit a project, two folders below the top of its repository."""
    copier.run_copy(
        str(template), path, answers, vcs_ref=ref, defaults=True, unsafe=False, quiet=True
    )
    made = Project(path).use_these_packages()
    made.env |= AUTHOR
    top = path.parents[1]
    git(top, "init", "--quiet")
    (top / ".git/info/exclude").write_text(".venv\n")
    (top / "other").write_text("theirs\n")
    commit(top)
    return made


def update(made: Project, code: int = 0, *options: str) -> str:
    """Update a project with the newest Copier."""
    copier = ["--copier", copiers()["newest"]]
    return made.alambique("template-update", *copier, *options, code=code)


def status(made: Project) -> set[str]:
    """Return what git would commit of the project, each line with its two letters of state."""
    printed = git(made.path, "status", "--porcelain", "--untracked-files=all", "--", ".")
    prefix = git(made.path, "rev-parse", "--show-prefix").strip()
    return {line.replace(prefix, "", 1) for line in printed.splitlines()}


def changed(tmp_path: Path, **answers: str) -> Any:
    """Make a project with the defaults and give it these answers by an update."""
    template = first_release(tmp_path)
    loja = project_of(template, tmp_path / "mono/services/loja", language="en")
    data = [f"--data={key}={value}" for key, value in answers.items()]
    update(loja, 0, *[part for option in data for part in option.split("=", 1)])
    return loja
