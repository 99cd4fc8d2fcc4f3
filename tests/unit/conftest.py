"""The library runs in this process: as it lies in the template, and for no project by itself."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "template/vendor"))


@pytest.fixture(autouse=True)
def no_project_is_left_behind() -> Iterator[None]:
    """Forget the project that a test declared, and with it the language spoken."""
    from alambique import messages
    from alambique.settings import forget_project

    yield
    forget_project()
    messages.speak("")
