"""`python -m alambique <command>`, for where the program `alambique` is not installed."""

import sys

from alambique.cli import main

if __name__ == "__main__":
    sys.exit(main())
