"""`make run` and `make openapi`: the service on this machine, and the description of its routes."""

import argparse
import json
import sys
from importlib import import_module
from importlib.util import find_spec

import uvicorn

from core import ROOT
from core.migrations import messages
from core.readiness import check_at_startup

DESCRIPTION = ROOT / "docs" / "openapi.json"
ENTRY = """from fastapi import FastAPI

from core.api import prepare

app = FastAPI()
prepare(app)
"""


def openapi() -> str:
    """Return the description of the routes as JSON, the same each time for the same routes."""
    app = import_module("app.api").app
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Serve the application, or write its description.

    Raises:
        SystemExit: there is no application, or the database is not ready; the sentence says why.
    """
    parser = argparse.ArgumentParser(prog="python -m core.serve")
    parser.add_argument("--port", default="8000")
    parser.add_argument("--openapi", action="store_true", help="write docs/openapi.json and end")
    options = parser.parse_args()
    if find_spec("app.api") is None:
        sys.exit(messages.NO_APP.format(entry=ENTRY))
    if options.openapi:
        DESCRIPTION.parent.mkdir(exist_ok=True)
        DESCRIPTION.write_text(openapi(), encoding="utf-8", newline="\n")
        print(messages.OPENAPI_WRITTEN.format(path=DESCRIPTION.relative_to(ROOT)))
        return
    if not options.port.isdecimal() or int(options.port) >= 2**16:
        sys.exit(messages.NO_PORT.format(port=options.port))
    check_at_startup()  # here, too: the reloader would go on, and wait for a change of code
    folders = [str(ROOT / "app"), str(ROOT / "core")]
    uvicorn.run("app.api:app", port=int(options.port), reload=True, reload_dirs=folders)


if __name__ == "__main__":
    main()
