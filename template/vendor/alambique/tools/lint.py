"""`make lint` for revisions: what a reviewer would say of the new ones, and of edited old ones."""

from __future__ import annotations

import ast
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path

from alembic.script import ScriptDirectory

from alambique import messages
from alambique.autogenerate.discovery import project_with_policy
from alambique.history.git import new_revisions
from alambique.history.heads import refuse_forks
from alambique.history.manifest import by_branch, manifest_paths, recorded
from alambique.history.script import folder_of, history, oldest_first, source_of
from alambique.history.source import digest
from alambique.settings import alembic_config, migration_url, project, shown
from alambique.tools.conflict_markers import conflicts_left
from alambique.tools.lock_file import stale_locks
from alambique.tools.report import print_report
from alambique.tools.squawk import Advice, squawk


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `lint` takes."""
    parser.add_argument("--json", action="store_true", help=messages.OPTIONS["json"])


def run(options: Namespace) -> int:
    """Print what is wrong with the revisions, and with what is committed beside them.

    The exit code is 1 if anything is: a conflict that was never mended and a lock file that is out
    of date, too.

    Raises:
        CommandError: a branch has two heads, or squawk is not installed.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
        SyntaxError: a revision is no Python.
    """
    config = alembic_config(options.url)
    script = history(config)
    refuse_forks(script)

    root = project().root
    problems = [
        *problems_of_the_line(script),
        *problems_of_revisions(script),
        *conflicts_left(root),
        *stale_locks(root),
    ]
    advice: list[Advice] = []
    if migration_url(config).get_backend_name() == "postgresql":
        advice = squawk(config, new_revisions(script))

    code = int(bool(problems or advice))
    if options.json:
        said = [asdict(each) for each in advice]
        print_report("lint", {"exit_code": code, "problems": problems, "advice": said})
        return code
    print("\n".join(problems) or messages.REVISIONS_FIT)
    if advice:
        print(*advice, messages.SQUAWK_SAYS, sep="\n")
    return code


def problems_of_the_line(script: ScriptDirectory) -> Iterator[str]:
    """Yield what history.txt and the revisions disagree about.

    Raises:
        CommandError: the revisions do not make a history.
        SyntaxError: a revision is no Python.
    """
    paths = manifest_paths(script)
    files = ", ".join(map(shown, paths))
    there = {revision.revision: source_of(revision) for revision in script.walk_revisions()}

    for revision, before in recorded(script).items():
        if revision not in there:
            yield messages.REVISION_GONE.format(revision=revision, file=files)
        elif digest(there[revision]) != before:
            yield messages.REVISION_CHANGED.format(path=shown(there[revision]), file=files)

    ends = _ends(script)
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        listed = [line.split()[0] for line in lines if line.strip()]
        here = ends.get(path.parent, set())
        if lines and not (here <= set(listed) and listed[-1] in here):
            yield messages.LINE_STALE.format(file=shown(path))


def _ends(script: ScriptDirectory) -> dict[Path, set[str]]:
    """Return the last revision of each branch, in each of the folders."""
    found: dict[Path, set[str]] = {}
    for branch in by_branch(script):
        last = {folder_of(script, revision): revision.revision for revision in branch}
        for folder, revision in last.items():
            found.setdefault(folder, set()).add(revision)
    return found


def problems_of_revisions(script: ScriptDirectory) -> Iterator[str]:
    """Yield what the revisions themselves should not do.

    Raises:
        CommandError: the revisions do not make a history.
        InvalidSetting: the project's pyproject.toml cannot be read.
        SyntaxError: a revision is no Python.
    """
    new = {revision.revision for revision in new_revisions(script)}
    packages = application_packages()

    for revision in oldest_first(script):
        path = source_of(revision)
        module = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        if names := imported(module, packages):
            yield messages.IMPORTS_APP.format(path=shown(path), names=", ".join(names))
        if revision.revision in new and cannot_be_undone(module):
            yield messages.NO_DOWNGRADE.format(path=shown(path))


def application_packages() -> frozenset[str]:
    """Return the packages a revision may not import: the application changes after it.

    Raises:
        ModelImportError: `core/policy.py` cannot be imported.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    return frozenset({"core", *(_top(package) for package in project_with_policy().models)})


def imported(module: ast.Module, packages: Collection[str]) -> list[str]:
    """Return what a revision imports of these packages."""
    found: list[str] = []
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return [name for name in found if _top(name) in packages]


def cannot_be_undone(module: ast.Module) -> bool:
    """Tell whether there is an upgrade, and a downgrade that does nothing and does not say why."""
    bodies = {node.name: node.body for node in module.body if isinstance(node, ast.FunctionDef)}
    return not _is_idle(bodies.get("upgrade", [])) and _is_idle(bodies.get("downgrade", []))


def _is_idle(body: list[ast.stmt]) -> bool:
    # A docstring is a string like any other, and here the reason.
    return all(isinstance(each, (ast.Pass, ast.Raise)) for each in body)


def _top(module: str) -> str:
    return module.partition(".")[0]
