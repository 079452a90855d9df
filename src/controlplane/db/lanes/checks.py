"""Lanes for checks: they only read, so any of them takes any customer, many at once."""

import asyncio
from weakref import WeakValueDictionary

from controlplane.db.lanes.calls import Calls
from controlplane.db.lanes.lane import Lane
from controlplane.db.lanes.settling import Watch
from controlplane.db.lanes.ticket import Call, Ticket
from controlplane.db.lanes.waiting import Waiting

#: Items that one statement carries.
LARGEST_BATCH = 50


class Checks:
    """So many lanes before one line.

    The kernel counts the items of a statement against those after them, which is right within a request and
    wrong between two: so a statement carries one request of a customer at most. Requests that ask the very
    same share one answer, and the first one's time, as long as it has not been sent.
    """

    def __init__(self, calls: Calls, *, count: int, most: int, watch: Watch) -> None:
        """Not running yet.

        Args:
            calls: sends.
            count: lanes, of a connection each.
            most: items that may wait.
            watch: told what they do.
        """
        self._line = Waiting(most, largest=LARGEST_BATCH, apart=True)
        self._lanes = [Lane(self._line, calls.check, watch, self._line.put_back) for _ in range(count)]
        self._asked: WeakValueDictionary[tuple[Call, float, tuple[str, ...]], Ticket] = WeakValueDictionary()

    @property
    def depth(self) -> int:
        """Items that wait for their turn."""
        return self._line.items

    def start(self) -> None:
        """Begin to send."""
        for lane in self._lanes:
            lane.start()

    def put(
        self, call: Call, customer: str, texts: tuple[str, ...], within: float, groups: frozenset[str]
    ) -> Ticket:
        """Let a request wait for its turn, or join one that asks the same; shed where too much waits."""
        asked = (call, within, texts)
        ticket = self._asked.get(asked)
        if ticket is None or ticket.sent or ticket.is_over:
            ticket = Ticket(call, customer, texts, within, groups=groups)
            self._line.put(ticket)
            self._asked[asked] = ticket
        return ticket

    def shut(self, seconds: float) -> None:
        """Tell everybody who waits that this process stops; what is in flight has so many seconds."""
        for lane in self._lanes:
            lane.shut(seconds)

    async def stop(self, seconds: float) -> None:
        """Let what is in flight end, for at most so many seconds."""
        self.shut(seconds)
        await asyncio.gather(*[lane.stop(seconds) for lane in self._lanes])
