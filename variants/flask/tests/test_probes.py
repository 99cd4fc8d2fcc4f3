"""The probes tell the truth about the database, and a process starts only where it should."""

from alambique.testing.probes_flask import *  # noqa: F403
