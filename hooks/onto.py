"""What `make new` does onto a folder that has a project: name what there is twice, ask, and copy.

python hooks/onto.py project version [--defaults] [--yes] [--data key=value ...]

Nothing of the project's is overwritten: a file that is there stays, a Makefile becomes project.mk,
which the template's includes, and an Alembic folder goes on where it is. What the template would
have put in their place is named beforehand.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from configparser import Error as IniError
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from which_version import TEMPLATE  # first: it has Python find the library

# isort: split
from alambique import messages
from alambique.terminal import confirmed
from onto_sentences import SENTENCES

COPIER = [str(Path(sys.executable).with_name("copier")), "copy"]
ANSWERS = ".copier-answers.yml"
MAKEFILE, PROJECT_MK, PYPROJECT = "Makefile", "project.mk", "pyproject.toml"
# Tests that need the fixtures of the template's conftest.py.
CONFTEST, ITS_TESTS = "tests/conftest.py", ("tests/test_migrations.py", "tests/test_probes.py")
TARGET = re.compile(r"^([A-Za-z0-9][\w. -]*?)\s*:(?![:=])", re.MULTILINE)
VARIABLE = re.compile(r"^(?:export\s+|override\s+)?(\w+)\s*(?:[:?+]{0,3}=)", re.MULTILINE)


@dataclass
class Plan:
    """What a copy onto a project would do."""

    stays: list[str] = field(default_factory=list)
    """Files that are there and differ: the project's own stay."""
    left_out: list[str] = field(default_factory=list)
    """What is not brought, since something of the project's does without it, as patterns."""
    new: list[str] = field(default_factory=list)
    """Files that come."""
    moves_makefile: bool = False
    lines: list[str] = field(default_factory=list)
    """What there is to say."""


def main() -> int:
    """Say what a copy would do, ask, and do it; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("project", type=Path)
    parser.add_argument("version")
    parser.add_argument("--defaults", action="store_true")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--data", action="append", default=[])
    options = parser.parse_args()
    project = options.project.resolve()

    with TemporaryDirectory() as folder:
        fresh = Path(folder) / project.name
        words = ["--defaults"] * options.defaults
        words += [word for each in ["example=false", *options.data] for word in ("--data", each)]
        code = copier(options.version, fresh, words)
        if code:
            return code
        language = "pt" if "\nlanguage: pt\n" in read(fresh / ANSWERS) else "en"
        messages.speak(language)
        said = SENTENCES[language]
        if is_dirty(project):
            print(said["dirty"].format(project=project), file=sys.stderr)
            return 1

        plan = make_plan(project, fresh, said)
        print(*plan.lines, sep="\n")
        if not (options.yes or confirmed(said["ask"])):
            print(said["nothing"], file=sys.stderr)
            return 1
        return carry_out(plan, project, fresh, options.version, said)


def make_plan(project: Path, fresh: Path, said: dict[str, str]) -> Plan:
    """Compare a fresh render with a project.

    Args:
        project: the folder with a project.
        fresh: the render, for the same answers.
        said: the sentences, in the language of the answers.
    """
    plan = Plan()
    files = [path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file()]
    outside = [name for name in sorted(files) if not name.startswith("vendor/")]

    history = own_history(project)
    if history is not None:
        plan.lines.append(said["history"].format(folder=history))
        rendered = {path.parent.name for path in fresh.glob("*/env.py")}
        plan.left_out += [f"/{name}" for name in sorted(rendered)]
    if (project / CONFTEST).is_file():
        brought = [name for name in ITS_TESTS if name in files and not (project / name).exists()]
        if brought:
            plan.left_out += [f"/{name}" for name in brought]
            plan.lines.append(said["tests"].format(conftest=CONFTEST, names=", ".join(brought)))

    for name in outside:
        is_left_out = any(f"/{name}".startswith(each) for each in plan.left_out)
        there = project / name
        if is_left_out:
            continue
        if not there.exists():
            plan.new.append(name)
        elif there.is_dir() or there.read_bytes() != (fresh / name).read_bytes():
            plan.stays.append(name)

    plan.moves_makefile = MAKEFILE in plan.stays and not (project / PROJECT_MK).exists()
    if plan.moves_makefile:
        plan.stays.remove(MAKEFILE)
        plan.lines += list(about_makefiles(read(project / MAKEFILE), read(fresh / MAKEFILE), said))
    elif MAKEFILE in plan.stays:
        plan.lines.append(said["no_project_mk"])

    if plan.stays:
        plan.lines += [said["stays"], *(f"  {name}" for name in plan.stays)]
    for folder in ("app", "core", "tests"):
        added = [name for name in plan.new if name.startswith(f"{folder}/")]
        if added and (project / folder).is_dir():
            plan.lines.append(said["package"].format(folder=folder, added=", ".join(added)))
    plan.lines.append(said["lint"])
    if PYPROJECT in plan.stays:
        plan.lines.append(said["dependencies"])
        plan.lines += missing(project / PYPROJECT, fresh / PYPROJECT, said)
    return plan


def carry_out(plan: Plan, project: Path, fresh: Path, version: str, said: dict[str, str]) -> int:
    """Bring what is new; return the exit code."""
    if plan.moves_makefile:
        (project / MAKEFILE).rename(project / PROJECT_MK)
    words = ["--defaults", "--data-file", str(fresh / ANSWERS), "--overwrite"]
    words += [word for name in plan.stays for word in ("--skip", f"/{name}")]
    words += [word for name in plan.left_out for word in ("--exclude", name)]
    code = copier(version, project, words)
    if code:
        if plan.moves_makefile:
            (project / PROJECT_MK).replace(project / MAKEFILE)
        return code

    python = [name for name in plan.new if name.endswith(".py")]
    own = project / PROJECT_MK
    line = f"{said['checked']}\nCHECKED = {' '.join(python)}\n"
    before = read(own) if own.is_file() else ""
    own.write_text(f"{before.rstrip()}\n\n{line}".lstrip("\n"), encoding="utf-8", newline="\n")
    print(said["next"])
    return 0


def own_history(project: Path) -> str | None:
    """Return the folder of the revisions that the project's alembic.ini names; None without one."""
    parser = ConfigParser({"here": str(project)}, interpolation=None)
    try:
        parser.read_string(read(project / "alembic.ini"))
        location = parser.get("alembic", "script_location").replace("%(here)s", str(project))
    except (OSError, UnicodeDecodeError, IniError):
        return None
    folder = project / location
    return folder.relative_to(project).as_posix() if (folder / "env.py").is_file() else None


def about_makefiles(theirs: str, ours: str, said: dict[str, str]) -> Iterator[str]:
    """Say what a Makefile and the template's have in common."""
    yield said["makefile"]
    targets = targets_of(theirs) & targets_of(ours)
    if targets:
        yield said["targets"].format(names=", ".join(sorted(targets)))
    variables = set(VARIABLE.findall(theirs)) & set(VARIABLE.findall(ours))
    if variables:
        yield said["variables"].format(names=", ".join(sorted(variables)))


def targets_of(makefile: str) -> set[str]:
    """Return the names of the targets of a Makefile."""
    return {name for names in TARGET.findall(makefile) for name in names.split()}


def missing(theirs: Path, fresh: Path, said: dict[str, str]) -> Iterator[str]:
    """Yield what a fresh pyproject.toml says and the project's lacks."""
    has, wants = (tomllib.loads(read(path)) for path in (theirs, fresh))
    known = {name_of(each) for each in has.get("project", {}).get("dependencies", [])}
    known |= {
        name.lower() for name in has.get("tool", {}).get("poetry", {}).get("dependencies", {})
    }
    for dependency in wants["project"]["dependencies"]:
        if name_of(dependency) not in known:
            yield said["dependency"].format(dependency=dependency)
    packages = wants["tool"]["poetry"]["packages"]
    yield said["packages"].format(packages=", ".join(map(str, packages)))
    if "alambique" not in has.get("tool", {}):
        yield "  [tool.alambique]"


def name_of(dependency: str) -> str:
    """Return the name of a package in a requirement, as indexes compare it."""
    found = re.match(r"[\w.-]+", dependency)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def is_dirty(project: Path) -> bool:
    """Tell whether git knows of changes in the project that are not committed."""
    command = ["git", "status", "--porcelain"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    return bool(done.returncode == 0 and done.stdout.strip())


def copier(version: str, project: Path, words: Sequence[str]) -> int:
    """Render the template; return the exit code."""
    command = [*COPIER, "--vcs-ref", version, "--quiet", *words, str(TEMPLATE), str(project)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        print(*done.stderr.splitlines()[-1:], file=sys.stderr)
    return done.returncode


def read(path: Path) -> str:
    """Return a file's text."""
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
