"""The statements of the lanes: what a batch of tickets becomes, and what its rows say."""

from collections.abc import Sequence
from typing import Any, LiteralString

from controlplane.db.lanes.settling import DEFERRED, Deferred
from controlplane.db.lanes.ticket import Call, Judgement, Outcome, Ticket
from controlplane.db.pool import Database, Row
from controlplane.errors import Shed

#: Milliseconds that a statement for one customer waits for its gate at most before another has a turn.
LOCK_MS = 100

_CHECK_MANY: LiteralString = "SELECT * FROM api.check_many(%s, %s) ORDER BY item"
_MANY: LiteralString = "SELECT * FROM api.{}_many(%s{}) ORDER BY item"
# One statement, so one transaction: the time-out is set for it alone, and before the function runs.
_ALONE: LiteralString = """
SELECT found.*
FROM (SELECT set_config('lock_timeout', %s, true)) AS soon (set),
LATERAL api.{}(CASE WHEN soon.set <> '' THEN %s END, %s{}) AS found
ORDER BY found.item
"""
_MADE: LiteralString = """
SELECT made
FROM (SELECT set_config('lock_timeout', %s, true)) AS soon (set),
LATERAL api.{}(CASE WHEN soon.set <> '' THEN %s END, %s, %s) AS made
"""

#: What travels alone.
_CHANGES: dict[Call, LiteralString] = {
    Call.GRANT: _MADE.format("grant_credits"),
    Call.TRANSFER: _MADE.format("transfer_credits"),
    Call.REVERSE: _MADE.format("reverse_consumption"),
    Call.RAISE: _MADE.format("raise_budget"),
}

#: The function of each kind, and whether it is told that nothing is enforced.
_FUNCTIONS: dict[Call, tuple[LiteralString, bool]] = {
    Call.CONSUME: ("consume", True),
    Call.OBSERVED: ("consume", True),
    Call.RESERVE: ("reserve", True),
    Call.OBSERVED_RESERVE: ("reserve", True),
    Call.SETTLE: ("settle", True),
    Call.OBSERVED_SETTLE: ("settle", True),
    Call.RELEASE: ("release", False),
    Call.EXTEND: ("extend", True),
    Call.OBSERVED_EXTEND: ("extend", True),
}
_STATEMENTS = {
    call: tuple(form.format(function, ", %s" if observes else "") for form in (_MANY, _ALONE))
    for call, (function, observes) in _FUNCTIONS.items()
}


class Calls:
    """Sends the lanes' statements to one database."""

    def __init__(self, database: Database) -> None:
        """Through this pool."""
        self._database = database

    async def together(self, tickets: Sequence[Ticket]) -> list[Outcome | Deferred]:
        """Of any customers; those whose gate is held elsewhere come back deferred."""
        statement, _ = _STATEMENTS[tickets[0].call]
        rows = await self._database.rows(statement, lambda: _said(_leaving(tickets)))
        return [_judged(row) for row in rows]

    async def alone(self, tickets: Sequence[Ticket], lock_ms: int = LOCK_MS) -> Sequence[Outcome | Deferred]:
        """Of one customer, waiting for its gate for so many milliseconds.

        Raises:
            Shed: ``LOCKED``; the gate is still held elsewhere.
        """
        first, soon = tickets[0], f"{lock_ms}ms"
        if first.call.travels_alone:
            change = _CHANGES[first.call]
            [made] = await self._database.rows(change, lambda: (soon, *_changed(*_leaving(tickets))))
            return list(made)
        _, statement = _STATEMENTS[first.call]
        rows = await self._database.rows(statement, lambda: (soon, first.customer, *_said(_leaving(tickets))))
        return [_judged(row) for row in rows]

    async def check(self, tickets: Sequence[Ticket]) -> list[Outcome | Deferred]:
        """Of any customers, without a lock."""
        is_observed = tickets[0].call.is_observed
        rows = await self._database.rows(_CHECK_MANY, lambda: (_listed(_leaving(tickets)), is_observed))
        return [_judged(row) for row in rows]


def _leaving(tickets: Sequence[Ticket]) -> list[Ticket]:
    """Those that go out, now that there is a connection for them.

    Raises:
        Shed: nobody is left.
    """
    left = [ticket for ticket in tickets if ticket.leave()]
    if not left:
        raise Shed("nobody waits for it any more")
    return left


def _changed(ticket: Ticket) -> tuple[Any, ...]:
    """What the function of what travels alone is asked."""
    return (ticket.customer, ticket.texts[0], ticket.actor)


def _said(tickets: Sequence[Ticket]) -> tuple[Any, ...]:
    """What the function is asked: the items, and whether nothing is enforced, if that matters to it."""
    call = tickets[0].call
    return (_listed(tickets), call.is_observed) if _FUNCTIONS[call][1] else (_listed(tickets),)


def _listed(tickets: Sequence[Ticket]) -> str:
    return "[" + ",".join([text for ticket in tickets for text in ticket.texts]) + "]"


def _judged(row: Row) -> Judgement | Deferred:
    _, customer, key, allowed, reason, would_allow, replayed, deferred, seq, recorded_at, answer = row
    if deferred:
        return DEFERRED
    return Judgement(customer, key, allowed, reason, would_allow, replayed, seq, recorded_at, answer)
