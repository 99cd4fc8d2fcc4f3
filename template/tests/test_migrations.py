"""The history holds: one line, there and back again, and it ends where the models are."""

from alambique.testing.history import *  # noqa: F403
