"""For a service's tests: scratch databases here, checks of its history and probes beside.

A conftest.py imports the fixtures, `from alambique.testing import database, empty_database`. A test
module takes its tests from `alambique.testing.history`, `.probes_fastapi` or `.probes_flask`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from alambique import apply_migrations
from alambique.database.creation import scratch_database
from alambique.settings import migration_url

__all__ = ["database", "empty_database"]

# Before they are imported: pytest shows what a failed assertion compared only where it rewrote it.
pytest.register_assert_rewrite(
    "alambique.testing.history",
    "alambique.testing.probes",
    "alambique.testing.probes_fastapi",
    "alambique.testing.probes_flask",
)

# An application that a test imports does not ask after the database of whoever runs the tests.
os.environ["STARTUP_CHECK"] = "off"


@pytest.fixture
def empty_database() -> Iterator[URL]:
    """A database of the project's kind with nothing in it."""
    with scratch_database(beside=migration_url()) as url:
        yield url


@pytest.fixture(scope="session")
def database() -> Iterator[URL]:
    """A database at head, shared by the tests of one run."""
    with scratch_database(beside=migration_url()) as url:
        apply_migrations(url=url)
        yield url
