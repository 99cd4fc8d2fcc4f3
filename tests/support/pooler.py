"""A real PgBouncer in transaction mode before the test server, started here."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from support.history import eventually
from support.servers import free_port, server_url

INI = """\
[databases]
* = host={host} port={port} user={user} {password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listens}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_client_conn = 200
{more}
"""


@contextmanager
def pgbouncer(more: str = "", role: str | None = None) -> Iterator[URL]:
    """Start one; yield the URL of the test server through it.

    Args:
        more: further lines of its settings.
        role: whom it logs in as, without a password; by default as the tests do.
    """
    server = server_url("postgresql")
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        reason = "no PgBouncer here: apt-get install pgbouncer"
        raise (pytest.fail if os.environ.get("CI") == "true" else pytest.skip).Exception(reason)

    through = server.set(host="127.0.0.1", port=free_port())
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as folder:
        settings = Path(folder, "ini")
        settings.write_text(
            INI.format(
                host=server.host or "127.0.0.1",
                port=server.port or 5432,
                user=role or server.username,
                password=f"password={server.password}" if server.password and not role else "",
                listens=through.port,
                more=more,
            )
        )
        os.chmod(folder, 0o755)
        running = subprocess.Popen(
            [program, str(settings)],
            user=pwd.getpwnam("postgres").pw_uid if os.getuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: answers(through), within=10)
            yield through
        finally:
            running.kill()
            running.wait()


def answers(url: URL) -> bool:
    """Tell whether a server lets us in."""
    try:
        sa.create_engine(url, poolclass=sa.NullPool).connect().close()
    except DBAPIError:
        return False
    return True
