"""What `make new` does after the render: a repository, the set-up, a first commit."""

import subprocess
import sys
from pathlib import Path


def main(project: Path) -> int:
    """Prepare a rendered project; return the exit code of its set-up."""
    repository = not git(project, "rev-parse", "--is-inside-work-tree")
    if repository:
        git(project, "init", "--quiet", "--initial-branch=main")
    print(f"\n{project}: make setup", flush=True)
    code = subprocess.run(["make", "setup"], cwd=project).returncode
    if repository and code == 0:
        commit(project)
    return code


def commit(project: Path) -> None:
    """Commit everything, lock file included, if git knows who the author is."""
    git(project, "add", "--all")
    if not git(project, "commit", "--quiet", "--message", "Start the service"):
        print(
            "\nNo commit was made: git does not know you yet. Tell it, then commit:\n"
            '  git config --global user.name "..." && git config --global user.email "..."\n'
            f'  git -C {project} commit -m "Start the service"',
            file=sys.stderr,
        )


def git(project: Path, *arguments: str) -> bool:
    """Run git quietly inside the project; return whether it succeeded."""
    return not subprocess.run(["git", *arguments], cwd=project, capture_output=True).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
