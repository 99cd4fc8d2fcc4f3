"""`make tour`: the history, a step at a time, on a scratch database that two people live in."""

from alambique.tools.tour.command import add_arguments, run

__all__ = ["add_arguments", "run"]
