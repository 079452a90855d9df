"""Load that one process puts on ``Decisions``: callers in a closed loop, or arrivals in an open one.

Every item is its caller's own, as in the API: what gathers them is behind ``Decisions.consume``. An item that
was shed is sent again with its key after a pause, as a client would, and its time goes on meanwhile.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from controlplane.client.keys import new_key
from controlplane.db.decisions import Decisions, Item
from controlplane.db.lanes.ticket import Judgement
from controlplane.errors import Conflict, OutcomeUnknown, Shed

#: Seconds before an item is sent again, and until that is given up.
PAUSE, PATIENCE = 0.05, 120.0

#: Only the hot customer has as many; everybody else has one.
_HOT, _AGENTS = 9, 8


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision, on ``time.monotonic``, which all processes of a machine share.

    Attributes:
        asked: when its caller asked first.
        answered: when the caller knew.
        allowed: what it was told.
        checks: whether it was a ``check``, which writes nothing.
    """

    asked: float
    answered: float
    allowed: bool
    checks: bool

    @property
    def seconds(self) -> float:
        """How long the caller waited."""
        return self.answered - self.asked


@dataclass(frozen=True, slots=True)
class Done:
    """What a load did.

    Attributes:
        items: decided; all of them allowed, but for those of ``Asking``.
        seconds: until the last one was answered.
        repeats: how often one was sent again.
        latencies: seconds from the intended start to the answer, of an open loop.
        answers: each of them, of ``Asking``.
    """

    items: int
    seconds: float
    repeats: int
    latencies: Sequence[float] = ()
    answers: Sequence[Answer] = ()


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


@dataclass(frozen=True, slots=True)
class Asking:
    """Callers of one customer who take any answer and note when they had it.

    Attributes:
        customer: whose.
        agents: drawn evenly.
        callers: at the same time.
        seconds: in which items are sent.
        checks: every second item is a ``check``.
    """

    customer: str
    agents: Sequence[str]
    callers: int
    seconds: float
    checks: bool = False

    async def run(self, decisions: Decisions) -> Done:
        """Put it on; returns when every item is answered."""
        began = time.monotonic()
        answers: list[Answer] = []
        repeats = [0]

        async def call() -> None:
            checks = False
            while time.monotonic() < began + self.seconds:
                item = _request(self.customer, random.choice(self.agents))
                asked = time.monotonic()
                if checks:
                    (judgement,) = await decisions.check([item])
                else:
                    judgement, again = await _insist(decisions, item)
                    repeats[0] += again
                answers.append(Answer(asked, time.monotonic(), judgement.allowed, checks))
                checks = self.checks and not checks

        async with asyncio.TaskGroup() as callers:
            for _ in range(self.callers):
                callers.create_task(call())
        return Done(len(answers), time.monotonic() - began, repeats[0], answers=answers)


#: Something to put on ``Decisions``.
Load: TypeAlias = Closed | Open | Asking


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
    return _request(f"customer-{customer}", f"agent-{agent}")


def _request(customer: str, entity: str) -> Item:
    return {
        "idempotencyKey": new_key(),
        "customerId": customer,
        "entityIds": [entity],
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
    judgement, repeats = await _insist(decisions, make_item(customer))
    if not judgement.allowed:
        raise RuntimeError(f"an item of the bench was denied: {judgement.reason}")
    return repeats


async def _insist(decisions: Decisions, item: Item) -> tuple[Judgement, int]:
    """Send one item until it is decided; what it was, and how often it was sent again.

    Raises:
        DatabaseError: nothing that passes by itself.
    """
    repeats = 0
    async with asyncio.timeout(PATIENCE):
        while True:
            (outcome,) = await decisions.consume([item])
            if isinstance(outcome, Judgement):
                return outcome, repeats
            if not isinstance(outcome, (Shed, Conflict, OutcomeUnknown)):
                raise outcome
            repeats += 1
            await asyncio.sleep(PAUSE)
