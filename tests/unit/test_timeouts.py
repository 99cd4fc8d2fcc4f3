"""No wait is for ever: to be let in, for a table, on a network gone silent; a caller's neither."""

import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread, Timer

import pytest
import sqlalchemy as sa
from alambique.database import timeouts
from alambique.database.engine import connect
from alambique.database.errors import DatabaseUnavailable
from alambique.settings import alembic_config
from alembic import command
from sqlalchemy.engine import URL, Connection, make_url

from support.minimal import Minimal, minimal_project
from support.servers import server_url

SERVERS = ["postgresql", "mysql"]
BUSY = {
    "postgresql": "LOCK TABLE busy IN ACCESS EXCLUSIVE MODE",
    "mysql": "SELECT * FROM busy FOR UPDATE",
}
WAITS = {
    "postgresql": "SELECT setting FROM pg_settings WHERE name = 'lock_timeout'",
    "mysql": "SELECT @@SESSION.lock_wait_timeout, @@SESSION.innodb_lock_wait_timeout",
    "sqlite": "SELECT timeout FROM pragma_busy_timeout",
}
SHORTER = {
    "postgresql": "SET lock_timeout = 7",
    "mysql": "SET SESSION lock_wait_timeout = 2, innodb_lock_wait_timeout = 2",
    "sqlite": "PRAGMA busy_timeout = 7",
}
SLEEP = {"postgresql": "SELECT pg_sleep(60)", "mysql": "SELECT SLEEP(60)"}


@pytest.fixture
def made(tmp_path: Path) -> Minimal:
    return minimal_project(tmp_path)


@contextmanager
def silent_server() -> Iterator[int]:
    """Lend a port that takes connections, and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        end = Timer(10, listening.close)  # of a wait that would have none
        end.start()
        yield listening.getsockname()[1]
        end.cancel()


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_server_that_says_nothing_is_given_up(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    monkeypatch.setattr(timeouts, "TO_CONNECT", 2)
    with silent_server() as port:
        url = make_url(f"{driver}://ana:segredo@127.0.0.1:{port}/shop")
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match=f":{port}"), connect(url):
            raise AssertionError("it let us in")
    assert 1.5 < time.monotonic() - began < 8


def test_the_url_wins(made: Minimal) -> None:
    url = make_url("postgresql+psycopg://h/d?connect_timeout=77&keepalives=0&options=-c a.b%3D1")
    found = timeouts.connect_arguments(url)
    assert found.keys().isdisjoint({"connect_timeout", "keepalives"})
    assert found["options"] == "-c lock_timeout=5000 -c a.b=1"
    assert found["keepalives_idle"] == timeouts.IDLE

    mysql = timeouts.connect_arguments(make_url("mysql+pymysql://h/d?read_timeout=9"))
    assert "read_timeout" not in mysql and mysql["connect_timeout"] == timeouts.TO_CONNECT
    sqlite = make_url("sqlite:///a.db?timeout=1")
    assert timeouts.connect_arguments(sqlite) == {}
    assert timeouts.connect_arguments(make_url("sqlite:///a.db")) == {"timeout": 5}


@pytest.mark.parametrize("database", SERVERS)
def test_a_statement_may_take_longer_than_to_connect(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    url = server_url(database)
    monkeypatch.setattr(timeouts, "TO_CONNECT", 2)
    slow = SLEEP[database].replace("60", "3")
    with connect(url) as connection:
        assert connection.exec_driver_sql(slow).all()


@pytest.mark.parametrize("database", SERVERS)
def test_the_kernel_probes_a_silent_connection(made: Minimal, database: str) -> None:
    with connect(server_url(database)) as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        number = driver.fileno() if database == "postgresql" else driver._sock.fileno()
        with socket.socket(fileno=os.dup(number)) as found:
            assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            if sys.platform == "linux":
                options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
                tcp = socket.IPPROTO_TCP
                set_to = [found.getsockopt(tcp, getattr(socket, each)) for each in options]
                assert set_to == [timeouts.IDLE, timeouts.PROBE, timeouts.PROBES, 60_000]


@pytest.mark.parametrize("database", SERVERS)
def test_a_given_connection_waits_for_a_table_as_long_as_ours(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """However long its retries take, nobody queues behind one of its statements for longer."""
    monkeypatch.setenv("MIGRATION_LOCK_TIMEOUT", "1")
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "0.1")
    made.revision("a1", upgrade='op.add_column("busy", sa.Column("n", sa.Integer))')
    with own_database(database) as url:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as other:
            other.exec_driver_sql("CREATE TABLE busy (id INTEGER)")
        with engine.connect() as other, engine.connect() as given:
            before = wait_of(given, database)
            other.exec_driver_sql(BUSY[database])
            end = Timer(8, other.rollback)  # of a wait that would have none
            end.start()
            began = time.monotonic()
            with pytest.raises(Exception, match="busy"):
                upgrade(given)
            assert time.monotonic() - began < 4
            end.cancel()
            other.rollback()

            assert not given.in_transaction()
            upgrade(given)
            assert wait_of(given, database) == before


@pytest.mark.parametrize("database", [*SERVERS, "sqlite"])
def test_a_given_connection_is_heard_while_it_is_ours(
    made: Minimal, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """It waits no longer than ours; and who waits for less goes on doing so."""
    url = server_url(database) if database != "sqlite" else make_url("sqlite://")
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as given:
        before = wait_of(given, database)
        monkeypatch.setenv("MIGRATION_LOCK_TIMEOUT", "3")
        with connect(url, given):
            assert set(wait_of(given, database)) <= {3, 3000}  # seconds, or milliseconds
        assert wait_of(given, database) == before

        given.exec_driver_sql(SHORTER[database])
        given.commit()
        shorter = wait_of(given, database)
        with connect(url, given):
            assert wait_of(given, database) == shorter
        assert wait_of(given, database) == shorter


@pytest.mark.parametrize("database", SERVERS)
def test_a_connection_that_is_lost_meanwhile_fails_no_success(made: Minimal, database: str) -> None:
    url = server_url(database)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as given, engine.connect() as other:
        with connect(url, given):
            kill(other, given, database)
        given.invalidate()


@pytest.mark.parametrize("database", SERVERS)
def test_a_network_that_falls_silent_ends_the_wait(database: str, tmp_path: Path) -> None:
    """In a network of its own, whose cable is pulled while a statement runs."""
    url = server_url(database)
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("only root makes a network to pull the cable of")
    with cable(url) as (pull, through):
        source = f"""
            import time
            from alambique.database import timeouts
            from alambique.database.engine import migration_engine
            from sqlalchemy.engine import make_url
            timeouts.IDLE = timeouts.PROBE = timeouts.PROBES = 1
            url = make_url({through.render_as_string(hide_password=False)!r})
            connection = migration_engine(url).connect()
            print("connected", flush=True)
            began = time.monotonic()
            try:
                connection.exec_driver_sql({SLEEP[database]!r})
            except Exception as error:
                print(round(time.monotonic() - began), type(error).__name__)
        """
        library = Path(timeouts.__file__).parents[2]
        (tmp_path / "pyproject.toml").write_text("[tool.alambique]\n")
        running = subprocess.Popen(
            ["ip", "netns", "exec", NETWORK, sys.executable, "-c", textwrap.dedent(source)],
            env=os.environ | {"PYTHONPATH": str(library)},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert running.stdout is not None
        assert running.stdout.readline() == "connected\n"
        time.sleep(0.5)
        pull()
        printed, _ = running.communicate(timeout=30)
    took, error = printed.split()
    assert int(took) < 15 and error == "OperationalError"


NETWORK = f"alambique{os.getpid()}"


@contextmanager
def cable(url: URL) -> Iterator[tuple[object, URL]]:
    """Lend a network with one cable, to a server; and what pulls it."""
    near, far = f"ala{os.getpid() % 10**6}a", f"ala{os.getpid() % 10**6}b"

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        ip("netns", "add", NETWORK)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network can be made here: {error.stderr!r}")
    try:
        ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", NETWORK)
        ip("addr", "add", "198.51.100.1/30", "dev", near)
        ip("link", "set", near, "up")
        ip("-n", NETWORK, "addr", "add", "198.51.100.2/30", "dev", far)
        ip("-n", NETWORK, "link", "set", far, "up")
        with forwarded("198.51.100.1", (str(url.host), int(url.port or 0))) as port:
            yield (
                lambda: ip("link", "set", near, "down"),
                url.set(host="198.51.100.1", port=port),
            )
    finally:
        subprocess.run(["ip", "link", "del", near], check=False)  # else it goes a moment later
        ip("netns", "del", NETWORK)


@contextmanager
def forwarded(host: str, to: tuple[str, int]) -> Iterator[int]:
    """Lend a port whose connections are handed on to a server."""
    with socket.socket() as listening:
        listening.bind((host, 0))
        listening.listen()

        def copy(source: socket.socket, target: socket.socket) -> None:
            try:
                while data := source.recv(65536):
                    target.sendall(data)
            except OSError:
                pass

        def accept() -> None:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.create_connection(to)
            Thread(target=copy, args=(server, client), daemon=True).start()
            copy(client, server)

        Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]


@contextmanager
def own_database(database: str) -> Iterator[URL]:
    """Lend an empty database."""
    from alambique.database.creation import create_missing_database, scratch_database

    with scratch_database(server_url(database)) as url:
        create_missing_database(url)
        yield url


def upgrade(given: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = given
    command.upgrade(config, "head")


def wait_of(connection: Connection, database: str) -> list[int]:
    """Return how long a session waits for a table, and leave it in no transaction."""
    found = [int(each) for each in connection.exec_driver_sql(WAITS[database]).one()]
    connection.rollback()
    return found


def kill(other: Connection, given: Connection, database: str) -> None:
    """End a session from outside."""
    if database == "postgresql":
        number = given.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        other.exec_driver_sql(f"SELECT pg_terminate_backend({number})")
    else:
        number = given.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
        other.exec_driver_sql(f"KILL {number}")
    other.rollback()
