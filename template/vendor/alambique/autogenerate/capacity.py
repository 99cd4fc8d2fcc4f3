"""How much a column of some type holds, and whether another holds all of it, unchanged.

These are descriptions only: what a type of SQLAlchemy's is in a database, `capacities` knows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

UNLIMITED = float("inf")

# The octets that a character takes at most, in any character set.
WIDEST_CHARACTER = 4


class Capacity(ABC):
    """What a column may hold."""

    @abstractmethod
    def holds(self, other: Capacity) -> bool:
        """Tell whether whatever `other` holds is the same value here, once it is converted.

        What is not known to be is said not to be.
        """


@dataclass(frozen=True)
class Whole(Capacity):
    """Whole numbers between two bounds, both included."""

    least: int
    greatest: int

    @property
    def digits(self) -> int:
        """How many decimal digits the longest number has."""
        return len(str(max(self.greatest, -self.least)))

    def holds(self, other: Capacity) -> bool:
        """Hold whole numbers within the bounds."""
        return (
            isinstance(other, Whole)
            and self.least <= other.least
            and other.greatest <= self.greatest
        )


@dataclass(frozen=True)
class Exact(Capacity):
    """Decimal numbers of so many digits before the point, and after it."""

    before_point: float
    after_point: float
    has_sign: bool = True

    def holds(self, other: Capacity) -> bool:
        """Hold decimal and whole numbers of as many digits."""
        if isinstance(other, Whole):
            return self.holds(Exact(other.digits, 0, other.least < 0))
        return (
            isinstance(other, Exact)
            and self.before_point >= other.before_point
            and self.after_point >= other.after_point
            and self.has_sign >= other.has_sign
        )


@dataclass(frozen=True)
class Floating(Capacity):
    """Binary floating-point numbers, whose precision is counted in bits."""

    bits: int
    has_sign: bool = True

    def holds(self, other: Capacity) -> bool:
        """Hold floating-point numbers of as many bits."""
        return (
            isinstance(other, Floating)
            and self.bits >= other.bits
            and self.has_sign >= other.has_sign
        )


@dataclass(frozen=True)
class Characters(Capacity):
    """Texts, limited in characters, in octets, or in both."""

    length: float = UNLIMITED
    octets: float = UNLIMITED

    charset: str = ""
    """The character set; "" is the one of its table."""

    blanks: Literal["kept", "dropped", "added"] = "kept"
    """What becomes of blanks at the end: some databases drop them, some fill the column up."""

    def holds(self, other: Capacity) -> bool:
        """Hold texts and members of lists that are as long, in a character set that has them."""
        if isinstance(other, Members):
            return self.holds(other.as_characters)
        if not isinstance(other, Characters):
            return False
        if "added" in (self.blanks, other.blanks):
            return self == other
        if self.blanks == "dropped" and other.blanks == "kept":
            return False
        if self.charset not in (other.charset, "utf8mb4"):  # only that one has every character
            return False

        longest = min(other.length, other.octets)
        widest = WIDEST_CHARACTER * longest
        if self.charset == other.charset:
            widest = min(widest, other.octets)
        return self.length >= longest and self.octets >= widest


@dataclass(frozen=True)
class Members(Capacity):
    """Texts out of a list: one, or several at once."""

    members: tuple[str, ...]

    name: str = ""
    """What the database calls the type, where it has a name: another name is another type."""

    charset: str = ""
    """The character set; "" is the one of its table."""

    at_once: bool = False
    """Whether a value is several members, kept in the order of the list."""

    @property
    def as_characters(self) -> Characters:
        """The texts there may be, as a column for them would have to be."""
        every = ",".join(self.members)
        longest = len(every) if self.at_once else max(map(len, self.members), default=0)
        return Characters(longest, charset=self.charset)

    def holds(self, other: Capacity) -> bool:
        """Hold members of a list that are on this one, too."""
        if not isinstance(other, Members) or self.at_once != other.at_once:
            return False
        if (self.name, self.charset) != (other.name, other.charset):
            return False
        if self.at_once:
            return self.members[: len(other.members)] == other.members
        return set(self.members) >= set(other.members)


@dataclass(frozen=True)
class Octets(Capacity):
    """Binary data."""

    length: float = UNLIMITED

    filled_up: bool = False
    """Whether what is shorter gets zeros at its end."""

    def holds(self, other: Capacity) -> bool:
        """Hold data that is as long."""
        if self.filled_up:
            return self == other
        return isinstance(other, Octets) and self.length >= other.length


@dataclass(frozen=True)
class Bits(Capacity):
    """Strings of bits."""

    length: float = UNLIMITED
    varying: bool = True

    def holds(self, other: Capacity) -> bool:
        """Hold strings of as many bits."""
        if not self.varying:
            return self == other
        return isinstance(other, Bits) and self.length >= other.length


@dataclass(frozen=True)
class Day(Capacity):
    """Dates."""

    def holds(self, other: Capacity) -> bool:
        """Hold dates."""
        return isinstance(other, Day)


@dataclass(frozen=True)
class Moment(Capacity):
    """Dates with a time: as a clock on the wall shows them, or the same instant everywhere."""

    places: int
    """Of seconds, after the point."""

    is_instant: bool

    def holds(self, other: Capacity) -> bool:
        """Hold moments of as many places, and dates; none becomes an instant, nor the reverse."""
        if isinstance(other, Day):
            return not self.is_instant
        return (
            isinstance(other, Moment)
            and self.is_instant == other.is_instant
            and self.places >= other.places
        )


@dataclass(frozen=True)
class TimeOfDay(Capacity):
    """Times without a date."""

    places: int
    """Of seconds, after the point."""

    has_zone: bool

    def holds(self, other: Capacity) -> bool:
        """Hold times of as many places; none gets a zone, or loses it."""
        return (
            isinstance(other, TimeOfDay)
            and self.has_zone == other.has_zone
            and self.places >= other.places
        )


@dataclass(frozen=True)
class Span(Capacity):
    """Intervals."""

    places: int
    """Of seconds, after the point."""

    fields: str
    """The units it is limited to, as `YEAR TO MONTH`; "" for all."""

    def holds(self, other: Capacity) -> bool:
        """Hold intervals of as many places, in the same units or in all."""
        return (
            isinstance(other, Span)
            and self.fields in (other.fields, "")
            and self.places >= other.places
        )


@dataclass(frozen=True)
class Network(Capacity):
    """Addresses of networks."""

    with_hosts: bool
    """Whether it may be the address of a host in the network."""

    def holds(self, other: Capacity) -> bool:
        """Hold networks, and hosts if it has them."""
        return isinstance(other, Network) and self.with_hosts >= other.with_hosts


@dataclass(frozen=True)
class Several(Capacity):
    """Arrays."""

    item: Capacity

    def holds(self, other: Capacity) -> bool:
        """Hold arrays whose items it holds."""
        return isinstance(other, Several) and self.item.holds(other.item)
