"""Tickets that wait for a lane, a line for each customer, so that one who asks much delays nobody else."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence

from controlplane.db.lanes.ticket import Ticket, stopping
from controlplane.errors import Shed

#: Items of one customer in a statement that others wait for too.
CUSTOMER_SHARE = 50
#: Characters of a statement's items; what is longer travels by itself. Two hundred usual ones have a tenth.
LONGEST_STATEMENT = 1024 * 1024
#: Weight of the newest statement in what an item is said to take.
NEWEST = 0.2
#: Seconds that a refused caller is told to stay away, at least and at most.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 5.0


class _Line(deque[Ticket]):
    """One customer's tickets, and how many items they are."""

    items = 0


class Waiting:
    """Lines of tickets by customer. Customers take turns; within a line nobody overtakes.

    Attributes:
        items: that wait.
        arrival: set when something arrives; whoever waits for it clears it.
    """

    def __init__(self, most: int, *, largest: int, customers: int | None = None, apart: bool = False) -> None:
        """No line yet.

        Args:
            most: items that may wait, of all customers together; one customer's may fill half of it.
            largest: items that one statement carries; a larger group travels by itself.
            customers: of how many customers a statement may be.
            apart: whether a statement carries one ticket of a customer at most.
        """
        self._most = most
        self._largest = largest
        self._customers = customers
        self._apart = apart
        self._seconds_an_item = 0.001
        self._is_shut = False
        self.arrival = asyncio.Event()
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        self.items = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return self.items > 0

    def put(self, ticket: Ticket) -> None:
        """Join the customer's line; where that is too long, or all are, the ticket is shed at once."""
        if self._is_shut:
            ticket.abandon(stopping())
            return
        line = self._lines.get(ticket.customer)
        for says, waiting, most in (
            ("too much waits here", self.items, self._most),
            ("too much of this customer waits here", line.items if line else 0, self._most // 2),
        ):
            if waiting and waiting + len(ticket) > most:
                pause = self._pause(waiting)
                ticket.fail(Shed(f"{says}; try again in a moment", code="OVERLOADED", retry_after=pause))
                return
        if line is None:
            line = self._lines[ticket.customer] = _Line()
        line.append(ticket)
        line.items += len(ticket)
        self.items += len(ticket)
        self.arrival.set()

    def put_back(self, tickets: Sequence[Ticket]) -> None:
        """Go to the front of their one customer's line, whose next turn is the last; no bound applies."""
        if self._is_shut:
            for ticket in tickets:
                ticket.abandon(stopping())
            return
        line = self._lines.setdefault(tickets[0].customer, _Line())
        line.extendleft(reversed(tickets))
        count = sum(map(len, tickets))
        line.items += count
        self.items += count
        self._lines.move_to_end(tickets[0].customer)
        self.arrival.set()

    def took(self, items: int, seconds: float) -> None:
        """A statement of so many items took so long."""
        self._seconds_an_item += NEWEST * (seconds / items - self._seconds_an_item)

    @property
    def customers(self) -> int:
        """How many customers have a line."""
        return len(self._lines)

    @property
    def pause(self) -> float:
        """Seconds after which those who wait now will have had their turn."""
        return self._pause(self.items)

    def has_room(self, items: int) -> bool:
        """Whether so many more may wait, of a customer who is let in as he is."""
        return not self.items or self.items + items <= self._most

    def _pause(self, items: int) -> float:
        return min(max(items * self._seconds_an_item, SHORTEST_PAUSE), LONGEST_PAUSE)

    def items_of(self, customer: str) -> int:
        """How many items of the customer wait."""
        line = self._lines.get(customer)
        return line.items if line else 0

    def leave(self, customer: str) -> list[Ticket]:
        """Take a customer's whole line away."""
        line = self._lines.pop(customer, _Line())
        self.items -= line.items
        return list(line)

    def shut(self) -> None:
        """Tell everybody who waits that this process stops, and whoever comes, or comes back, from now on."""
        self._is_shut = True
        for customer in list(self._lines):
            for ticket in self.leave(customer):
                ticket.abandon(stopping())

    def take(self) -> list[Ticket]:
        """The next statement's tickets: of one kind, each customer's in the order they came."""
        batch: list[Ticket] = []
        groups: set[str] = set()
        room, length = self._largest, 0
        passed: list[tuple[str, _Line]] = []
        turns = min(len(self._lines), self._customers or len(self._lines))
        alone = turns == 1
        for _ in range(turns):
            if room <= 0:
                break
            customer, line = self._lines.popitem(last=False)
            share = room if alone else min(room, CUSTOMER_SHARE)
            taken = 0
            while line and taken < share:
                ticket = line[0]
                if not ticket.is_over:
                    # What is larger than a share would wait for ever if it had to fit into one.
                    left = share - taken if taken else room
                    if batch and (
                        len(ticket) > left
                        or length + ticket.length > LONGEST_STATEMENT
                        or ticket.call is not batch[0].call
                        or ticket.call.travels_alone
                        or not groups.isdisjoint(ticket.groups)
                    ):
                        break
                    batch.append(ticket)
                    groups |= ticket.groups
                    length += ticket.length
                    taken += len(ticket)
                line.popleft()
                line.items -= len(ticket)
                self.items -= len(ticket)
                if taken and self._apart:
                    break
            room -= taken
            if line and taken:
                self._lines[customer] = line
            elif line:
                passed.append((customer, line))
        # Whom this statement could not carry is the first whom the next one asks.
        for customer, line in reversed(passed):
            self._lines[customer] = line
            self._lines.move_to_end(customer, last=False)
        return batch
