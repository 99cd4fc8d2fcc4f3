"""How two ways of doing the same thing are compared: in turns, by their medians."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Measure = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One comparison, and what we promised about it.

    `judged` says which number the promise limits: `ours/peer` and `ours` are kept by being at
    most `promise`, `peer/ours` (how many times faster we are) by being at least that.
    """

    what: str
    ours: float
    peer: float
    judged: Literal["ours/peer", "peer/ours", "ours"] = "ours/peer"
    promise: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        """The ratio to print; None where nothing can be divided."""
        above, below = self.ours, self.peer
        if self.judged == "peer/ours":
            above, below = below, above
        return above / below if below else None

    @property
    def kept(self) -> bool:
        """Whether the promise holds; a row without one cannot break it."""
        if self.promise is None:
            return True
        if self.judged == "ours":
            return self.ours <= self.promise
        assert self.ratio is not None, f"{self.what}: nothing to divide by"
        if self.judged == "peer/ours":
            return self.ratio >= self.promise
        return self.ratio <= self.promise

    def cells(self) -> list[str]:
        """Return what the table shows."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        sides = [self._amount(self.ours), self._amount(self.peer), ratio]
        if self.promise is None:
            return [self.what, *sides, "", ""]
        sign = ">=" if self.judged == "peer/ours" else "<="
        unit = f" {self.unit}" if self.judged == "ours" else ""
        promise = f"{self.judged} {sign} {self.promise:g}{unit}"
        return [self.what, *sides, promise, "kept" if self.kept else "BROKEN"]

    def _amount(self, value: float) -> str:
        return f"{value:.3f} s" if self.unit == "s" else f"{value:g} {self.unit}"


@dataclass(frozen=True)
class Skipped:
    """A comparison that could not be made here, and why."""

    what: str
    reason: str
    kept = True

    def cells(self) -> list[str]:
        """Return what the table shows."""
        return [self.what, "-", "-", "-", "", f"skipped: {self.reason}"]


def alternate(runs: int, *measures: Measure) -> list[float]:
    """Return the median of each measure, warmed up once and then taken in turns: ABABAB."""
    for measure in measures:
        measure()
    taken = [[measure() for measure in measures] for _ in range(runs)]
    return [statistics.median(values) for values in zip(*taken, strict=True)]


def stopwatch(action: Callable[..., object], *arguments: object) -> Measure:
    """Make a measure of any call: the seconds it takes on the wall clock."""

    def seconds() -> float:
        started = time.perf_counter()
        action(*arguments)
        return time.perf_counter() - started

    return seconds
