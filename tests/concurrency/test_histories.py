"""Sixteen connections race on one customer over every shape of budget, axis and grant; the model judges.

``CONTROLPLANE_TEST_RACES=500`` (``make races``) runs so many seeds, others each time, in longer lanes. A seed
that failed goes into ``KEPT``. What a seed makes is the same each time; in which order it happens is not.
"""

import os
import time

import psycopg
import pytest

from tests.concurrency.judging import judge
from tests.concurrency.racing import Arena
from tests.concurrency.scripts import make_lanes, make_worlds

_LONG = os.environ.get("CONTROLPLANE_TEST_RACES")
#: Steps of each connection.
LENGTH = 20 if _LONG else 8
#: Seeds that once showed something.
KEPT: tuple[int, ...] = (1795725992,)
FIRST = int(time.time()) if _LONG else 0
SEEDS = (*KEPT, *range(FIRST, FIRST + int(_LONG or 6)))


@pytest.mark.parametrize("seed", SEEDS)
def test_race(seed: int, admin: psycopg.Connection, connections: list[psycopg.Connection]) -> None:
    worlds = make_worlds(seed)
    arena = Arena(admin, worlds)
    done = arena.race(connections, make_lanes(seed, worlds, LENGTH))
    wrong = judge(arena, done)
    assert wrong is None, f"seed {seed}: {wrong}"
    refused = [each for each in done if each.error]
    assert len(refused) < len(done) / 4, "most of it must have been judged"
