"""A dump restored into another database has the history, and does not go on with it by itself."""

import subprocess
from pathlib import Path

import pytest

from controlplane.db.binaries import Binaries, find_binaries
from tests.faults.standing import Place
from tests.servers import Server


def programs(server: Server) -> Binaries:
    if server.major not in (16, 18):
        pytest.skip(f"there is no pg_dump for PostgreSQL {server.major} in the wheel")
    return find_binaries(server.major)  # type: ignore[arg-type]


def restore(server: Server, source: str, target: str, file: Path) -> None:
    """By the programs, as an operator does."""
    ours = programs(server)
    dump = ["pg_dump", "--format=custom", "--file", str(file), "--dbname", source]
    load = ["pg_restore", "--exit-on-error", "--single-transaction", "--dbname", target, str(file)]
    for name, *arguments in (dump, load):
        done = subprocess.run([ours.program(name), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("failover", ["asynchronous", "synchronous"])
def test_nothing_is_decided_on_it_before_recovery(
    place: Place, server: Server, empty_url: str, folder: Path, failover: str
) -> None:
    place.rows("UPDATE core.installation SET failover = %s RETURNING failover", failover)
    kept = place.consume("kept", "30")
    restore(server, place.url, empty_url, folder / "dump")
    place.consume("lost", "7")

    restored = Place(empty_url)
    assert restored.refusal == "UC120"
    assert restored.refusal == "UC120", "and a second time: the first attempt has changed nothing"
    assert restored.incarnations == ["installed"]
    assert "incarnation 2 begins here" in restored.recover("--reason", "last night's dump")
    assert restored.incarnations == ["installed", "last night's dump"]
    assert restored.consume("kept", "30") == (*kept[:2], True, kept[3])
    assert restored.consume("lost", "7") == (True, None, False, kept[3] + 1), "as if never asked"
    assert restored.available == 1000 - 30 - 7
    assert restored.faults == []
    assert place.consume("more", "1")[0], "the first goes on: it is its own history"
    assert place.incarnations == ["installed"]


def test_a_copy_by_template_is_another_database(place: Place, server: Server) -> None:
    """What Postgres copies inside one cluster; ``new_database`` says nothing of identity."""
    place.consume("kept", "30")
    [(source,)] = place.rows("SELECT current_database()")
    with server.new_database(source) as name:
        copy = Place(server.url(name))
        assert copy.refusal == "UC120"
        assert "incarnation 2 begins here" in copy.recover()
        assert copy.refusal is None
        assert copy.faults == []
