"""The declarative base that the models of a project are written on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, runtime_checkable

from sqlalchemy import MetaData
from sqlalchemy.orm import registry

from alambique import messages
from alambique.autogenerate.discovery import load_metadata
from alambique.settings import InvalidSetting, project


@runtime_checkable
class Declarative(Protocol):
    """A declarative base, however it was made."""

    metadata: MetaData
    registry: registry


@dataclass(frozen=True)
class ProjectBase:
    """A project's declarative base, and where models import it from."""

    module: str
    """"" where there is no project, and the models come with a base of their own."""
    name: str
    declarative: Declarative

    def class_names(self) -> set[str]:
        """Return the names of the classes that are mapped already."""
        return {mapper.class_.__name__ for mapper in self.declarative.registry.mappers}


def project_base() -> ProjectBase:
    """Return the base that `base` in `[tool.alambique]` names: `core.database.Base`.

    Raises:
        InvalidSetting: the setting is missing or names no declarative base, or a setting that the
            application needs is missing or malformed.
        ModelImportError: the base, or a model that there is already, cannot be imported.
    """
    path = project().base or ""
    module, _, name = path.rpartition(".")
    if not module:
        raise InvalidSetting(messages.NO_BASE.format(name=path))

    load_metadata()  # its module with all others; an import that fails says why
    found = vars(import_module(module)).get(name)
    if not isinstance(found, Declarative):
        raise InvalidSetting(messages.NO_BASE.format(name=path))
    return ProjectBase(module, name, found)
