"""What `make doctor` asks of the machine: Python, packages, programs, against what is written."""

import importlib.metadata
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import ROOT, template
from core.migrations import messages


class Ill(Exception):
    """Something to mend; the sentence says how."""


class Note(Exception):
    """Something to know that is no fault, or a check that cannot be made because of another."""


def python() -> str:
    """Check the interpreter: the project's own, and as new as pyproject asks."""
    from packaging.specifiers import SpecifierSet

    version = ".".join(map(str, sys.version_info[:3]))
    asked = _pyproject()["project"].get("requires-python", "")
    if not SpecifierSet(asked).contains(version, prereleases=True):
        raise Ill(messages.DOCTOR_PYTHON_OTHER.format(version=version, asked=asked))
    if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        raise Ill(messages.DOCTOR_NOT_VENV.format(path=sys.executable))
    return messages.DOCTOR_PYTHON.format(version=version)


def packages() -> str:
    """Check that what pyproject asks for is installed."""
    project = _pyproject()
    asked = {*project["project"].get("dependencies", ()), *_group(project, "dev")}
    if wrong := [text for text in sorted(asked) if not _is_installed(text)]:
        raise Ill(messages.DOCTOR_PACKAGES_MISSING.format(packages=", ".join(wrong)))
    return messages.DOCTOR_PACKAGES.format(count=len(asked))


def tools() -> str:
    """Check the programs that everything here calls."""
    if missing := [name for name in ("git", "make") if not shutil.which(name)]:
        raise Ill(messages.DOCTOR_TOOLS_MISSING.format(tools=" ".join(missing)))
    return messages.DOCTOR_TOOLS.format(tools="git, make")


def environment() -> str:
    """Check the program that makes the environment, as the answers to Copier name it."""
    answers = ROOT / template.ANSWERS
    text = answers.read_text(encoding="utf-8") if answers.exists() else ""
    found = re.search(r"^environment: (\w+)", text, re.MULTILINE)
    if not found:
        raise Note(messages.DOCTOR_NO_ANSWERS.format(file=template.ANSWERS))
    folders = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    if shutil.which(found[1], path=folders):
        return messages.DOCTOR_TOOLS.format(tools=found[1])
    if found[1] == "conda":
        raise Ill(messages.DOCTOR_NO_CONDA)
    raise Note(messages.DOCTOR_TOOL_COMES.format(tool=found[1]))


CHECKS = [python, packages, tools, environment]


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _group(project: dict[str, Any], name: str) -> Iterator[str]:
    for each in project.get("dependency-groups", {}).get(name, ()):
        if isinstance(each, str):
            yield each
        else:
            yield from _group(project, each["include-group"])


def _is_installed(asked: str, extra: str = "") -> bool:
    from packaging.requirements import Requirement

    requirement = Requirement(asked)
    if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
        return True
    try:
        found = importlib.metadata.distribution(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    if not requirement.specifier.contains(found.version, prereleases=True):
        return False
    behind = [each for each in found.requires or () if "extra" in each]
    return all(_is_installed(each, extra) for extra in requirement.extras for each in behind)
