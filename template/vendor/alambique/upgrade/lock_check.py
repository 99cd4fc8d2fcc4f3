"""Is the lock still ours? What is asked before anything is in the database for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass
class Question:
    """What another query can ask along, as each one to a server is a round trip."""

    sql: str
    """An expression with parameters such as `:name`."""

    parameters: dict[str, str]

    answer: bool | None = None
    """Is the lock ours? None where nobody asked."""


class LockCheck(Protocol):
    """What a step asks about its lock."""

    def check(self) -> None:
        """Make sure that it is still ours; raise if not."""

    def question(self) -> Question | None:
        """Return what a query can ask instead; None where only `check` can tell."""

    def hear(self, question: Question) -> None:
        """Take the answer to that question; raise if the lock is not ours."""
