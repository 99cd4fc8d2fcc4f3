"""What `make new` does before the render: say which version of the template, its newest release.

python hooks/which_version.py [version]
"""

import os
import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TEMPLATE / "template/vendor"))

from alambique.tools.credentials import without_credentials  # noqa: E402
from alambique.tools.releases import newest_release  # noqa: E402

HERE = "HEAD"  # what is in this clone, what is not committed included


def version_to_render(asked: str = "") -> str:
    """Return what was asked for, else the newest release, else what is here."""
    return asked or newest() or HERE


def newest() -> str | None:
    """Return the tag of the newest release in this clone; None where it came without tags."""
    return newest_release(git("tag", "--list").split())


def origin() -> str:
    """Return where this clone came from, without the credentials in it; "" where from nowhere."""
    return without_credentials(git("remote", "get-url", "origin"))


def git(*arguments: str) -> str:
    """Run git in the template and return what it prints: nothing where it fails.

    A template that is no repository, inside another one, is not taken for that other one.
    """
    done = subprocess.run(
        ["git", *arguments],
        cwd=TEMPLATE,
        capture_output=True,
        text=True,
        env=os.environ | {"GIT_CEILING_DIRECTORIES": str(TEMPLATE.parent)},
    )
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    print(version_to_render(*sys.argv[1:]))
