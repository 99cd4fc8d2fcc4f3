"""The template this project came from: `python -m core.template check`, or `update`."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from core import ROOT
from core.migrations import messages

ANSWERS = ".copier-answers.yml"


def git(
    *arguments: str,
    cwd: Path = ROOT,
    given: str | None = None,
    failed: str = "",
    patience: float | None = None,
) -> str:
    """Run git, without anybody's hooks, and return what it prints; failing ends the program."""
    command = ["git", "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(
            command, cwd=cwd, input=given, capture_output=True, text=True, timeout=patience
        )
    except subprocess.TimeoutExpired:
        sys.exit(failed)
    if done.returncode:
        sys.exit(failed or messages.GIT_FAILED.format(command=arguments[0], cause=done.stderr))
    return done.stdout


def newest(clone: Path, patience: float | None = None) -> tuple[int, str, str]:
    """Fetch the template; return the exit code to check with, its newest version, the news.

    `patience` is how many seconds the fetch may take; as long as it likes if it is None.
    """
    text = (ROOT / ANSWERS).read_text(encoding="utf-8") if (ROOT / ANSWERS).exists() else ""
    noted = dict(re.findall(r"^_(commit|src_path): '?(.+?)'?$", text, re.MULTILINE))
    source, old = noted.get("src_path", "?"), noted.get("commit", "?")
    address = source.removeprefix("git+").replace("gh:", "https://github.com/")
    address = address.replace("gl:", "https://gitlab.com/")
    lost = messages.NO_TEMPLATE.format(source=source, file=ANSWERS)
    if not re.search(r":|^/", address):  # a relative path is another place to everybody
        sys.exit(lost)
    fetch = ["clone", "--quiet", "--no-checkout", "--filter=blob:none", address, str(clone)]
    git(*fetch, failed=lost, patience=patience)
    tags = git("tag", "--list", "--sort=version:refname", "v[0-9]*", cwd=clone).split()
    new = tags[-1] if tags else "HEAD"
    gone = messages.NO_VERSION.format(old=old, source=source, file=ANSWERS, new=new)
    git("rev-parse", "--verify", old + "^{commit}", cwd=clone, failed=gone)
    ours, theirs = git("rev-list", "--count", "--left-right", f"{old}...{new}", cwd=clone).split()
    state = 3 if int(theirs) else 4 if int(ours) else 0  # as those of make check
    seen = git("show", f"{old}:{messages.CHANGELOG}", cwd=clone).split("\n## ")
    parts = git("show", f"{new}:{messages.CHANGELOG}", cwd=clone).split("\n## ")
    news = [f"\n\n## {part.strip()}" for part in parts if part not in seen]
    return state, new, messages.TEMPLATE[state].format(old=old, new=new) + "".join(news)


def update(copier: Sequence[str]) -> list[list[str]]:
    """Let Copier update a worktree beside this one; bring what is in conflict, new, or changed."""
    prefix, top = git("rev-parse", "--show-prefix", "--show-toplevel").split("\n")[:2]
    with TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        git("worktree", "add", "--quiet", "--detach", str(tree))
        try:
            if subprocess.run(copier, cwd=tree / prefix).returncode:
                sys.exit(messages.NOT_UPDATED)
            found = bring(tree, Path(top))
            return [[path.removeprefix(prefix) for path in paths] for paths in found]
        finally:
            git("worktree", "remove", "--force", str(tree))


def bring(tree: Path, top: Path) -> list[list[str]]:
    """Bring what changed in the worktree here; return the files in conflict and the new ones."""
    changed = git("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", cwd=tree)
    states = {entry[3:]: entry[:2] for entry in changed.split("\0") if entry}
    new = [path for path, state in states.items() if state == "??"]
    if taken := [path for path in new if (top / path).exists()]:
        sys.exit(messages.IN_THE_WAY.format(files=", ".join(taken)))
    for path in states:
        if (tree / path).exists():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / path, top / path)
        else:
            (top / path).unlink(missing_ok=True)
    unmerged = git("ls-files", "--unmerged", "-z", cwd=tree)
    conflicts = sorted({entry.partition("\t")[2] for entry in unmerged.split("\0") if entry})
    gone = "".join(f"0 {'0' * 40}\t{path}\0" for path in conflicts)
    git("update-index", "-z", "--index-info", cwd=top, given=gone + unmerged)
    return [conflicts, new]


def main(target: str, *copier: str) -> int:
    """Check, or update with this Copier command; return the exit code."""
    if target == "update" and git("status", "--porcelain", "--untracked-files=no", "--", "."):
        sys.exit(messages.NOT_COMMITTED)
    for folder in re.findall(r"\bmigrations_folder=(\w+)", " ".join(copier)):
        if not (ROOT / folder / "env.py").exists():
            sys.exit(messages.HISTORY_STAYS.format(folder=folder))
    with TemporaryDirectory() as clone:
        state, version, news = newest(Path(clone))
    print(news, flush=True)
    if target == "check" or (state != 3 and "--data" not in copier):
        return state if target == "check" else 0
    how = "--skip-answered" if sys.stdin.isatty() else "--defaults"
    conflicts, new = update([*copier, "--quiet", "--vcs-ref", version, how])
    if conflicts:
        undo = "".join(f" && rm '{path}'" for path in new)
        sys.exit(messages.CONFLICTS.format(files="\n  ".join(conflicts), undo=undo))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
