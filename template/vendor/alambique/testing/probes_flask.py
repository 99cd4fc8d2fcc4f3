"""The probes of a service on Flask.

A service's test module takes all of it: `from alambique.testing.probes_flask import *`.
"""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from alambique.testing import probes
from alambique.testing.probes import *  # noqa: F403
from alambique.web.flask import prepare

__all__ = [*probes.__all__, "client"]


@pytest.fixture
def client() -> FlaskClient:
    """A client of an application that has the probes and nothing else."""
    app = Flask(__name__)
    prepare(app, sessions=Session)
    return app.test_client()
