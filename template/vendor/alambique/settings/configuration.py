"""Alembic's configuration of the project."""

from __future__ import annotations

import os
from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    MissingSectionHeaderError,
    ParsingError,
)
from configparser import Error as IniError
from pathlib import Path
from typing import TYPE_CHECKING

from alambique import messages
from alambique.settings.errors import InvalidSetting
from alambique.settings.folder import project, shown, use_bind

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import URL

SECTION = "alembic"
"""Alembic's section, of a project with one history."""


# What the command line chose, as Alembic's own does with `-c` and `-n`.
_chosen: tuple[Path | None, str] = (None, SECTION)


def use_history(ini: Path | None = None, section: str = SECTION) -> None:
    """Choose which of a project's histories this process works on.

    Args:
        ini: the file that says where it is; by default ALEMBIC_CONFIG, else the project's
            alembic.ini.
        section: the section of that file.
    """
    global _chosen
    _chosen = (ini, section)


def alembic_config(url: str | URL | None = None, *, section: str | None = None) -> Config:
    """Return the project's Alembic configuration, read from its alembic.ini.

    From here on the process works on the history that it says, and on the models of its `bind`.

    Args:
        url: the database to work on; by default the one that `migration_url` finds.
        section: the section to read; by default the one chosen with `use_history`.

    Raises:
        InvalidSetting: the project's pyproject.toml, or its alembic.ini, cannot be read, or lacks
            that section.
    """
    from alembic.config import Config

    ini, chosen = _chosen
    path = ini or _named_by_environment() or project().root / "alembic.ini"
    config = Config(path, ini_section=section or chosen)
    if path.is_file():
        config.config_args["here"] = path.absolute().parent.as_posix()
        # Alembic itself would read it in the locale's encoding.
        config.file_config = _read_ini(path, config.config_args)
        _require_section(config, path)
    if url is not None:
        config.attributes["url"] = url
    use_bind(bind_of(config))
    return config


def bind_of(config: Config) -> str | None:
    """Return the bind that a history is about, as `bind` in its section of alembic.ini says."""
    # As it stands: what else is in there, such as a URL with a %, is not this function's to refuse.
    return config.file_config.get(config.config_ini_section, "bind", raw=True, fallback=None)


def _named_by_environment() -> Path | None:
    """Return the file that ALEMBIC_CONFIG names, as for Alembic's own command line.

    A pyproject.toml, which Alembic takes there too, has no sections for histories.
    """
    name = os.environ.get("ALEMBIC_CONFIG")
    return Path(name) if name and Path(name).name != "pyproject.toml" else None


def _require_section(config: Config, path: Path) -> None:
    section = config.config_ini_section
    if section != SECTION and not config.file_config.has_section(section):
        raise InvalidSetting(messages.NO_SECTION.format(section=section, path=shown(path)))


def _read_ini(path: Path, known: dict[str, str]) -> ConfigParser:
    parser = ConfigParser(known)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(messages.INI_MALFORMED.format(cause=error)) from error
    except IniError as error:  # its own text would quote the line, and a password in it
        cause = f"{type(error).__name__}, line {_line(error)}"
        raise InvalidSetting(messages.INI_MALFORMED.format(cause=cause)) from None
    return parser


def _line(error: IniError) -> int | None:
    """Return the number of the line where reading stumbled."""
    if isinstance(error, MissingSectionHeaderError | DuplicateSectionError | DuplicateOptionError):
        return error.lineno
    if isinstance(error, ParsingError):
        number, _ = error.errors[0]
        return number
    return None
