"""Finding the models: every module named `models`, and what the settings name besides."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from alembic.util import CommandError
from sqlalchemy import MetaData

from alambique import messages
from alambique.settings import InvalidSetting, Project, project
from alambique.settings.folder import USUAL_BASE

# Where a project of version 1 says which models there are; what it says wins over pyproject.toml.
POLICY = "core.policy"

# Where Flask-SQLAlchemy notes in a metadata which database it is for; others may do so, too.
BIND = "bind_key"

LIBRARY = Path(__file__).resolve().parents[1]


class ModelImportError(CommandError):
    """A model could not be imported: going on would make its table look dropped."""


def load_metadata() -> list[MetaData]:
    """Import every model and return the metadata they are mapped in, the base's first.

    A project with a declarative base of its own (`base` in `[tool.alambique]`) has its models
    there; what has another base is named in `extra-models`. Without one, whatever the modules named
    `models` map counts. Of several databases, the models are those of the history's bind.

    Raises:
        ModelImportError: a package, module or class of the settings cannot be imported, or no model
            is of the history's bind.
        InvalidSetting: a setting that the application needs is missing or malformed, or
            `[tool.alambique]` itself is.
    """
    here = project_with_policy()
    _make_importable(here.root)

    base = _load_base(here)
    modules = [
        _load(name, here) for package in here.models for name in _model_modules(package, here)
    ]
    extra = [_load(path, here) for path in here.extra_models]

    # A base is of one database: the models of another are written on one of their own.
    places = extra if base is not None and here.bind is None else modules + extra
    found = [] if base is None else _metadata_in(base)
    for place in places:
        found += _metadata_in(place)
    return _of_bind(here.bind, list({id(metadata): metadata for metadata in found}.values()))


def _of_bind(bind: str | None, found: Sequence[MetaData]) -> list[MetaData]:
    """Return the metadata of one database's models.

    Raises:
        ModelImportError: a bind is named, and there are none.
    """
    of_bind = [metadata for metadata in found if metadata.info.get(BIND) == bind]
    if bind is not None and not of_bind:
        binds = {metadata.info.get(BIND) for metadata in found} - {None}
        names = ", ".join(sorted(map(str, binds))) or "-"
        raise ModelImportError(messages.BIND_UNKNOWN.format(bind=bind, binds=names))
    return of_bind


def load_base() -> list[MetaData] | None:
    """Import the declarative base alone, and return its metadata; None if the project has none.

    Raises:
        ModelImportError: it cannot be imported.
        InvalidSetting: a setting that it needs is missing or malformed, or `[tool.alambique]`
            itself is.
    """
    here = project_with_policy()
    _make_importable(here.root)
    base = _load_base(here)
    return None if base is None else _metadata_in(base)


def model_modules(package: str) -> Iterator[str]:
    """Yield the dotted names of the modules in `package` that are, or lie below, a `models`.

    Folders without `__init__.py` count: a forgotten one must not hide a model.

    Raises:
        ModelImportError: there is no such package.
        InvalidSetting: a setting that the package needs is missing or malformed.
    """
    _make_importable(project().root)
    yield from _model_modules(package, project())


def _make_importable(root: Path) -> None:
    if str(root) not in sys.path:  # a program that was started elsewhere may ask, too
        sys.path.insert(0, str(root))


def _model_modules(package: str, here: Project) -> Iterator[str]:
    # A package has folders to look in; a module has none.
    for folder in getattr(_load(package, here), "__path__", []):
        for path in sorted(Path(folder).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            names = [*package.split("."), *(part for part in parts if part != "__init__")]
            if "models" in names and all(part.isidentifier() for part in parts):
                yield ".".join(names)


def project_with_policy() -> Project:
    """Return the project, with the models that its `core/policy.py` names if it has one.

    Raises:
        ModelImportError: `core/policy.py` cannot be imported.
        InvalidSetting: `[tool.alambique]` is malformed.
    """
    here = project()
    if not here.root.joinpath(*POLICY.split(".")).with_suffix(".py").is_file():
        return here

    _make_importable(here.root)
    said = vars(_load(POLICY, here))
    return replace(
        here,
        models=tuple(said.get("MODEL_PACKAGES", here.models)),
        extra_models=tuple(said.get("EXTRA_MODELS", here.extra_models)),
    )


def _load_base(here: Project) -> object | None:
    if here.base is None:
        return None
    if here.base == USUAL_BASE:  # nobody need have said so: a module of that name may be another's
        module, _, name = USUAL_BASE.rpartition(".")
        return vars(_load(module, here)).get(name)
    return _load(here.base, here)


def _load(path: str, here: Project) -> object:
    """Return the module or the class of a dotted path.

    Raises:
        ModelImportError: importing it fails.
        InvalidSetting: importing it raises that.
    """
    try:
        return _resolve(path)
    except InvalidSetting:  # a wrong DATABASE_URL, say, is no fault of the model
        raise
    except Exception as error:
        importlib.invalidate_caches()
        raise ModelImportError(
            messages.MODEL_NOT_IMPORTED.format(
                model=path, cause=f"{type(error).__name__}: {error}", place=_place(error, here)
            )
        ) from error


def _resolve(path: str) -> object:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        module, _, name = path.rpartition(".")
        if error.name != path or not module:  # something inside the module is missing
            raise
        found: object = getattr(importlib.import_module(module), name)
        return found


def _place(error: Exception, here: Project) -> str:
    """Return the deepest line of the project's own that the error came through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"

    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(Path(frame.filename), here.root)]
    if own:
        return f"{own[-1].filename}:{own[-1].lineno}"
    policy = Path(*POLICY.split(".")).with_suffix(".py")
    return policy.as_posix() if (here.root / policy).is_file() else "pyproject.toml"


def _is_own(path: Path, root: Path) -> bool:
    is_installed = "site-packages" in path.parts or path.is_relative_to(LIBRARY)
    return path.is_relative_to(root) and not is_installed


def _metadata_in(loaded: object) -> list[MetaData]:
    """Return the metadata that a class is mapped in, or that a module's members are."""
    members = vars(loaded).values() if isinstance(loaded, ModuleType) else [loaded]
    return [metadata for member in members for metadata in _metadata_of(member)]


def _metadata_of(member: object) -> list[MetaData]:
    if isinstance(member, MetaData):
        return [member]
    try:
        owned = [getattr(member, "metadata", None)]
        # Flask-SQLAlchemy's `db` has one for each database.
        several = getattr(member, "metadatas", None)
        owned += several.values() if isinstance(several, dict) else []
    except Exception:  # a proxy such as Flask's current_app answers only inside a request
        return []
    return [owner for owner in owned if isinstance(owner, MetaData)]
