"""Sending the requests: some at once, in order of their time, as fast as told."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from controlplane.client.keys import new_key
from controlplane.errors import CallFailed
from controlplane.replay.catalog import FEATURE, catalog_changes
from controlplane.replay.doors import Door
from controlplane.replay.setup import PLENTY, TIGHT, changes_of, demands
from controlplane.replay.tally import Tally
from controlplane.replay.world import Ids, Request, Shape

#: When every request that may be under way at once has failed so many times, nobody answers any more.
HOPELESS_ROUNDS = 2

#: Told after each step: how many are done, of how many.
Told = Callable[[int, int], None]


async def set_up(
    door: Door,
    requests: Sequence[Request],
    shape: Shape,
    ids: Ids,
    *,
    tight: bool,
    tally: Tally,
    stop: asyncio.Event,
    concurrency: int,
    told: Told,
) -> None:
    """Make catalogue and customers; remembers the grants in the tally.

    Raises:
        CallFailed: something was refused.
    """
    for function, given in catalog_changes():
        await door.change(function, None, given)
    sizes = TIGHT if tight else PLENTY
    plans = [
        list(changes_of(number, demand, shape, ids, sizes))
        for number, demand in sorted(demands(requests).items())
    ]
    total, done = sum(map(len, plans)), 0
    left = iter(plans)

    async def work() -> None:
        nonlocal done
        for plan in left:  # a customer's changes stand in line at its gate anyway
            for function, customer, given in plan:
                if stop.is_set():
                    return
                found = await door.change(function, customer, given)
                if function == "grant_credits":
                    owner, kind = given.get("entityId", "customer"), given["kind"]
                    tally.grants[customer, found["grantId"]] = (kind, owner, given["creditType"])
                done += 1
                told(done, total)

    await _together(work, concurrency)


async def drive(
    door: Door,
    requests: Sequence[Request],
    ids: Ids,
    *,
    speed: float | None,
    estimate: int | None,
    tally: Tally,
    stop: asyncio.Event,
    concurrency: int,
    told: Told,
) -> float:
    """Send every request; seconds that it took.

    Args:
        door: where to.
        requests: in order of time.
        ids: of those who ask.
        speed: a multiple of the trace's own; None is as fast as it goes.
        estimate: output tokens for which each request is reserved before it is settled by what it generated;
            None consumes.
        tally: counts.
        stop: ends it early; what is under way is waited for. Set here where nobody answers any more.
        concurrency: most requests under way at once.
        told: of progress.
    """
    left: Iterator[Request] = iter(requests)
    began = time.perf_counter()

    async def work() -> None:
        for request in left:
            if speed is not None:
                due = began + request.offset / speed
                if (wait := due - time.perf_counter()) > 0 and await _set_within(stop, wait):
                    return
                tally.lag = max(tally.lag, time.perf_counter() - due)
            if stop.is_set():
                return
            await _send(door, request, ids, estimate, tally)
            told(tally.done, len(requests))
            if tally.failed_in_a_row >= HOPELESS_ROUNDS * concurrency:
                tally.given_up = True
                stop.set()

    await _together(work, concurrency)
    return time.perf_counter() - began


async def _send(door: Door, request: Request, ids: Ids, estimate: int | None, tally: Tally) -> None:
    customer = ids.customer(request.customer)
    sent = time.perf_counter()
    try:
        item = item_of(request, ids)
        if estimate is None:
            answer = await door.consume(item)
        else:
            answer = await door.reserve({**item, "quantities": _quantities(request.context, estimate)})
            if answer.reservation is not None:
                held = {"customerId": customer, "reservationId": answer.reservation}
                answer = await door.settle({**held, "quantities": item["quantities"]})
                tally.beyond += request.generated > estimate
                tally.short += answer.is_short
    except CallFailed as error:
        tally.fail(request.line, error.answered, error.message)
    else:
        tally.add(customer, answer, time.perf_counter() - sent)


def item_of(request: Request, ids: Ids) -> dict[str, Any]:
    """The request as every door takes it, under a new key."""
    return {
        "idempotencyKey": new_key(),
        "customerId": ids.customer(request.customer),
        "featureId": FEATURE,
        "quantities": _quantities(request.context, request.generated),
        "entityIds": [ids.agent(request.team, request.agent), ids.product(request.product)],
        "sessionId": f"session-{request.team}-{request.agent}-{request.session}",
        "dimensions": [{"key": "model", "value": request.model}],
    }


def _quantities(context: int, generated: int) -> list[dict[str, str]]:
    return [{"name": "input", "amount": str(context)}, {"name": "output", "amount": str(generated)}]


async def _together(work: Callable[[], Any], concurrency: int) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None  # the others say the same


async def _set_within(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
