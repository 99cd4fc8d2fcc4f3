"""What a constraint is called that a revision leaves without a name: what the models' would be.

Alembic asks `target_metadata` for the naming convention on every command, not only as it compares.
Ours has none of the models at hand until somebody asks, and is asked as late as can be: a revision
that says all its names imports nothing of the application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from alembic.util import CommandError
from sqlalchemy import MetaData

from alambique import messages, private
from alambique.autogenerate.discovery import ModelImportError, load_base, load_metadata
from alambique.autogenerate.written_convention import written_convention
from alambique.settings import InvalidSetting, project

Convention = Mapping[Any, Any]
"""What `MetaData(naming_convention=...)` takes."""

# What SQLAlchemy names by where nobody says anything.
NONE: Convention = MetaData().naming_convention

PRIMARY_KEY = "pk"


class Models(Sequence[MetaData]):
    """All models, as Alembic takes them in `target_metadata`, with the convention it asks for."""

    def __init__(
        self, load: Callable[[], Sequence[MetaData]], given: MetaData | object | None = None
    ) -> None:
        """Import nothing yet.

        Args:
            load: returns the metadata of all models; it may import them.
            given: what env.py says `target_metadata` is, if it says so: Alembic asks one MetaData
                for its convention, and several for none.
        """
        self._load = load
        self._given = given

    @property
    def naming_convention(self) -> Convention:
        """What names what a revision does not: the setting's, or else that of the models."""
        said = project().naming_convention
        if said is not None:
            return said
        if self._given is None:
            return _Later(_convention_of_models)
        return self._given.naming_convention if isinstance(self._given, MetaData) else NONE

    @overload
    def __getitem__(self, place: int) -> MetaData: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[MetaData]: ...
    def __getitem__(self, place: int | slice) -> MetaData | Sequence[MetaData]:
        return self._load()[place]

    def __len__(self) -> int:
        return len(self._load())


def agreed(models: Iterable[MetaData]) -> Convention | None:
    """Return the naming convention that all these metadata have; None where they differ."""
    conventions = [metadata.naming_convention for metadata in models]
    is_one = all(each == conventions[0] for each in conventions)
    return conventions[0] if conventions and is_one else None


def require_convention_of(models: Iterable[MetaData]) -> None:
    """Make sure that the convention in `[tool.alambique]`, if one is, is that of the models.

    An empty one is none, whatever the models have.

    Raises:
        CommandError: it is another one.
        InvalidSetting: `[tool.alambique]` is malformed.
    """
    said, found = project().naming_convention, agreed(models)
    if said and found is not None and dict(said) != dict(found):
        raise CommandError(messages.NAMING_DIFFERS.format(setting=dict(said), models=dict(found)))


def _convention_of_models() -> Convention:
    """Return the base's naming convention; without a base, the one that all models agree about.

    What the base's source says plainly is not imported. A project that has no models, as where
    its own `env.py` said `target_metadata = None`, has no convention.
    """
    if not project().has_models:
        return NONE
    written = written_convention()
    if written is not None:
        return written
    try:
        base = load_base()
        return agreed(base if base is not None else load_metadata()) or NONE
    except (ModelImportError, InvalidSetting) as error:
        raise ModelImportError(messages.NAMING_UNKNOWN.format(cause=error)) from error


class _Later(Mapping[Any, Any]):
    """A naming convention that is not looked up before something has to be called by it.

    It is asked about a primary key by each table that an operation mentions, though the table may
    have none, or one that the revision names: that alone does not look anything up.
    """

    def __init__(self, load: Callable[[], Convention]) -> None:
        self._load = load
        self._loaded: Convention | None = None

    @property
    def loaded(self) -> Convention:
        """The convention itself."""
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def __contains__(self, key: object) -> bool:
        return key == PRIMARY_KEY or key in self.loaded

    def __getitem__(self, key: Any) -> Any:
        return _PrimaryKey(self) if key == PRIMARY_KEY else self.loaded[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.loaded)

    def __len__(self) -> int:
        return len(self.loaded)

    def __bool__(self) -> bool:
        return True  # it may be: SQLAlchemy would put its own in the place of an empty one


class _PrimaryKey:
    """The template of a primary key's name, looked up once there is a column in it."""

    def __init__(self, convention: _Later) -> None:
        self._convention = convention

    def __contains__(self, token: str) -> bool:
        template = private.convention_for_primary_keys(self._convention.loaded)
        return template is not None and token in template

    def __mod__(self, naming: Any) -> str:
        """Return a name; "" is none."""
        if not private.is_about_columns(naming):
            return ""
        template = private.convention_for_primary_keys(self._convention.loaded)
        return "" if template is None else str(template % naming)
