"""A Galera cluster of two nodes, started here: migrators on different nodes are one at a time, too.

It needs Debian's mariadb-server, galera-4 and rsync. Where the tests run as root, nodes run as
`mysql`.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.database import query, snapshot
from support.history import (
    TEN,
    Kill,
    Run,
    eventually,
    gate,
    service,
    wait_at_the_gate,
    write_revisions,
)
from support.project import Project
from support.servers import free_port

pytestmark = pytest.mark.full
PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")
NODES = 2


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[str]]:
    """Start the cluster; return a URL for each node, of a database that is not there yet."""
    missing = [name for name in ("mariadbd", "rsync") if not shutil.which(name)]
    if missing or not PROVIDER.exists():
        reason = "no Galera here: apt-get install mariadb-server galera-4 rsync"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="galera-"))  # a socket's path must be short
    ports = [[free_port() for _ in range(4)] for _ in range(NODES)]
    running = []
    try:
        for number, mine in enumerate(ports):
            running.append(start(folder / str(number), mine, ports[0][1] if number else None))
            eventually(lambda: ready(mine[0]), within=60)  # noqa: B023
        yield [f"mysql+pymysql://root@127.0.0.1:{mine[0]}/loja" for mine in ports]
    finally:
        for process in running:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, ports: list[int], seed: int | None) -> subprocess.Popen[bytes]:
    """Start a node, the first one or one that joins the node at port `seed`."""
    mysql, group, incremental, transfer = ports
    user = pwd.getpwnam("mysql") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    folder.mkdir()
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={folder}/data"]
    install += ["--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    for path in (folder.parent, folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid) if os.getuid() == 0 else None
    options = {
        "datadir": folder / "data",
        "port": mysql,
        "bind-address": "127.0.0.1",
        "socket": folder / "socket",
        "pid-file": folder / "pid",
        "log-error": folder / "log",
        "binlog-format": "ROW",
        "innodb-autoinc-lock-mode": 2,
        "innodb-buffer-pool-size": "32M",
        "wsrep-on": "ON",
        "wsrep-provider": PROVIDER,
        "wsrep-provider-options": f"base_port={group};gmcast.listen_addr=tcp://127.0.0.1:{group};"
        f"ist.recv_addr=127.0.0.1:{incremental};gcache.size=16M;pc.recovery=false",
        "wsrep-sst-method": "rsync",
        "wsrep-sst-receive-address": f"127.0.0.1:{transfer}",
        "wsrep-node-address": f"127.0.0.1:{group}",
        "wsrep-cluster-address": f"gcomm://127.0.0.1:{seed}" if seed else "gcomm://",
    }
    return subprocess.Popen(
        ["mariadbd", "--no-defaults", *(f"--{name}={value}" for name, value in options.items())],
        user=user.pw_uid if os.getuid() == 0 else None,
        group=user.pw_gid if os.getuid() == 0 else None,
        cwd=folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def ready(port: int) -> bool:
    """Tell whether the node at this port takes part in the cluster."""
    ask = ["mariadb", "--no-defaults", "--protocol=tcp", f"--port={port}", "--host=127.0.0.1"]
    told = subprocess.run(
        [*ask, "--user=root", "-Nse", "SHOW STATUS LIKE 'wsrep_ready'"],
        capture_output=True,
        text=True,
    )
    return "ON" in told.stdout


def on_cluster(project: Callable[..., Project], nodes: list[str]) -> Project:
    """Make a project of its own on the cluster, with an empty database."""
    made = service(project, "mysql")
    emptied(made, nodes)
    return made


def emptied(made: Project, nodes: list[str]) -> None:
    """Make the database anew, and have the project use the first node."""
    made.env["DATABASE_URL"] = nodes[0].replace("/loja", "/mysql")
    query(made, "DROP DATABASE IF EXISTS loja")
    query(made, "CREATE DATABASE loja CHARACTER SET utf8mb4")
    made.env["DATABASE_URL"] = nodes[0]


def test_upgrades_on_different_nodes_apply_each_revision_once(
    project: Callable[..., Project],
    nodes: list[str],
    record_property: Callable[[str, int], None],
) -> None:
    made = on_cluster(project, nodes)
    write_revisions(made, TEN)
    Run(made, "upgrade", "head").end()
    whole = snapshot(made)
    for _ in range(5):
        emptied(made, nodes)
        barrier = Run.machine.Barrier(6)
        runs = [
            Run(made, "upgrade", "head", start=barrier, DATABASE_URL=nodes[number % NODES])
            for number in range(6)
        ]
        output = "".join([run.end() for run in runs])
        assert output.count("Running upgrade") == len(TEN)
        made.env["DATABASE_URL"] = nodes[-1]
        assert snapshot(made) == whole
        assert query(made, "SELECT count(*) FROM alembic_lock") == [(0,)]
    record_property("races run", 5)


def test_what_was_killed_on_one_node_resumes_on_another(
    project: Callable[..., Project],
    nodes: list[str],
    record_property: Callable[[str, int], None],
) -> None:
    made = on_cluster(project, nodes)
    write_revisions(made, TEN)
    output = Run(made, "upgrade", "head", kill=Kill("after", 0)).end()
    total, whole = int(output.rpartition("statements: ")[2]), snapshot(made)
    places = range(20, total, 40)
    for statement in places:
        emptied(made, nodes)
        kill = Kill("after", statement)
        Run(made, "upgrade", "head", kill=kill).end(-signal.SIGKILL)
        Run(made, "upgrade", "head", DATABASE_URL=nodes[1]).end()
        made.env["DATABASE_URL"] = nodes[1]
        assert snapshot(made) == whole, statement
    record_property("processes killed", len(places))


def test_a_slow_holder_keeps_the_row_and_a_dead_one_loses_it(
    project: Callable[..., Project], nodes: list[str]
) -> None:
    made = on_cluster(project, nodes)
    write_revisions(made, [(wait_at_the_gate(made), ""), TEN[0]])
    holder = Run(made, "upgrade", "head")
    eventually(lambda: "at the gate" in holder.output)
    slow = Run(made, "upgrade", "head", DATABASE_URL=nodes[1], MIGRATION_LOCK_WAIT="15")
    assert "alembic_lock" in slow.fail()  # longer than an untouched row would live
    waiting = Run(made, "upgrade", "head", DATABASE_URL=nodes[1])
    holder.kill()
    gate(made).touch()
    assert waiting.end().count("Running upgrade") == 2
