"""How a container starts: what MIGRATE says it does, and what a signal in the middle leaves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.messages import en
from alambique.terminal import TERMINATED
from sqlalchemy_utils import create_database

from support.minimal import Minimal, minimal_project

LIBRARY = Path(__file__).resolve().parents[2] / "template" / "vendor"
CREATE = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'
SERVICE = [sys.executable, "-c", "import sys; print('served', *sys.argv[1:])", "-n", "--url", "x"]

# Half a revision on MariaDB, and a statement that takes as long as the test says.
SLOW = """
op.create_table("u", sa.Column("id", sa.Integer, primary_key=True))
seconds = os.environ.get("SECONDS", "0")
asleep = {"postgresql": f"SELECT pg_sleep({seconds})", "mysql": f"SELECT SLEEP({seconds})"}
if (name := op.get_bind().dialect.name) in asleep:
    op.execute(asleep[name])
else:
    time.sleep(float(seconds))
op.create_table("v", sa.Column("id", sa.Integer, primary_key=True))
"""


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    url = new_database(request.param)
    create_database(url)
    return url


def started(made: Minimal, *command: str, **env: str) -> subprocess.Popen[str]:
    """Start the entry of a container, with this command behind it."""
    return subprocess.Popen(
        [sys.executable, "-m", "alambique", "entrypoint", *command],
        cwd=made.root,
        env=os.environ | {"PYTHONPATH": str(LIBRARY)} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(made: Minimal, *command: str, **env: str) -> tuple[int, str, str]:
    with started(made, *command, **env) as process:
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def tables(url: str) -> set[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    return {name for name in sa.inspect(engine).get_table_names() if len(name) == 1}


def history(tmp_path: Path, url: str) -> Minimal:
    made = minimal_project(tmp_path, url)
    made.revision("a1", upgrade=CREATE)
    made.revision("b2", "a1", upgrade=SLOW, more="import os\nimport time")
    return made


def test_it_migrates_and_gives_way(tmp_path: Path, url: str) -> None:
    code, out, _ = ended(history(tmp_path, url), *SERVICE)
    assert (code, out.splitlines()[-1]) == (0, "served -n --url x")
    assert tables(url) == {"t", "u", "v"}


def test_it_only_migrates(tmp_path: Path, url: str) -> None:
    code, out, _ = ended(history(tmp_path, url), *SERVICE, MIGRATE="only")
    assert code == 0 and "served" not in out
    assert tables(url) == {"t", "u", "v"}


def test_it_never_migrates(tmp_path: Path, url: str) -> None:
    code, out, _ = ended(history(tmp_path, url), *SERVICE, MIGRATE="never")
    assert (code, out) == (0, "served -n --url x\n")
    assert tables(url) == set()


@pytest.mark.parametrize(
    ("command", "migrate", "sentence"),
    [
        ([], "before", en.NO_COMMAND),
        (SERVICE, "always", en.MIGRATE_UNKNOWN.format(value="always")),
        (["no-such-program"], "never", en.COMMAND_NOT_RUN.partition("{")[0]),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    tmp_path: Path, command: list[str], migrate: str, sentence: str
) -> None:
    made = history(tmp_path, f"sqlite:///{tmp_path}/app.db")
    code, out, err = ended(made, *command, MIGRATE=migrate)
    assert code == 1 and sentence in err, err
    assert "served" not in out


def test_a_service_is_not_started_on_a_failure(tmp_path: Path) -> None:
    made = minimal_project(tmp_path, f"sqlite:///{tmp_path}/app.db")
    made.revision("a1", upgrade='op.execute("nonsense")')
    code, out, _ = ended(made, *SERVICE)
    assert code == 1 and "served" not in out


def test_a_signal_in_the_middle_ends_it_and_another_try_finishes(tmp_path: Path, url: str) -> None:
    made = history(tmp_path, url)
    process = started(made, *SERVICE, MIGRATE="only", SECONDS="600")
    deadline = time.monotonic() + 30
    while not _is_asleep(url) and time.monotonic() < deadline:
        time.sleep(0.1)

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == TERMINATED, err
    assert en.INTERRUPTED in err and "Traceback" not in err
    assert "v" not in tables(url)

    code, _, err = ended(made, MIGRATE="only")
    assert code == 0, err
    assert tables(url) == {"t", "u", "v"}


def _is_asleep(url: str) -> bool:
    """Tell whether the revision has come to where it waits."""
    backend = sa.engine.make_url(url).get_backend_name()
    if backend == "sqlite":
        return "t" in tables(url)
    query = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(6%'",
        "mysql": "SELECT count(*) FROM information_schema.processlist"
        " WHERE db = database() AND info LIKE 'SELECT SLEEP(6%'",
    }[backend]
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return bool(connection.execute(sa.text(query)).scalar())
