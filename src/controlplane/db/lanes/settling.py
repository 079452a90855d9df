"""From a batch of tickets to an outcome for each: what is sent again, what is split, what is given up.

An error is told apart by what it says about the batch (DESIGN §5):

* an item can cause it (``RequestError``): that item fails alone, and the others are sent without it;
* rolled back by concurrency (``Conflict``): the same again, a few times;
* nothing was written (``Shed``): told to every caller, who may try again;
* nobody knows (``OutcomeUnknown``): the same again with the same keys, for as long as a caller waits;
* a fault of ours: told to every caller as a fault.

None of them ever becomes a denial.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from controlplane.db.lanes.faults import faults_by_item, moved
from controlplane.db.lanes.ticket import Outcome, Ticket
from controlplane.errors import Conflict, DatabaseError, OutcomeUnknown, RequestError

#: Times that a batch is sent again after a deadlock or the like.
CONFLICT_RETRIES = 5
#: Seconds before the first retry and at most; each is about twice the one before.
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5
#: ``lock_not_available``: a lock was waited for in vain. The rest of its class says so at once, for ever.
GATE_HELD = "55P03"


class Deferred:
    """Stands where an outcome would: the customer's gate is held elsewhere, and nothing was decided."""


DEFERRED = Deferred()

#: Sends one statement with those that ``leave``, and returns what it says of each of their items, in order.
Send: TypeAlias = Callable[[Sequence[Ticket]], Awaitable[Sequence[Outcome | Deferred]]]


class Watch(Protocol):
    """Whom the lanes tell what they do."""

    def sent(self, call: str, items: int, seconds: float) -> None:
        """A statement is over."""

    def waited(self, call: str, seconds: float) -> None:
        """A ticket has waited so long for its turn."""

    def deferred(self, items: int) -> None:
        """So many items of a customer came back because its gate is held elsewhere."""

    def retried(self, why: str) -> None:
        """A batch, or what is left of it, is sent again."""


class Unwatched:
    """Watches nothing."""

    def sent(self, call: str, items: int, seconds: float) -> None:
        """Nothing."""

    def waited(self, call: str, seconds: float) -> None:
        """Nothing."""

    def deferred(self, items: int) -> None:
        """Nothing."""

    def retried(self, why: str) -> None:
        """Nothing."""


async def settle(tickets: Sequence[Ticket], send: Send, watch: Watch) -> list[Ticket]:
    """Send until each ticket has an outcome or its caller has gone.

    Returns:
        Tickets that have none because their customer's gate is held elsewhere.

    Raises:
        Exception: a fault of ours; tickets whose statement was under way are still ``sent``.
    """
    attempt = 0
    while tickets := [ticket for ticket in tickets if not ticket.is_over]:
        try:
            outcomes = await send(tickets)
            return _deliver(_carried(tickets), outcomes)
        except DatabaseError as error:
            is_lost = isinstance(error, OutcomeUnknown)
            carried = _carried(tickets)
            for ticket in carried:
                ticket.sent = False
                ticket.unclear = ticket.unclear or (is_lost and ticket.call.writes)
            if isinstance(error, RequestError):
                return await _without_culprits(carried, error, send, watch)
            if error.sqlstate == GATE_HELD and tickets[0].call.writes:
                return list(tickets)
            if not (is_lost or _may_pass(error, attempt) or any(ticket.unclear for ticket in tickets)):
                for ticket in tickets:
                    ticket.fail(error)
                return []
            watch.retried(error.code)
        attempt += 1
        await asyncio.sleep(_pause(attempt))
    return []


def _carried(tickets: Sequence[Ticket]) -> list[Ticket]:
    """Those that the statement took along: their callers' time was not over when it was sent."""
    return [ticket for ticket in tickets if ticket.sent]


def _may_pass(error: DatabaseError, attempt: int) -> bool:
    return isinstance(error, Conflict) and attempt < CONFLICT_RETRIES


def _pause(attempt: int) -> float:
    """Seconds, spread so that those who failed together do not come again together."""
    longest: float = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1)  # noqa: S311


def _deliver(tickets: Sequence[Ticket], outcomes: Sequence[Outcome | Deferred]) -> list[Ticket]:
    assert len(outcomes) == sum(map(len, tickets)), "one outcome an item"
    deferred = []
    place = 0
    for ticket in tickets:
        own = [each for each in outcomes[place : place + len(ticket)] if not isinstance(each, Deferred)]
        place += len(ticket)
        if len(own) == len(ticket):
            ticket.settle(own)
        else:
            ticket.sent = False  # this time nothing was written
            deferred.append(ticket)
    return deferred


async def _without_culprits(
    tickets: Sequence[Ticket], error: RequestError, send: Send, watch: Watch
) -> list[Ticket]:
    """Fail those the error names and send the others; where it names none, look for them by halves."""
    named = faults_by_item(error)
    innocent, place = [], 0
    for ticket in tickets:
        own = next((moved(named[n], -place) for n in range(place, place + len(ticket)) if n in named), None)
        place += len(ticket)
        if own is not None:
            ticket.fail(own)
        else:
            innocent.append(ticket)
    if len(tickets) == 1 and innocent:
        tickets[0].fail(error)
        return []
    watch.retried(error.code)
    if len(innocent) < len(tickets):
        return await settle(innocent, send, watch)
    half = len(tickets) // 2
    return [*await settle(tickets[:half], send, watch), *await settle(tickets[half:], send, watch)]
