"""A real PgBouncer in front of the tests' server."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from controlplane.db.urls import changed_url
from tests.servers import Server


def find_pgbouncer() -> str | None:
    """Debian puts it where ordinary users' PATH does not look."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


needs_pgbouncer = pytest.mark.skipif(find_pgbouncer() is None, reason="pgbouncer is not installed")


@contextmanager
def pgbouncer(server: Server, folder: Path, mode: str, *, size: int = 5) -> Iterator[str]:
    """Run one; gives the URL of the ``postgres`` database through it, as the tests' superuser.

    Args:
        server: the one behind it.
        folder: for its files; other accounts must be able to reach it, since it refuses to run as root.
        mode: ``transaction`` or ``session``.
        size: server connections a database may have.
    """
    behind = psycopg.conninfo.conninfo_to_dict(server.admin_url)
    host = str(behind.get("host") or "")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The embedded server lets its own account in through the socket, so that is who runs PgBouncer.
    owner = Path(host).stat() if host.startswith("/") else Path(folder).stat()
    as_other = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    password = f" password={behind['password']}" if behind.get("password") else ""
    (folder / "pgbouncer.ini").write_text(
        f"""[databases]
* = host={host} port={behind.get("port") or 5432} user={behind["user"]}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
query_wait_timeout = 5
"""
    )
    program = find_pgbouncer()
    assert program is not None
    log = (folder / "pgbouncer.log").open("wb")
    process = subprocess.Popen(
        [program, str(folder / "pgbouncer.ini")],
        stdout=log,
        stderr=log,
        **as_other,  # type: ignore[call-overload]
    )
    try:
        url = changed_url(
            server.admin_url, without=("password",), host="127.0.0.1", port=port, dbname="postgres"
        )
        _await(url, process, folder / "pgbouncer.log")
        yield url
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _await(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(psycopg.OperationalError), psycopg.connect(url):
            return
        time.sleep(0.05)
    raise AssertionError(f"pgbouncer does not answer:\n{log.read_text()}")
