"""Every sentence a person reads, in the project's language: `messages.CANNOT_CONNECT.format(...)`.

The language is chosen while the program runs: `settings.project()` says it here. So a message is
read where it is used, never kept in a constant or a default argument.
"""

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

LANGUAGES = ("pt", "en")

if TYPE_CHECKING:
    from alambique.messages.en import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        """Return the message of this name in the language spoken.

        Raises:
            AttributeError: there is no such message.
        """
        return getattr(_spoken(), name)


_language: str | None = None


def speak(language: str) -> None:
    """Choose the language of all messages from now on.

    Args:
        language: one of LANGUAGES; of anything else, the locale's own is kept.
    """
    global _language
    _language = language if language in LANGUAGES else None


def language() -> str:
    """Return the language spoken: the one chosen, else that of the locale, else English."""
    if _language is not None:
        return _language
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return "pt" if locale.lower().startswith("pt") else "en"


def _spoken() -> ModuleType:
    return import_module(f"alambique.messages.{language()}")
