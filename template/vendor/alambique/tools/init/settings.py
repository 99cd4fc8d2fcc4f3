"""What `init` adds beside env.py, and takes away again: settings, an alembic.ini at the root."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from alambique.settings import project
from alambique.tools.init.whereabouts import Place

TABLE = """
[tool.alambique]
models = []
extra-models = {models}
"""
SECTION = """
[alambique]
models =
extra-models =
{models}
"""
# The models in them: a list of TOML, or indented words, a line each.
WRITTEN = r"(?:\[[^\]]*\]|(?:[ \t]+\S+\n?)+)"
# What Flask-Migrate says in its program, not in its alembic.ini.
ROOT_INI = "script_location = %(here)s/{folder}\nprepend_sys_path = %(here)s\npath_separator = os\n"


def say_models(place: Place, models: Sequence[str]) -> Path | None:
    """Say in the project's settings where its models are, unless they say something already.

    Returns:
        The file that was added to, pyproject.toml if there is one, else alembic.ini.
    """
    settings = _settings(place)
    if not models or settings is None:
        return None
    path, text = settings
    said = path.read_text(encoding="utf-8")
    added = text.format(models=_listed(models, is_toml=path == place.pyproject))
    path.write_text(f"{said.rstrip()}\n{added}", encoding="utf-8", newline="\n")
    return path


def forget_models(place: Place) -> Path | None:
    """Take away what `say_models` added, if it stands as it was written; return the file."""
    for path, text in ((place.pyproject, TABLE), (place.ini, SECTION)):
        if not path.is_file():
            continue
        pattern = re.escape(text).replace(re.escape("{models}"), WRITTEN)
        said = path.read_text(encoding="utf-8")
        left = re.sub(pattern.rstrip("\\\n"), "", said, count=1)
        if left != said:
            path.write_text(f"{left.rstrip()}\n", encoding="utf-8", newline="\n")
            return path
    return None


def make_root_ini(place: Place) -> Path | None:
    """Make the alembic.ini that the commands read, where Flask-Migrate has one of its own."""
    if place.inner_ini is None or place.ini.is_file():
        return None
    place.ini.write_text(_root_ini(place), encoding="utf-8", newline="\n")
    return place.ini


def take_root_ini(place: Place) -> Path | None:
    """Delete what `make_root_ini` made, if it is as it was; return it."""
    if place.inner_ini is None or not place.ini.is_file():
        return None
    if place.ini.read_text(encoding="utf-8") != _root_ini(place):
        return None
    place.ini.unlink()
    return place.ini


def _settings(place: Place) -> tuple[Path, str] | None:
    if place.pyproject.is_file():
        says = "alambique" in project().pyproject.get("tool", {})
        return None if says else (place.pyproject, TABLE)
    if place.ini.is_file():
        says = "\n[alambique]" in place.ini.read_text(encoding="utf-8")
        return None if says else (place.ini, SECTION)
    return None


def _listed(models: Sequence[str], is_toml: bool) -> str:
    if is_toml:
        return json.dumps(list(models))
    return "\n".join(f"    {each}" for each in models)


def _root_ini(place: Place) -> str:
    assert place.inner_ini is not None
    folder = place.env.parent.relative_to(place.root).as_posix()
    said = place.inner_ini.read_text(encoding="utf-8")
    return said.replace("[alembic]\n", f"[alembic]\n{ROOT_INI.format(folder=folder)}", 1)
