"""Every test runs on a scratch database, made by the migrations and dropped at the end."""

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from core.migrations import apply_migrations
from core.migrations.connection import scratch_database


@pytest.fixture
def empty_database() -> Iterator[URL]:
    """A database of the project's kind with nothing in it."""
    with scratch_database() as url:
        yield url


@pytest.fixture(scope="session")
def database() -> Iterator[URL]:
    """A database at head, shared by the tests of one run."""
    with scratch_database() as url:
        apply_migrations(url=url)
        yield url
