"""Generated histories, interrupted at every statement: equal, or refused, and never wrong.

    PYTHONPATH=tests .venv/bin/python -m support.interruption --rounds 50 --jobs 2
    PYTHONPATH=tests .venv/bin/python -m support.interruption --database mysql --seed 17 \\
        --point 23 --how after

A history is run by Alembic alone, which says what must come out of it; by the library,
uninterrupted; then by the library once for each statement and each way to interrupt it, followed by
the same command until it succeeds or refuses for good.
"""

from __future__ import annotations

import argparse
import difflib
import mmap
import os
import random
import re
import secrets
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import alambique.env  # noqa: F401  once, for all the forks
import alembic.config
import sqlalchemy as sa
from alambique.messages import en
from sqlalchemy.engine import URL, make_url

from support.catalog import Catalog, catalog_of, described
from support.drivers import Incident, install
from support.generated import History, generate, is_wild
from support.generated.world import MOVES, Unfit
from support.minimal import Minimal, minimal_project
from support.servers import SERVERS

DATABASES = ("mysql", "postgresql", "sqlite")

EVERY_POINT = ("before", "after", "busy")
"""What is done at each statement."""

AT_SOME_POINTS = ("deadlock", "lost", "lost_after", "interrupt", "interrupt_after", "sent", "held")
"""What is done at every third one, at another place for each."""

HOWS = (*EVERY_POINT, *AT_SOME_POINTS, "raise")

ONE_OF_THE_FIRST = 10
"""Of what every history begins with, one statement of so many is interrupted."""

RAISED_BY_US = ("raise", "interrupt", "interrupt_after")
"""What ends in a traceback as it was raised here; what is said to Ctrl-C is tested elsewhere."""

REFUSED_BEFOREHAND = ("ASKS_ABOUT_OURS",)
"""Reasons to refuse what was never interrupted; `docs/trouble.md` says what to write instead."""

UNTRUE = ("REVISION_EDITED", "STATEMENT_FAILED")
"""Reasons to refuse that are none: nobody edits a revision, and every statement can be done."""

STOCK = """
import sqlalchemy as sa
from alembic import context

engine = sa.create_engine({url!r}, poolclass=sa.NullPool)

if engine.dialect.name == "sqlite":

    @sa.event.listens_for(engine, "connect")
    def connected(driver, record):
        driver.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def begun(connection):
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN")

with engine.connect() as connection:
    context.configure(
        connection=connection,
        transaction_per_migration=True,
        transactional_ddl=engine.dialect.name in ("sqlite", "postgresql"),
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()  # a revision that commits by itself would leave its version behind
"""

SETTINGS = {
    "MIGRATION_LOCK_WAIT": "4",
    "MIGRATION_LOCK_TIMEOUT": "1",
    "LANG": "en",
    "LC_ALL": "C.UTF-8",
}
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()
LONGEST = 20  # seconds that a run may take


@dataclass(frozen=True)
class Run:
    """A command that has ended."""

    code: int
    output: str
    happened: bool
    statements: int

    @property
    def is_traceback(self) -> bool:
        """Did it end as no user should see it end?"""
        return "Traceback (most recent call last)" in self.output

    @property
    def reason(self) -> str:
        """The message that it ended with, by its name."""
        if self.code == -signal.SIGALRM:
            return f"still running after {LONGEST} s"
        if self.is_traceback:
            raised = re.findall(
                r"^[\w.]+(?:Error|Exception|Interrupt)\b.*", self.output, re.MULTILINE
            )
            return "traceback: " + (raised[-1] if raised else "?")[:150]
        return name_of(self.output)


@dataclass(frozen=True)
class Outcome:
    """What became of a history that was interrupted once."""

    database: str
    seed: int
    how: str
    point: int
    result: str
    """equal, refused, wrong, or missed: nothing could be interrupted there."""
    reason: str = ""
    place: str = ""
    """The move, and the statement."""
    details: str = ""
    only: Sequence[str] = ()

    @property
    def move(self) -> str:
        """The move that was interrupted."""
        found = re.match(r"\w+(?=:)", self.place)
        return found[0] if found else "first" if self.place else "+".join(self.only)

    @property
    def command(self) -> str:
        """What does the same again."""
        only = "".join(f" --move {name}" for name in self.only)
        return (
            "PYTHONPATH=tests .venv/bin/python -m support.interruption"
            f" --database {self.database} --seed {self.seed}{only}"
            + (f" --how {self.how} --point {self.point}" if self.point else " --point 1")
        )


@dataclass
class Bench:
    """A database of our own, and two projects on it that are filled anew for each history."""

    database: str
    name: str
    folder: Path = field(init=False)
    url: URL = field(init=False)
    catalog: Catalog = field(init=False)

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=MEMORY))
        if self.database == "sqlite":
            self.url = make_url(f"sqlite:///{self.folder / 'app.db'}")
        else:
            self.url = server(self.database).set(database=self.name)
            with _on_server(self.database) as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.name}")
                connection.exec_driver_sql(f"CREATE DATABASE {self.name}")
        self.catalog = catalog_of(self.url)

    def project(self, history: History, is_stock: bool = False) -> Minimal:
        """Return a project with a history's revisions."""
        root = Path(tempfile.mkdtemp(dir=self.folder))
        url = self.url.render_as_string(hide_password=False)
        project = minimal_project(root, url)
        if is_stock:
            project.write("migrations/env.py", STOCK.format(url=url))
        history.write(project)
        return project

    def close(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.database != "sqlite":
            self.catalog.driver.close()  # type: ignore[attr-defined]
            with _on_server(self.database) as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.name}")


def server(database: str) -> URL:
    """Return the URL of the tests' server."""
    return make_url(os.environ.get(f"TEST_{database.upper()}_URL", SERVERS[database]))


def _on_server(database: str) -> sa.Connection:
    url = server(database)
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    return engine.connect()


def run(
    project: Minimal,
    database: str,
    how: str = "none",
    point: int = 0,
    raise_at: str = "",
    trace: bool = False,
) -> Run:
    """Run `alembic upgrade head` in a fork, and let one thing happen to it."""
    shared = mmap.mmap(-1, 8)
    output = os.memfd_create("output")
    child = os.fork()
    if not child:
        _inside(
            project, database, Incident(how, point, shared, [] if trace else None), output, raise_at
        )
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.lseek(output, 0, os.SEEK_SET)
    with os.fdopen(output, encoding="utf-8", errors="replace") as file:
        said = file.read()
    happened = bool(shared[0]) or f"raised before {raise_at}" in said
    return Run(code, said, happened, int.from_bytes(shared[1:5]))


def _inside(
    project: Minimal, database: str, incident: Incident, output: int, raise_at: str
) -> None:
    """Be the fork: another process in what differs between processes."""
    code = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        signal.alarm(LONGEST)
        os.chdir(project.root)
        os.environ.update(SETTINGS, RAISE_AT=raise_at)
        random.seed(os.urandom(8))
        scattered = [bytearray(random.randrange(16, 600)) for _ in range(random.randrange(3000))]
        del scattered[::2]  # objects lie elsewhere, and a set of them has another order
        _do_not_wait_long()
        install(database, incident)
        alembic.config.main(["-c", str(project.root / "alembic.ini"), "upgrade", "head"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if incident.trace is not None:
            print("\n".join(["TRACE", *incident.trace]), flush=True)
        os._exit(code & 255)


def _do_not_wait_long() -> None:
    """Shorten every pause of the library's: nobody else is to be let through."""
    from alambique.upgrade import retry

    assert hasattr(retry, "FIRST_PAUSE")
    for name, module in list(sys.modules.items()):
        if name.startswith("alambique.upgrade"):
            for pause in vars(module).keys() & {"FIRST_PAUSE", "PAUSE"}:
                setattr(module, pause, 0.01)


def patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Return every message's name and what it looks like, the longest first."""
    found = []
    for name, text in vars(en).items():
        if name.isupper() and isinstance(text, str):
            parts = [
                r"\s+".join(map(re.escape, part.split())) for part in re.split(r"\{[^}]*\}", text)
            ]
            said = sum(len(part) for part in parts)
            found.append((said, name, re.compile(r"\s*.*?\s*".join(parts), re.DOTALL)))
    return [(name, pattern) for _, name, pattern in sorted(found, key=lambda one: -one[0])]


PATTERNS = patterns()


def name_of(output: str) -> str:
    """Return the name of the message that a command failed with."""
    failure = output.rpartition("FAILED:")[2]
    for name, pattern in PATTERNS:
        if pattern.search(failure):
            return name
    lines = output.strip().splitlines()
    return f"no message of ours: {lines[-1][:120] if lines else 'silence'}"


def judged(
    bench: Bench,
    history: History,
    hows: Iterable[str],
    every: int = 1,
    point: int | None = None,
    only: Sequence[str] = (),
) -> Iterator[Outcome]:
    """Interrupt a history in every way, and judge what comes out.

    Args:
        bench: where.
        history: what.
        hows: in which ways.
        every: interrupt at one of so many statements.
        point: interrupt at this statement only.
        only: the moves that the history was made of, if they were chosen.
    """
    database = bench.database

    def outcome(
        result: str,
        reason: str = "",
        details: str = "",
        how: str = "none",
        point: int = 0,
        place: str = "",
    ) -> Outcome:
        return Outcome(database, history.seed, how, point, result, reason, place, details, only)

    stock = bench.project(history, is_stock=True)
    bench.catalog.empty()
    alone = run(stock, database)
    if alone.code:
        yield outcome("unfit", "Alembic alone refuses it", alone.output + history.source)
        return
    expected = bench.catalog.describe()

    ours = bench.project(history)
    bench.catalog.empty()
    whole = run(ours, database, trace=True)
    said, _, traced = whole.output.partition("TRACE\n")
    statements = traced.splitlines()
    if whole.code:
        reason = Run(whole.code, said, False, 0).reason
        result = "refused" if reason in REFUSED_BEFOREHAND else "wrong"
        yield outcome(result, f"though never interrupted: {reason}", said + history.source)
        return
    found = bench.catalog.describe()
    if found != expected:
        yield outcome(
            "wrong",
            "differs though never interrupted",
            _difference(expected, found) + history.source,
        )
        return
    if bench.catalog.notes():
        yield outcome("wrong", "leaves notes though never interrupted", history.source)
        return

    for how in hows:
        for number in [point] if point else _points(how, statements, history, every):
            raise_at = history.moves[number - 1] if how == "raise" else ""
            place = raise_at or statements[number - 1]
            result, reason, details = _one(bench, ours, how, number, raise_at, expected)
            yield outcome(result, reason, details + history.source, how, number, place)
    shutil.rmtree(stock.root)
    shutil.rmtree(ours.root)


def _points(how: str, statements: Sequence[str], history: History, every: int) -> Iterator[int]:
    """Return where to interrupt: the numbers of statements, or of moves."""
    if how == "raise":
        yield from range(1, len(history.moves) + 1)
        return

    step = every if how in EVERY_POINT else every * (15 if how == "held" else 3)
    first = 1 + (HOWS.index(how) + history.seed) % step
    for number in range(first, len(statements) + 1, step):
        is_first = statements[number - 1].startswith("first\t")
        if not is_first or (number + history.seed) % ONE_OF_THE_FIRST == 0:
            yield number


def _one(
    bench: Bench, project: Minimal, how: str, point: int, raise_at: str, expected: str
) -> tuple[str, str, str]:
    """Interrupt once, go on until it succeeds or refuses for good; return the judgement."""
    bench.catalog.empty()
    runs = [run(project, bench.database, how, 0 if raise_at else point, raise_at)]
    if not runs[0].happened:
        return "missed", "", ""
    is_rude = runs[0].is_traceback and how not in RAISED_BY_US

    while runs[-1].code != 0 and len(runs) < 4:
        before = described(bench.catalog)
        runs.append(run(project, bench.database))
        if runs[-1].is_traceback or runs[-1].code == -signal.SIGALRM:
            return "wrong", f"resumed by a {runs[-1].reason}", _outputs(runs)
        if runs[-1].code and described(bench.catalog) == before:
            break

    if runs[-1].code:
        moved = " (and goes on a little each time)" if len(runs) == 4 else ""
        if runs[-1].reason in UNTRUE:
            return "wrong", f"refused by an untrue reason, {runs[-1].reason}", _outputs(runs)
        return "refused", runs[-1].reason + moved, _outputs(runs)
    found = bench.catalog.describe()
    if found != expected:
        when = "resumed"
        if len(runs) == 1:
            was_tried_again = "trying again" in runs[0].output
            when = "retried" if was_tried_again else "swallowed by the revision"
        return (
            "wrong",
            f"{when}, exit 0, and different",
            _difference(expected, found) + _outputs(runs),
        )
    if bench.catalog.notes():
        return "wrong", "equal, but notes are left", _outputs(runs)
    if is_rude:
        return "wrong", f"equal, but {how} was answered by a {runs[0].reason}", _outputs(runs)
    return "equal", "", ""


def _difference(expected: str, found: str) -> str:
    lines = difflib.unified_diff(
        expected.splitlines(), found.splitlines(), "expected", "found", lineterm="", n=0
    )
    return "\n".join(lines) + "\n\n"


def _outputs(runs: Sequence[Run]) -> str:
    parts = [
        f"--- run {n}: exit {each.code}\n{each.output.strip()}" for n, each in enumerate(runs, 1)
    ]
    return "\n".join(parts) + "\n\n"


# Many of them


@dataclass(frozen=True)
class Task:
    """A history to judge, in some process."""

    database: str
    seed: int
    hows: Sequence[str]
    every: int
    point: int | None
    only: Sequence[str]


_benches: dict[str, Bench] = {}
_prefix = ""


def _begin_work(prefix: str) -> None:
    """Say what this process's databases are called."""
    global _prefix
    _prefix = prefix


def judge(task: Task) -> list[Outcome]:
    """Judge one history on this process's own database."""
    if task.database not in _benches:
        _benches[task.database] = Bench(task.database, f"{_prefix}_{os.getpid()}")
    bench = _benches[task.database]
    try:
        history = generate(task.database, task.seed, task.only)
    except Unfit:
        return [
            Outcome(task.database, task.seed, "none", 0, "unfit", "no table fits", only=task.only)
        ]
    return list(judged(bench, history, task.hows, task.every, task.point, task.only))


def judge_all(tasks: Sequence[Task], jobs: int) -> Iterator[list[Outcome]]:
    """Judge histories, each in one of so many processes; drop their databases at the end."""
    prefix = f"soak_{secrets.token_hex(3)}"
    if jobs == 1:
        _begin_work(prefix)
        try:
            yield from map(judge, tasks)
        finally:
            for bench in _benches.values():
                bench.close()
            _benches.clear()
        return
    pool = ProcessPoolExecutor(jobs, get_context("fork"), _begin_work, (prefix,))
    try:
        with pool:
            yield from pool.map(judge, tasks)
    finally:
        _drop_databases(prefix, {task.database for task in tasks})
        for folder in Path(MEMORY).glob(f"{prefix}_*"):
            shutil.rmtree(folder, ignore_errors=True)


def _drop_databases(prefix: str, databases: Iterable[str]) -> None:
    for database in databases:
        if database == "sqlite":
            continue
        column, table = {
            "mysql": ("schema_name", "information_schema.schemata"),
            "postgresql": ("datname", "pg_database"),
        }[database]
        names = f"SELECT {column} FROM {table} WHERE {column} LIKE '{prefix}%%'"
        with _on_server(database) as connection:
            for (name,) in connection.exec_driver_sql(names).all():
                connection.exec_driver_sql(f"DROP DATABASE {name}")


@dataclass
class Summary:
    """The numbers of one kind of database."""

    histories: int = 0
    results: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count what became of one history."""
        self.histories += not any(each.result == "unfit" for each in outcomes)
        for each in outcomes:
            self.results[each.result] += 1
            if each.reason:
                self.reasons[f"{each.result}: {each.reason}"] += 1
            if each.result in {"refused", "wrong"}:
                self.kinds[each.result, each.move, each.reason] += 1

    def __str__(self) -> str:
        equal, refused = self.results["equal"], self.results["refused"]
        points = equal + refused + self.results["wrong"]
        share = f"{equal / (equal + refused):.1%}" if equal + refused else "-"
        lines = [
            f"{self.histories} histories, {points:,} interruptions: {equal:,} equal,"
            f" {refused:,} refused, {self.results['wrong']:,} WRONG; {share} resume by themselves"
            + (f"; {self.results['unfit']} unfit" if self.results["unfit"] else "")
        ]
        lines += [f"  {count:>6} {reason}" for reason, count in self.reasons.most_common(25)]
        return "\n".join(lines)

    @property
    def moves(self) -> str:
        """Which moves end in what."""
        rows = sorted(self.kinds.items(), key=lambda item: (item[0][0], -item[1]), reverse=False)
        return "\n".join(f"  {count:>6} {' | '.join(kind)}" for kind, count in rows[:60])


def main() -> int:
    """Run it from the command line; exit 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", action="append", choices=DATABASES)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--rounds", type=int, default=1, help="how many seeds, on each database")
    parser.add_argument("--how", action="append", choices=HOWS)
    parser.add_argument("--point", type=int, help="interrupt at this statement only")
    parser.add_argument("--every", type=int, default=1, help="interrupt at one of so many")
    parser.add_argument("--move", action="append", help="only these; NAME+block: autocommit")
    parser.add_argument("--each-move", action="store_true", help="a history for each move")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--show", type=int, default=3, help="print so many of the wrong ones")
    parser.add_argument("--save", type=Path, help="a folder: what was wrong, each kind in a file")
    parser.add_argument("--source", action="store_true", help="print the history, run nothing")
    parser.add_argument("--trace", action="store_true", help="print what reaches the driver")
    options = parser.parse_args()

    tasks = list(_tasks(options))
    if options.source or options.trace:
        for task in tasks:
            _show(task, options.trace)
        return 0

    started = time.monotonic()
    summaries: dict[str, Summary] = {}
    shown: set[str] = set()
    was_ended = False
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for outcomes in judge_all(tasks, options.jobs):
            for each in outcomes:
                _tell(each, options, shown)
                kind = f"{each.database}, wild" if is_wild(each.seed) else each.database
                summary = summaries.setdefault(kind, Summary())
            summary.add(outcomes)
            histories = sum(each.histories for each in summaries.values())
            if histories % 10 == 0:
                print(f"{histories} histories, {time.monotonic() - started:.0f} s", flush=True)
    except KeyboardInterrupt:
        was_ended = True
        print("\nEnded before its end; so far:")

    for database, summary in summaries.items():
        print(f"\n{database}: {summary}\n{summary.moves}")
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if was_ended or any(each.results["wrong"] for each in summaries.values()) else 0


def _tell(outcome: Outcome, options: argparse.Namespace, shown: set[str]) -> None:
    """Print or save an outcome if somebody wants to see it."""
    if options.point is not None:
        print(outcome.result, outcome.reason, outcome.details, sep="\n")
    elif outcome.result == "wrong" and options.save:
        _save(outcome, options.save)
    elif outcome.result in {"wrong", "unfit"} and len(shown) < options.show:
        kind = f"{outcome.database} {outcome.reason} {outcome.move}"
        if kind not in shown:
            print(f"\n{outcome.result.upper()}: {outcome.reason}")
            print(f"  {outcome.place}\n  {outcome.command}\n{outcome.details}", flush=True)
        shown.add(kind)


def _show(task: Task, with_trace: bool) -> None:
    """Print a history, and each statement of an uninterrupted run with its number."""
    history = generate(task.database, task.seed, task.only)
    print(history.source)
    if not with_trace:
        return
    bench = Bench(task.database, f"soak_{secrets.token_hex(3)}")
    try:
        bench.catalog.empty()
        output = run(bench.project(history), task.database, trace=True).output
    finally:
        bench.close()
    said, _, statements = output.partition("TRACE\n")
    print(said)
    for number, statement in enumerate(statements.splitlines(), 1):
        print(f"{number:>5} {statement}")


def _save(outcome: Outcome, folder: Path) -> None:
    """Write what was wrong to a file of its kind; the shortest one stays."""
    move = outcome.move or "-".join(outcome.only) or "mixed"
    kind = re.sub(r"\W+", "-", f"{outcome.database} {move} {outcome.reason[:60]}").strip("-")
    path = folder / f"{kind}.txt"
    head = f"{outcome.reason}\n{outcome.place}\n{outcome.command}\n\n"
    text = head + outcome.details
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists() or len(path.read_text(encoding="utf-8")) > len(text):
        path.write_text(text, encoding="utf-8")


def _all_moves(database: str) -> Iterator[str]:
    """Return the moves of a database, each plain and, where it may, in an autocommit block."""
    for each in MOVES.values():
        if database in each.databases:
            yield each.name
            if each.in_autocommit:
                yield f"{each.name}+block"


def _tasks(options: argparse.Namespace) -> Iterator[Task]:
    for seed in range(options.seed, options.seed + options.rounds):
        for database in options.database or DATABASES:
            chosen: list[Sequence[str]] = [options.move or ()]
            if options.each_move:
                chosen = [(name,) for name in _all_moves(database)]
            for only in chosen:
                yield Task(
                    database,
                    seed,
                    options.how or HOWS,
                    options.every,
                    options.point,
                    only,
                )


if __name__ == "__main__":
    sys.exit(main())
