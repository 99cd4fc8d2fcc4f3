"""The files that a run makes, deleted again where it fails half way, so that it can run again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import cache_from_source
from pathlib import Path

from alembic.util import CommandError


class ToBeMended(CommandError):
    """What was written does not work yet, and is to be mended where it is: it stays."""


class MadeFiles:
    """Which files a run has made so far."""

    def __init__(self) -> None:
        self._paths: list[Path] = []

    def add(self, *paths: Path) -> None:
        """Note files that are about to be made; none of them is there."""
        self._paths.extend(paths)

    @contextmanager
    def those_new_in(self, folders: Sequence[Path]) -> Iterator[None]:
        """Note what comes into these folders meanwhile, whether it went well or not."""
        before = _modules(folders)
        try:
            yield
        finally:
            self.add(*sorted(_modules(folders) - before))

    def delete(self) -> None:
        """Delete them, and the folders that nothing is left in."""
        for path in self._paths:
            path.unlink(missing_ok=True)
            compiled = Path(cache_from_source(str(path)))
            compiled.unlink(missing_ok=True)
            for folder in (compiled.parent, path.parent):
                with suppress(OSError):  # there is something else in it
                    folder.rmdir()


@contextmanager
def taken_back() -> Iterator[MadeFiles]:
    """Lend a list of the files that are made here, which go again if this does not end well.

    What fails as `ToBeMended` leaves them where they are.
    """
    made = MadeFiles()
    try:
        yield made
    except ToBeMended:
        raise
    except BaseException:  # Ctrl-C, too
        made.delete()
        raise


def _modules(folders: Sequence[Path]) -> set[Path]:
    return {path for folder in folders for path in folder.glob("**/*.py")}
