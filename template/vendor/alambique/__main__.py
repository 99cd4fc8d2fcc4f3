"""`python -m alambique <command>`, for where the program `alambique` is not installed."""

import sys

# Python looks in the current folder first, as it does for no program: a folder of the migrations
# that is called `alembic` would stand in the package's way.
if not sys.flags.safe_path:
    sys.path.append(sys.path.pop(0))

from alambique.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
