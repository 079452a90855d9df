"""Sixteen connections race on one customer over every shape of budget, axis and grant; the model judges.

``CONTROLPLANE_TEST_RACES=500`` (``make races``) runs so many seeds, others each time, in longer lanes. A seed
that failed is told with the fewest steps that were seen to fail, and goes into ``KEPT``. What a seed makes is
the same each time; in which order it happens is not.
"""

import json
import os
import time
from collections import Counter

import psycopg
import pytest

from tests.concurrency.judging import judge
from tests.concurrency.racing import Arena, Done, Lane
from tests.concurrency.scripts import make_lanes, make_worlds
from tests.concurrency.shrinking import shrink

_LONG = os.environ.get("CONTROLPLANE_TEST_RACES")
#: Steps of each connection.
LENGTH = 20 if _LONG else 8
#: Seeds that once showed something.
KEPT: tuple[int, ...] = (1795725992,)
#: Told by ``make races``, since several processes collect the same.
FIRST = int(os.environ.get("CONTROLPLANE_TEST_FIRST_RACE") or (time.time() if _LONG else 0))
SEEDS = (*KEPT, *range(FIRST, FIRST + int(_LONG or 6)))


#: Seconds in which a race that failed is made smaller.
SHRINKING = 240


def mostly_refused(done: list[Done]) -> str | None:
    """Nothing is proven by a race that is not judged; a small one may be so."""
    refused = [each for each in done if each.error]
    return "most of it was refused" if len(done) > 50 and len(refused) > len(done) / 2 else None


@pytest.mark.timeout(SHRINKING + 180)
@pytest.mark.parametrize("seed", SEEDS)
def test_race(seed: int, admin: psycopg.Connection, connections: list[psycopg.Connection]) -> None:
    worlds = make_worlds(seed)

    def fault(lanes: list[Lane]) -> str | None:
        try:
            arena = Arena(admin, worlds)
            done = arena.race(connections, lanes)
            return judge(arena, done) or mostly_refused(done)
        except psycopg.Error as error:
            return f"{type(error).__name__}: {error}"

    lanes = make_lanes(seed, worlds, LENGTH)
    if wrong := fault(lanes):
        fewer, same = shrink(lanes, fault, SHRINKING)
        told = "\n".join(f"{number}: {json.dumps(lane)}" for number, lane in enumerate(fewer))
        pytest.fail(
            f"seed {seed}: {wrong}\nin fewer steps: {same or 'not seen again'}\n{told}", pytrace=False
        )


def test_everything_races(admin: psycopg.Connection, connections: list[psycopg.Connection]) -> None:
    """What is made is done while others spend: usage and payments are taken back, history is sealed."""
    done: Counter[str] = Counter()
    refused: Counter[str | None] = Counter()
    heads = 0
    for seed in range(500, 504):
        worlds = make_worlds(seed)
        arena = Arena(admin, worlds)
        raced = arena.race(connections, make_lanes(seed, worlds, 12))
        heads += len(arena.heads)
        assert judge(arena, raced) is None
        done += Counter(each.operation["op"] for each in raced if not each.error)
        refused += Counter(each.refused for each in raced if each.operation["op"] == "reverse")
    assert done["reverse"] > 10, (done, refused)
    assert refused["share SHARE_EXCEEDED"] > 0, refused
    changes = ("voidGrant", "chargeBack", "setReversalOfExpired", "settle", "moveEntity", "setRates")
    assert min(done[op] for op in changes) > 0, done
    assert heads > 10
