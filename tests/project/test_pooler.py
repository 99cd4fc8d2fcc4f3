"""Behind a pooler a session is anybody's: two deploys at once are one deploy there, too.

A real PgBouncer in transaction mode, with a few sessions for all, as it refuses what is said at the
start of a connection and as it is told to ignore it. It needs Debian's pgbouncer.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from support.pooler import pgbouncer
from support.races import REVISIONS, Arena, arena, at_once, races
from support.servers import server_url

IGNORES = "ignore_startup_parameters = options"


@pytest.fixture(scope="module", params=["refuses options", "ignores options"])
def pooled(request: pytest.FixtureRequest) -> Iterator[URL]:
    """Start a pooler."""
    with pgbouncer(IGNORES if request.param.startswith("ignores") else "") as url:
        yield url


@pytest.fixture
def place(pooled: URL, tmp_path: Path) -> Iterator[Arena]:
    """Make projects that reach their database through the pooler."""
    with arena("postgresql", tmp_path, pooled) as found:
        yield found


def left(place: Arena) -> list[int]:
    """Count what nobody should have any more: locks of sessions, rows, sessions in transactions."""
    asked = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())",
        "SELECT count(*) FROM alembic_lock",
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND state LIKE 'idle in transaction%'",
        "SELECT count(*) FROM pg_prepared_statements",
    )
    with sa.create_engine(place.url, poolclass=sa.NullPool).connect() as connection:
        return [connection.scalar(sa.text(sql)) for sql in asked]


@pytest.mark.parametrize("kind", ["counted", "real"])
def test_twenty_at_once_apply_each_revision_once(
    place: Arena, kind: str, record_property: Callable[[str, int], None]
) -> None:
    ran = place.race(kind, ["upgrade head"] * 20)
    assert [one.code for one in ran] == [0] * 20
    assert sorted(step[2] for one in ran for step in one.steps) == REVISIONS
    assert left(place) == [0, 0, 0, 0]
    assert "MIGRATION_DATABASE_URL" in "".join(one.printed for one in ran)
    record_property("processes raced", 20)


def test_what_comes_of_a_race_is_what_an_order_would_have_done(
    place: Arena, full: bool, record_property: Callable[[str, int], None]
) -> None:
    wrong: list[str] = []
    counted = races(place, 20 if full else 5, 7, wrong.append)
    assert not wrong, "\n".join(wrong)
    assert left(place) == [0, 0, 0, 0]
    record_property("races run", counted["races"])


def test_who_has_the_row_waits_for_who_has_a_session(place: Arena) -> None:
    """A migrator with a session had nobody to wait for when it began."""
    place.empty()
    direct = sa.create_engine(place.url, poolclass=sa.NullPool)
    with direct.connect() as holder:
        holder.execute(sa.text("SELECT pg_advisory_lock(hashtext('alembic'))"))
        holder.commit()
        wait = {"MIGRATION_LOCK_WAIT": "1"}
        [ran] = at_once(place.by_kind["real"].root, ["upgrade head"], place.ways, wait)
    assert ran.code == 255 and not ran.steps
    assert "MIGRATION_LOCK_WAIT" in ran.printed, ran
    assert left(place) == [0, 0, 0, 0]


def test_a_busy_table_is_given_up(place: Arena) -> None:
    """Else everybody who reads it would queue behind us."""
    place.empty()
    direct = sa.create_engine(place.url, poolclass=sa.NullPool)
    with direct.connect() as reader:
        reader.execute(sa.text("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE"))
        wait = {"MIGRATION_LOCK_WAIT": "1", "MIGRATION_LOCK_TIMEOUT": "0.3"}
        [ran] = at_once(place.by_kind["real"].root, ["upgrade head"], place.ways, wait, within=20)
    assert ran.code == 255, ran
    assert "MIGRATION_LOCK_TIMEOUT" in ran.printed, ran
    assert left(place) == [0, 0, 0, 0]


def test_no_statement_is_prepared(place: Arena) -> None:
    """The next transaction's session knows nothing of it, or has another one of its name."""
    place.empty()
    from alambique.database.engine import migration_engine

    [url] = place.ways
    with migration_engine(url).connect() as connection:
        for number in range(20):
            assert connection.scalar(sa.text("SELECT CAST(:n AS INT)"), {"n": number}) == number
        assert connection.scalar(sa.text("SELECT count(*) FROM pg_prepared_statements")) == 0


def test_a_pooler_is_noticed(pooled: URL) -> None:
    from alambique.database.pooler import is_pooled

    for url, expected in ((pooled, True), (server_url("postgresql"), False)):
        with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
            assert is_pooled(connection) is expected
            assert not connection.in_transaction()


def test_who_has_a_session_and_who_has_not_are_one_at_a_time(
    pooled: URL, tmp_path: Path, record_property: Callable[[str, int], None]
) -> None:
    """A job migrates over a direct connection while a service starts behind the pooler."""
    with arena("postgresql", tmp_path, pooled, server_url("postgresql")) as place:
        ran = place.race("counted", ["upgrade head"] * 10)
        assert sorted(step[2] for one in ran for step in one.steps) == REVISIONS
        wrong: list[str] = []
        counted = races(place, 5, 8, wrong.append)
        assert not wrong, "\n".join(wrong)
        assert left(place) == [0, 0, 0, 0]
    record_property("races run", counted["races"])


def test_a_given_connection_is_left_as_it_was(place: Arena) -> None:
    from alambique.settings import alembic_config, use_project
    from alembic import command

    place.empty()
    use_project(place.by_kind["real"].root)
    [url] = place.ways
    engine = sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=1)
    with engine.connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert not connection.in_transaction()
        assert connection.connection.driver_connection.prepare_threshold == 5
    engine.dispose()
    assert left(place) == [0, 0, 0, 0]
