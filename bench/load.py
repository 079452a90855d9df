"""Load that one process puts on ``Decisions``: callers in a closed loop, or arrivals in an open one.

Every item is its caller's own, as in the API: what gathers them is behind ``Decisions.consume``. An item that
was shed is sent again with its key after a pause, as a client would, and its time goes on meanwhile.
"""

import asyncio
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from controlplane.client.keys import new_key
from controlplane.db.decisions import Decisions, Item
from controlplane.errors import Conflict, DatabaseError, OutcomeUnknown, Shed

#: Seconds before an item is sent again, and until that is given up.
PAUSE, PATIENCE = 0.05, 120.0

#: Only the hot customer has as many; everybody else has one.
_HOT, _AGENTS = 9, 8


@dataclass(frozen=True, slots=True)
class Done:
    """What a load did.

    Attributes:
        items: decided, all of them allowed.
        seconds: until the last one was answered.
        repeats: how often one was sent again.
        latencies: seconds from the intended start to the answer, of an open loop.
    """

    items: int
    seconds: float
    repeats: int
    latencies: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """Callers who each send the next item when the last one is answered.

    Attributes:
        customers: numbers of the first and the last; drawn evenly.
        callers: at the same time.
        seconds: in which items are sent.
    """

    customers: tuple[int, int]
    callers: int
    seconds: float

    async def run(self, decisions: Decisions) -> Done:
        """Put it on; returns when every item is answered."""
        clock = asyncio.get_running_loop().time
        began = clock()
        tallies = [0, 0]

        async def call() -> None:
            while clock() < began + self.seconds:
                tallies[1] += await _decide(decisions, random.randint(*self.customers))
                tallies[0] += 1

        async with asyncio.TaskGroup() as callers:
            for _ in range(self.callers):
                callers.create_task(call())
        return Done(tallies[0], clock() - began, tallies[1])


@dataclass(frozen=True, slots=True)
class Open:
    """Items that come when they come (a Poisson process), whether others are answered or not.

    Latency counts from when an item should have been sent, so a stall is told by everyone who came in it. The
    clock of the loop wakes a sender up to a millisecond late; that counts too.

    Attributes:
        customers: numbers of the first and the last; drawn evenly.
        rate: arrivals a second.
        seconds: in which items come.
    """

    customers: tuple[int, int]
    rate: float
    seconds: float

    async def run(self, decisions: Decisions) -> Done:
        """Put it on; returns when every item is answered."""
        clock = asyncio.get_running_loop().time
        began = due = clock()
        latencies: list[float] = []
        tallies = [0]

        async def call(due: float) -> None:
            tallies[0] += await _decide(decisions, random.randint(*self.customers))
            latencies.append(clock() - due)

        async with asyncio.TaskGroup() as calls:
            while (due := due + random.expovariate(self.rate)) < began + self.seconds:
                await asyncio.sleep(due - clock())
                calls.create_task(call(due))
        return Done(len(latencies), clock() - began, tallies[0], latencies)


#: Something to put on ``Decisions``.
Load: TypeAlias = Closed | Open


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of latencies, in milliseconds."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, latencies: Sequence[float]) -> Self:
        """Of seconds."""
        cuts = statistics.quantiles(latencies, n=100, method="inclusive")
        return cls(*(cuts[share - 1] * 1e3 for share in (50, 95, 99)))


def make_item(customer: int) -> Item:
    """A request like those of seed.sql."""
    agent = random.randint(1, _AGENTS) if customer == _HOT else 1
    return {
        "idempotencyKey": new_key(),
        "customerId": f"customer-{customer}",
        "entityIds": [f"agent-{agent}"],
        "featureId": "chat",
        "quantities": [{"name": "input", "amount": "1200"}, {"name": "output", "amount": "300"}],
        "sessionId": "session-12345",
        "dimensions": [{"key": "model", "value": "large"}],
    }


async def _decide(decisions: Decisions, customer: int) -> int:
    """Have one item decided, however often that takes; returns how often it was sent again.

    Raises:
        DatabaseError: nothing that passes by itself.
        RuntimeError: it was denied: the bench measures nothing that is.
    """
    item = make_item(customer)
    repeats = 0
    async with asyncio.timeout(PATIENCE):
        while True:
            (outcome,) = await decisions.consume([item])
            if not isinstance(outcome, DatabaseError):
                break
            if not isinstance(outcome, (Shed, Conflict, OutcomeUnknown)):
                raise outcome
            repeats += 1
            await asyncio.sleep(PAUSE)
    if not outcome.allowed:
        raise RuntimeError(f"an item of the bench was denied: {outcome.reason}")
    return repeats
