"""Whether what holders of reservations were told is so; and the end of all of them."""

from collections.abc import Iterator

import psycopg

from controlplane.db.lanes.ticket import Call
from tests.faults.doors import Row, is_replayed, say, told_in
from tests.faults.holding import Hold, Said, is_allowed
from tests.faults.records import Record, read_reservations
from tests.faults.standing import Place
from tests.faults.words import Told, Unknown

ENDED = "RESERVATION_ENDED"


def wrong_about(hold: Hold, granted: int, answer: Told | None, record: Record | None) -> Iterator[str]:
    """What was told of this reservation and is not so."""
    words = {each.word for each in hold.said if each.call is Call.RESERVE}
    told = {word for word in words if isinstance(word, Told)}
    if len(told) > 1:
        yield f"reserved with more than one answer: {told}"
    if not told and Unknown() not in words and answer is not None:
        yield "every reserve was refused, and it is recorded"
    if answer is not None and answer.allowed != (hold.amount <= granted):
        yield "answered against what there is"
    for word in told:
        if answer != Told(word.allowed, word.reason, word.seq):
            yield f"told {word}"
    if record is None:
        return
    if record.amount != hold.amount:
        yield "another amount"
    yield from _wrong_about_settling(hold, record)
    yield from _wrong_about_the_end(hold, record)
    for each in hold.said:
        if isinstance(each.word, Told) and each.call is not Call.RESERVE:
            yield from _wrong_about_a_step(each, each.word, record)


def _wrong_about_settling(hold: Hold, record: Record) -> Iterator[str]:
    """What was told is charged and never more, but for what nobody knows; and what is charged, once."""
    told, in_doubt = 0, set()
    for each in hold.said:
        if each.call is Call.SETTLE and isinstance(each.word, Told) and each.word.allowed:
            if each.word.total < max(told, each.figure):
                yield f"a settlement forgot some of what was said: {each}"
            told = each.word.total
        elif each.call is Call.SETTLE and each.word == Unknown():
            in_doubt.add(each.figure)
    if record.settled != told and not (record.settled > told and record.settled in in_doubt):
        yield f"settled {told}, in doubt {in_doubt}"
    if record.charged != (record.settled, record.settled):
        yield "charged otherwise than settled"


def _wrong_about_the_end(hold: Hold, record: Record) -> Iterator[str]:
    """It ends as was told, or as nobody knows; and by expiry not before the time that was told."""
    told = {end for each in hold.said if is_allowed(each.word) for end in _end(each)}
    possible = told | {end for each in hold.said if each.word == Unknown() for end in _end(each)}
    if "RELEASED" in told and record.state != "RELEASED":
        yield "it was said to be released"
    if "SETTLED" in told and not (record.is_closed and record.state in ("SETTLED", "EXPIRED")):
        yield "it was said to be settled for good"
    ends = (
        {"SETTLED"}
        if record.is_closed and record.state == "EXPIRED"
        else {record.state} - {"HELD", "EXPIRED"}
    )
    if not ends <= possible:
        yield "nobody ended it"
    untils = [each.word.until for each in hold.said if isinstance(each.word, Told) and each.word.until]
    if any(until > (record.expired_at or record.until) for until in untils):
        yield f"said to hold until {max(untils)}"


def _end(said: Said) -> Iterator[str]:
    if said.call is Call.RELEASE:
        yield "RELEASED"
    elif said.call is Call.SETTLE and said.is_last:
        yield "SETTLED"


def _wrong_about_a_step(said: Said, word: Told, record: Record) -> Iterator[str]:
    if word.allowed:
        if word.reason is not None or (word.seq and record.steps.get(word.seq) != said.call.name):
            yield f"no such step: {said}"
    elif word.reason != ENDED or not _has_ended_for(said, record):
        yield f"denied without reason: {said}"


def _has_ended_for(said: Said, record: Record) -> bool:
    """Whether it is over, and not by what was said, be it said before."""
    match said.call:
        case Call.SETTLE:
            return record.is_closed and (record.state == "RELEASED" or said.figure > record.settled)
        case Call.RELEASE:
            return record.state in ("SETTLED", "EXPIRED")
        case _:
            return record.state != "HELD"


def end_all(place: Place, customer: str, holds: dict[int, Hold]) -> dict[int, int]:
    """Say everything again and more than once, and end what is left.

    Whatever a holder has asked to settle is settled once, unless the reservation has ended otherwise; what it
    has asked to release is released. Of the rest every other one is released, and the others expire.

    Args:
        holds: by their ids; none of them is about to expire.

    Returns:
        What each has been settled to.
    """
    before = read_reservations(place, customer)
    settled = {number: before[number].settled for number in holds}
    told_to_settle = {
        n: hold for n, hold in holds.items() if any(said.call is Call.SETTLE for said in hold.said)
    }
    steps = [
        {
            **_step(number),
            "quantities": _inputs(hold.settled),
            "final": any("SETTLED" in _end(s) for s in hold.said),
        }
        for number, hold in told_to_settle.items()
    ]
    first, second = (_said(place, customer, Call.SETTLE, steps) for _ in range(2))
    for (number, hold), row, again in zip(told_to_settle.items(), first, second, strict=True):
        record, word = before[number], told_in(Call.SETTLE, row)
        if record.is_closed and (record.state == "RELEASED" or hold.settled > record.settled):
            assert (word.allowed, word.reason) == (False, ENDED), (record, word)
        else:
            settled[number] = max(record.settled, hold.settled)
            assert (word.allowed, word.total) == (True, settled[number]), (record, word)
            assert not record.is_closed or is_replayed(row), (record, word)
            assert told_in(Call.SETTLE, again) == Told(True, None, None, settled[number], word.until)
    records = read_reservations(place, customer)
    to_release = [
        number
        for nth, (number, hold) in enumerate(holds.items())
        if nth % 2 or any(said.call is Call.RELEASE for said in hold.said)
    ]
    first, second = (_said(place, customer, Call.RELEASE, [_step(n) for n in to_release]) for _ in range(2))
    for number, row, again in zip(to_release, first, second, strict=True):
        state = records[number].state
        word = told_in(Call.RELEASE, row)
        assert word.allowed == (state in ("HELD", "RELEASED")), (records[number], word)
        assert is_replayed(row) == (state == "RELEASED")
        assert is_replayed(again) == word.allowed
    return settled


def pass_time(place: Place, by: str) -> None:
    """So much later, with all booked that was due."""
    place.rows("SELECT api.advance_clock(%s::interval)", by)
    while place.rows("SELECT api.book_due(500)") != [(0,)]:
        pass


def _step(number: int) -> dict[str, object]:
    return {"reservationId": str(number)}


def _inputs(amount: int) -> list[dict[str, str]]:
    return [{"name": "input", "amount": str(amount)}]


def _said(place: Place, customer: str, call: Call, items: list[dict[str, object]]) -> list[Row]:
    with psycopg.connect(place.url, autocommit=True) as connection:
        return [
            row
            for start in range(0, len(items), 200)
            for row in say(
                connection, call, [{**item, "customerId": customer} for item in items[start : start + 200]]
            )
        ]
