"""What a comparison with the models proposes at the head of a history: stock's, and ours."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from support.moving.journey import Side, Wish, folder
from support.moving.project import Way


def noise(way: Way, database: str, wish: Wish) -> tuple[Sequence[str], Sequence[str]]:
    """Return the changes that each proposes for a database that it has brought to the head.

    Args:
        way: how the project is run; its env.py has to name its models.
        database: sqlite, postgresql or mysql.
        wish: says the driver.

    Returns:
        Each a line, stock's first.
    """
    with folder() as root:
        stock = Side(way, root / "stock", database, wish, is_ours=False)
        ours = Side(way, root / "ours", database, wish, is_ours=True)
        try:
            for side in (stock, ours):
                ended = side.copy.run("upgrade", "heads")
                if ended.code:
                    raise SystemExit(f"{side.copy.root.name} fails: {ended.reason}")
            return _proposed(stock), _proposed(ours)
        finally:
            stock.close()
            ours.close()


def shown(database: str, stock: Sequence[str], ours: Sequence[str]) -> str:
    """Write how many changes each proposes, of which kinds, and which lines only one has."""
    lines = [f"{database}: stock {_counted(stock)} | ours {_counted(ours)}"]
    lines += [f"    - {line}" for line in stock if line not in ours]
    lines += [f"    + {line}" for line in ours if line not in stock]
    return "\n".join(lines)


def _proposed(side: Side) -> list[str]:
    ended = side.copy.run("check")
    found = [line for line in ended.output.splitlines() if line.startswith("PROPOSED ")]
    if not found:
        raise SystemExit(f"nothing was compared: {ended.output}")
    lines: list[str] = json.loads(found[-1].removeprefix("PROPOSED "))
    return lines


def _counted(lines: Sequence[str]) -> str:
    kinds = Counter(line.partition(" ")[0] for line in lines)
    named = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    return f"{len(lines)} ({named})" if named else "0"
