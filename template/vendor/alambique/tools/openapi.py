"""`make openapi`: the description of the routes, for whoever writes a client."""

from __future__ import annotations

import argparse

from alambique import messages
from alambique.settings import shown
from alambique.web.serving import openapi, openapi_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no argument."""


def run(options: argparse.Namespace) -> int:
    """Write docs/openapi.json.

    Raises:
        CommandError: there is no application, or it is none of FastAPI's.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    description = openapi()
    path = openapi_path()
    path.parent.mkdir(exist_ok=True)
    path.write_text(description, encoding="utf-8", newline="\n")
    print(messages.OPENAPI_WRITTEN.format(path=shown(path)))
    return 0
