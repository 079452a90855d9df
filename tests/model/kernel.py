"""The kernel: what the doors ask, for many customers, at one clock that a test can move."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.model.answer import Answer, refusal
from tests.model.booking import Booking
from tests.model.call import Call
from tests.model.catalog import Catalog
from tests.model.customer import Customer, Wallet
from tests.model.due import book_due
from tests.model.governance import known
from tests.model.grants import Refused
from tests.model.memory import Memory
from tests.model.request import Malformed, Verb, read_item
from tests.model.reservations import Steps, read_step
from tests.model.words import Reason


@dataclass
class Kernel:
    """All customers, and the catalog they share."""

    clock: datetime
    catalog: Catalog = field(default_factory=Catalog)
    customers: dict[str, Customer] = field(default_factory=dict)

    # Decisions

    def consume(
        self, customer_id: str, items: Sequence[Mapping[str, Any]], observe: bool = False
    ) -> list[Answer]:
        """Decides and books one customer's items."""
        return self.consume_many([{**item, "customerId": customer_id} for item in items], observe)

    def check(
        self, customer_id: str, items: Sequence[Mapping[str, Any]], observe: bool = False
    ) -> list[Answer]:
        """What ``consume`` would answer to the same batch of new keys; nothing is written."""
        return self.consume_many([{**item, "customerId": customer_id} for item in items], observe, dry=True)

    def reserve(
        self, customer_id: str, items: Sequence[Mapping[str, Any]], observe: bool = False
    ) -> list[Answer]:
        """Decides as ``consume`` does, and holds what that would have charged."""
        return self.consume_many(
            [{**item, "customerId": customer_id} for item in items], observe, verb=Verb.RESERVE
        )

    def consume_many(
        self,
        items: Sequence[Mapping[str, Any]],
        observe: bool = False,
        dry: bool = False,
        verb: Verb = Verb.CONSUME,
    ) -> list[Answer]:
        """Decides the items of many customers, each customer's in order; a malformed one stops them all."""
        read = [read_item(item, dry, verb) for item in items]
        places: dict[str, list[int]] = {}
        for place, item in enumerate(items):
            places.setdefault(item["customerId"], []).append(place)
        groups = {(read[place].group, customer_id) for customer_id in places for place in places[customer_id]}
        if len({group for group, _ in groups if group}) < len([group for group, _ in groups if group]):
            raise Malformed("group", "is of one customer")
        answers = [refusal(Reason.CUSTOMER_NOT_FOUND)] * len(items)
        calls = []
        try:
            for customer_id in places.keys() & self.customers.keys():
                call = self.call(self.customers[customer_id], observe, dry)
                calls.append(call)
                own = places[customer_id]
                for place, given in zip(own, call.decide([read[p] for p in own]), strict=True):
                    answers[place] = given
        except Malformed:
            for call in calls:
                call.memory.undo()
            raise
        for call in calls:
            call.end()
        return answers

    def call(self, customer: Customer, observe: bool, dry: bool) -> Call:
        return Call(customer, self.catalog, self.instant(customer), observe or customer.observe, dry)

    def instant(self, customer: Customer) -> datetime:
        """The clock, but never before the customer's last operation."""
        return max(self.clock, customer.last_at)

    # Reservations

    def settle(
        self, customer_id: str, items: Sequence[Mapping[str, Any]], observe: bool = False
    ) -> list[Answer]:
        """Charges what was used so far, out of what is held and then beyond it."""
        return self._steps("settle", customer_id, items, observe)

    def release(self, customer_id: str, items: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """Gives back what is still held."""
        return self._steps("release", customer_id, items)

    def extend(
        self, customer_id: str, items: Sequence[Mapping[str, Any]], observe: bool = False
    ) -> list[Answer]:
        """Holds for longer."""
        return self._steps("extend", customer_id, items, observe)

    def _steps(
        self, verb: str, customer_id: str, items: Sequence[Mapping[str, Any]], observe: bool = False
    ) -> list[Answer]:
        steps = [read_step(verb, item) for item in items]
        customer = self.customers.get(customer_id)
        if customer is None:
            return [refusal(Reason.CUSTOMER_NOT_FOUND) for _ in steps]
        instant = self.instant(customer)
        return Steps(customer, self.catalog, instant, observe or customer.observe).take(steps)

    # Changes of balance and configuration, each an operation

    def book_due(self, customer_id: str) -> None:
        """What the expiry job does."""
        self._change(customer_id, book_due)

    def change(self, customer_id: str, change: Callable[[Booking], None]) -> None:
        """One of ``grants.py`` or ``governance.py``; refused, it leaves all as it was, what is due too."""
        customer = self.customers[customer_id]
        seq, instant, memory = customer.seq, self.instant(customer), Memory()
        booking = Booking(customer, memory, instant)
        book_due(booking)
        try:
            change(booking)
        except Refused:
            memory.undo()
            raise
        if customer.seq > seq:
            customer.last_at = instant

    def set_wallet(self, customer_id: str, wallet: Wallet) -> None:
        self.customers[customer_id].wallets[wallet.wallet_id] = wallet
        self.configure(customer_id, "wallet")

    def suspend_customer(self, customer_id: str, suspended: bool = True) -> None:
        customer = self.customers[customer_id]
        self.configure(customer_id, "suspension", customer.suspended != suspended)
        customer.suspended = suspended

    def suspend_entity(self, customer_id: str, entity_id: str, suspended: bool = True) -> None:
        entity = known(self.customers[customer_id], entity_id)
        self.configure(customer_id, "suspension", entity.suspended != suspended)
        entity.suspended = suspended

    def set_policy(self, customer_id: str, **policy: Any) -> None:
        """Observes or decides; what becomes of unknown entities."""
        customer = self.customers[customer_id]
        changes = any(getattr(customer, name) != value for name, value in policy.items())
        self.configure(customer_id, "policy", changes)
        for name, value in policy.items():
            setattr(customer, name, value)

    def configure(self, customer_id: str, name: str, changes: bool = True) -> None:
        """What is due comes first. A change of configuration is an operation as any other, if it is one."""

        def book(booking: Booking) -> None:
            book_due(booking)
            if changes:
                booking.operation(name)

        self._change(customer_id, book)

    def _change(self, customer_id: str, book: Callable[[Booking], None]) -> None:
        customer = self.customers[customer_id]
        seq, instant = customer.seq, self.instant(customer)
        book(Booking(customer, Memory(), instant))
        if customer.seq > seq:
            customer.last_at = instant

    def close_month(self, until: datetime) -> None:
        """Nothing that is recorded from now on may have happened before that, the end of a month."""
        assert until <= self.clock
        for customer_id in self.customers:
            self.book_due(customer_id)
        self.catalog.closed_until = until

    def advance(self, by: timedelta) -> None:
        assert by >= timedelta(0)
        self.clock += by
