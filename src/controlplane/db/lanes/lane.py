"""One lane: at most one statement in flight, and what arrives meanwhile goes together next."""

import asyncio
from collections.abc import Callable
from time import monotonic

import structlog

from controlplane.db.lanes.settling import Send, Watch, settle
from controlplane.db.lanes.ticket import Ticket, stopping
from controlplane.db.lanes.waiting import Waiting
from controlplane.errors import DatabaseError

_log = structlog.get_logger(__name__)


class Lane:
    """Takes from a line and sends. An idle lane sends at once: there is no timer.

    Lanes may share a line; each then takes what the others left.
    """

    def __init__(
        self, waiting: Waiting, send: Send, watch: Watch, on_deferred: Callable[[list[Ticket]], None]
    ) -> None:
        """Not running yet.

        Args:
            waiting: the line.
            send: sends one statement.
            watch: told what is done.
            on_deferred: takes tickets whose customer's gate is held elsewhere.
        """
        self.waiting = waiting
        self._send = send
        self._watch = watch
        self._on_deferred = on_deferred
        self._stopping = False
        self._under_way: list[Ticket] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run(), name="lane")

    def has(self, customer: str) -> bool:
        """Whether something of the customer waits here or is first in the statement under way."""
        is_first = bool(self._under_way) and self._under_way[0].customer == customer
        return is_first or self.waiting.items_of(customer) > 0

    def shut(self, seconds: float) -> None:
        """Tell whoever waits that this process stops, and let what is under way end within so many seconds.

        Else a caller with much time could still wait for an answer when its connection is closed.
        """
        self.waiting.shut()
        for ticket in self._under_way:
            ticket.hurry(seconds)

    async def stop(self, seconds: float) -> None:
        """Let what is in flight end, for at most so many seconds, and send nothing more."""
        if self._task is None:
            return
        self._stopping = True
        self.waiting.arrival.set()
        _, late = await asyncio.wait([self._task], timeout=seconds)
        for task in late:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while not self._stopping:
            tickets = self.waiting.take()
            if tickets:
                await self._carry(tickets)
            elif not self.waiting:  # a turn may also have met nobody but those whose callers have gone
                self.waiting.arrival.clear()
                await self.waiting.arrival.wait()

    async def _carry(self, tickets: list[Ticket]) -> None:
        """Send, and never leave anybody without an answer: not when we are stopped, nor for a fault of ours.

        A fault is told to those it met; the lane goes on with the next.
        """
        self._under_way = tickets
        try:
            await self._settle(tickets)
        except asyncio.CancelledError:
            for ticket in tickets:
                ticket.abandon(stopping())
            raise
        except Exception as fault:
            _log.exception("lane_fault", call=tickets[0].call.value)
            for ticket in tickets:
                ticket.abandon(DatabaseError(f"a fault of ours: {fault!r}", code="INTERNAL"))
        finally:
            self._under_way = []

    async def _settle(self, tickets: list[Ticket]) -> None:
        begun = monotonic()
        call, items = tickets[0].call.value, sum(map(len, tickets))
        for ticket in tickets:
            self._watch.waited(call, begun - ticket.queued_at)
        deferred = await settle(tickets, self._send, self._watch)
        seconds = monotonic() - begun
        self.waiting.took(items, seconds)
        self._watch.sent(call, items, seconds)
        if deferred:
            self._watch.deferred(sum(map(len, deferred)))
            self._on_deferred(deferred)
