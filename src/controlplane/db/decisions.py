"""``check`` and ``consume``: typed calls of the four functions that decide.

``Decisions`` is the seam between the doors and the kernel: a door hands over items of any customers and gets
one judgement an item, in order, or the error of that item. How the items travel (one statement now; lanes
that gather the items of many callers later) is nobody else's business.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, LiteralString, TypeAlias

from controlplane.db.encode import checked_text, encoded
from controlplane.db.pool import Database, Row
from controlplane.errors import DatabaseError, OutcomeUnknown

#: One request of KERNEL §1: the names as everywhere, amounts as strings in plain notation.
Item: TypeAlias = Mapping[str, Any]

#: Milliseconds that a customer whose gate was held elsewhere gets when it is sent alone.
DEFERRED_LOCK_MS = 1_000

_CONSUME: LiteralString = "SELECT * FROM api.consume(%s, %s, %s)"
_CONSUME_MANY: LiteralString = "SELECT * FROM api.consume_many(%s, %s)"
_CHECK: LiteralString = "SELECT * FROM api.check(%s, %s, %s)"
_CHECK_MANY: LiteralString = "SELECT * FROM api.check_many(%s, %s)"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One row of an answer; see KERNEL §1 for what stands in ``answer``.

    Attributes:
        item: place of its item in the request, from 0.
        seq: of the operation; of a denial, the one it was judged after. None if nothing was recorded.
        answer: the recorded answer: amounts are strings, what is absent is empty.
    """

    item: int
    customer_id: str
    idempotency_key: str
    allowed: bool
    reason: str | None
    would_allow: bool
    replayed: bool
    deferred: bool
    seq: int | None
    recorded_at: datetime | None
    answer: Mapping[str, Any]


#: What an item ends with. An error is this item's alone; the others were decided.
Outcome: TypeAlias = Judgement | DatabaseError


class Decisions:
    """Sends items to the kernel, one statement a call."""

    def __init__(self, database: Database) -> None:
        """Decide in this database."""
        self._database = database

    async def consume(self, items: Sequence[Item], *, observe: bool = False) -> list[Outcome]:
        """Decide and record.

        Args:
            items: of any customers; those of one group are of one customer.
            observe: answer as allowed and charge as ``RECORD``, whatever is decided.

        Raises:
            RequestError: an item is malformed (``detail`` names item, field and code); nothing was written.
            OutcomeUnknown: tried twice, and it is not known whether it was recorded. Same keys again.
            Shed: nothing was written, and the same again may pass.
        """
        try:
            return await self._consume(items, observe)
        except OutcomeUnknown:
            return await self._consume(items, observe)  # the same keys: what was recorded is replayed

    async def check(self, items: Sequence[Item], *, observe: bool = False) -> list[Judgement]:
        """What ``consume`` would answer now; writes nothing.

        Raises:
            RequestError: an item is malformed.
            Shed: no database.
        """
        try:
            return _judgements(await self._database.rows(*_call(_CHECK, _CHECK_MANY, items, observe)))
        except OutcomeUnknown:
            return _judgements(await self._database.rows(*_call(_CHECK, _CHECK_MANY, items, observe)))

    async def _consume(self, items: Sequence[Item], observe: bool) -> list[Outcome]:
        rows = await self._database.rows(*_call(_CONSUME, _CONSUME_MANY, items, observe))
        outcomes: list[Outcome] = list(_judgements(rows))
        deferred: dict[str, list[int]] = {}
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, Judgement) and outcome.deferred:
                deferred.setdefault(outcome.customer_id, []).append(place)
        if deferred:
            alone = [self._alone(customer, places, items, observe) for customer, places in deferred.items()]
            for found in await asyncio.gather(*alone):
                for place, outcome in found.items():
                    outcomes[place] = outcome
        return outcomes

    async def _alone(
        self, customer: str, places: Sequence[int], items: Sequence[Item], observe: bool
    ) -> dict[int, Outcome]:
        """Send one customer's items by themselves: others hold its gate, and must not stall the rest."""
        own = [items[place] for place in places]
        try:
            rows = await self._database.rows_soon(
                _CONSUME, (customer, encoded(own), observe), lock_timeout_ms=DEFERRED_LOCK_MS
            )
        except DatabaseError as error:
            return dict.fromkeys(places, error)
        return {places[found.item]: replace(found, item=places[found.item]) for found in _judgements(rows)}


def _call(
    one: LiteralString, many: LiteralString, items: Sequence[Item], observe: bool
) -> tuple[LiteralString, tuple[Any, ...]]:
    customers = {item["customerId"] for item in items}
    if len(customers) == 1:
        return one, (checked_text(customers.pop(), "customerId"), encoded(items), observe)
    return many, (encoded(items), observe)


def _judgements(rows: Sequence[Row]) -> list[Judgement]:
    found = [Judgement(*row) for row in rows]
    found.sort(key=lambda judgement: judgement.item)
    return found
