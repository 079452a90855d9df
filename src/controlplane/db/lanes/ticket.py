"""A ticket: what one caller asked of one customer, until it has an outcome."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from time import monotonic
from typing import Any, TypeAlias

from controlplane.errors import DatabaseError, OutcomeUnknown, Shed


@dataclass(frozen=True, slots=True)
class Judgement:
    """One row of an answer; see KERNEL §1 for what stands in ``answer``.

    Attributes:
        idempotency_key: None for a step of a reservation, which needs none.
        seq: of the operation; of a denial, the one it was judged after. None if nothing was recorded.
        answer: the recorded answer: amounts are strings, what is absent is empty.
    """

    customer_id: str
    idempotency_key: str | None
    allowed: bool
    reason: str | None
    would_allow: bool
    replayed: bool
    seq: int | None
    recorded_at: datetime | None
    answer: Mapping[str, Any]


#: What an item ends with: a judgement, what a grant, transfer or reversal made, or its own error.
Outcome: TypeAlias = Judgement | dict[str, Any] | DatabaseError


def stopping() -> Shed:
    """What whoever waits or comes is told when this process stops."""
    return Shed("this process stops; try another", code="SHUTTING_DOWN", retry_after=1.0)


class Call(Enum):
    """Which function of ``api`` a ticket is for; a statement carries tickets of one kind."""

    CONSUME = "consume"
    OBSERVED = "observed"
    RESERVE = "reserve"
    OBSERVED_RESERVE = "observed_reserve"
    SETTLE = "settle"
    OBSERVED_SETTLE = "observed_settle"
    RELEASE = "release"
    EXTEND = "extend"
    OBSERVED_EXTEND = "observed_extend"
    GRANT = "grant"
    TRANSFER = "transfer"
    REVERSE = "reverse"
    RAISE = "raise"
    CHECK = "check"
    OBSERVED_CHECK = "observed_check"

    @property
    def is_observed(self) -> bool:
        """Whether everything is answered as allowed."""
        return self in _OBSERVED

    @property
    def travels_alone(self) -> bool:
        """Whether a statement carries a single ticket of this kind."""
        return self in (Call.GRANT, Call.TRANSFER, Call.REVERSE, Call.RAISE)

    @property
    def writes(self) -> bool:
        """Whether a lost answer may have been written down."""
        return self not in (Call.CHECK, Call.OBSERVED_CHECK)


_OBSERVED = {call for call in Call if call.value.startswith("observed")}


class Ticket:
    """One item, or items that must not be cut apart: a group, or what one ``checkMany`` asks of a customer.

    Attributes:
        texts: the items as JSON objects.
        length: of the texts, in characters.
        groups: names of their groups; two callers may have chosen the same, so no statement has one twice.
        actor: who grants, transfers, reverses or raises.
        deadline: on ``time.monotonic``.
        future: what the items ended with, in order; it never has an exception. Whoever cancels it has gone.
        came_back: whether it was deferred once, because its customer's gate was held elsewhere.
        sent: whether a statement that carries it is under way; not while that waits for a connection.
        unclear: whether such a statement's end was never heard, so that it may be recorded; this is never
            taken back, since a later statement that wrote nothing says nothing of the earlier one.
    """

    __slots__ = (
        "__weakref__",
        "_timer",
        "actor",
        "call",
        "came_back",
        "customer",
        "deadline",
        "future",
        "groups",
        "length",
        "queued_at",
        "sent",
        "texts",
        "unclear",
    )

    def __init__(
        self,
        call: Call,
        customer: str,
        texts: tuple[str, ...],
        within: float,
        *,
        groups: frozenset[str] = frozenset(),
        actor: str = "",
    ) -> None:
        """Begin to wait, for so many seconds."""
        loop = asyncio.get_running_loop()
        self.call = call
        self.customer = customer
        self.texts = texts
        self.length = sum(map(len, texts))
        self.groups = groups
        self.actor = actor
        self.queued_at = monotonic()
        self.deadline = self.queued_at + within
        self.sent = False
        self.came_back = False
        self.unclear = False
        self.future: asyncio.Future[list[Outcome]] = loop.create_future()
        self._timer = loop.call_later(within, self._expire)

    def __len__(self) -> int:
        """So many items."""
        return len(self.texts)

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.done()

    def leave(self) -> bool:
        """Go out with the statement that is about to be sent; False if nobody waits for it any more.

        The clock is asked too, since the timer of a busy loop is late.
        """
        if not self.is_over and self.deadline <= monotonic():
            self._expire()
        self.sent = not self.is_over
        return self.sent

    def settle(self, outcomes: list[Outcome]) -> None:
        """Tell the caller, if it is still there and knows nothing yet."""
        if not self.future.done():
            self._timer.cancel()
            self.future.set_result(outcomes)

    def fail(self, error: DatabaseError) -> None:
        """Tell the caller that no item was decided, or that nobody knows; never that they were denied."""
        if self.unclear and not isinstance(error, OutcomeUnknown):
            error = OutcomeUnknown("its answer was lost or did not come in time", code="UNKNOWN")
        self.settle([error] * len(self.texts))

    def abandon(self, error: DatabaseError) -> None:
        """Go on with it no more: what is under way may still be committed, what is not never is."""
        self.unclear = self.unclear or (self.sent and self.call.writes)
        self.fail(error)

    def hurry(self, seconds: float) -> None:
        """Wait at most so long from now, since this process stops."""
        deadline = monotonic() + seconds
        if not self.is_over and deadline < self.deadline:
            self.deadline = deadline
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(seconds, self.abandon, stopping())

    def _expire(self) -> None:
        self.abandon(
            Shed(
                "no answer within the time given; nothing was written",
                code="DEADLINE_EXCEEDED",
                retry_after=1.0,
            )
        )
