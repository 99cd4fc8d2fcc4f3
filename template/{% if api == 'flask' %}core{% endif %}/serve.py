"""`make run`: the service on this machine."""

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec

from core.migrations import messages

ENTRY = """from flask import Flask

from core.api import prepare

app = Flask(__name__)
prepare(app)
"""


def main() -> None:
    """Serve the application, and start it again when a file changes.

    Raises:
        SystemExit: there is no application, or the database is not ready; the sentence says why.
    """
    parser = argparse.ArgumentParser(prog="python -m core.serve")
    parser.add_argument("--port", default="8000")
    options = parser.parse_args()
    if find_spec("app.api") is None:
        sys.exit(messages.NO_APP.format(entry=ENTRY))
    if not options.port.isdecimal() or int(options.port) >= 2**16:
        sys.exit(messages.NO_PORT.format(port=options.port))
    import_module("app.api").app.run(port=int(options.port), debug=True)


if __name__ == "__main__":
    main()
