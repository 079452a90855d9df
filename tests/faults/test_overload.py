"""Ten times more callers than fit, gates held elsewhere, statements too slow, a pool of one connection.

What is too much is shed, with a time to come again; the others go on, and afterwards all do, at once.
"""

import asyncio
import time
from collections.abc import Callable

import pytest

from controlplane.db import pool
from controlplane.db.decisions import Decisions
from controlplane.errors import OutcomeUnknown, Shed
from controlplane.graphql.failures import told
from controlplane.types import Role
from tests.concurrency.deciding import deciding
from tests.faults.doors import word_of
from tests.faults.judging import stands
from tests.faults.standing import Place
from tests.faults.test_lane_faults import held
from tests.faults.words import Key, Refused, Told, Word, asked

GRANTED = 1_000_000
CUSTOMERS = 6
#: The first one's gate is held elsewhere, and requests of the second take longer than a statement may.
HELD, SLOW, *FREE = (f"c{number}" for number in range(CUSTOMERS))
#: Items that may wait in a lane, and the crowd that wants to.
ROOM, CROWD = 100, 1_000
SHEDS = {"OVERLOADED", "LOCKED", "TIMEOUT", "DEADLINE_EXCEEDED"}


@pytest.mark.parametrize("size", [None, 1], ids=["a usual pool", "one connection"])
def test_a_crowd_is_shed_and_the_others_go_on(
    place: Place, login_url: Callable[[Role], str], monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    monkeypatch.setattr(pool, "CHECKOUT_SECONDS", 0.2)
    place.make_customers(CUSTOMERS, GRANTED)
    words: dict[Key, tuple[int, Word]] = {}

    async def ask(decisions: Decisions, customer: str, name: str, amount: int, within: float) -> None:
        [outcome] = await decisions.consume([asked(customer, name, amount)], within=within)
        words[customer, name] = amount, word_of(outcome)
        if isinstance(outcome, Shed):
            shown = told(outcome)
            assert shown is not None
            assert 0 < shown.extensions["retryAfter"] <= 5
        assert not isinstance(outcome, OutcomeUnknown) or customer in (HELD, SLOW), "nothing was lost"

    async def crowd(decisions: Decisions) -> None:
        """Arrives within two seconds."""
        async with asyncio.TaskGroup() as callers:
            for number in range(CROWD):
                customer = f"c{number % CUSTOMERS}"
                name = f"{'slow' if number % 300 == 1 else 'key'}-{number}"
                amount = 10**9 if number % 7 == 0 else 1
                callers.create_task(ask(decisions, customer, name, amount, within=1.0))
                if number % (CROWD // 20) == 0:
                    await asyncio.sleep(0.1)

    async def run() -> float:
        async with deciding(
            login_url(Role.APP), lanes=1, most_waiting=ROOM, statement_timeout_ms=400, size=size
        ) as decisions:
            with held(place, HELD):
                await crowd(decisions)
            begun = time.monotonic()
            after = [ask(decisions, f"c{n}", f"after-{n}", 1, within=5.0) for n in range(CUSTOMERS)]
            await asyncio.gather(*after)
            return time.monotonic() - begun

    with place.trip("slow", "PERFORM pg_sleep(60)"):
        assert asyncio.run(run()) < 2, "it goes on at once"
    assert all(isinstance(words[f"c{n}", f"after-{n}"][1], Told) for n in range(CUSTOMERS))
    codes = {word.code for _, word in words.values() if isinstance(word, Refused)}
    assert {"OVERLOADED", "TIMEOUT"} <= codes <= SHEDS
    for customer in FREE:
        assert (
            sum(isinstance(word, Told) for (owner, _), (_, word) in words.items() if owner == customer) > 10
        )
    stands(place, words, GRANTED)
