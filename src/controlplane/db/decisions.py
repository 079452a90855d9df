"""``check``, ``consume``, reservations, grants and the like: where the doors hand over what is to be decided.

A door hands over items of any customers and gets one outcome an item, in order: a judgement, or the error of
that item. How they travel is the lanes' business (``controlplane.db.lanes``).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from controlplane.db.encode import checked_text, encoded
from controlplane.db.lanes.calls import Calls
from controlplane.db.lanes.checks import Checks
from controlplane.db.lanes.faults import moved
from controlplane.db.lanes.lanes import Lanes
from controlplane.db.lanes.settling import Unwatched, Watch
from controlplane.db.lanes.ticket import Call, Judgement, Outcome, Ticket, stopping
from controlplane.db.pool import Database
from controlplane.errors import DatabaseError, RequestError

#: One request of KERNEL §1: the names as everywhere, amounts as strings in plain notation.
Item: TypeAlias = Mapping[str, Any]

#: Seconds a request may take that does not say how long.
USUAL_SECONDS = 5.0
#: Seconds that what is in flight gets to end when the process stops.
GRACE_SECONDS = 8.0


def connections(lanes: int) -> int:
    """Most connections that so many lanes use."""
    return 3 * lanes


class Decisions:
    """Gathers what many callers ask into few statements; ``start`` before, ``stop`` after."""

    def __init__(
        self, database: Database, *, lanes: int = 1, most_waiting: int = 2_000, watch: Watch | None = None
    ) -> None:
        """Decide in this database.

        Args:
            database: a pool of ``connections(lanes)``, which nobody else uses.
            lanes: that write, and as many that check.
            most_waiting: items that may wait in one lane.
            watch: told what the lanes do.
        """
        calls = Calls(database)
        self._lanes = Lanes(calls, count=lanes, most=most_waiting, watch=watch or Unwatched())
        self._checks = Checks(calls, count=lanes, most=most_waiting, watch=watch or Unwatched())
        self._stops = False

    @property
    def depth(self) -> Mapping[str, int]:
        """Items that wait, by the kind of lane."""
        return {"write": self._lanes.depth, "check": self._checks.depth}

    def start(self) -> None:
        """Begin to send; in the loop that will ask."""
        self._lanes.start()
        self._checks.start()

    def shut(self) -> None:
        """Shed what waits and whatever comes from now on; what is in flight has ``GRACE_SECONDS``."""
        self._stops = True
        self._lanes.shut(GRACE_SECONDS)
        self._checks.shut(GRACE_SECONDS)

    async def stop(self) -> None:
        """Shut, and return when nothing is in flight any more."""
        self.shut()
        await asyncio.gather(self._lanes.stop(GRACE_SECONDS), self._checks.stop(GRACE_SECONDS))

    async def consume(
        self, items: Sequence[Item], *, observe: bool = False, within: float = USUAL_SECONDS
    ) -> list[Judgement | DatabaseError]:
        """Decide and record, each item by itself; those of one group pass together or not at all.

        Args:
            items: of any customers; those of one group are of one customer.
            observe: answer as allowed and charge as ``RECORD``, whatever is decided.
            within: seconds. Then what was not sent is shed, and what was is ``OutcomeUnknown``.

        Returns:
            For each item its judgement, or why there is none: ``RequestError`` (``detail`` names item, field
            and code; nothing was written), ``OutcomeUnknown`` (send the same key again), ``Shed`` (nothing
            was written, and the same again may pass).
        """
        return await self._write(Call.OBSERVED if observe else Call.CONSUME, items, within)

    async def reserve(
        self, items: Sequence[Item], *, observe: bool = False, within: float = USUAL_SECONDS
    ) -> list[Judgement | DatabaseError]:
        """The same, but hold what ``consume`` would charge, for ``ttlSeconds`` of each item."""
        return await self._write(Call.OBSERVED_RESERVE if observe else Call.RESERVE, items, within)

    async def settle(
        self, items: Sequence[Item], *, observe: bool = False, within: float = USUAL_SECONDS
    ) -> list[Judgement | DatabaseError]:
        """Say what reservations have used so far; where an answer is lost, saying it again is harmless."""
        return await self._write(Call.OBSERVED_SETTLE if observe else Call.SETTLE, items, within)

    async def release(
        self, items: Sequence[Item], *, within: float = USUAL_SECONDS
    ) -> list[Judgement | DatabaseError]:
        """Give back what reservations still hold; again is harmless."""
        return await self._write(Call.RELEASE, items, within)

    async def extend(
        self, items: Sequence[Item], *, observe: bool = False, within: float = USUAL_SECONDS
    ) -> list[Judgement | DatabaseError]:
        """Let reservations hold for ``ttlSeconds`` from now, if that is longer; again is harmless."""
        return await self._write(Call.OBSERVED_EXTEND if observe else Call.EXTEND, items, within)

    async def _write(
        self, call: Call, items: Sequence[Item], within: float
    ) -> list[Judgement | DatabaseError]:
        outcomes: list[Any] = [None] * len(items)
        sent: list[tuple[Ticket, list[int]]] = []
        for places in _together(items):
            try:
                ticket = self._ticket(call, [items[place] for place in places], within)
            except DatabaseError as error:
                _tell(outcomes, places, [error] * len(places))
                continue
            self._lanes.put(ticket)
            sent.append((ticket, places))
        try:
            for ticket, places in sent:
                _tell(outcomes, places, await ticket.future)
        finally:
            # A caller that goes takes along what has not been sent.
            for ticket, _ in sent:
                ticket.future.cancel()
        return outcomes

    async def check(
        self, items: Sequence[Item], *, observe: bool = False, within: float = USUAL_SECONDS
    ) -> list[Judgement]:
        """What ``consume`` would answer now, each item counting for the next; writes nothing.

        Raises:
            RequestError: an item is malformed.
            Shed: no answer in time, or no database.
        """
        call = Call.OBSERVED_CHECK if observe else Call.CHECK
        _refuse_mixed_groups(items)
        by_customer: dict[str, list[int]] = {}
        for place, item in enumerate(items):
            by_customer.setdefault(item["customerId"], []).append(place)
        self._refuse_if_stopping()
        outcomes: list[Any] = [None] * len(items)
        sent: list[tuple[Ticket, list[int]]] = []
        for customer, places in by_customer.items():
            # Keys are ignored, and without them requests that ask the same read the same.
            own = [{**items[place], "idempotencyKey": f"check-{n}"} for n, place in enumerate(places)]
            texts = tuple(_text(item, place) for item, place in zip(own, places, strict=True))
            groups = _groups(own)
            sent.append((self._checks.put(call, customer, texts, within, groups), places))
        for ticket, places in sent:
            _tell(outcomes, places, await asyncio.shield(ticket.future))
        for outcome in outcomes:
            if isinstance(outcome, DatabaseError):
                raise outcome
        return outcomes

    async def grant(
        self, customer: str, given: Mapping[str, Any], actor: str, *, within: float = USUAL_SECONDS
    ) -> dict[str, Any]:
        """Grant credits; the same idempotency key grants once.

        Raises:
            RequestError: ``INVALID_INPUT``, with every error of the input in ``detail``.
            OutcomeUnknown: send the same key again.
            Shed: nothing was written, and the same again may pass.
        """
        return await self._alone(Call.GRANT, customer, given, actor, within)

    async def transfer(
        self, customer: str, given: Mapping[str, Any], actor: str, *, within: float = USUAL_SECONDS
    ) -> dict[str, Any]:
        """Move credits between two wallets; the same idempotency key moves once. Raises as ``grant``."""
        return await self._alone(Call.TRANSFER, customer, given, actor, within)

    async def reverse(
        self, customer: str, given: Mapping[str, Any], actor: str, *, within: float = USUAL_SECONDS
    ) -> dict[str, Any]:
        """Take usage back, or a share of it; the same idempotency key does once. Raises as ``grant``."""
        return await self._alone(Call.REVERSE, customer, given, actor, within)

    async def raise_budget(
        self, customer: str, given: Mapping[str, Any], actor: str, *, within: float = USUAL_SECONDS
    ) -> dict[str, Any]:
        """Raise a budget's limit for a time; the same idempotency key raises once. Raises as ``grant``."""
        return await self._alone(Call.RAISE, customer, given, actor, within)

    async def _alone(
        self, call: Call, customer: str, given: Mapping[str, Any], actor: str, within: float
    ) -> dict[str, Any]:
        self._refuse_if_stopping()
        customer = checked_text(customer, "customerId")
        ticket = Ticket(call, customer, (encoded(dict(given)),), within, actor=actor)
        self._lanes.put(ticket)
        [outcome] = await ticket.future
        if isinstance(outcome, DatabaseError):
            raise outcome
        assert not isinstance(outcome, Judgement)
        return outcome

    def _ticket(self, call: Call, items: Sequence[Item], within: float) -> Ticket:
        self._refuse_if_stopping()
        texts = tuple(_text(item, place) for place, item in enumerate(items))
        return Ticket(call, items[0]["customerId"], texts, within, groups=_groups(items))

    def _refuse_if_stopping(self) -> None:
        if self._stops:
            raise stopping()


def _together(items: Sequence[Item]) -> list[list[int]]:
    """Places of the items by ticket: one each, but a group stays together, where its first one stands."""
    if not any(item.get("group") for item in items):
        return [[place] for place in range(len(items))]
    tickets: list[list[int]] = []
    groups: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        group = item.get("group")
        if group and group in groups:
            groups[group].append(place)
            continue
        tickets.append([place])
        if group:
            groups[group] = tickets[-1]
    return tickets


def _groups(items: Sequence[Item]) -> frozenset[str]:
    return frozenset(item["group"] for item in items if item.get("group"))


def _refuse_mixed_groups(items: Sequence[Item]) -> None:
    """A group is of one customer. Where each customer's items go by themselves, the kernel sees no other."""
    owners: dict[str, set[str]] = {}
    for item in items:
        if group := item.get("group"):
            owners.setdefault(group, set()).add(item["customerId"])
    for place, item in enumerate(items):
        if len(owners.get(item.get("group") or "", ())) > 1:
            raise RequestError(
                f"item {place}, group: a group is of one customer",
                code="MALFORMED",
                detail={"item": place, "field": "group", "code": "GROUP_OF_TWO_CUSTOMERS"},
            )


def _text(item: Item, place: int) -> str:
    """An item as JSON; what cannot be stored is an error of this item."""
    try:
        return encoded([item])[1:-1]
    except RequestError as error:
        raise moved(error, place) from error


def _tell(outcomes: list[Any], places: Sequence[int], own: Sequence[Outcome]) -> None:
    """Put a ticket's outcomes where its items stand in the request; so must the item that an error names."""
    for place, outcome in zip(places, own, strict=True):
        if isinstance(outcome, RequestError) and isinstance(outcome.detail, dict):
            within = outcome.detail.get("item")
            if isinstance(within, int) and 0 <= within < len(places):
                outcome = moved(outcome, places[within] - within)
        outcomes[place] = outcome
