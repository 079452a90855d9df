"""Sixteen real connections take the same usage back, whole and in parts, while others spend what returns."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.concurrency.test_races import RACERS, Race, ask, consume
from tests.concurrency.test_races_of_grants import attempt, available, consumed


@pytest.fixture
def race(database_url: str, connection: psycopg.Connection) -> Iterator[Race]:
    made = Race(database_url, connection)
    yield made
    made.verify()


def spent(race: Race, times: int) -> list[str]:
    """That many events of one credit."""
    race.grant(str(times))
    for _ in range(times):
        [(_, reason)] = [row[:2] for row in consume(race.world.connection, ask("blue-agent"))]
        assert reason is None
    return [
        seq for (seq,) in race.world.rows("SELECT seq::text FROM core.usage_event ORDER BY usage_event.seq")
    ]


def reverse(connection: psycopg.Connection, event: str, share: str, key: str | None = None) -> Any:
    given = {"idempotencyKey": key or str(uuid4()), "usageEventId": event, "share": share, "reason": "race"}
    return attempt(connection, "reverse_consumption", **given)


def test_one_event_is_taken_back_once(race: Race) -> None:
    [event] = spent(race, 1)
    told = race.run(lambda c, _: reverse(c, event, "1"))
    assert Counter(each if isinstance(each, str) else "done" for each in told) == {
        "done": 1,
        "SHARE_EXCEEDED": RACERS - 1,
    }
    assert available(race) == {"customer:general": 1}


def test_parts_of_one_event_come_to_the_whole(race: Race) -> None:
    """Three tenths each: three fit, whoever is first."""
    [event] = spent(race, 1)
    told = race.run(lambda c, _: reverse(c, event, "0.3"))
    done = sorted(each["reversed"] for each in told if isinstance(each, dict))
    assert done == ["0.3", "0.6", "0.9"]
    assert available(race) == {"customer:general": Decimal("0.9")}


def test_one_key_reverses_once_whoever_is_first(race: Race) -> None:
    [event] = spent(race, 1)
    told = race.run(lambda c, _: reverse(c, event, "0.1", key="same"))
    assert sorted(each["replayed"] for each in told) == [False] + [True] * (RACERS - 1)
    assert len({each["seq"] for each in told}) == 1


def test_what_returns_is_spent_again_and_never_twice(race: Race) -> None:
    events = spent(race, 12)

    def work(connection: psycopg.Connection, number: int) -> list[Any]:
        if number % 2:
            return [reverse(connection, event, "0.5") for event in events[number % 3 :: 3]]
        return [consume(connection, ask("blue-agent"))[0][1] for _ in range(4)]

    told = [each for racer in race.run(work) for each in racer]
    done = [each for each in told if isinstance(each, dict)]
    assert sum(Decimal(each["share"]) for each in done) == 12
    assert {each for each in told if isinstance(each, str)} <= {"SHARE_EXCEEDED", "INSUFFICIENT_CREDITS"}
    returned = sum(Decimal(each["credits"]["general"]) for each in done)
    assert returned == 12
    assert sum(available(race).values()) + consumed(race) - returned == 12
