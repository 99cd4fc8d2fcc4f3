"""The order in which things can be made."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)


def in_order(places: Mapping[Key, Any], needs: Mapping[Key, Collection[Key]]) -> Iterator[Key]:
    """Yield each key once, after those that it needs, and otherwise by its place.

    What needs something waits; what is needed is not brought forward. So a function of which no
    catalog says that another calls it is there before the tables, where the kinds say so. Where two
    need each other, the one with the earlier place goes first.

    Args:
        places: where each stands by itself; no two stand in the same place.
        needs: what has to come before each; others than those in `places` do not count.
    """
    waiting = {key: {each for each in needs.get(key, ()) if each in places} for key in places}
    needed_by: Mapping[Key, list[Key]] = defaultdict(list)
    for key, needed in waiting.items():
        needed.discard(key)
        for each in needed:
            needed_by[each].append(key)

    keys = {place: key for key, place in places.items()}
    ready = [places[key] for key, needed in waiting.items() if not needed]
    heapq.heapify(ready)
    while waiting:
        key = keys[heapq.heappop(ready)] if ready else min(waiting, key=lambda each: places[each])
        del waiting[key]
        yield key
        for each in needed_by[key]:
            if each in waiting:
                waiting[each].discard(key)
                if not waiting[each]:
                    heapq.heappush(ready, places[each])
