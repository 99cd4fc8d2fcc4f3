"""Generated revisions, interrupted: they end as if they had not been, or are refused.

This is a sample of what `make soak` does; `support.interruption` runs it on a real database each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

import pytest

from support.generated import generate
from support.generated.world import MOVES
from support.interruption import DATABASES, HOWS, Bench, Outcome, judged
from support.servers import server_url

# Seeds, and one of how many statements is interrupted.
SAMPLE = range(1, 3), 29
FULL = range(1, 4), 12


@contextmanager
def bench_on(database: str) -> Iterator[Bench]:
    """Lend a database to interrupt revisions on."""
    if database != "sqlite":
        server_url(database)  # skips where it does not answer
    bench = Bench(database, f"t_{token_hex(6)}")
    try:
        yield bench
    finally:
        bench.close()


def report(outcomes: list[Outcome]) -> str:
    """Return what was wrong, and what does it again."""
    wrong = [each for each in outcomes if each.result in {"wrong", "unfit"}]
    return "\n\n".join(f"{each.reason}\n{each.command}\n{each.details}" for each in wrong[:3])


@pytest.mark.parametrize("database", DATABASES)
def test_what_was_interrupted_is_finished_or_refused(
    database: str, full: bool, record_property: pytest.FixtureRequest
) -> None:
    seeds, every = FULL if full else SAMPLE
    outcomes: list[Outcome] = []
    with bench_on(database) as bench:
        for seed in seeds:
            history = generate(database, seed)
            outcomes += judged(bench, history, HOWS, every)

    results = Counter(each.result for each in outcomes)
    assert not results["wrong"] and not results["unfit"], report(outcomes)
    assert results["equal"] > results["refused"] > -1
    record_property("interruptions of generated revisions", results.total() - results["missed"])
    record_property("of them refused", results["refused"])


@pytest.mark.parametrize("database", DATABASES)
def test_a_session_in_a_block_meets_a_busy_table(database: str) -> None:
    move = "orm_bulk_update+block"
    with bench_on(database) as bench:
        outcomes = list(judged(bench, generate(database, 1, [move]), ["busy"], only=[move]))

    assert {each.result for each in outcomes} <= {"equal", "missed"}, report(outcomes)
    assert "equal" in {each.result for each in outcomes}


@pytest.mark.parametrize(
    ("database", "move", "how"),
    [
        ("mysql", "called_by_the_cursor+block", "before"),
        ("mysql", "connection_of_the_driver+block", "after"),
        ("mysql", "temporary_by_alembic", "before"),
        ("postgresql", "copy_from_the_client+block", "interrupt_after"),
    ],
)
def test_what_goes_around_the_records_is_finished_or_refused(
    database: str, move: str, how: str
) -> None:
    with bench_on(database) as bench:
        outcomes = list(judged(bench, generate(database, 1, [move]), [how], only=[move]))

    assert {each.result for each in outcomes} <= {"equal", "refused", "missed"}, report(outcomes)


@pytest.mark.full
@pytest.mark.parametrize("database", DATABASES)
def test_every_move_runs_as_alembic_alone_runs_it(database: str) -> None:
    with bench_on(database) as bench:
        for name in (each.name for each in MOVES.values() if database in each.databases):
            outcomes = list(judged(bench, generate(database, 1, [name]), ["raise"], only=[name]))
            assert {each.result for each in outcomes} <= {"equal", "refused"}, report(outcomes)


@pytest.mark.parametrize("database", DATABASES)
def test_a_seed_makes_the_same_history_again(database: str) -> None:
    one, same, other = (generate(database, seed).source for seed in (7, 7, 8))

    assert one == same
    assert one != other
