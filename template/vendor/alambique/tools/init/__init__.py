"""`alambique init`: an env.py that is there becomes a call of the library's, and back."""

from alambique.tools.init.command import add_arguments, run

__all__ = ["add_arguments", "run"]
