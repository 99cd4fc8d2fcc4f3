"""Migrators at the same moment: upgrades, downgrades, stamps and readers, whatever comes of it.

    PYTHONPATH=tests .venv/bin/python -m support.races --rounds 1000 --seed 1

What comes of it must be what some order of the commands, one after the other, would have done. So
each process says which steps it ran, each step leaves a row, and an order is looked for in which
every process begins where the one before it ended and does what its command does from there.
Whoever failed must have failed with a sentence, and one that was true at some moment.

A race is drawn from a seed and its number: the same arguments make the same races again, though not
the same interleavings.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from support.consent import give_up_everything
from support.minimal import Minimal, minimal_project
from support.pooler import pgbouncer
from support.servers import server_url

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "template/vendor"))

DATABASES = ["sqlite", "postgresql", "mysql"]
# PostgreSQL, which every other process reaches through PgBouncer.
POOLED = "pooled"
REVISIONS = [f"r{number}" for number in range(1, 7)]
BASE = "base"
LINE = [BASE, *REVISIONS]

# What a stamp may move without a table that should be there or gone: each step counts those before
# it, and makes the next one. Two at once make the same one, or leave the same row.
COUNTED = """
n = op.get_bind().scalar(sa.text("SELECT count(*) FROM audit")) + 1
op.execute(f"CREATE TABLE t{{n}} (id INT)")
op.execute(f"INSERT INTO audit VALUES ({{n}}, '{step}')")
"""
# What a real revision does; the database must be at the version that its tables tell of.
MADE = """
op.create_table("t_{id}", sa.Column("id", sa.Integer))
op.execute("INSERT INTO audit SELECT coalesce(max(n), 0) + 1, '{step}' FROM audit")
"""
DROPPED = """
op.execute("INSERT INTO audit SELECT coalesce(max(n), 0) + 1, '{step}' FROM audit")
op.drop_table("t_{id}")
"""
AUDIT = "CREATE TABLE audit (n INT PRIMARY KEY, step VARCHAR(20))"

STEP = re.compile(r"Running (upgrade|downgrade|stamp_revision) (\S*) -> (\w*)")
UP_AND_DOWN = ["upgrade head", "upgrade +1", "upgrade r3", "downgrade base", "downgrade -1"]
UP_AND_DOWN += ["downgrade r2", "upgrade head", "downgrade base", "current", "check"]
STAMPS = ["stamp head", "stamp base", "stamp r3", "stamp --purge r4"]


class Wrong(Exception):
    """What came of a race could not come of any order of its commands."""


@dataclass(frozen=True)
class Ran:
    """A command that one process ran."""

    command: str
    code: int
    printed: str

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """What it did: kind, and the versions before and after each step."""
        found = STEP.findall(self.printed)
        return [(kind, before or BASE, after or BASE) for kind, before, after in found]

    def __str__(self) -> str:
        """Return all there is to see of it."""
        return f"--- {self.command}: {self.code}\n{self.printed}"


class Arena:
    """A project and its database, in which one race after the other is run."""

    def __init__(self, root: Path, url: URL, *ways: URL) -> None:
        """Make the project.

        Args:
            root: its folder.
            url: the database, which is made anew for each race.
            ways: URLs by which migrators reach it, in turn, if not by that one.
        """
        self.url = url
        self.ways = ways or (url,)
        self.by_kind = {kind: self._project(root / kind) for kind in ("counted", "real")}

    def _project(self, root: Path) -> Minimal:
        root.mkdir(parents=True)
        made = minimal_project(root, None)
        below = None
        for id in REVISIONS:
            up, down = (f"{way} {id}" for way in ("up", "down"))
            if root.name == "counted":
                texts = COUNTED.format(step=up), COUNTED.format(step=down)
            else:
                texts = MADE.format(id=id, step=up), DROPPED.format(id=id, step=down)
            made.revision(id, below, *texts)
            below = id
        return made

    def empty(self) -> None:
        """Make the database anew, with nothing but the table of the steps."""
        backend = self.url.get_backend_name()
        if backend == "sqlite":
            for file in Path(str(self.url.database)).parent.glob("app.db*"):
                file.unlink()
        with self._connected() as connection:
            if backend == "postgresql":
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")
            elif backend == "mysql":
                connection.exec_driver_sql(f"DROP DATABASE {self.url.database}")
                connection.exec_driver_sql(f"CREATE DATABASE {self.url.database}")
                connection.exec_driver_sql(f"USE {self.url.database}")
            connection.exec_driver_sql(AUDIT)

    def race(self, kind: str, commands: Sequence[str], at: str = BASE) -> list[Ran]:
        """Run commands at the same moment, on a database that is at a version; judge the end.

        Raises:
            Wrong: no order of the commands would have done this.
        """
        self.empty()
        project = self.by_kind[kind]
        begun: list[Ran] = []
        if at != BASE:
            begun = at_once(project.root, [f"upgrade {at}"], self.ways)
        ran = at_once(project.root, commands, self.ways)
        try:
            self._judge(kind, at, begun, ran)
        except Wrong as wrong:
            raise Wrong(f"{wrong}\n" + "\n".join(map(str, ran))) from None
        return ran

    def _judge(self, kind: str, at: str, begun: list[Ran], ran: list[Ran]) -> None:
        with self._connected() as connection:
            inspector = sa.inspect(connection)
            tables = {name for name in inspector.get_table_names() if name.startswith("t")}
            rows = connection.exec_driver_sql("SELECT step FROM audit ORDER BY n").all()
            left = [name for (name,) in rows]
            versions = []
            if inspector.has_table("alembic_version"):
                found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
                versions = [name for (name,) in found]
            locks = []
            if inspector.has_table("alembic_lock"):
                locks = list(connection.exec_driver_sql("SELECT * FROM alembic_lock").all())

        require(len(versions) <= 1, f"at {versions}")
        end = versions[0] if versions else BASE
        noted = [
            f"{'up' if kind == 'upgrade' else 'down'} {after if kind == 'upgrade' else before}"
            for one in [*begun, *ran]
            for kind, before, after in one.steps
            if kind != "stamp_revision"
        ]
        require(Counter(noted) == Counter(left), f"said {sorted(noted)}, left {left}")
        if kind == "real":
            expected = {f"t_{id}" for id in LINE[1 : LINE.index(end) + 1]}
        else:
            expected = {f"t{n}" for n in range(1, len(left) + 1)}
        require(tables == expected, f"at {end} with {sorted(tables)}")
        require(not locks, f"a lock was left: {locks}")

        for one in ran:
            require("Traceback" not in one.printed, f"a traceback of `{one.command}`")
            require(one.code in (0, 255), f"`{one.command}` ended with {one.code}")
        seen = {at, *(version for one in ran for step in one.steps for version in step[1:])}
        for one in ran:
            if not one.steps and one.command != "check":  # which compares, too
                is_true = any(goal(one.command, version) == _outcome(one) for version in seen)
                is_true = is_true or _moved(one)
                require(is_true, f"`{one.command}` did nothing, at none of {sorted(seen)}")
        blocks = [one for one in ran if one.steps]
        require(has_order(blocks, at, end), f"no order leads from {at} to {end}")

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            yield connection


def _outcome(one: Ran) -> str | None:
    """Return what tells of a command without a step: "nothing" to do, or None for a refusal."""
    return "nothing" if one.code == 0 else None


def _moved(one: Ran) -> bool:
    """Tell whether a goal that counts steps was refused, as somebody else had moved the base."""
    counts = one.command.rpartition(" ")[2][0] in "+-"
    return counts and one.code == 255 and "meanwhile" in one.printed


def goal(command: str, version: str) -> str | None:
    """Return where a command leads from a version; "nothing" if it stays, None if it refuses."""
    name, _, said = command.rpartition(" ")
    place = LINE.index(version)
    match name, said:
        case "", "current":
            return "nothing"
        case "upgrade", "+1":
            to = place + 1
        case "downgrade", "-1":
            to = place - 1
        case _, "head":
            to = len(LINE) - 1
        case _:
            to = LINE.index(said)
    if not 0 <= to < len(LINE):
        return None
    if name == "downgrade" and to > place:
        return None
    if name == "upgrade" and to < place:
        to = place
    return "nothing" if to == place and "--purge" not in name else LINE[to]


def has_order(blocks: list[Ran], start: str, end: str) -> bool:
    """Tell whether these commands, one after the other, lead from one version to another."""
    if not blocks:
        return start == end
    for number, one in enumerate(blocks):
        steps = one.steps
        if "--purge" not in one.command and steps[0][1] != start:
            continue
        ends_where_it_should = steps[-1][2] == goal(one.command, start)
        is_chained = all(before[2] == after[1] for before, after in pairwise(steps))
        rest = blocks[:number] + blocks[number + 1 :]
        if ends_where_it_should and is_chained and has_order(rest, steps[-1][2], end):
            return True
    return False


def require(is_so: object, otherwise: str) -> None:
    """Say what is wrong.

    Raises:
        Wrong: it is not so.
    """
    if not is_so:
        raise Wrong(otherwise)


def at_once(
    root: Path,
    commands: Sequence[str],
    ways: Sequence[URL],
    env: Mapping[str, str] | None = None,
    within: float = 120,
) -> list[Ran]:
    """Run commands of Alembic's in a process each, which begin at the same moment.

    Args:
        root: the project's folder.
        commands: what is typed after `alembic`.
        ways: the URLs that they use, in turn.
        env: variables to set.
        within: seconds, after which what still runs is killed and counts as wrong.
    """
    for library in ("alembic.config", "alambique.env"):
        import_module(library)  # once, for all the forks

    with tempfile.TemporaryDirectory() as folder:
        closed, gate = os.pipe()
        children: list[tuple[int, Path]] = []
        for number, command in enumerate(commands):
            log = Path(folder, str(number))
            log.touch()
            child = os.fork()
            if not child:
                os.close(gate)
                os.environ.update({"MIGRATION_VERBOSE": "1", **(env or {})})
                _alembic(root, ways[number % len(ways)], command, log, closed)
            children.append((child, log))
        os.close(closed)
        time.sleep(0.05)
        os.close(gate)  # all of them read its end

        deadline = time.monotonic() + within
        ran = []
        for command, (child, log) in zip(commands, children, strict=True):
            code = _wait(child, deadline)
            ran.append(Ran(command, code, log.read_text(encoding="utf-8")))
        return ran


def _wait(child: int, deadline: float) -> int:
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, 9)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        time.sleep(0.005)


def _alembic(root: Path, url: URL, command: str, log: Path, closed: int) -> None:
    """Run a command once the gate opens; the process ends with it."""
    from alembic.config import main

    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    logging.getLogger().handlers.clear()  # those of the tests
    code = 1
    try:
        os.read(closed, 1)
        give_up_everything()
        where = f"url={url.render_as_string(hide_password=False)}"
        ini = str(root / "alembic.ini")
        main(["-c", ini, "-x", where, *command.split()], prog="alembic")
        code = 0
    except SystemExit as end:
        code = int(end.code or 0) & 255
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def drawn(random_: random.Random) -> tuple[str, list[str], str]:
    """Draw a race: the kind of its revisions, its commands, and where the database is before."""
    kind = random_.choice(["counted", "real"])
    choice = UP_AND_DOWN + STAMPS if kind == "counted" else UP_AND_DOWN
    commands = [random_.choice(choice) for _ in range(random_.randint(2, 8))]
    return kind, commands, random_.choice(LINE)


@contextmanager
def arena(database: str, root: Path, *through: URL) -> Iterator[Arena]:
    """Make a database of its own, and drop it in the end.

    Args:
        database: its kind.
        root: a folder for the projects.
        through: servers by which migrators reach it, in turn, if not by the test server.
    """
    from alambique.settings import forget_project

    try:
        with _new_database(database, root) as url:
            ways = [each.set(database=url.database) for each in through]
            yield Arena(root / "projects", url, *ways)
    finally:
        forget_project()


@contextmanager
def _new_database(database: str, root: Path) -> Iterator[URL]:
    if database == "sqlite":
        (root / "files").mkdir()
        yield make_url(f"sqlite:///{root}/files/app.db")
        return

    url = server_url(database).set(database=f"races_{os.getpid()}_{random.randrange(10**6)}")
    server = sa.create_engine(
        server_url(database), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    )
    force = " WITH (FORCE)" if database == "postgresql" else ""  # a pooler keeps its sessions
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {url.database}")
    try:
        yield url
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {url.database}{force}")


def races(
    found: Arena, rounds: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> Counter[str]:
    """Run races, and count them: also those that were wrong, each of which is said.

    Args:
        found: where.
        rounds: how many.
        seed: what they are drawn from.
        say: hears what was wrong.
    """
    counted: Counter[str] = Counter()
    for number in range(rounds):
        kind, commands, at = drawn(random.Random(f"{seed} {number}"))
        counted["races"] += 1
        counted["processes"] += len(commands)
        try:
            ran = found.race(kind, commands, at)
        except Wrong as wrong:
            counted["wrong"] += 1
            say(f"race {number} of seed {seed}, {kind} at {at}: {wrong}")
        else:
            counted["steps"] += sum(len(one.steps) for one in ran)
            counted["refused"] += sum(one.code != 0 for one in ran)
    return counted


@contextmanager
def _asked(database: str, root: Path) -> Iterator[Arena]:
    """Make the database that was asked for by its name."""
    if database != POOLED:
        with arena(database, root) as found:
            yield found
        return
    with (
        pgbouncer() as pooled,
        arena("postgresql", root, pooled, server_url("postgresql")) as found,
    ):
        yield found


def main() -> None:
    """Run what is asked for, on each database, and print the numbers."""
    parser = argparse.ArgumentParser(prog="support.races", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="races, of all databases together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=[*DATABASES, POOLED], action="append")
    asked = parser.parse_args()

    databases = asked.database or [*DATABASES, POOLED]
    total: Counter[str] = Counter()
    for place, database in enumerate(databases):
        rounds = (asked.rounds + place) // len(databases)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, _asked(database, Path(folder)) as found:
            counted = races(found, rounds, asked.seed, print)
        total += counted
        numbers = ", ".join(f"{number} {what}" for what, number in counted.items())
        print(f"{database}: {numbers} in {time.monotonic() - began:.0f} s", flush=True)
    print(f"wrong: {total['wrong']} of {total['races']}")
    sys.exit(total["wrong"] > 0)


if __name__ == "__main__":
    main()
