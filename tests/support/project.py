"""The template rendered for real, and the ways the owner of a project uses it."""

import os
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import copier
import yaml

from support.consent import consent_in
from support.files import write_anew

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
QUESTIONS = {key: value for key, value in SETTINGS.items() if not key.startswith("_")}

# What the shell of whoever runs the tests may say, and a project must not hear.
NOT_PASSED_ON = {
    "DATABASE_URL",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MIGRATION_DATABASE_URL",
    "PYTHONDONTWRITEBYTECODE",
    "VIRTUAL_ENV",
}


def values(key: str) -> list[Any]:
    """Return the values a question offers, however copier.yml writes its choices."""
    question = QUESTIONS[key]
    if question["type"] == "bool":
        return [True, False]
    choices = question.get("choices", [])
    offered = choices.values() if isinstance(choices, dict) else choices
    return [choice["value"] if isinstance(choice, dict) else choice for choice in offered]


def render(destination: Path, **answers: Any) -> Path:
    """Render the working tree, untrusted, with the defaults and these answers."""
    unknown = set(answers) - set(QUESTIONS)
    assert not unknown, f"{unknown} are no questions: Copier would ignore them silently"
    copier.run_copy(
        str(ROOT), destination, answers, vcs_ref="HEAD", defaults=True, unsafe=False, quiet=True
    )
    return destination


class Project:
    """A rendered project and the ways its owner uses it.

    Its `.venv` is that of the tests, where the project itself is not installed: what an
    installation would add to the path, `vendor/`, is in PYTHONPATH.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
        self.env["PYTHONPATH"] = str(path / "vendor")

    def installed(self) -> "Project":
        """Use the project as one that `make setup` has installed: its `.venv` finds the library."""
        del self.env["PYTHONPATH"]
        return self

    def use_these_packages(self) -> "Project":
        """Give the project the environment that these tests run in."""
        (self.path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        return self

    def python_path(self, *folders: Path) -> dict[str, str]:
        """Return the environment in which these folders come before what PYTHONPATH has."""
        after = [self.env["PYTHONPATH"]] if "PYTHONPATH" in self.env else []
        return {"PYTHONPATH": os.pathsep.join([*map(str, folders), *after])}

    def run(
        self, *command: str, code: int | None = 0, cwd: Path | None = None, **options: Any
    ) -> str:
        """Run a command in the project, expect an exit code, return everything it printed."""
        done = self._ended(*command, cwd=cwd, **options)
        assert code is None or done.returncode == code, (
            f"{command}: {done.returncode}\n{done.stdout}"
        )
        return done.stdout

    def _ended(
        self, *command: str, cwd: Path | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project until it ends."""
        options = {"stdin": subprocess.DEVNULL} | options if "input" not in options else options
        return subprocess.run(
            command,
            cwd=cwd or self.path,
            env=self.env | options.pop("env", {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def make(self, *arguments: str, **options: Any) -> str:
        """Run make with these arguments in the project."""
        return self.run("make", *arguments, **options)

    def alambique(self, *arguments: str, **options: Any) -> str:
        """Run a target of the library: `python -m alambique <target>`."""
        return self.run(self.interpreter, "-m", "alambique", *arguments, **options)

    def alembic(self, *arguments: str, **options: Any) -> str:
        """Run alembic directly, with the project's own alembic.ini.

        A downgrade that is to succeed gets the consent that it asks for.
        """
        alembic = [str(self.path / ".venv/bin/alembic"), "-c", str(self.path / "alembic.ini")]
        consent: list[str] = []
        if "downgrade" in arguments and options.get("code", 0) == 0:
            asked = {name: value for name, value in options.items() if name != "code"}
            done = self._ended(*alembic, *arguments, **asked)
            said = consent_in(done.stdout) if done.returncode else None
            if said is None:
                assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}"
                return done.stdout
            consent = ["-x", said]
        return self.run(*alembic, *consent, *arguments, **options)

    def python(self, source: str, **options: Any) -> str:
        """Run Python source inside the project."""
        return self.run(self.interpreter, "-c", source, **options)

    @property
    def interpreter(self) -> str:
        """The project's own Python."""
        return str(self.path / ".venv/bin/python")

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project, with the folders it needs."""
        return write_anew(self.path / path, text)

    def look_for_models(
        self, packages: list[str] | None = None, extra: list[str] | None = None
    ) -> None:
        """Say in `[tool.alambique]` where models live; None is what a new project says."""
        said = {"models": ["app"] if packages is None else packages, "extra-models": extra or []}
        text = read(self.path / "pyproject.toml")
        for name, value in said.items():
            text, changed = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value!r}", text)
            assert changed == 1, f"[tool.alambique] has no line for {name}"
        self.write("pyproject.toml", text)

    def revisions(self) -> list[Path]:
        """Return the revision files, in the order of the history; names tell the minute only."""
        after: dict[str, list[str]] = {}
        paths: dict[str, Path] = {}
        for path in sorted((self.path / self.migrations / "versions").glob("*.py")):
            text = path.read_text(encoding="utf-8")
            said = dict(re.findall(r"^(revision|down_revision)\b[^=]*= (.*)$", text, re.MULTILINE))
            identifier = said["revision"].strip("\"'")
            paths[identifier] = path
            after[identifier] = re.findall(r"[\"'](\w+)[\"']", said["down_revision"])
        return [paths[each] for each in TopologicalSorter(after).static_order() if each in paths]

    @property
    def migrations(self) -> str:
        """The name of the migrations folder."""
        answers = yaml.safe_load((self.path / ".copier-answers.yml").read_text(encoding="utf-8"))
        return str(answers["migrations_folder"])


def files(tree: Path) -> dict[str, Path]:
    """Return the files of a tree by their path in it."""
    return {
        path.relative_to(tree).as_posix(): path
        for path in sorted(tree.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(tree).parts
    }


def read(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


def append(path: Path, text: str) -> None:
    """Append a line to a file."""
    path.write_text(f"{read(path)}{text}\n", encoding="utf-8")


def documented(tree: Path) -> list[tuple[str, str]]:
    """Return the targets of a Makefile that say what they do, and what they say."""
    return re.findall(r"^([^\s#:]+):.*?## (.+)", read(tree / "Makefile"), re.MULTILINE)
