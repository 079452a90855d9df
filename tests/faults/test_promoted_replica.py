"""A replica that is promoted: what it may decide on, and under which incarnation."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from controlplane.types import Failover
from tests.commands import controlplane
from tests.faults.standing import LOOSE, Standing

#: Seconds a replica may take to have what it is waited for.
SECONDS = 30.0


@contextmanager
def primary(folder: Path, failover: Failover) -> Iterator[Standing]:
    with Standing.new(folder / "first", failover=failover) as made:
        yield made


def replica_of(first: Standing, folder: Path) -> Standing:
    """A streaming one, not started yet."""
    return Standing(first.backup(folder, "--write-recovery-conf", "--wal-method=stream"))


def wait_until(place: Standing, condition: str) -> None:
    deadline = time.monotonic() + SECONDS
    while place.rows(f"SELECT {condition}") != [(True,)]:
        assert time.monotonic() < deadline, f"never so: {condition}"
        time.sleep(0.05)


def kill(place: Standing) -> None:
    assert place.server.pid is not None
    os.kill(place.server.pid, signal.SIGKILL)
    place.server.stop()


def promote(place: Standing) -> None:
    assert place.rows("SELECT pg_promote()") == [(True,)]
    wait_until(place, "NOT pg_is_in_recovery()")


def test_after_an_asynchronous_failover_an_operator_says_so(folder: Path) -> None:
    """The last commits are lost, so numbers come again with another meaning."""
    with primary(folder, Failover.ASYNCHRONOUS) as first:
        kept = first.consume("kept", "30")
        with replica_of(first, folder / "second") as second:
            wait_until(second, "count(*) = 1 FROM core.usage_event")
            assert second.refusal == "UC120", "decisions are made on primaries only"
            early = controlplane("recover", "--force", env={"CONTROLPLANE_DATABASE_URL": second.url})
            assert early.returncode == 1
            assert "promote it first" in early.stderr
        lost = first.consume("lost", "7")
        kill(first)
        with second:
            promote(second)
            assert second.refusal == "UC120"
            assert "incarnation 2 begins here" in second.recover("--reason", "the first burnt down")
            assert second.incarnations == ["installed", "the first burnt down"]
            assert second.consume("kept", "30") == (*kept[:2], True, kept[3])
            assert second.consume("other", "5") == (True, None, False, lost[3]), "the number comes again"
            assert second.consume("lost", "7") == (True, None, False, lost[3] + 1)
            assert second.available == 1000 - 30 - 5 - 7
            assert second.faults == []
            assert "nothing to recover" in second.recover()


def test_after_a_synchronous_failover_it_goes_on_by_itself(folder: Path) -> None:
    """Nothing that was answered is lost; of many first requests, one begins the new incarnation."""
    with primary(folder, Failover.SYNCHRONOUS) as first, replica_of(first, folder / "second") as second:
        wait_until(first, "count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")
        first.set("synchronous_standby_names", "'*'")
        wait_until(first, "count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
        answered = {key: first.consume(key, "3") for key in ("a", "b", "c")}
        kill(first)
        promote(second)
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda n: second.consume(f"after-{n}", "2"), range(8)))
        assert [answer[:3] for answer in told] == 8 * [(True, None, False)]
        assert second.incarnations == ["installed", "synchronous failover"]
        for key, answer in answered.items():
            assert second.consume(key, "3") == (*answer[:2], True, answer[3])
        assert second.available == 1000 - 3 * 3 - 8 * 2
        assert second.faults == []


def test_a_backup_brought_back_up_to_a_moment_waits_for_an_operator(folder: Path) -> None:
    """Recovery from an archive ends on a new timeline, like a promotion."""
    with primary(folder, Failover.ASYNCHRONOUS) as first:
        first.consume("kept", "30")
        copy = first.backup(folder / "second", "--wal-method=fetch")
        first.consume("lost", "7")
    (copy / "postgres" / "recovery.signal").touch()
    with Standing(copy, {**LOOSE, "restore_command": "false", "recovery_target_action": "promote"}) as second:
        wait_until(second, "NOT pg_is_in_recovery()")
        assert second.refusal == "UC120"
        assert "incarnation 2 begins here" in second.recover()
        assert second.refusal is None
        assert second.faults == []


def test_files_brought_back_as_they_were_look_like_the_same_server(folder: Path) -> None:
    """Nothing in them tells that they are a copy: for these, an operator says ``--force``."""
    with primary(folder, Failover.ASYNCHRONOUS) as first:
        copy = first.backup(folder / "second", "--wal-method=fetch")
    with Standing(copy) as second:
        assert second.refusal is None
        assert "--force" in second.recover()
        assert "incarnation 2 begins here" in second.recover("--force")
        assert second.faults == []
