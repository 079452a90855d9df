"""Suspend in one process, ask in others: how many decisions pass that must not, and how soon it is known.

Two processes like those of the API ask for one customer without a pause, by consume and by check in turns. A
third one suspends the customer, or an entity on the path of all who ask, and lets it go on a moment later,
over and over. Whatever is asked after the suspension was answered, and answered before it is lifted, must be
denied; and between the two no usage may be on record, by the order of the customer's own numbers, whenever it
was asked. Time to the first denial counts from when the suspension was asked for, its own wait included.
"""

import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import click

from bench.deciding import administering
from bench.drivers import drive
from bench.figure import Figure
from bench.load import Answer, Asking
from bench.world import World
from controlplane.db import configuration

CUSTOMER, AGENTS = "customer-9", tuple(f"agent-{n}" for n in range(1, 9))
#: Who is suspended, in turns: the customer, and two who stand on the path of every agent.
OWNERS = (None, "team-1", "department-1")
PROCESSES, CALLERS = 2, 8
#: Seconds that a suspension lasts, and that pass before the next one; drawn evenly.
_LASTS, _RESTS = (0.05, 0.15), (0.05, 0.15)

_RECORDED = """
    SELECT count(*) FROM core.usage_event AS e
    WHERE e.customer_id = 'customer-9' AND (
      SELECT c.after ->> 'suspended' FROM core.change AS c
      WHERE c.customer_id = e.customer_id AND c.kind = 'SUSPENSION' AND c.seq < e.seq
      ORDER BY c.seq DESC LIMIT 1) = 'true'
"""


@dataclass(frozen=True, slots=True)
class Suspension:
    """One of them, on ``time.monotonic``.

    Attributes:
        asked: when it was asked for.
        told: when its caller knew that it is in force.
        lifted: when its end was asked for.
    """

    asked: float
    told: float
    lifted: float


def measure(world: World, seconds: int, pairs: int) -> list[Figure]:
    """As many runs as pairs, each of so many seconds."""
    passed: list[float] = []
    first: list[float] = []
    usual: list[float] = []
    waits: list[float] = []
    suspensions = decisions = 0
    with world.fresh("suspension") as database:
        for turn in range(1, pairs + 1):
            world.tell(f"run {turn} of {pairs}")
            answers, found = _run(world.app_url(database), seconds)
            recorded = int(world.value(database, _RECORDED))
            judged = [_judged(answers, each) for each in found]
            if not found or not all(judged):
                raise click.ClickException("a suspension was over before anything was asked")
            passed.append(recorded + sum(answer.allowed for own in judged for answer in own))
            first.append(statistics.median(_first_denial(answers, each) for each in found) * 1e3)
            usual.append(statistics.median(answer.seconds for answer in answers) * 1e3)
            waits += [(each.told - each.asked) * 1e3 for each in found]
            suspensions += len(found)
            decisions += sum(map(len, judged))
    return [
        Figure(
            "suspension, still allowed",
            "decisions",
            passed,
            0,
            at_most=True,
            says="decisions in other processes that passed a suspension already in force",
            note=f"{decisions:,} asked and answered within {suspensions:,} suspensions",
        ),
        Figure(
            "suspension, first denial",
            "ms",
            [found / floor for found, floor in zip(first, usual, strict=True)],
            None,
            yardstick=usual,
            ours=first,
            says="from asking to suspend to the first denial in another process; to any decision there",
            note=f"suspending itself took {statistics.median(waits):.1f} ms",
        ),
    ]


def _run(url: str, seconds: int) -> tuple[list[Answer], list[Suspension]]:
    """What the askers were told, and the suspensions meanwhile."""
    found: list[Suspension] = []

    def suspend() -> None:
        with asyncio.Runner() as runner:
            found.extend(runner.run(_suspend(url, seconds)))

    asking = Asking(CUSTOMER, AGENTS, CALLERS, seconds, checks=True)
    driven = drive(url, [[asking]] * PROCESSES, suspend)
    return [answer for process in driven for done in process.done for answer in done.answers], found


async def _suspend(url: str, seconds: float) -> list[Suspension]:
    """Suspend and let go on, until there is no time for another."""
    found = []
    last = time.monotonic() + seconds - _LASTS[1] - _RESTS[1]
    owners = itertools.cycle(OWNERS)
    async with administering(url) as database:
        while (asked := time.monotonic()) < last:
            owner = next(owners)
            await configuration.set_suspension(database, CUSTOMER, owner, True, "bench")
            told = time.monotonic()
            await asyncio.sleep(random.uniform(*_LASTS))
            found.append(Suspension(asked, told, time.monotonic()))
            await configuration.set_suspension(database, CUSTOMER, owner, False, "bench")
            await asyncio.sleep(random.uniform(*_RESTS))
    return found


def _judged(answers: Sequence[Answer], while_: Suspension) -> list[Answer]:
    """What was asked when it was known to be in force, and answered before anybody asked for its end."""
    return [each for each in answers if while_.told < each.asked and each.answered < while_.lifted]


def _first_denial(answers: Sequence[Answer], after: Suspension) -> float:
    """Seconds.

    Raises:
        ClickException: nothing was ever denied.
    """
    denied = [each.answered for each in answers if not each.allowed and each.answered > after.asked]
    if not denied:
        raise click.ClickException("a suspension after which nothing was denied")
    return min(denied) - after.asked
