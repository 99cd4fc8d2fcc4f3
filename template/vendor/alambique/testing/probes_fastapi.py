"""The probes of a service on FastAPI, and the description of its routes.

A service's test module takes all of it: `from alambique.testing.probes_fastapi import *`.
"""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alambique import messages
from alambique.testing import probes
from alambique.testing.probes import *  # noqa: F403
from alambique.web.fastapi import prepare
from alambique.web.serving import openapi, openapi_path

__all__ = [*probes.__all__, "client", "test_the_description_of_the_routes_is_up_to_date"]


@pytest.fixture
def client() -> TestClient:
    """A client of an application that has the probes and nothing else."""
    app = FastAPI()
    prepare(app)
    return TestClient(app)


def test_the_description_of_the_routes_is_up_to_date() -> None:
    """docs/openapi.json is what `make openapi` writes, if there is one."""
    path = openapi_path()
    if path.exists():
        assert path.read_text(encoding="utf-8") == openapi(), messages.OPENAPI_STALE
