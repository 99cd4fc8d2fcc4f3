"""What the doctor asks of what came from the template: the library, and the newest version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic.util import CommandError

from alambique import __version__, messages
from alambique.tools import seal
from alambique.tools.doctor.checks import PATIENCE, Checks, Fault, Found, Remark, needed
from alambique.tools.template_repository import Standing, fetch_template


@dataclass
class Versions:
    """The checks of what came from the template."""

    found: Found

    def checks(self) -> Checks:
        """Return the checks, in the order they are made."""
        return {"library": self.library, "template_version": self.template_version}

    def library(self) -> str:
        """Check that the library is as it was released.

        Raises:
            Fault: files were edited, deleted or added.
            Remark: the project has no copy of its own, or is not known.
        """
        root = needed(self.found.project).root
        if not (root / seal.LIBRARY).is_dir():
            raise Remark(messages.DOCTOR_LIBRARY_PACKAGE.format(version=__version__))
        broken = seal.broken(root)
        if broken.files:
            raise Fault(messages.DOCTOR_LIBRARY_EDITED.format(version=__version__, files=broken))
        return messages.DOCTOR_LIBRARY.format(version=__version__)

    def template_version(self) -> str:
        """Say whether the template has a newer version; not to know is no fault.

        Raises:
            Remark: it has, or nobody knows.
        """
        needed(self.found.project)
        try:
            with TemporaryDirectory() as clone:
                template = fetch_template(Path(clone), PATIENCE)
        except (OSError, CommandError) as error:
            raise Remark(messages.DOCTOR_TEMPLATE_UNKNOWN.format(cause=error)) from error

        sentence, *_ = template.news.splitlines()
        if template.standing is not Standing.CURRENT:
            raise Remark(sentence)
        return sentence
