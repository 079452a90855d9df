"""No room for data, and none for WAL, under load: nothing that was told is lost, and with room it goes on.

Where a table cannot grow the statement is rolled back (class 53). Where WAL cannot, Postgres panics, and may
not even come up again before there is room.
"""

import re
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from controlplane.db.account import account_for
from controlplane.types import Role
from tests.faults.doors import lanes_on
from tests.faults.judging import stands
from tests.faults.load import Load
from tests.faults.small_disk import small_disk
from tests.faults.standing import LOOSE, Standing
from tests.faults.test_killed_postgres import wait_for_answers
from tests.faults.words import IN_AN_OUTAGE
from tests.servers import ROLE_PREFIX

GRANTED = 1_000_000
CUSTOMERS = 3
HISTORY = "'core.idempotency', 'core.usage_event', 'core.ledger_entry'"


def url_of(place: Standing) -> str:
    return place.server.url("controlplane", user=f"{ROLE_PREFIX}_{Role.APP.value}")


def test_no_room_for_data(folder: Path) -> None:
    with small_disk(folder / "small", megabytes=32) as disk, Standing.new(folder / "data") as place:
        place.make_customers(CUSTOMERS, GRANTED)
        put_history_on(place, disk.path / "history")
        with lanes_on(url_of(place)) as lanes, Load(lambda _: lanes.open(), customers=CUSTOMERS) as load:
            for _ in range(2):
                wait_for_answers(load)
                disk.fill()
                wait_for(load, "OUT_OF_RESOURCES")
                disk.make_room()
            wait_for_answers(load)
        assert set(load.words) <= {"ALLOWED", "DENIED", "OUT_OF_RESOURCES", "LOCKED"}
        stands(place, load.told, GRANTED)


def test_no_room_for_wal(folder: Path) -> None:
    place = Standing.new(folder / "data", {**LOOSE, "min_wal_size": "32MB"})
    place.make_customers(CUSTOMERS, GRANTED)
    place.server.stop()
    with small_disk(folder / "small", megabytes=256) as disk:
        move_wal_to(place, disk.path / "wal")
        with place, lanes_on(url_of(place)) as lanes:
            with Load(lambda _: lanes.open(), customers=CUSTOMERS) as load:
                wait_for_answers(load)
                disk.fill()
                use_up_wal(place)
                wait_for(load, "UNKNOWN", "DATABASE_UNREACHABLE", "DEADLINE_EXCEEDED")
                disk.make_room()
                if place.server.pid is None:
                    place.server.stop()
                    place.server.start()
                wait_for_answers(load)
            assert re.search("PANIC: .*No space left on device", place.server.log.read_text())
            assert set(load.words) <= IN_AN_OUTAGE | {"OUT_OF_RESOURCES"}
            stands(place, load.told, GRANTED)


def wait_for(load: Load, *words: str) -> None:
    """Until callers are told one of these once more."""
    before = sum(load.words[word] for word in words)
    deadline = time.monotonic() + 20
    while sum(load.words[word] for word in words) == before:
        assert time.monotonic() < deadline, (load.words, load.failures)
        time.sleep(0.05)


def put_history_on(place: Standing, path: Path) -> None:
    """The tables that grow with every consumption."""
    path.mkdir()
    account_for(place.server.cluster).owns(path)
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{path}'")  # type: ignore[arg-type]
        found = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            f" WHERE inhparent = ANY (ARRAY[{HISTORY}]::regclass[])"
        ).fetchall()
        for (table,) in found:
            connection.execute(f"ALTER TABLE {table} SET TABLESPACE small")  # type: ignore[arg-type]


def move_wal_to(place: Standing, path: Path) -> None:
    """Of a server that does not run."""
    wal = place.server.cluster / "pg_wal"
    subprocess.run(["cp", "-a", wal, path], check=True)
    shutil.rmtree(wal)
    wal.symlink_to(path)


def use_up_wal(place: Standing) -> None:
    """Until there is no segment left, of which somebody dies."""
    with suppress(psycopg.OperationalError), psycopg.connect(place.url, autocommit=True) as connection:
        for _ in range(100):
            connection.execute("SELECT pg_switch_wal()")
            time.sleep(0.05)
