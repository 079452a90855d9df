"""A commit that waits for a synchronous standby: nobody is told of it before it is safe.

Where the wait is cancelled Postgres warns, and answers as if all were well; callers hear UNKNOWN. The answer
is recorded here nevertheless, and the same key gives it once the standby's name is taken away.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from controlplane.types import Role
from tests.faults.doors import Lanes, lanes_on
from tests.faults.judging import stands
from tests.faults.standing import Standing
from tests.faults.words import Told, Unknown, asked
from tests.servers import ROLE_PREFIX

GRANTED = 1_000
ITEMS = [asked(f"c{number}", f"key-{number}", amount) for number, amount in enumerate((1, 2, 10**9))]


@pytest.fixture
def waiting(folder: Path) -> Iterator[Standing]:
    with Standing.new(folder / "data") as place:
        place.make_customers(len(ITEMS), GRANTED)
        place.set("synchronous_standby_names", "'nobody'")
        yield place


@pytest.fixture
def lanes(waiting: Standing) -> Iterator[Lanes]:
    with lanes_on(waiting.server.url("controlplane", user=f"{ROLE_PREFIX}_{Role.APP.value}")) as made:
        yield made


@contextmanager
def cancelling(place: Standing) -> Iterator[list[int]]:
    """Somebody cancels whatever waits for the standby; how many at a time."""
    over, cancelled = threading.Event(), []

    def cancel() -> None:
        with psycopg.connect(place.url, autocommit=True) as connection:
            while not over.wait(0.02):
                cancelled.append(
                    connection.execute(
                        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                    ).rowcount
                )

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        yield cancelled
    finally:
        over.set()
        thread.join()


def test_a_cancelled_wait_is_unknown_and_never_allowed(waiting: Standing, lanes: Lanes) -> None:
    with cancelling(waiting) as cancelled:
        words = lanes.open(within=1.0).send(ITEMS)
        again = lanes.open(within=1.0).send(ITEMS)
    assert sum(cancelled) >= 2, "the lanes asked again, and that was cancelled too"
    assert words == again == [Unknown()] * len(ITEMS)
    assert waiting.rows(
        "SELECT count(*) FROM core.idempotency WHERE starts_with(core.key_text(key), 'key')"
    ) == [(len(ITEMS),)]
    its_name_is_taken_away(waiting, lanes)


@pytest.mark.parametrize("setting", ["client_min_messages = error", "synchronous_commit = local"])
def test_whatever_is_set(waiting: Standing, setting: str) -> None:
    """Not to be warned, or not to wait for the standby at all."""
    with psycopg.connect(waiting.url, options="-c synchronous_commit=off") as connection:
        connection.execute(f"ALTER DATABASE controlplane SET {setting}")  # type: ignore[arg-type]
    url = waiting.server.url("controlplane", user=f"{ROLE_PREFIX}_{Role.APP.value}")
    with lanes_on(url) as lanes, cancelling(waiting) as cancelled:
        assert lanes.open(within=1.0).send(ITEMS) == [Unknown()] * len(ITEMS)
    assert sum(cancelled) > 0


def test_a_wait_without_end_is_unknown_and_checks_go_on(waiting: Standing, lanes: Lanes) -> None:
    assert lanes.open(within=0.5).send(ITEMS) == [Unknown()] * len(ITEMS)
    [checked] = lanes.do(lanes.decisions.check(ITEMS[:1]), 5)
    assert checked.allowed
    its_name_is_taken_away(waiting, lanes)


def its_name_is_taken_away(place: Standing, lanes: Lanes) -> None:
    """Then each key has its answer, and it is the recorded one."""
    place.set("synchronous_standby_names", "''")
    words = lanes.open(within=10.0).send(ITEMS)
    assert [word.allowed for word in words if isinstance(word, Told)] == [True, True, False]
    told = {(i["customerId"], i["idempotencyKey"]): int(i["quantities"][0]["amount"]) for i in ITEMS}
    stands(place, {key: (told[key], word) for key, word in zip(told, words, strict=True)}, GRANTED)
