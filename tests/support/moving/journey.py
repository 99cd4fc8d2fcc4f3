"""A history from base to head, by stock and by ours, with rows put in, killed, and compared."""

from __future__ import annotations

import random
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from support.catalog import Catalog, catalog_of
from support.interruption import server
from support.moving.project import Copy, Run, Way
from support.moving.rows import Rows, counted, generated_rows
from support.moving.schema import Held, held, orphans

PLAIN_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


@dataclass(frozen=True)
class Wish:
    """How far it is to go."""

    rows_at: int = 4
    kills: int = 12
    down: int = 3
    seed: int = 1
    driver: str | None = None
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass
class Outcome:
    """What came out of one project on one database."""

    database: str
    revisions: int = 0
    heads: int = 0
    verdict: str = ""
    """equal, different, refused, failed, stock: it fails there with stock itself."""
    rows: int = 0
    points: int = 0
    kills: int = 0
    down: int = 0
    notes: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        heads = f", {self.heads} heads" if self.heads != 1 else ""
        parts = [
            f"{self.database}: {self.revisions} revisions{heads}",
            f"{self.rows} rows at {self.points} points, {self.kills} kills",
            f"{self.down} down and up",
            self.verdict.upper() if self.verdict != "equal" else "equal",
        ]
        return " | ".join([*parts, *self.notes])


class Stopped(Exception):
    """The journey ends here."""

    def __init__(self, verdict: str, note: str, details: Sequence[str] = ()) -> None:
        super().__init__(note)
        self.verdict, self.note, self.details = verdict, note, details


class Side:
    """A copy of the project, and its database."""

    def __init__(self, way: Way, root: Path, database: str, wish: Wish, is_ours: bool) -> None:
        self.name = f"moving_{secrets.token_hex(5)}"
        self.database = database
        if database == "sqlite":
            url = make_url(f"sqlite:///{root.parent / self.name}.db")
        else:
            url = server(database).set(database=self.name)
            self._on_server(f"CREATE DATABASE {self.name}")
        self.url = url.set(drivername=PLAIN_DRIVERS[database])
        told = url.set(drivername=wish.driver) if wish.driver else self.url
        self.catalog: Catalog = catalog_of(self.url)
        self.empty()
        self.copy = Copy(way, root, database, told.render_as_string(hide_password=False), is_ours)

    def _on_server(self, sql: str) -> None:
        engine = sa.create_engine(
            server(self.database), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(sql)

    def empty(self) -> None:
        """Have the database be a new one."""
        self.catalog.empty()

    def held(self) -> Held:
        """Read what the database holds."""
        return held(self.catalog, self.url)

    def orphans(self) -> int:
        """Return how many rows refer to none; only SQLite, whose keys are off, lets it be."""
        return orphans(Path(str(self.url.database))) if self.database == "sqlite" else 0

    def close(self) -> None:
        """Leave nothing behind."""
        if self.database != "sqlite":
            self.catalog.driver.close()  # type: ignore[attr-defined]
            force = " WITH (FORCE)" if self.database == "postgresql" else ""
            self._on_server(f"DROP DATABASE {self.name}{force}")


def move(way: Way, database: str, wish: Wish, say: Callable[[str], None]) -> Outcome:
    """Move a project's history on one database.

    Args:
        way: how the project is run.
        database: sqlite, postgresql or mysql.
        wish: how far to go.
        say: is told what happens meanwhile.
    """
    outcome = Outcome(database)
    with folder() as root:
        sides: list[Side] = []
        try:
            for name in ("stock", "ours", "killed"):
                sides.append(Side(way, root / name, database, wish, name != "stock"))
            _Journey(outcome, wish, say, *sides).go()
            outcome.verdict = "equal"
        except Stopped as stopped:
            outcome.verdict = stopped.verdict
            outcome.notes.append(stopped.note)
            outcome.details += stopped.details
        finally:
            for side in sides:
                side.close()
    return outcome


@contextmanager
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="moving-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Journey:
    def __init__(
        self,
        outcome: Outcome,
        wish: Wish,
        say: Callable[[str], None],
        stock: Side,
        ours: Side,
        killed: Side,
    ) -> None:
        self.outcome, self.wish, self.say = outcome, wish, say
        self.stock, self.ours, self.killed = stock, ours, killed
        self.order = stock.copy.order
        self.rng = random.Random(wish.seed)
        outcome.revisions, outcome.heads = len(self.order), len(stock.copy.heads)

        parts = wish.rows_at + 1
        length = len(self.order)
        ends = {max(1, length * part // parts) for part in range(1, parts)}
        self.targets = [self.order[end - 1] for end in sorted(ends - {length})]
        self.targets.append("heads")
        self.rows: dict[str, Rows] = {}
        self.expected: dict[str, Held] = {}
        self.statements: dict[str, int] = {}
        self.kept: set[str] = set()

    def go(self) -> None:
        """Go the whole way."""
        self._run_stock()
        self.outcome.rows = counted(list(self.rows.values()))
        self.outcome.points = len(self.rows)
        self._run_ours()
        self._run_killed()
        self._down_and_up()
        if self.kept:
            lost = self._lost()
            some = "; ".join(f"{line} (at {at})" for line, at in sorted(lost.items())[:3])
            self.outcome.notes.append(f"keeps {len(lost)} that stock's batch loses: {some}")

    def _lost(self) -> dict[str, str]:
        """Find the revision at which stock loses each line that ours keeps.

        Raises:
            Stopped: stock never had it, so that ours made it up.
        """
        self.stock.empty()
        had: set[str] = set()
        lost: dict[str, str] = {}
        for revision in self.order:
            if lost.keys() == self.kept:
                break
            ended = self.stock.copy.run("upgrade", revision)
            if ended.code:
                break  # the history was cut before
            there = self.kept & set(self.stock.held().facts)
            lost.update(dict.fromkeys(had - there, revision))
            had = there
        if never := sorted(self.kept - lost.keys()):
            raise Stopped("different", f"ours has what stock never lost: {never[0][:200]}", never)
        return lost

    def _run_stock(self) -> None:
        """Find out what must come out; leave out rows that a revision of theirs does not bear."""
        bare: set[str] = set()
        reached: str | None = None
        while True:
            self.stock.empty()
            self.rows.clear()
            self.expected.clear()
            before: str | None = None
            failed: Run | None = None
            lost = 0
            for place, target in enumerate(self.targets):
                ended = self.stock.copy.run("upgrade", target)
                if ended.code:
                    failed = ended
                    break
                self.expected[target] = self.stock.held()
                self.say(f"stock is at {target}")
                if (lost := self.stock.orphans()) and self.rows:
                    # Ours refuses such a revision, as it must: there is nothing to compare.
                    break
                if target not in bare:
                    self.rows[target] = generated_rows(
                        self.stock.url,
                        self.wish.seed + place,
                        list(self.rows.values()),
                        self.wish.texts,
                    )
                before = target
            if lost and self.rows:
                bare.add(list(self.rows)[-1])
                note = f"stock leaves {lost} rows without a parent on the way to {target}"
                self.say(note)
                self.outcome.notes.append(note)
                continue
            if failed is None:
                break
            at = failed.at or "?"
            if before is not None and (loaded := [each for each in self.rows]):
                # Rows of an earlier point may be what is not borne, too.
                bare.add(loaded[-1])
                self.say(f"stock does not bear the rows of {loaded[-1]} at {at}: {failed.reason}")
                self.outcome.notes.append(f"stock does not bear rows at {at}: {failed.reason[:90]}")
                continue
            if at in self.order and at != reached and self.order.index(at) > 0:
                reached = at
                last = self.order[self.order.index(at) - 1]
                self.outcome.notes.append(f"stock itself fails at {at}: {failed.reason[:160]}")
                self.say(self.outcome.notes[-1])
                bare.clear()
                known = [each for each in self.targets if each in self.order]
                self.targets = [
                    each for each in known if self.order.index(each) < self.order.index(last)
                ]
                self.targets.append(last)
                continue
            raise Stopped("stock", f"stock itself fails at {at}: {failed.reason}", [failed.output])

    def _run_ours(self) -> None:
        for target in self.targets:
            ended = self.ours.copy.run("upgrade", target)
            self.statements[target] = ended.statements
            if ended.code:
                raise self._not_done(ended, "")
            self._compare(self.ours, target, "")
            self.say(f"ours is at {target}, equal")
            self._put(self.ours, target)

    def _not_done(self, ended: Run, when: str) -> Stopped:
        is_refused = "FAILED:" in ended.output and "Traceback" not in ended.output
        verdict = "refused" if is_refused else "failed"
        where = f"at {ended.at}: " if ended.at else ""
        return Stopped(verdict, f"{when}{where}{ended.reason}", [ended.output[-6000:]])

    def _compare(self, side: Side, target: str, when: str) -> None:
        expected, found = self.expected[target], side.held()
        if side.database == "sqlite" and (kept := expected.keeps_more(found)):
            self.kept.update(kept)  # a batch of stock's forgets what SQLAlchemy does not reflect
            return
        if differences := expected.differences(found):
            note = f"{when}differs at {target}: {differences[0][:200]}"
            raise Stopped("different", note, differences)

    def _put(self, side: Side, target: str) -> None:
        if target in self.rows:
            try:
                self.rows[target].put(side.url)
            except SQLAlchemyError as error:
                note = f"at {target} ours takes not the rows that stock takes: {error}"
                raise Stopped("different", note[:500]) from error

    def _run_killed(self) -> None:
        """Go the same way, killed at random statements."""
        total = sum(self.statements.values()) or 1
        chosen = sorted(self.rng.randrange(total) for _ in range(self.wish.kills))
        passed = 0
        for target in self.targets:
            here = [
                each - passed for each in chosen if 0 <= each - passed < self.statements[target]
            ]
            passed += self.statements[target]
            done = 0
            for point in here:
                how = self.rng.choice(("before", "after"))
                ended = self.killed.copy.run(
                    "upgrade", target, how=how, point=max(1, point - done + 1)
                )
                done = point
                if not ended.was_killed:
                    break
                self.outcome.kills += 1
            ended = self.killed.copy.run("upgrade", target)
            if ended.code:
                raise self._not_done(ended, f"after {self.outcome.kills} kills, ")
            when = f"after {self.outcome.kills} kills, " if self.outcome.kills else ""
            self._compare(self.killed, target, when)
            self.say(f"killed is at {target}, equal")
            self._put(self.killed, target)

    def _down_and_up(self) -> None:
        """Go down one revision at a time as stock can, up again, and compare each time."""
        if len(self.stock.copy.heads) != 1 or self.targets[-1] != "heads":
            return
        for _ in range(self.wish.down):
            ended = self.stock.copy.run("downgrade", "-1")
            if ended.code:
                self.outcome.notes.append(f"stock does not go down: {ended.reason[:90]}")
                break
            self.expected["down"] = self.stock.held()
            ended = self.ours.copy.run_with_consent("downgrade", "-1")
            if ended.code:
                raise self._not_done(ended, "going down, ")
            self._compare(self.ours, "down", "going down, ")
            self.outcome.down += 1
        else:
            ended = self.stock.copy.run("upgrade", "heads")
            if ended.code:
                self.outcome.notes.append(f"stock does not go up again: {ended.reason[:90]}")
                return
            self.expected["up"] = self.stock.held()
            ended = self.ours.copy.run("upgrade", "heads")
            if ended.code:
                raise self._not_done(ended, "going up again, ")
            self._compare(self.ours, "up", "up again, ")
