"""`make lint` for revisions: what a reviewer would say of the new ones, and of edited old ones."""

import ast
import io
import re
import subprocess
import sys
import tomllib
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from alembic import command
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from core import ROOT, database_url
from core.migrations import alembic_config, messages
from core.migrations.tools.record import (
    digest,
    history,
    history_file,
    new_revisions,
    recorded,
    short,
    single_head,
)

IGNORE = re.compile(r"# squawk-ignore ([\w,-]+)")


def lint(_: Namespace) -> int:
    """Print what is wrong with the revisions; the exit code is 1 if anything is."""
    script = history()
    single_head(script)
    problems = [*line_of_history(script), *unfit(script)]
    print("\n".join(problems) or messages.REVISIONS_FIT, flush=True)
    code = squawk(new_revisions(script)) if database_url().get_backend_name() == "postgresql" else 0
    return int(bool(problems or code))


def line_of_history(script: ScriptDirectory) -> Iterator[str]:
    """Yield what history.txt and the revisions disagree about."""
    file, known = history_file(script), recorded(script)
    shown = short(file)
    there = {revision.revision: revision for revision in script.walk_revisions()}
    for name, before in known.items():
        if name not in there:
            yield messages.REVISION_GONE.format(revision=name, file=shown)
        elif digest(Path(there[name].path)) != before:
            path = short(there[name].path)
            yield messages.REVISION_CHANGED.format(path=path, file=shown)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    if lines and lines[-1].split()[:1] != script.get_heads():
        yield messages.LINE_STALE.format(file=shown)


def unfit(script: ScriptDirectory) -> Iterator[str]:
    """Yield what the revisions themselves should not do."""
    new = {revision.revision for revision in new_revisions(script)}
    for revision in reversed(list(script.walk_revisions())):
        module = ast.parse(Path(revision.path).read_text(encoding="utf-8"))
        if names := imported(module):
            yield messages.IMPORTS_APP.format(path=short(revision.path), names=", ".join(names))
        if revision.revision in new and cannot_be_undone(module):
            yield messages.NO_DOWNGRADE.format(path=short(revision.path))


def imported(module: ast.Module) -> list[str]:
    """Return what a revision imports of the application, which changes after it."""
    found: list[str] = []
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return [name for name in found if name.partition(".")[0] in {"app", "core"}]


def cannot_be_undone(module: ast.Module) -> bool:
    """Tell whether there is an upgrade, and a downgrade that does nothing and does not say why."""
    bodies = {node.name: node.body for node in module.body if isinstance(node, ast.FunctionDef)}
    return not _idle(bodies.get("upgrade", [])) and _idle(bodies.get("downgrade", []))


def _idle(body: list[ast.stmt]) -> bool:
    # A docstring is a string like any other, and here the reason.
    return all(isinstance(each, (ast.Pass, ast.Raise)) for each in body)


def squawk(revisions: list[Script]) -> int:
    """Print what squawk thinks of the SQL of these revisions; return its exit code.

    A comment in one, `# squawk-ignore renaming-column`, says that somebody has thought of it.

    Raises:
        CommandError: squawk is not installed.
    """
    if not revisions:
        return 0
    config = alembic_config()
    config.output_buffer = io.StringIO()
    start = revisions[0].down_revision
    start = start if isinstance(start, str) else "base"
    command.upgrade(config, f"{start}:{revisions[-1].revision}", sql=True)
    name = f"{start}-{revisions[-1].revision}.sql"
    said = "".join(Path(each.path).read_text(encoding="utf-8") for each in revisions)
    settings = ROOT / ".squawk.toml"
    known = tomllib.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
    # On the command line, the rules to leave out take the place of those in the file.
    rules = ",".join([*known.get("excluded_rules", []), *IGNORE.findall(said)])
    excluded = ["--exclude", rules] if rules else []
    tool = str(Path(sys.executable).with_name("squawk"))
    sql = config.output_buffer.getvalue()
    try:
        read = [tool, "--stdin-filepath", name, *excluded]
        code = subprocess.run(read, cwd=ROOT, input=sql, text=True).returncode
    except OSError as error:
        raise CommandError(messages.NO_SQUAWK.format(cause=error)) from error
    if code:
        print(messages.SQUAWK_SAYS)
    return code
