"""Which env.py, of which alembic.ini, and whose project that is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic.util import CommandError

from alambique import messages
from alambique.history.script import script_directory
from alambique.settings import alembic_config, project

ENV = "env.py"
INI = "alembic.ini"
# As far down as somebody may have meant one of them, when there is none here.
DEPTH = 3


@dataclass(frozen=True)
class Place:
    """Where an env.py is."""

    root: Path
    """The folder the commands are typed in."""
    env: Path
    inner_ini: Path | None = None
    """Flask-Migrate's alembic.ini, beside env.py; the root has none."""

    @property
    def aside(self) -> Path:
        """Where the former env.py is kept."""
        return self.env.with_name(f"{ENV}.before-alambique")

    @property
    def ini(self) -> Path:
        """The root's alembic.ini."""
        return self.root / INI

    @property
    def pyproject(self) -> Path:
        """The root's pyproject.toml."""
        return self.root / "pyproject.toml"


def find_env() -> Place:
    """Return the env.py of the project that the command was typed in.

    Raises:
        CommandError: there is no alembic.ini, or no env.py where it says.
        InvalidSetting: pyproject.toml or alembic.ini cannot be read.
    """
    root = project().root
    if (root / INI).is_file() or "alembic" in project().pyproject.get("tool", {}):
        env = Path(script_directory(alembic_config()).dir) / ENV
        inner = env.with_name(INI)
        place = Place(root, env, inner if inner.is_file() and inner != root / INI else None)
    else:
        beside = [ini for ini in sorted(root.glob(f"*/{INI}")) if ini.with_name(ENV).is_file()]
        if len(beside) != 1:
            raise CommandError(_not_here(root))
        place = Place(root, beside[0].with_name(ENV), beside[0])

    if not place.env.is_file():
        raise CommandError(messages.INIT_NO_ENV.format(path=place.env))
    return place


def _not_here(root: Path) -> str:
    patterns = ["/".join([*["*"] * depth, INI]) for depth in range(1, DEPTH + 1)]
    found = [path.parent for pattern in patterns for path in root.glob(pattern)]
    own = [path for path in found if "site-packages" not in path.parts]
    if own:
        folders = ", ".join(sorted(path.relative_to(root).as_posix() for path in own))
        return messages.INIT_ELSEWHERE.format(folders=folders)
    return messages.INIT_NO_INI
