"""`make template-check`: whether the template has a newer version."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from alambique.tools.template_repository import fetch_template


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no argument."""


def run(options: argparse.Namespace) -> int:
    """Say whether the template has a newer version, and what it changes.

    Returns:
        The exit code: 0 for none, 3 for a newer one, 4 where the project is the newer.

    Raises:
        CommandError: the template is not where the project says, or no longer has its version.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    with TemporaryDirectory() as folder:
        template = fetch_template(Path(folder))
    print(template.news)
    return template.standing
