"""The project's revisions, as Alembic reads them."""

from __future__ import annotations

import ast
import traceback
import warnings
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import CycleDetected
from alembic.util import CommandError, to_tuple

from alambique import messages, private
from alambique.settings import alembic_config, shown


def history(config: Config | None = None) -> ScriptDirectory:
    """Return the project's revisions, read anew.

    Args:
        config: the command's configuration; the project's own by default.

    Raises:
        CommandError: there is no folder of revisions, or they do not make a history.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    script = script_directory(config)
    require_history(script)
    return script


def script_directory(config: Config | None = None) -> ScriptDirectory:
    """Return where the project's revisions are, none of them read yet.

    Args:
        config: the command's configuration; the project's own by default.

    Raises:
        CommandError: there is no folder of revisions, or nothing says where it is.
        InvalidSetting: the project's pyproject.toml cannot be read.
    """
    config = config or alembic_config()
    if not config.get_alembic_option("script_location"):
        said = {"path": shown(str(config.config_file_name)), "section": config.config_ini_section}
        raise CommandError(messages.NO_LOCATION.format(**said))
    return ScriptDirectory.from_config(config)


def require_history(script: ScriptDirectory) -> None:
    """Read all revisions, or say in a sentence which one cannot be read, and where.

    Raises:
        CommandError: a revision is no Python, fails as it is imported, wants to be given something,
            has no id or that of another one, or follows one that is not there; or they follow each
            other in a circle.
    """
    try:
        with warnings.catch_warnings():  # Alembic's: we say it
            warnings.filterwarnings("ignore", "Revision .* referenced from .* is not present")
            # It would go on with any of them.
            warnings.filterwarnings("error", "Revision .* is present more than once")
            script.get_heads()
    except CommandError as error:
        if nameless := _without_id(script):
            path = ", ".join(map(shown, nameless))
            raise CommandError(messages.NOT_A_REVISION.format(path=path)) from error
        raise
    except (Exception, SystemExit) as error:
        place = place_of(error, script)
        if place is not None:
            cause = f"{type(error).__name__}: {error}"
            raise CommandError(messages.REVISION_BROKEN.format(place=place, cause=cause)) from error
        raise CommandError(_no_history(error, script)) from error
    _require_no_parameters(script)


def _require_no_parameters(script: ScriptDirectory) -> None:
    """Refuse a history for several databases at once: its revisions are told which one is meant."""
    for revision in script.walk_revisions():
        upgrade = vars(revision.module).get("upgrade")
        required = _required(upgrade) if callable(upgrade) else []
        if required:
            raise CommandError(
                messages.ONE_FOR_SEVERAL.format(
                    path=shown(revision.path), parameters=", ".join(required)
                )
            )


def _required(function: Callable[..., object]) -> list[str]:
    """Return the parameters of a function that one cannot leave out."""
    return [
        name
        for name, parameter in signature(function).parameters.items()
        if parameter.default is Parameter.empty
        and parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    ]


def place_of(error: BaseException, script: ScriptDirectory) -> str | None:
    """Return the revision and the line where something went wrong; None if in no revision."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shown(error.filename)}:{error.lineno}"

    places = {folder.resolve() for folder in folders(script)}
    frames = traceback.extract_tb(error.__traceback__)
    inside = [each for each in frames if places & {*Path(each.filename).resolve().parents}]
    return f"{shown(inside[-1].filename)}:{inside[-1].lineno}" if inside else None


def _no_history(error: BaseException, script: ScriptDirectory) -> str:
    """Say why Alembic cannot put the revisions into an order."""
    if isinstance(error, KeyError):
        return _parent_missing(script, str(error.args[0]))
    if isinstance(error, CycleDetected):
        return messages.CIRCLE.format(revisions=", ".join(sorted(error.revisions)))
    if isinstance(error, UserWarning) and (said := _twice(script)):
        return said
    return messages.NO_HISTORY.format(cause=error)


def _parent_missing(script: ScriptDirectory, parent: str) -> str:
    """Say which revisions speak of a parent that is not there."""
    paths = sources(script)
    followers = [shown(path) for path in paths if parent in path.read_text(encoding="utf-8")]
    return messages.PARENT_MISSING.format(parent=parent, paths=", ".join(followers))


def _twice(script: ScriptDirectory) -> str | None:
    """Say which files are the same revision; None if their text does not tell."""
    files: dict[str, list[str]] = {}
    for path in sources(script):
        files.setdefault(_id_of(path) or "", []).append(shown(path))
    for revision, paths in files.items():
        if revision and len(paths) > 1:
            return messages.REVISION_TWICE.format(revision=revision, paths=", ".join(paths))
    return None


def _without_id(script: ScriptDirectory) -> list[Path]:
    """Return the files that Alembic takes for revisions, and which do not say which one."""
    paths = [path for path in sources(script) if not path.name.startswith(("__init__", ".#"))]
    return [path for path in paths if _id_of(path) is None]


def _id_of(path: Path) -> str | None:
    """Return what a file calls its revision, "" where that has to be worked out; None if nothing.

    Alembic stops at the first file that it cannot make sense of: others may be no Python.
    """
    try:
        module = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return ""
    for node in module.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name("revision")], value=value)
                | ast.AnnAssign(target=ast.Name("revision"), value=value)
            ):
                return str(value.value) if isinstance(value, ast.Constant) else ""
    names = [node for node in ast.walk(module) if isinstance(node, ast.Name)]
    return "" if any(name.id == "revision" for name in names) else None


def folders(script: ScriptDirectory) -> list[Path]:
    """Return the folders in which the revisions are: one, unless `version_locations` says more."""
    return private.version_folders(script)


def folder_of(script: ScriptDirectory, revision: Script) -> Path:
    """Return which of these folders a revision is in, or below where they are searched whole."""
    source = source_of(revision).resolve()
    inside = [folder for folder in folders(script) if folder.resolve() in source.parents]
    return max(inside, key=lambda folder: len(folder.parts), default=source.parent)


def sources(script: ScriptDirectory) -> list[Path]:
    """Return the files that revisions may be in, whether Alembic can read them or not."""
    pattern = "**/*.py" if script.recursive_version_locations else "*.py"
    return sorted(path for folder in folders(script) for path in folder.glob(pattern))


def oldest_first(script: ScriptDirectory) -> list[Script]:
    """Return all revisions, each after those it follows."""
    return list(script.walk_revisions())[::-1]


def followed(revision: Script) -> tuple[str, ...]:
    """Return the revisions that one follows: several where it joins branches, none at a base."""
    return tuple(to_tuple(revision.down_revision, default=()))


def without(revision: Script) -> str:
    """Return the goal of the downgrade that undoes a revision, and of the others nothing.

    It is for a database where no other revision stands on it. `-1` means it only where the database
    is at one head, and never where the revision joins several.
    """
    return f"{revision.revision}@{(*followed(revision), 'base')[0]}"


def titled(script: ScriptDirectory, revision: str) -> str:
    """Return a revision with what it says of itself, such as "3f1c0a5d (create users)"."""
    found = script.get_revision(revision)
    return f"{revision} ({found.doc})" if found is not None and found.doc else revision


def source_of(revision: Script) -> Path:
    """Return the path of a revision's source."""
    return Path(revision.path)


def replaced_revisions(revision: Script) -> tuple[str, ...]:
    """Return the revisions in whose place `make squash` put this one: none, as a rule."""
    return tuple(vars(revision.module).get("replaces", ()))
