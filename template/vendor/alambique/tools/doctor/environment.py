"""What the doctor asks of the machine: Python, packages, programs, against what is written."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from alambique import messages
from alambique.settings import project
from alambique.tools.answers import ANSWERS, answers
from alambique.tools.doctor.checks import Checks, Fault, Found, Remark, needed

# What every command here calls.
PROGRAMS = ("git", "make")


@dataclass
class Environment:
    """The checks of the machine."""

    found: Found

    def checks(self) -> Checks:
        """Return the checks, in the order they are made."""
        return {
            "python": self.python,
            "packages": self.packages,
            "tools": self.tools,
            "environment": self.environment,
        }

    def python(self) -> str:
        """Check the interpreter: the project's own, and as new as pyproject.toml asks.

        All others need the project, which is looked up here.

        Raises:
            Fault: it is another.
            InvalidSetting: pyproject.toml cannot be read.
        """
        from packaging.specifiers import SpecifierSet

        self.found.project = ours = project()
        version = ".".join(str(part) for part in sys.version_info[:3])
        asked = ours.pyproject.get("project", {}).get("requires-python", "")

        if not SpecifierSet(asked).contains(version, prereleases=True):
            raise Fault(messages.DOCTOR_PYTHON_OTHER.format(version=version, asked=asked))
        if Path(sys.prefix).resolve() != (ours.root / ".venv").resolve():
            raise Fault(messages.DOCTOR_NOT_VENV.format(path=sys.executable))
        return messages.DOCTOR_PYTHON.format(version=version)

    def packages(self) -> str:
        """Check that what pyproject.toml asks for is installed.

        Raises:
            Fault: something is missing, or of another version.
            Remark: pyproject.toml could not be read.
        """
        pyproject = needed(self.found.project).pyproject
        asked = {
            *pyproject.get("project", {}).get("dependencies", ()),
            *group(pyproject.get("dependency-groups", {}), "dev"),
        }
        missing = [requirement for requirement in sorted(asked) if not is_installed(requirement)]
        if missing:
            raise Fault(messages.DOCTOR_PACKAGES_MISSING.format(packages=", ".join(missing)))
        return messages.DOCTOR_PACKAGES.format(count=len(asked))

    def tools(self) -> str:
        """Check the programs that everything here calls.

        Raises:
            Fault: one is missing.
        """
        missing = [name for name in PROGRAMS if not shutil.which(name)]
        if missing:
            raise Fault(messages.DOCTOR_TOOLS_MISSING.format(tools=" ".join(missing)))
        return messages.DOCTOR_TOOLS.format(tools=", ".join(PROGRAMS))

    def environment(self) -> str:
        """Check the program that makes the environment, as the answers to Copier name it.

        Raises:
            Fault: it is missing, and does not come by itself.
            Remark: it is missing and comes with the set-up, or there are no answers.
        """
        needed(self.found.project)
        program = answers().get("environment")
        if program is None:
            raise Remark(messages.DOCTOR_NO_ANSWERS.format(file=ANSWERS))

        beside_python = str(Path(sys.executable).parent)
        folders = os.pathsep.join([os.environ.get("PATH", ""), beside_python])
        if shutil.which(program, path=folders):
            return messages.DOCTOR_TOOLS.format(tools=program)
        if program == "conda":
            raise Fault(messages.DOCTOR_NO_CONDA)
        raise Remark(messages.DOCTOR_TOOL_COMES.format(tool=program))


def group(groups: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the requirements of a dependency group, those of the groups it includes among them.

    Args:
        groups: `[dependency-groups]` of pyproject.toml.
        name: the group's name; one that is not there has no requirement.
    """
    for each in groups.get(name, ()):
        if isinstance(each, str):
            yield each
        else:
            yield from group(groups, each["include-group"])


def is_installed(asked: str, extra: str = "") -> bool:
    """Tell whether a requirement is met, with what its extras ask for.

    Args:
        asked: the requirement; one that is not for this machine is met.
        extra: the extra it belongs to, which its marker may name.

    Raises:
        packaging.requirements.InvalidRequirement: it is none.
    """
    from packaging.requirements import Requirement

    requirement = Requirement(asked)
    if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
        return True
    try:
        found = distribution(requirement.name)
    except PackageNotFoundError:
        return False
    if not requirement.specifier.contains(found.version, prereleases=True):
        return False

    for_extras = [each for each in found.requires or () if "extra" in each]
    return all(is_installed(each, extra) for extra in requirement.extras for each in for_extras)
