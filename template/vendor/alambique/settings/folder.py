"""The project this process works for: its folder, and what its pyproject.toml says of it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from alambique import messages
from alambique.settings.errors import InvalidSetting

# Where the rendered project has its Base, unless `base` in [tool.alambique] says otherwise.
USUAL_BASE = "core.database.Base"
USUAL_MODELS = ("app",)
# Where a file that cannot be read as TOML says in which language to say so.
LANGUAGE = re.compile(rb"""^\s*language\s*=\s*["'](\w+)["']""", re.MULTILINE)
SAYS_MODELS = frozenset({"models", "extra-models"})
YES_OR_NO = ("async-driver", "ledger")


@dataclass(frozen=True)
class Project:
    """A project, as its pyproject.toml describes it."""

    root: Path
    language: str | None = None
    """`pt` or `en`; None leaves it to the locale."""
    models: tuple[str, ...] = ("app",)
    """Packages; every module named `models` in them, at any depth, is imported."""
    extra_models: tuple[str, ...] = ()
    """Dotted paths to a module or a class with models elsewhere."""
    base: str | None = None
    """The dotted path of the declarative base, if the project has one of its own."""
    naming_convention: Mapping[str, str] | None = None
    """What migrations call what has no name; None leaves it to the models, {} is none."""
    async_driver: bool = False
    """Do migrations use the asynchronous driver of the URL, instead of its synchronous sibling?"""
    ledger: bool = True
    """Is it kept in the database who applied what?"""
    bind: str | None = None
    """The database whose models a history is about, of several; None is the one without a name."""
    has_models: bool = True
    """Does anything say that there are models, or lie where they usually do?"""
    pyproject: Mapping[str, Any] = field(default_factory=dict)
    """All of pyproject.toml."""


_current: Project | None = None


def project() -> Project:
    """Return the project this process works for.

    It is the one declared with `use_project`, else the one this library lies in (in its `vendor/`),
    else the nearest folder, from the current directory upwards, with a `[tool.alambique]` in its
    pyproject.toml or with an alembic.ini; else the current directory.

    Raises:
        InvalidSetting: its pyproject.toml cannot be read, or `[tool.alambique]` is malformed.
    """
    if _current is not None:
        return _current
    here = Path.cwd()
    return use_project(_around_the_library() or nearest_root(here) or here)


def use_project(root: Path) -> Project:
    """Declare which project this process works for, and speak its language from now on.

    Args:
        root: the folder of the project's pyproject.toml.

    Returns:
        What that file says.

    Raises:
        InvalidSetting: pyproject.toml cannot be read, or `[tool.alambique]` is malformed.
    """
    global _current
    _current = _read(root.resolve())
    messages.speak(_current.language or "")
    return _current


def use_bind(bind: str | None) -> None:
    """Declare whose models the history is about that this process works on, of several databases.

    Args:
        bind: the key that the models' metadata have; None for those without one.

    Raises:
        InvalidSetting: pyproject.toml cannot be read, or `[tool.alambique]` is malformed.
    """
    global _current
    _current = replace(project(), bind=bind)


def forget_project() -> None:
    """Forget which project was declared or found; the next question looks for it anew."""
    global _current
    _current = None


def shown(path: Path | str) -> str:
    """Return a path as one types it at the project's root."""
    return os.path.relpath(path, project().root)


def nearest_root(start: Path) -> Path | None:
    """Return the nearest folder, from `start` upwards, that is a project's root, if one is."""
    for folder in (start, *start.parents):
        if _is_configured(folder) or "alambique" in _tools(folder):
            return folder
    return None


def root_of(ini: Path) -> Path:
    """Return the root of the project that an alembic.ini is of: its folder, as a rule.

    Flask-Migrate has its own beside env.py, in the folder of the migrations: the project is around
    that.
    """
    folder = ini.resolve().parent
    if _is_configured(folder) or not (folder / "env.py").is_file():
        return folder
    return nearest_root(folder.parent) or folder.parent


def _is_configured(folder: Path) -> bool:
    """Tell whether a folder has an alembic.ini for what is in it."""
    return (folder / "alembic.ini").is_file() and not (folder / "env.py").is_file()


def _around_the_library() -> Path | None:
    """Return the folder of the project that carries this copy of the library, if one does."""
    vendor = Path(__file__).resolve().parents[2]
    root = vendor.parent
    if vendor.name == "vendor" and (root / "pyproject.toml").is_file():
        return root
    return None


def _read(root: Path) -> Project:
    try:
        pyproject = _pyproject(root)
    except InvalidSetting as error:
        _speak_as_it_says(root)
        raise InvalidSetting(_malformed(root, error.__cause__)) from error.__cause__
    table = pyproject.get("tool", {}).get("alambique")
    if table is None:
        table = _in_ini(root)
    has_usual_base = (root / "core" / "database.py").is_file()

    language = table.get("language")
    if isinstance(language, str):
        messages.speak(language)  # what is wrong with the rest is said in it
    base = table.get("base", USUAL_BASE if has_usual_base else None)
    for name, value in (("language", language), ("base", base)):
        if not (value is None or isinstance(value, str)):
            raise InvalidSetting(messages.SETTING_NOT_TEXT.format(name=name, value=value))

    return Project(
        root=root,
        language=language,
        models=_texts(table, "models", default=USUAL_MODELS),
        extra_models=_texts(table, "extra-models", default=()),
        base=base,
        naming_convention=_convention(table),
        async_driver=_yes_or_no(table, "async-driver"),
        ledger=_yes_or_no(table, "ledger", default=True),
        has_models=base is not None
        or not SAYS_MODELS.isdisjoint(table)
        or any((root / name).exists() for name in USUAL_MODELS),
        pyproject=pyproject,
    )


def _texts(table: Mapping[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    found = table.get(name, default)
    if isinstance(found, str) or not all(isinstance(each, str) for each in found):
        raise InvalidSetting(messages.SETTING_NOT_A_LIST.format(name=name, value=found))
    return tuple(found)


def _in_ini(root: Path) -> dict[str, Any]:
    """Return what `[alambique]` in alembic.ini says, for a project without a pyproject.toml.

    A list stands there as Alembic writes them: a word a line.
    """
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string((root / "alembic.ini").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, IniError):  # whoever needs the file says so
        return {}
    if not parser.has_section("alambique"):
        return {}
    said: dict[str, Any] = dict(parser["alambique"])
    for name in ("models", "extra-models"):
        if name in said:
            said[name] = said[name].split()
    for name in YES_OR_NO:
        if name in said:
            # What is neither stays as it is, and is refused like in a pyproject.toml.
            said[name] = parser.BOOLEAN_STATES.get(said[name].lower(), said[name])
    return said


def _convention(table: Mapping[str, Any]) -> Mapping[str, str] | None:
    name = "naming-convention"
    found = table.get(name)
    is_texts = isinstance(found, dict) and all(isinstance(each, str) for each in found.values())
    if not (found is None or is_texts):
        raise InvalidSetting(messages.SETTING_NOT_A_CONVENTION.format(name=name, value=found))
    return found


def _yes_or_no(table: Mapping[str, Any], name: str, default: bool = False) -> bool:
    found = table.get(name, default)
    if not isinstance(found, bool):
        raise InvalidSetting(messages.SETTING_NOT_YES_OR_NO.format(name=name, value=found))
    return found


def _pyproject(root: Path) -> dict[str, Any]:
    path = root / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSetting(_malformed(root, error)) from error


def _malformed(root: Path, cause: BaseException | None) -> str:
    return messages.PYPROJECT_MALFORMED.format(path=root / "pyproject.toml", cause=cause)


def _speak_as_it_says(root: Path) -> None:
    """Speak the language that a pyproject.toml says, of which the rest may be as good as ever."""
    with suppress(OSError):
        said = LANGUAGE.search((root / "pyproject.toml").read_bytes())
        if said is not None:
            messages.speak(said[1].decode())


def _tools(folder: Path) -> Mapping[str, Any]:
    """Return the `[tool]` table of a folder on the way up; one that cannot be read is not ours."""
    try:
        tools: Mapping[str, Any] = _pyproject(folder).get("tool", {})
    except InvalidSetting:
        return {}
    return tools
