"""Driving requests through a door behind which nobody is any more."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from controlplane.errors import CallFailed
from controlplane.replay.doors import Answer
from controlplane.replay.driving import HOPELESS_ROUNDS, drive, set_up
from controlplane.replay.tally import Tally
from controlplane.replay.trace import Row
from controlplane.replay.world import Ids, Request, Shape, spread

AT_ONCE = 4
REQUESTS = spread([Row(line, 0.0, 100, 10) for line in range(2, 1002)], Shape(), 1)


class FailingDoor:
    """Answers so many requests, and then none."""

    def __init__(self, answered: int) -> None:
        self.left = answered

    async def change(self, function: str, customer: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        if customer is None:
            return {}
        raise CallFailed("nobody answers", answered="UNREACHABLE", retryable=True)

    async def consume(self, item: Mapping[str, Any]) -> Answer:
        await asyncio.sleep(0)
        self.left -= 1
        if self.left < 0:
            raise CallFailed("nobody answers", answered="UNREACHABLE", retryable=True)
        return Answer(True, None, [])

    reserve = settle = consume


def nothing(done: int, of: int) -> None:
    pass


def driven(requests: list[Request], door: FailingDoor) -> Tally:
    tally = Tally()

    async def run() -> None:
        stop = asyncio.Event()
        given = {"speed": None, "estimate": None, "concurrency": AT_ONCE}
        await drive(door, requests, Ids("r"), tally=tally, stop=stop, told=nothing, **given)
        assert stop.is_set() == tally.given_up

    asyncio.run(run())
    return tally


def test_it_gives_up_where_nobody_answers_any_more() -> None:
    tally = driven(REQUESTS, FailingDoor(100))
    assert tally.given_up
    assert tally.allowed == 100
    assert HOPELESS_ROUNDS * AT_ONCE <= tally.failed.total() < (HOPELESS_ROUNDS + 1) * AT_ONCE


def test_a_few_failures_end_nothing() -> None:
    tally = driven(REQUESTS[: 100 + AT_ONCE], FailingDoor(100))
    assert not tally.given_up
    assert (tally.allowed, tally.failed.total()) == (100, AT_ONCE)


def test_what_cannot_be_set_up_is_one_error() -> None:
    async def run() -> None:
        given = {"tight": False, "tally": Tally(), "stop": asyncio.Event(), "concurrency": AT_ONCE}
        await set_up(FailingDoor(0), REQUESTS, Shape(), Ids("r"), told=nothing, **given)

    with pytest.raises(CallFailed, match="nobody answers"):
        asyncio.run(run())
