"""kill -9 of a backend, of the postmaster, of everything, while spenders spend; with fsync on.

What was answered stands, exactly once; what was not is decided once when it is asked again.
``make faults ROUNDS=50`` kills more often.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil
import psycopg
import pytest

from controlplane.types import Role
from tests.faults.load import Load, asked, consume
from tests.faults.standing import Standing
from tests.servers import ROLE_PREFIX
from tests.sql.configuring import Configuration

pytestmark = pytest.mark.durable

GRANTED = 1_000_000
CUSTOMERS = 3


@pytest.fixture
def durable(folder: Path) -> Iterator[Standing]:
    """A server that keeps what it says but for commits: those, api makes durable whatever it is told."""
    settings = {"shared_buffers": "64MB", "synchronous_commit": "off"}
    with Standing.new(folder / "data", settings) as place:
        assert place.rows("SELECT current_setting('fsync'), current_setting('full_page_writes')") == [
            ("on", "on")
        ]
        with psycopg.connect(place.url, autocommit=True) as connection:
            for number in range(CUSTOMERS):
                customer = Configuration(connection, f"c{number}")
                customer.change("upsert_customer")
                customer.change(
                    "grant_credits", idempotencyKey="grant", creditType="general", amount=str(GRANTED)
                )
                shape = {"measure": "CREDITS", "creditType": "general", "window": "TOTAL"}
                customer.change("set_budget", budgetId="all", limit=str(GRANTED), **shape)
        yield place


def test_what_was_answered_stands_once(durable: Standing) -> None:
    rounds = int(os.environ.get("CONTROLPLANE_TEST_ROUNDS") or 3)
    random = Random(rounds)
    url = durable.server.url("controlplane", user=f"{ROLE_PREFIX}_{Role.APP.value}")
    with Load(url, customers=CUSTOMERS) as load:
        for number in range(rounds):
            time.sleep(random.uniform(0.5, 1.0))
            (kill_a_backend, kill_the_postmaster, kill_everything)[number % 3](durable, random)
        time.sleep(0.5)
    assert load.lost > 0, "nothing was under way when it was killed"
    stands(durable, load)


def stands(place: Standing, load: Load) -> None:
    """Balances, counters and history are what was answered, and every answer is given again."""
    assert place.faults == []
    for number in range(CUSTOMERS):
        customer = f"c{number}"
        told = {key: answer for (owner, key), answer in load.answers.items() if owner == customer}
        allowed = {key: answer for key, answer in told.items() if answer.allowed}
        spent = sum(answer.amount for answer in allowed.values())
        assert 0 < len(allowed) < len(told)
        assert len({answer.seq for answer in allowed.values()}) == len(allowed)
        assert place.rows("SELECT available FROM core.wallet WHERE customer_id = %s", customer) == [
            (GRANTED - spent,)
        ]
        assert place.rows("SELECT used FROM core.counter WHERE customer_id = %s", customer) == [(spent,)]
        assert place.rows("SELECT count(*) FROM core.usage_event WHERE customer_id = %s", customer) == [
            (len(allowed),)
        ]
        with psycopg.connect(place.url, autocommit=True) as connection:
            items = [asked(customer, key, answer.amount) for key, answer in told.items()]
            again = [
                row
                for start in range(0, len(items), 200)
                for row in consume(connection, items[start : start + 200])
            ]
        assert [(*row[2:4], *row[5:]) for row in again] == [
            (answer.allowed, answer.reason, True, answer.seq) for answer in told.values()
        ]


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
