"""What an error says about a batch, where no server can be brought to say it at will."""

import asyncio
from collections.abc import Sequence
from typing import Any

from controlplane.db.lanes.settling import CONFLICT_RETRIES, DEFERRED, Send, Unwatched, settle
from controlplane.db.lanes.ticket import Call, Ticket
from controlplane.errors import Conflict, DatabaseError, OutcomeUnknown, RequestError, Shed

LOST = OutcomeUnknown("lost", code="UNKNOWN")


def scripted(*steps: Any) -> Send:
    """Fails, or answers, as the steps say; the last one again and again."""
    left = list(steps)

    async def send(tickets: Sequence[Ticket]) -> Any:
        for ticket in tickets:
            ticket.leave()
        step = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(step, DatabaseError):
            raise step
        return step

    return send


def ends(send: Send, call: Call = Call.CONSUME, within: float = 5.0) -> tuple[Any, int]:
    """What one ticket is told (None: nothing yet), and how many came back deferred."""

    async def run() -> tuple[Any, int]:
        ticket = Ticket(call, "acme", ("{}",), within)
        deferred = await settle([ticket], send, Unwatched())
        return (ticket.future.result()[0] if ticket.is_over else None), len(deferred)

    return asyncio.run(run())


def held(sqlstate: str) -> Shed:
    return Shed("held", sqlstate=sqlstate, code="LOCKED")


def test_only_a_gate_held_elsewhere_defers() -> None:
    assert ends(scripted(held("55P03"))) == (None, 1)
    told, deferred = ends(scripted(held("55006")))
    assert (type(told), deferred) == (Shed, 0)


def test_a_check_waits_for_nobodys_lock() -> None:
    told, deferred = ends(scripted(held("55P03")), Call.CHECK)
    assert (type(told), deferred) == (Shed, 0)


def test_what_was_unclear_once_is_never_called_refused_or_unwritten() -> None:
    named = RequestError("bad", sqlstate="UC100", code="MALFORMED", detail={"item": 0, "field": "quantity"})
    unnamed = RequestError("bad", sqlstate="23514", code="CONSTRAINT_VIOLATED")
    for error in (named, unnamed):
        assert type(ends(scripted(LOST, error))[0]) is OutcomeUnknown
    assert type(ends(scripted(LOST, Shed("full", code="OUT_OF_RESOURCES")), within=0.2)[0]) is OutcomeUnknown


def test_what_was_unclear_is_settled_by_the_same_key() -> None:
    assert ends(scripted(LOST, LOST, [{"replayed": True}])) == ({"replayed": True}, 0)


def test_a_lost_answer_of_a_check_is_asked_again_and_wrote_nothing() -> None:
    assert ends(scripted(LOST, [{"allowed": True}]), Call.CHECK) == ({"allowed": True}, 0)
    assert type(ends(scripted(LOST), Call.CHECK, within=0.2)[0]) is Shed


def test_a_conflict_is_tried_so_often_and_then_told() -> None:
    conflict = Conflict("deadlock", sqlstate="40P01")
    assert ends(scripted(*[conflict] * CONFLICT_RETRIES, [{"seq": 1}])) == ({"seq": 1}, 0)
    assert type(ends(scripted(conflict))[0]) is Conflict


def test_what_waited_for_a_connection_until_its_time_was_over_was_not_written() -> None:
    async def run() -> Any:
        async def send(tickets: Sequence[Ticket]) -> Any:
            await asyncio.sleep(0.1)
            assert [ticket.leave() for ticket in tickets] == [False, True]
            return [{"seq": 1}]

        short, long = (Ticket(Call.CONSUME, "acme", ("{}",), within) for within in (0.05, 5))
        assert await settle([short, long], send, Unwatched()) == []
        return [(await ticket.future)[0] for ticket in (short, long)]

    late, answered = asyncio.run(run())
    assert (type(late), late.code) == (Shed, "DEADLINE_EXCEEDED")
    assert answered == {"seq": 1}


def test_what_is_late_does_not_leave_even_if_its_timer_is_late_too() -> None:
    async def run() -> tuple[bool, Any]:
        ticket = Ticket(Call.CONSUME, "acme", ("{}",), 0.0)
        return ticket.leave(), (await ticket.future)[0]

    left, told = asyncio.run(run())
    assert (left, type(told)) == (False, Shed)


def test_deferred_it_has_not_been_written() -> None:
    async def run() -> Any:
        ticket = Ticket(Call.CONSUME, "acme", ("{}",), 0.05)
        assert await settle([ticket], scripted([DEFERRED]), Unwatched()) == [ticket]
        return (await ticket.future)[0]

    assert type(asyncio.run(run())) is Shed
