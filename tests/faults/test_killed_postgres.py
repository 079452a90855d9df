"""kill -9 of a backend, of the postmaster, of everything, while spenders spend; with fsync on.

What was answered stands, exactly once; what was not is decided once when it is asked again, and of what was
refused there is no trace. ``make faults ROUNDS=50`` kills more often.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil
import psycopg
import pytest

from controlplane.db.lanes.ticket import Call
from controlplane.types import Role
from tests.faults.doors import Spender, lanes_on
from tests.faults.holding import HOUR, Hold, ask
from tests.faults.judging import stands
from tests.faults.load import Load, rounds
from tests.faults.standing import Standing
from tests.faults.words import IN_AN_OUTAGE
from tests.servers import ROLE_PREFIX

pytestmark = pytest.mark.durable

GRANTED = 1_000_000
CUSTOMERS = 3
APP = f"{ROLE_PREFIX}_{Role.APP.value}"
#: Seconds after which callers are answered again: a server that was killed, and the pool's next attempt.
SOON = 20.0


@pytest.fixture
def durable(folder: Path) -> Iterator[Standing]:
    """A server that keeps what it says but for commits: those, api makes durable whatever it is told."""
    settings = {"shared_buffers": "64MB", "synchronous_commit": "off", "wal_writer_delay": "10s"}
    with Standing.new(folder / "data", settings) as place:
        assert place.rows("SELECT current_setting('fsync'), current_setting('full_page_writes')") == [
            ("on", "on")
        ]
        with psycopg.connect(place.url, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {APP} SET synchronous_commit = off")
        place.make_customers(CUSTOMERS, GRANTED)
        yield place


def test_what_was_answered_stands_once(durable: Standing) -> None:
    """Spenders in SQL, and callers of lanes, on the same customers."""
    kills = rounds(3)
    random = Random(kills)
    url = durable.server.url("controlplane", user=APP)
    with (
        lanes_on(url) as lanes,
        Load(lambda give_up: Spender(url, give_up), spenders=3, customers=CUSTOMERS) as sql,
        Load(lambda _: lanes.open(), customers=CUSTOMERS, seed=1) as callers,
    ):
        for number in range(kills):
            wait_for_answers(callers)
            time.sleep(random.uniform(0.3, 0.6))
            (kill_a_backend, kill_the_postmaster, kill_everything)[number % 3](durable, random)
        wait_for_answers(callers)
    assert sql.lost > 0, "nothing was under way when it was killed"
    assert callers.words["DENIED"] > 0
    assert set(callers.words) <= IN_AN_OUTAGE
    stands(durable, {**sql.told, **callers.told}, GRANTED)


def test_the_last_word_about_a_reservation_stands(durable: Standing) -> None:
    """Nobody commits after it, of whose durability it could live."""
    url = durable.server.url("controlplane", user=APP)
    hold, other = Hold("c0", "used", 10), Hold("c0", "given up", 7)
    asked_for = [
        [(other, Call.RESERVE, HOUR), (hold, Call.RESERVE, HOUR)],
        [(hold, Call.EXTEND, 2 * HOUR), (hold, Call.SETTLE, 4)],
        [(other, Call.RELEASE, 0)],
    ]
    for steps in asked_for:
        door = Spender(url, threading.Event())
        for each, call, figure in steps:
            ask(door, call, {0: figure}, [each], is_last=True)
        kill_everything(durable, Random())
        door.close()
        kinds = durable.rows("SELECT kind FROM core.reservation_step ORDER BY seq DESC LIMIT 1")
        assert kinds == [(steps[-1][1].name,)]
    stands(durable, {("c0", each.key): each for each in (hold, other)}, GRANTED)


def wait_for_answers(load: Load) -> None:
    """Until callers are told that they may again."""
    before = load.words["ALLOWED"]
    deadline = time.monotonic() + SOON
    while load.words["ALLOWED"] <= before + 10:
        assert time.monotonic() < deadline, load.words
        time.sleep(0.05)


def backends(place: Standing) -> list[psutil.Process]:
    """Those of the spenders; the postmaster's children."""
    with psycopg.connect(place.url, autocommit=True) as connection:
        pids = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE usename LIKE '%%app' AND backend_type = 'client backend'"
        ).fetchall()
    return [psutil.Process(pid) for (pid,) in pids]


def kill_a_backend(place: Standing, random: Random) -> None:
    """Postgres takes all the others down with it, and recovers by itself."""
    with suppress(psutil.NoSuchProcess):
        random.choice(backends(place)).kill()


def kill_the_postmaster(place: Standing, random: Random) -> None:
    """Backends see that it is gone, and go; one in the middle of a call may still answer it."""
    assert place.server.pid is not None
    os.kill(place.server.pid, signal.SIGKILL)
    place.server.stop()
    place.server.start()


def kill_everything(place: Standing, random: Random) -> None:
    """As a machine that goes down; but for what the disk had not got yet."""
    assert place.server.pid is not None
    postmaster = psutil.Process(place.server.pid)
    children = postmaster.children()
    postmaster.kill()
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    place.server.stop()
    place.server.start()
