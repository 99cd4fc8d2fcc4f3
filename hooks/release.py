"""What `make release version=x.y.z` does: changelogs, version, seal, contract, commit, tag."""

import datetime
import os
import re
import subprocess
import sys
import tomllib

from seal import ROOT, digest, seal_library

RELEASES = ROOT / "releases.toml"
# Where the version stands, and how its line begins.
VERSIONED = {
    "pyproject.toml": "version",
    "template/vendor/alambique/__init__.py": "__version__",
}
UNRELEASED = {"CHANGELOG.md": "## Unreleased\n", "CHANGELOG.pt-BR.md": "## Não publicado\n"}


def main(version: str) -> None:
    """Release what is committed.

    Raises:
        SystemExit: the version is no x.y.z above the last one, something is not committed, or a
            changelog has nothing to say about it.
    """
    last = tomllib.loads(RELEASES.read_text(encoding="utf-8")).get("release", [])[-1:]
    numbers = [int(part) for part in (last[0]["version"] if last else "0.0.0").split(".")]
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or numbers >= [*map(int, version.split("."))]:
        sys.exit(
            f"{version} is not x.y.z above {'.'.join(map(str, numbers))}: say another version="
        )
    if git("status", "--porcelain"):
        sys.exit("Something is not committed. Commit it, then release.")
    for name, heading in UNRELEASED.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        before, _, after = text.partition(heading)
        if not after.partition("\n## ")[0].strip():
            sys.exit(
                f"{name} has nothing under '{heading.strip()}': say what changes for a project."
            )
        entry = f"{heading}\n## {version} ({datetime.date.today()})\n"
        (ROOT / name).write_text(before + entry + after, encoding="utf-8")
    for name, key in VERSIONED.items():
        file = ROOT / name
        text = file.read_text(encoding="utf-8")
        numbered = re.sub(f'^{key} = ".*"$', f'{key} = "{version}"', text, flags=re.MULTILINE)
        file.write_text(numbered, encoding="utf-8")
    seal_library()
    contract = [sys.executable, "-m", "support.contract", f"tests/contracts/{version}.json"]
    tests = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    subprocess.run(contract, cwd=ROOT, env=tests, check=True)
    git("add", "--all")
    git("commit", "--quiet", "--message", f"Release {version}")
    git("tag", "--message", f"Alambique {version}", f"v{version}")
    # The commit cannot name itself: the one after it does, for clones that came without tags.
    released = {"version": version, "commit": git("rev-parse", "HEAD"), "library": digest()}
    with RELEASES.open("a", encoding="utf-8") as releases:
        releases.write("\n[[release]]\n")
        releases.writelines(f'{key} = "{value}"\n' for key, value in released.items())
    git("commit", "--quiet", "--all", "--message", f"Record release {version}")
    print(f"Released {version}. Now: git push --follow-tags")


def git(*arguments: str) -> str:
    """Run git in the template and return what it prints."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "")
