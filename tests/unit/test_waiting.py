"""The lines before a lane: who is next, who must wait, who is sent away."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.db.lanes.ticket import Call, Ticket, stopping
from controlplane.db.lanes.waiting import CUSTOMER_SHARE, LONGEST_STATEMENT, Waiting
from controlplane.errors import OutcomeUnknown, Shed

LARGEST = 200


@pytest.fixture(autouse=True)
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Tickets live in a loop; nothing here waits for one."""
    with asyncio.Runner() as runner:

        async def running() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        made = runner.run(running())
        asyncio.events._set_running_loop(made)
        yield made
        asyncio.events._set_running_loop(None)


def line(most: int = 10_000, **more: Any) -> Waiting:
    return Waiting(most, largest=LARGEST, **more)


def ticket(customer: str, items: int = 1, call: Call = Call.CONSUME, *groups: str) -> Ticket:
    return Ticket(call, customer, ("{}",) * items, 60, groups=frozenset(groups))


def outcome(of: Ticket) -> Any:
    """What the first item ended with; None while it waits."""
    return of.future.result()[0] if of.is_over else None


def test_what_waits_goes_together_in_the_order_it_came() -> None:
    waiting = line()
    came = [ticket("a"), ticket("b"), ticket("a"), ticket("c")]
    for each in came:
        waiting.put(each)
    assert waiting.take() == [came[0], came[2], came[1], came[3]]
    assert (waiting.take(), waiting.items) == ([], 0)


def test_one_alone_fills_the_statement_and_beside_others_a_share_of_it() -> None:
    waiting = line()
    for _ in range(500):
        waiting.put(ticket("greedy"))
    assert len(waiting.take()) == LARGEST
    waiting.put(ticket("modest"))
    taken = [each.customer for each in waiting.take()]
    assert (taken.count("greedy"), taken.count("modest")) == (CUSTOMER_SHARE, 1)
    assert len(waiting.take()) == LARGEST


def test_everybody_has_a_turn_before_anybody_has_two() -> None:
    waiting = line()
    names = [f"c{n}" for n in range(10)]
    for name in names:
        for _ in range(2 * CUSTOMER_SHARE):
            waiting.put(ticket(name))
    turns = [list(dict.fromkeys(each.customer for each in waiting.take())) for _ in range(5)]
    served = [name for turn in turns for name in turn]
    assert sorted(served) == sorted(2 * names)
    assert sorted(served[:10]) == sorted(names)


def test_a_group_is_never_cut_and_a_large_one_travels_by_itself() -> None:
    waiting = line()
    small, large, after = ticket("a", CUSTOMER_SHARE + 1), ticket("a", LARGEST + 50), ticket("b")
    for each in (small, large, after):
        waiting.put(each)
    assert waiting.take() == [small, after]
    assert waiting.take() == [large]
    waiting.put(ticket("b"))
    waiting.put(large)
    assert [len(each) for each in waiting.take()] == [1]
    assert waiting.take() == [large]


def test_a_statement_is_of_one_kind_and_no_kind_starves() -> None:
    waiting = line()
    observed = ticket("b", 1, Call.OBSERVED)
    waiting.put(ticket("a"))
    waiting.put(observed)
    for _ in range(3):
        waiting.put(ticket("a"))
    assert {each.call for each in waiting.take()} == {Call.CONSUME}
    waiting.put(ticket("a"))
    assert waiting.take() == [observed]


def test_a_grant_travels_alone() -> None:
    waiting = line()
    grants = [ticket("a", 1, Call.GRANT) for _ in range(2)]
    for each in grants:
        waiting.put(each)
    assert (waiting.take(), waiting.take()) == ([grants[0]], [grants[1]])


def test_what_is_long_keeps_nobody_else_waiting_for_more_than_itself() -> None:
    waiting = line()
    long = [Ticket(Call.CONSUME, c, ("x" * (LONGEST_STATEMENT * 3 // 5),), 60) for c in "aaabbb"]
    huge = Ticket(Call.CONSUME, "c", ("x" * (2 * LONGEST_STATEMENT),), 60)
    for each in (*long, huge, short := ticket("d")):
        waiting.put(each)
    turns = [waiting.take() for _ in range(4)]
    assert turns == [[long[0], short], [long[3]], [huge], [long[1]]]


def test_groups_of_the_same_name_do_not_meet() -> None:
    waiting = line()
    first, second, other = (ticket(c, 2, Call.CONSUME, g) for c, g in (("a", "g"), ("b", "g"), ("b", "h")))
    for each in (first, second, other):
        waiting.put(each)
    assert waiting.take() == [first]
    assert waiting.take() == [second, other]


def test_apart_a_customer_has_one_ticket_a_statement() -> None:
    waiting = line(apart=True)
    for customer in "aab":
        waiting.put(ticket(customer))
    assert [[each.customer for each in waiting.take()] for _ in range(2)] == [["a", "b"], ["a"]]


def test_whoever_has_gone_is_left_out() -> None:
    waiting = line()
    gone, there = ticket("a"), ticket("a")
    waiting.put(gone)
    waiting.put(there)
    gone.future.cancel()
    assert waiting.take() == [there]
    assert waiting.items == 0


@pytest.mark.parametrize(
    ("there", "late", "before"),
    [({"a": 45, "b": 50}, "c", 95), ({"a": 45, "b": 5}, "a", 45)],
    ids=["all together", "one customer"],
)
def test_a_full_line_says_when_to_come_again(there: dict[str, int], late: str, before: int) -> None:
    waiting = line(most=100)
    for customer, items in there.items():
        waiting.put(ticket(customer, items))
    waiting.took(100, 1.0)
    waiting.put(refused := ticket(late, 10))
    error = outcome(refused)
    assert isinstance(error, Shed)
    assert error.code == "OVERLOADED"
    # A hundredth of a second an item, of which a fifth is mixed into what it was thought to be.
    assert error.retry_after == pytest.approx(before * (0.8 * 0.001 + 0.2 * 0.01))
    assert waiting.items == sum(there.values())


def test_what_is_too_large_for_the_line_may_come_when_nobody_waits() -> None:
    waiting = line(most=100)
    waiting.put(huge := ticket("a", 500))
    assert waiting.take() == [huge]


def test_those_who_come_back_stand_before_their_own_and_after_the_others() -> None:
    waiting = line(customers=1)
    early, late, other = ticket("a"), ticket("a"), ticket("b")
    waiting.put(late)
    waiting.put(other)
    waiting.put_back([early])
    assert [waiting.take() for _ in range(2)] == [[other], [early, late]]


def test_a_ticket_that_was_sent_and_lost_is_never_called_unwritten() -> None:
    lost, late, refused, reader = ticket("a"), ticket("a"), ticket("a"), ticket("a", 1, Call.CHECK)
    lost.unclear = late.unclear = True  # … and came back deferred since, or was refused
    reader.sent = True
    lost.fail(Shed("no room", code="OUT_OF_RESOURCES"))
    refused.fail(Shed("no room", code="OUT_OF_RESOURCES"))
    late.abandon(stopping())
    reader.abandon(stopping())
    assert [type(outcome(each)) for each in (lost, late)] == [OutcomeUnknown, OutcomeUnknown]
    assert [type(outcome(each)) for each in (refused, reader)] == [Shed, Shed]
