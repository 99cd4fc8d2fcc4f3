"""`make doctor`: what this project needs, each check alone on a line, with what mends it."""

from alambique.tools.doctor.report import add_arguments, run

__all__ = ["add_arguments", "run"]
