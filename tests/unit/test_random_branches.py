"""Random histories with branches: what stock Alembic runs, in its order, and nothing else.

Labels, dependencies across branches, merges, several bases, folders and folders in folders. Each is
run by a stock env.py and by ours, on databases of their own, by the same words.
"""

import contextlib
import io
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.commands import apply_migrations, pending_revisions
from alambique.database.creation import create_missing_database
from alambique.history.heads import final_heads
from alambique.history.plan import plan
from alambique.history.script import history
from alambique.history.status import current_heads, pending
from alambique.settings import alembic_config, use_project
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import make_url

from support.minimal import Minimal, minimal_project

STOCK = """
from alembic import context
from sqlalchemy import create_engine

engine = create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
"""
NOTE = "op.execute(\"INSERT INTO ran (what) VALUES ('{}')\")"
FOLDERS = ("migrations/versions", "plugin/versions", "plugin/versions/2026/01")


def written(project: Minimal, seed: int) -> list[str]:
    """Write a history; return the labels."""
    chance = random.Random(seed)
    labels: list[str] = []
    made: list[str] = []
    heads: list[str] = []
    above: dict[str, set[str]] = {}
    for number in range(chance.randint(5, 14)):
        id = f"{chance.randrange(16**4):04x}{number:02d}"
        kind = chance.random()
        if not made or kind < 0.15:
            below: tuple[str, ...] = ()
        elif kind < 0.3 and len(heads) > 1:
            below = tuple(chance.sample(heads, 2))
            if below[0] in above[below[1]] or below[1] in above[below[0]]:
                below = below[:1]
        else:
            below = (chance.choice(heads if kind < 0.85 else made),)
        label = None
        if (not below or kind > 0.85) and chance.random() < 0.7:
            label = f"label{len(labels)}"
            labels.append(label)
        stands_on = {each for one in below for each in (one, *above[one])}
        others = sorted(set(made) - stands_on)
        depends = chance.choice(others) if others and chance.random() < 0.3 else None
        above[id] = stands_on | ({depends, *above[depends]} if depends else set())

        path = project.revision(
            id,
            below or None if len(below) != 1 else below[0],
            NOTE.format(f"+{id}"),
            NOTE.format(f"-{id}"),
            f"branch_labels = {label!r}\ndepends_on = {depends!r}",
        )
        folder = project.root / chance.choice(FOLDERS)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.move(path, folder / path.name)
        made.append(id)
        heads = [each for each in heads if each not in below] + [id]
    return labels


class Two:
    """The same history by a stock env.py, and by ours."""

    def __init__(self, root: Path, seed: int, stock_url: str, our_url: str) -> None:
        self.project = minimal_project(root / "ours", url=None)
        ini = (self.project.root / "alembic.ini").read_text()
        more = "version_locations = %(here)s/migrations/versions:%(here)s/plugin/versions\n"
        self.project.write("alembic.ini", f"{ini}{more}recursive_version_locations = true\n")
        (self.project.root / "plugin/versions").mkdir(parents=True)
        self.labels = written(self.project, seed)
        shutil.copytree(self.project.root, root / "stock")
        (root / "stock/migrations/env.py").write_text(STOCK)
        self.urls = (stock_url, our_url)
        self.stock = Config(root / "stock/alembic.ini")
        self.stock.attributes["url"] = stock_url
        use_project(self.project.root)
        self.ours = alembic_config(our_url)
        self.ours.attributes["lose"] = ()
        for url in self.urls:
            engine = sa.create_engine(url, poolclass=sa.NullPool)
            with engine.begin() as connection:
                key = (
                    "INTEGER PRIMARY KEY"
                    if "sqlite" in url
                    else "INTEGER PRIMARY KEY AUTO_INCREMENT"
                    if "mysql" in url
                    else "SERIAL PRIMARY KEY"
                )
                connection.exec_driver_sql(f"CREATE TABLE ran (id {key}, what VARCHAR(40))")

    def run(self, which: Callable[..., None], goal: str) -> tuple[object, object]:
        """Run a command by both; return what each did, and where its database is."""
        found = []
        for config, url in zip((self.stock, self.ours), self.urls, strict=True):
            failed = False
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    which(config, goal)
            except (Exception, SystemExit):
                failed = True
            engine = sa.create_engine(url, poolclass=sa.NullPool)
            with engine.connect() as connection:
                ran = connection.exec_driver_sql("SELECT what FROM ran ORDER BY id").all()
                at: list[object] = []
                if sa.inspect(connection).has_table("alembic_version"):
                    rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
                    at = sorted(rows.scalars())
            found.append(([each.what for each in ran], at, failed))
        return found[0], found[1]


def goals(two: Two, chance: random.Random) -> Iterator[tuple[Callable[..., None], str]]:
    """Yield commands, up and down again."""
    script = ScriptDirectory.from_config(two.stock)
    ids = [each.revision for each in script.walk_revisions()]
    heads = [f"{label}@head" for label in two.labels]
    some = [*heads, *script.get_heads(), *chance.sample(ids, 3), "+1", "head"]
    some += [f"{label}@+1" for label in two.labels]
    for goal in chance.sample(some, min(4, len(some))):
        yield command.upgrade, goal
    yield command.upgrade, "heads"
    down = [*chance.sample(ids, 3), *(f"{label}@base" for label in two.labels)]
    down += [f"{label}@-1" for label in two.labels]
    down += [f"{head}@-1" for head in script.get_heads()]
    for goal in chance.sample(down, min(5, len(down))):
        yield command.downgrade, goal
        if chance.random() < 0.4:
            yield command.upgrade, "heads"
    yield command.downgrade, "base"
    yield command.upgrade, "heads"


def compare(two: Two, seed: int) -> int:
    """Compare every command; return how many there were."""
    chance = random.Random(seed)
    count = 0
    for which, goal in goals(two, chance):
        before = pending_revisions(two.urls[1])
        stock, ours = two.run(which, goal)
        assert ours == stock, (seed, which.__name__, goal)
        if goal == "heads":
            ran = [each[1:] for each in ours[0]]  # type: ignore[index]
            assert ran[len(ran) - len(before) :] == before
            assert set(current_heads(two.ours)) == set(final_heads(history(two.ours)))
            assert plan_is_empty(two)
        count += 1
    return count


def plan_is_empty(two: Two) -> bool:
    try:
        return plan(two.ours).revisions == []
    except Exception as error:  # a fork, which stock knows nothing of
        return "Two heads" in str(error)


@pytest.mark.parametrize("seed", range(4))
def test_what_stock_runs(tmp_path: Path, seed: int) -> None:
    two = Two(tmp_path, seed, f"sqlite:///{tmp_path}/stock.db", f"sqlite:///{tmp_path}/ours.db")
    assert compare(two, seed) > 5


@pytest.mark.full
@pytest.mark.parametrize("seed", range(4, 120))
def test_what_stock_runs_of_many(tmp_path: Path, seed: int) -> None:
    test_what_stock_runs(tmp_path, seed)


@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        pytest.param("postgresql", 3, marks=pytest.mark.full),
        pytest.param("postgresql", 8, marks=pytest.mark.full),
        ("mysql", 8),
        pytest.param("mysql", 3, marks=pytest.mark.full),
    ],
)
def test_what_stock_runs_on_a_server(
    tmp_path: Path, kind: str, seed: int, new_database: Callable[[str], str]
) -> None:
    urls = [new_database(kind), new_database(kind)]
    for url in urls:
        create_missing_database(make_url(url))
    assert compare(Two(tmp_path, seed, *urls), seed) > 5


@pytest.mark.parametrize("seed", [398, pytest.param(392, marks=pytest.mark.full)])
def test_what_was_interrupted_comes_first(
    tmp_path: Path, seed: int, new_database: Callable[[str], str]
) -> None:
    """Alembic begins with another branch where the database has got a step further."""
    urls = [new_database("mysql"), new_database("mysql")]
    for url in urls:
        create_missing_database(make_url(url))
    two = Two(tmp_path, seed, *urls)
    order = pending_revisions(urls[1])

    # Up to the step before which Alembic would take another one.
    script = history(two.ours)
    for done in range(1, len(order)):
        apply_migrations(order[done - 1], urls[1])
        if set(current_heads(two.ours)) <= set(order[:done]) and (
            pending(script, current_heads(two.ours))[0] != order[done]
        ):
            break
    else:
        pytest.fail("no such step: take another seed")

    begun = order[done]
    path = Path(script.get_revision(begun).path)
    whole = path.read_text()
    half = 'def upgrade() -> None:\n    op.execute("CREATE TABLE half (id INTEGER)")\n'
    path.write_text(
        whole.replace("def upgrade() -> None:\n", f'{half}    op.execute("nonsense")\n')
    )
    with pytest.raises(CommandError, match="nonsense"):
        apply_migrations(begun, urls[1])
    path.write_text(whole.replace("def upgrade() -> None:\n", half))
    apply_migrations("heads", urls[1])
    assert pending_revisions(urls[1]) == []
