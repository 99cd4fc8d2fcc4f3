"""What two databases hold, compared by its meaning: a line for each fact and for each row."""

from __future__ import annotations

import datetime
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from support.catalog import OURS, Catalog, SQLite, described

WORDS = re.compile(r"'(?:[^']|'')*'|\"[^\"]+\"|`[^`]+`|\[[^\]]+\]|\w+|[^\s\w]")
NAMED = re.compile(
    r'CONSTRAINT\s+("[^"]+"|`[^`]+`|\w+)\s+(PRIMARY|UNIQUE|CHECK|FOREIGN|REFERENCES|NOT|DEFAULT)',
    re.IGNORECASE,
)

LOST = re.compile(r": (AUTOINCREMENT|COLLATE|WITHOUT ROWID|check .+)$|^trigger ")
"""The lines that a batch of stock's is known to lose, as SQLAlchemy does not reflect them."""


@dataclass(frozen=True)
class Held:
    """What a database holds."""

    facts: Counter[str]
    rows: Counter[str]

    def keeps_more(self, other: Held) -> list[str]:
        """Return what the other one has besides, where that may be what stock's batch lost.

        It must lack nothing, have the same rows, and have only such lines more as `LOST` names.
        """
        more = sorted((other.facts - self.facts).elements())
        is_more = self.rows == other.rows and not self.facts - other.facts
        return more if is_more and all(LOST.search(line) for line in more) else []

    def differences(self, other: Held, limit: int = 20) -> list[str]:
        """Return what the other one lacks (-) and has besides (+), facts first."""
        found = []
        for mine, theirs in ((self.facts, other.facts), (self.rows, other.rows)):
            found += [f"- {each}"[:300] for each in sorted((mine - theirs).elements())][:limit]
            found += [f"+ {each}"[:300] for each in sorted((theirs - mine).elements())][:limit]
        return found


def held(catalog: Catalog, url: URL) -> Held:
    """Read what a database holds."""
    lines = described(catalog).splitlines()
    first = next((n for n, line in enumerate(lines) if _is_row(line)), len(lines))
    rows = Counter(_without_now(line) for line in lines[first:])
    if isinstance(catalog, SQLite):
        return Held(Counter(_facts(Path(str(url.database)))), rows)
    return Held(Counter(lines[:first]), rows)


def orphans(path: Path) -> int:
    """Return how many rows of a file of SQLite refer to a row that is not there."""
    with closing(sqlite3.connect(path)) as driver:
        return len(driver.execute("PRAGMA foreign_key_check").fetchall())


def _is_row(line: str) -> bool:
    return bool(re.match(r"\S+: \[", line))


def _without_now(line: str) -> str:
    """Return a row without the moment at which a revision wrote it."""
    line = re.sub(r"\buuid \d+|\b[0-9a-f]{32}\b", "uuid", line)  # revisions make them up
    today = datetime.datetime.now(datetime.UTC).date()
    days = [today, today - datetime.timedelta(days=1)]
    for day in days:
        called = (
            rf"datetime\.datetime\({day.year}, {day.month}, {day.day}, [^()]*(\([^()]*\))?[^()]*\)"
        )
        line = re.sub(called, "now", line)
        line = re.sub(rf"{day.isoformat()}[ T][\d:.]+(\+00:00|Z)?", "now", line)
    epoch = str(int(datetime.datetime.now().timestamp()))[:4]
    return re.sub(rf"\b{epoch}\d{{6}}(\d{{3}})?(\.\d+)?\b", "now", line)


def _facts(path: Path) -> Iterator[str]:
    """Say what a file of SQLite holds, however its tables were written."""
    with closing(sqlite3.connect(path)) as driver:
        master = driver.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
        ).fetchall()
        for kind, name, table, sql in master:
            if name.startswith("sqlite_") or name in OURS or table in OURS:
                continue
            if kind == "table":
                yield from _table(driver, name, sql)
            elif kind != "index":
                yield f"{kind} {name} {_plain(sql)}"


def _table(driver: sqlite3.Connection, table: str, sql: str) -> Iterator[str]:
    def ask(what: str, of: str = table) -> list[tuple[Any, ...]]:
        return driver.execute(f'PRAGMA {what}("{of}")').fetchall()

    columns = ask("table_xinfo")
    yield f"{table}: columns {', '.join(row[1] for row in columns)}"
    for _, name, kind, not_null, default, key, hidden in columns:
        yield (
            f"{table}.{name}: {_plain(kind)} {'NOT NULL' if not_null else ''}"
            f" default {_default(default)} key {key} hidden {hidden}"
        )
    keys: dict[int, list[tuple[Any, ...]]] = {}
    for row in ask("foreign_key_list"):
        keys.setdefault(row[0], []).append(row)
    for rows in keys.values():
        pairs = ", ".join(f"{row[3]}->{row[4]}" for row in sorted(rows, key=lambda row: row[1]))
        yield f"{table}: foreign key to {rows[0][2]} {pairs} on {rows[0][5:8]}"
    for _, name, unique, origin, partial in ask("index_list"):
        if origin != "c":
            of = [(row[2], row[4]) for row in ask("index_xinfo", name) if row[5]]
            yield f"{table}: {origin} over {of}"
            continue
        (made,) = driver.execute(
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", (name,)
        ).fetchone()
        yield f"{table}: index {name} unique {unique} partial {partial} {_plain(made)}"
    for check in _checks(sql):
        yield f"{table}: check {check}"
    for name, kind in NAMED.findall(sql):
        yield f"{table}: {_plain(kind)} named {_plain(name)}"
    for option in ("AUTOINCREMENT", "COLLATE", "DEFERRABLE", "WITHOUT ROWID"):
        # A line for each, so that one more of them is one line more.
        for _ in re.findall(rf"\b{option}\b", sql, re.IGNORECASE):
            yield f"{table}: {option}"


def _checks(sql: str) -> Iterator[str]:
    """Return the conditions of a table's checks, each in its parentheses."""
    words = WORDS.findall(sql)
    for place, word in enumerate(words):
        if word.upper() == "CHECK":
            yield _joined(_group(words, place + 1))


def _group(words: Sequence[str], start: int) -> Sequence[str]:
    depth = 0
    for place in range(start, len(words)):
        depth += {"(": 1, ")": -1}.get(words[place], 0)
        if not depth:
            return words[start : place + 1]
    return words[start:]


def _plain(sql: str) -> str:
    return _joined(WORDS.findall(sql))


def _joined(words: Sequence[str]) -> str:
    """Return SQL in one form: names in small letters without quotes, blanks between words."""
    return " ".join(
        word if word.startswith("'") else (word.strip('"`[]') or word).casefold() for word in words
    )


def _default(said: str | None) -> str:
    """Return a default without the parentheses around it."""
    if said is None:
        return "none"
    words = WORDS.findall(said)
    while words and words[0] == "(" and len(_group(words, 0)) == len(words):
        words = words[1:-1]
    return _joined(words)
