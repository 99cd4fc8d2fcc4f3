"""`make template-check`: whether the template has a newer version."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from alambique import messages
from alambique.tools.report import print_report
from alambique.tools.template_repository import fetch_template


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `template-check` takes."""
    parser.add_argument("--json", action="store_true", help=messages.OPTIONS["json"])


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
    if options.json:
        print_report(
            "template-check",
            {
                "state": template.standing.name.lower(),
                "exit_code": int(template.standing),
                "project_version": template.project_version,
                "newest_version": template.newest_version,
                "news": template.news,
            },
        )
    else:
        print(template.news)
    return template.standing
