"""Lanes for what writes: consumptions, grants and the like; a customer always in the same one."""

import asyncio
import zlib
from collections.abc import Sequence
from time import monotonic

from controlplane.db.lanes.calls import LOCK_MS, Calls
from controlplane.db.lanes.lane import Lane
from controlplane.db.lanes.settling import Deferred, Watch
from controlplane.db.lanes.ticket import Outcome, Ticket
from controlplane.db.lanes.waiting import CUSTOMER_SHARE, Waiting
from controlplane.errors import Shed

#: Items that one statement carries.
LARGEST_BATCH = 200
#: Milliseconds that a statement on a siding waits for its gate at least, however many wait behind it.
SHORTEST_LOCK_MS = 20


class Lanes:
    """So many lanes, and beside each a siding.

    A lane takes the gates that are free. On the siding a statement is of one customer, and waits for its gate
    a short time. There go those who would delay the others: who asks so much that it fills statements of its
    own, whose gate is held elsewhere twice in turn, and a grant or the like, a statement of its own.
    """

    def __init__(self, calls: Calls, *, count: int, most: int, watch: Watch) -> None:
        """Not running yet.

        Args:
            calls: sends.
            count: lanes; each may use two connections.
            most: items that may wait in one lane.
            watch: told what they do.
        """
        self._pairs = [_Pair(calls, most, watch) for _ in range(count)]
        self._all = [lane for pair in self._pairs for lane in (pair.lane, pair.siding)]

    @property
    def depth(self) -> int:
        """Items that wait for their turn."""
        return sum(lane.waiting.items for lane in self._all)

    def start(self) -> None:
        """Begin to send."""
        for lane in self._all:
            lane.start()

    def put(self, ticket: Ticket) -> None:
        """Let a ticket wait for its turn; it is shed at once where too much waits already."""
        self._pairs[zlib.crc32(ticket.customer.encode()) % len(self._pairs)].put(ticket)

    def shut(self, seconds: float) -> None:
        """Tell everybody who waits that this process stops; what is in flight has so many seconds."""
        for lane in self._all:
            lane.shut(seconds)

    async def stop(self, seconds: float) -> None:
        """Let what is in flight end, for at most so many seconds."""
        self.shut(seconds)
        await asyncio.gather(*[lane.stop(seconds) for lane in self._all])


class _Pair:
    """A lane and its siding."""

    def __init__(self, calls: Calls, most: int, watch: Watch) -> None:
        self._calls = calls
        self.lane = Lane(Waiting(most, largest=LARGEST_BATCH), calls.together, watch, self._defer)
        line = Waiting(most, largest=LARGEST_BATCH, customers=1)
        self.siding = Lane(line, self._alone, watch, self._wait_again)

    def put(self, ticket: Ticket) -> None:
        customer = ticket.customer
        # Who comes later must not overtake those of its customer on the siding, nor meet them at the gate.
        if ticket.call.travels_alone or self.siding.has(customer):
            self.siding.waiting.put(ticket)
            return
        self.lane.waiting.put(ticket)
        items = self.lane.waiting.items_of(customer)
        if items > CUSTOMER_SHARE and self.siding.waiting.has_room(items):
            self.siding.waiting.put_back(self.lane.waiting.leave(customer))

    async def _alone(self, tickets: Sequence[Ticket]) -> Sequence[Outcome | Deferred]:
        """Wait for the gate the shorter the more customers wait behind: theirs may all be free."""
        waiting = 1 + self.siding.waiting.customers
        return await self._calls.alone(tickets, max(LOCK_MS // waiting, SHORTEST_LOCK_MS))

    def _defer(self, tickets: list[Ticket]) -> None:
        by_customer: dict[str, list[Ticket]] = {}
        for ticket in tickets:
            by_customer.setdefault(ticket.customer, []).append(ticket)
        for customer, own in by_customer.items():
            if not (own[0].came_back or self.siding.has(customer)):
                # Mostly another process has it for a moment, and one more turn with the others costs less
                # than a statement of its own.
                own[0].came_back = True
                self.lane.waiting.put_back(own)
            else:
                self._aside([*own, *self.lane.waiting.leave(customer)])

    def _aside(self, tickets: list[Ticket]) -> None:
        """To the siding, if there is room."""
        siding = self.siding.waiting
        if siding.has_room(sum(map(len, tickets))):
            siding.put_back(tickets)
            return
        for ticket in tickets:
            ticket.fail(Shed("the customer is held elsewhere", code="LOCKED", retry_after=siding.pause))

    def _wait_again(self, tickets: list[Ticket]) -> None:
        """Wait for another turn if time allows: being told that nothing was written beats UNKNOWN."""
        last = monotonic() + 2 * LOCK_MS / 1000
        late = [ticket for ticket in tickets if ticket.deadline < last]
        for ticket in late:
            ticket.fail(Shed("the customer is held elsewhere", code="LOCKED", retry_after=LOCK_MS / 1000))
        if len(late) < len(tickets):
            self.siding.waiting.put_back([ticket for ticket in tickets if ticket not in late])
