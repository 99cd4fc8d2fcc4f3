"""A project's application: found, served on the machine of whoever works on it, described."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from alembic.util import CommandError

from alambique import messages
from alambique.settings import project
from alambique.web.readiness import check_at_startup

if TYPE_CHECKING:
    from fastapi import FastAPI
    from flask import Flask

# Where a server of production finds the application, too.
MODULE = "app.api"
NAME = "app"

# The first port number that there is not.
PORTS = 2**16

# What an application begins with, for whoever has none yet.
FASTAPI_ENTRY = """from fastapi import FastAPI

from core.api import prepare

app = FastAPI()
prepare(app)
"""
FLASK_ENTRY = """from flask import Flask

from core.api import prepare

app = Flask(__name__)
prepare(app)
"""


def serve(port: str) -> None:
    """Serve the application, and start it again when a file changes; it returns when that ends.

    Args:
        port: where to listen on this machine, as it was typed.

    Raises:
        CommandError: there is no application, or no such port.
        InvalidSetting: a setting is missing or malformed.
        SystemExit: the database is not ready; the sentence says why.
    """
    _require_application()
    if not port.isdecimal() or int(port) >= PORTS:
        raise CommandError(messages.NO_PORT.format(port=port))

    application = load_application()
    if is_flask(application):
        application.run(port=int(port), debug=True)
        return

    import uvicorn

    check_at_startup()  # here, too: the reloader would go on, and wait for a change of code
    uvicorn.run(f"{MODULE}:{NAME}", port=int(port), reload=True, reload_dirs=_watched_folders())


def openapi() -> str:
    """Return the description of the routes as JSON, the same each time for the same routes.

    Raises:
        CommandError: there is no application, or it is none of FastAPI's.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    application = load_application()
    if not is_fastapi(application):
        raise CommandError(messages.OPENAPI_UNKNOWN.format(kind=type(application).__name__))
    description = application.openapi()
    return json.dumps(description, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def openapi_path() -> Path:
    """Return where the project keeps the description of its routes.

    Raises:
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    return project().root / "docs" / "openapi.json"


def load_application() -> object:
    """Import the application: FastAPI's, Flask's, or whatever stands before one of these.

    Raises:
        CommandError: there is none.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    _require_application()
    application: object = getattr(import_module(MODULE), NAME)
    return application


def is_fastapi(application: object) -> TypeGuard[FastAPI]:
    """Tell whether an application is FastAPI's."""
    if find_spec("fastapi") is None:
        return False
    from fastapi import FastAPI

    return isinstance(application, FastAPI)


def is_flask(application: object) -> TypeGuard[Flask]:
    """Tell whether an application is Flask's."""
    if find_spec("flask") is None:
        return False
    from flask import Flask

    return isinstance(application, Flask)


def _require_application() -> None:
    if not _exists(MODULE):
        entry = FLASK_ENTRY if _wants_flask() else FASTAPI_ENTRY
        raise CommandError(messages.NO_APP.format(entry=entry))


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # there is not even the package
        return False


def _wants_flask() -> bool:
    """Tell for which framework the project is, where no application says so."""
    asked = _dependencies()
    if {"fastapi", "flask"} & asked:
        return "fastapi" not in asked
    return find_spec("fastapi") is None


def _dependencies() -> set[str]:
    """Return the names of the packages that pyproject.toml asks for."""
    said: Iterable[str] = project().pyproject.get("project", {}).get("dependencies", [])
    return {re.split(r"[^\w.-]", each.strip(), maxsplit=1)[0].lower() for each in said}


def _watched_folders() -> list[str]:
    """Return the folders whose changes start the server again."""
    here = project()
    packages = {package.partition(".")[0] for package in here.models} | {"core"}
    folders = [here.root / package for package in sorted(packages)]
    return [str(folder) for folder in folders if folder.is_dir()]
