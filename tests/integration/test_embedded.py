"""The embedded server: started twice, adopted, killed, refused; with real processes."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import psutil
import psycopg
import pytest

from controlplane.db.embedded import EmbeddedServer
from controlplane.db.local import open_place
from controlplane.db.postmaster import read_postmaster
from controlplane.errors import DataDirInUse, EmbeddedServerError
from controlplane.settings import Settings
from controlplane.types import PostgresMajor
from tests.commands import environment, is_gone


def value(server: EmbeddedServer, query: str) -> object:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]


@pytest.mark.parametrize("major", [16, 18])
def test_a_second_start_finds_the_data_of_the_first(folder: Path, major: PostgresMajor) -> None:
    with EmbeddedServer(folder / "data", major=major) as server:
        assert str(value(server, "SHOW server_version")).startswith(str(major))
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    assert read_postmaster(server.cluster) is None
    with EmbeddedServer(folder / "data", major=major) as server:
        assert value(server, "SELECT n FROM kept") == 1


def test_a_folder_may_have_any_name(folder: Path) -> None:
    with EmbeddedServer(folder / "my data+50%") as server:
        assert value(server, "SELECT 1") == 1


def test_answers_are_durable_by_default(folder: Path) -> None:
    with EmbeddedServer(folder / "data") as server:
        for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert value(server, f"SHOW {name}") == "on"


def test_only_the_socket_is_open_and_only_to_the_two_accounts(folder: Path) -> None:
    with EmbeddedServer(folder / "data") as server:
        assert value(server, "SHOW listen_addresses") == ""
        assert stat.S_IMODE(server.cluster.stat().st_mode) == 0o700
        map_of = (server.cluster / "pg_ident.conf").read_text()
        entries = [line.split()[1] for line in map_of.splitlines() if line.startswith("owner")]
        assert len(entries) <= 2
        assert "trust" not in (server.cluster / "pg_hba.conf").read_text()


def test_a_loopback_port_takes_a_password(folder: Path) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with EmbeddedServer(folder / "data", port=port) as server:
        value(server, "SELECT 1")
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("ALTER ROLE postgres PASSWORD 'word'")
        psycopg.connect(url, password="word").close()


def test_two_do_not_run_on_one_folder(folder: Path) -> None:
    with (
        EmbeddedServer(folder / "data") as server,
        pytest.raises(DataDirInUse, match=str(os.getpid())),
    ):
        EmbeddedServer(folder / "data").start()
    assert server.pid is None


def test_a_killed_postgres_has_lost_nothing_that_was_committed(folder: Path) -> None:
    with EmbeddedServer(folder / "data") as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
    with EmbeddedServer(folder / "data") as server:
        assert value(server, "SELECT n FROM kept") == 1


START = """
import sys, time
from pathlib import Path
from controlplane.db.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), dies_with_parent=sys.argv[2] == "dies")
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def started_elsewhere(folder: Path, how: str) -> tuple["subprocess.Popen[str]", psutil.Process]:
    """A server that another process of ours started: that process, and the postmaster."""
    starter = subprocess.Popen(
        [sys.executable, "-c", START, str(folder), how],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    assert starter.stdout is not None
    return starter, psutil.Process(int(starter.stdout.readline()))


def kill(starter: "subprocess.Popen[str]") -> None:
    starter.kill()
    starter.wait(10)
    assert starter.stdout is not None
    starter.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children of a death on Linux only")
def test_it_dies_with_a_parent_that_is_killed(folder: Path) -> None:
    starter, postmaster = started_elsewhere(folder / "data", "dies")
    kill(starter)
    assert is_gone(postmaster)
    with EmbeddedServer(folder / "data") as server:
        value(server, "SELECT 1")


def test_a_left_over_without_an_owner_is_stopped_and_replaced(folder: Path) -> None:
    starter, postmaster = started_elsewhere(folder / "data", "stays")
    kill(starter)
    assert postmaster.is_running()
    with EmbeddedServer(folder / "data") as server:
        assert server.pid != postmaster.pid
        assert is_gone(postmaster)
        value(server, "SELECT 1")


def test_a_stale_pid_file_with_a_strangers_pid_harms_nobody(folder: Path) -> None:
    with EmbeddedServer(folder / "data") as server:
        lines = (server.cluster / "postmaster.pid").read_text()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = server.cluster / "postmaster.pid"
        pid_file.write_text("\n".join([str(stranger.pid), *lines.splitlines()[1:]]) + "\n")
        if os.geteuid() == 0:
            owner = server.cluster.stat()
            os.chown(pid_file, owner.st_uid, owner.st_gid)
        with EmbeddedServer(folder / "data") as again:
            value(again, "SELECT 1")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait(10)


@pytest.mark.parametrize("text", [b"1\nx\ny\nz\n/tmp\n\n\nready\n", bytes(range(128, 256)), b"\xc2\xb2\n"])
def test_a_pid_file_of_something_else_is_none(folder: Path, text: bytes) -> None:
    (folder / "postmaster.pid").write_bytes(text)
    found = read_postmaster(folder)
    assert found is None or not found.is_ready


def test_a_folder_of_something_else_is_told(folder: Path) -> None:
    theirs = folder / "data" / "postgres" / "theirs"
    theirs.mkdir(parents=True)
    with pytest.raises(EmbeddedServerError, match="not empty"):
        EmbeddedServer(folder / "data").start()
    assert theirs.exists()


def test_data_of_another_major_version_is_refused(folder: Path) -> None:
    with EmbeddedServer(folder / "data", major=16):
        pass
    with pytest.raises(EmbeddedServerError, match="PostgreSQL 16, not 18") as refused:
        EmbeddedServer(folder / "data", major=18).start()
    assert "CONTROLPLANE_POSTGRES_MAJOR=16" in str(refused.value.hint)


def test_a_long_path_keeps_its_socket_elsewhere(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    with EmbeddedServer(deep) as server:
        assert not server.socket_dir.is_relative_to(deep)
        value(server, "SELECT 1")
    server.socket_dir.rmdir()


def test_a_setting_postgres_refuses_is_told_in_its_own_words(folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        EmbeddedServer(folder / "data", settings={"no_such_setting": "1"}).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs Postgres himself")
def test_root_is_told_of_a_folder_that_postgres_cannot_reach(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerError, match="cannot reach") as refused:
        EmbeddedServer(closed / "data").start()
    assert "/var/lib/controlplane" in str(refused.value.hint)


def test_a_command_that_started_it_waits_for_others_that_use_it(folder: Path) -> None:
    settings = Settings(data_dir=folder / "data")
    with ExitStack() as host, ExitStack() as guest:
        assert host.enter_context(open_place(settings, share=True)).server is not None
        place = guest.enter_context(open_place(settings, share=True))
        assert place.server is None
        leaving = Thread(target=host.close)
        leaving.start()
        leaving.join(1)
        assert leaving.is_alive()
        with psycopg.connect(place.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        guest.close()
        leaving.join(30)
        assert not leaving.is_alive()
    assert read_postmaster(folder / "data" / "postgres") is None
