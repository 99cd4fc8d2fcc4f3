"""What `make new` does after the render: where it came from, a repository, the set-up, a commit."""

import re
import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
UNKNOWN_AUTHOR = {
    "en": "\nNo commit was made: git does not know you yet. Tell it, then commit:",
    "pt": "\nNenhum commit foi feito: o git ainda não conhece você. Diga a ele, e faça o commit:",
}


def main(project: Path) -> int:
    """Prepare a rendered project; return the exit code of its set-up."""
    record_source(project)
    repository = not git(project, "rev-parse", "--is-inside-work-tree")
    if repository:
        git(project, "init", "--quiet", "--initial-branch=main")
    print(f"\n{project}: make setup", flush=True)
    code = subprocess.run(["make", "setup"], cwd=project).returncode
    if repository and code == 0:
        commit(project)
    return code


def record_source(project: Path) -> None:
    """Note where this clone of the template came from, a place that teammates can reach.

    Where the commit is not in that remote, or there is no remote, the path of the clone remains.
    """
    command = ["git", "-C", str(TEMPLATE)]
    remote = [*command, "remote", "get-url", "origin"]
    url = subprocess.run(remote, capture_output=True, text=True).stdout.strip()
    pushed = [*command, "branch", "--remotes", "--contains", "HEAD"]
    there = subprocess.run(pushed, capture_output=True, text=True).stdout.strip()
    clean = not subprocess.run([*command, "status", "--porcelain"], capture_output=True).stdout
    if there and clean and (":" in url or url.startswith("/")):
        answers = project / ".copier-answers.yml"
        text = answers.read_text(encoding="utf-8")
        noted = re.sub(r"^_src_path: .*$", lambda _: f"_src_path: {url}", text, flags=re.MULTILINE)
        answers.write_text(noted, encoding="utf-8", newline="\n")


def commit(project: Path) -> None:
    """Commit everything, lock file included, if git knows who the author is."""
    git(project, "add", "--all")
    if not git(project, "commit", "--quiet", "--message", "Start the service"):
        answers = (project / ".copier-answers.yml").read_text(encoding="utf-8")
        print(
            UNKNOWN_AUTHOR["pt" if "\nlanguage: pt\n" in answers else "en"],
            '  git config --global user.name "..." && git config --global user.email "..."',
            f'  git -C {project} commit -m "Start the service"',
            sep="\n",
            file=sys.stderr,
        )


def git(project: Path, *arguments: str) -> bool:
    """Run git quietly inside the project; return whether it succeeded."""
    return not subprocess.run(["git", *arguments], cwd=project, capture_output=True).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
