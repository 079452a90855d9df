"""Reservations of many callers at once: whatever they end with, nothing stays held nor is spent twice."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import psycopg
import pytest

from controlplane.db.decisions import Decisions
from controlplane.db.lanes.ticket import Judgement
from controlplane.types import Role
from tests.concurrency.deciding import Seen, ask, deciding, make_customers, together, told

PENDING = "SELECT count(*) FROM core.reservation WHERE state = 'HELD'"
OFFENDERS = "SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL"


@pytest.fixture
def url(connection: psycopg.Connection, login_url: Callable[[Role], str]) -> str:
    make_customers(connection, "a", "b", "c")
    return login_url(Role.APP)


def step(customer: str, reservation: str, amount: str | None = None, **more: Any) -> dict[str, Any]:
    quantities = {} if amount is None else {"quantities": [{"name": "input", "amount": amount}]}
    return {"customerId": customer, "reservationId": reservation, **quantities, **more}


async def held(decisions: Decisions, customer: str, amount: str) -> str | None:
    """The id of a new reservation; None if it was denied."""
    [answer] = await decisions.reserve([ask(customer, amount)])
    assert isinstance(answer, Judgement), answer
    return answer.answer["reservationId"] if answer.allowed else None


def test_what_arrives_together_is_one_statement_of_its_kind(url: str) -> None:
    seen = Seen()

    async def run() -> None:
        async with deciding(url, seen, lanes=1) as decisions:
            ids = await together(*(held(decisions, "abc"[n % 3], "1") for n in range(30)))
            answers = await together(
                *(decisions.settle([step("abc"[n % 3], wanted, "1")]) for n, wanted in enumerate(ids))
            )
            assert [told(answer) for answer in answers] == [["ALLOWED"]] * 30

    asyncio.run(run())
    assert seen.batches == [("reserve", 30), ("settle", 30)]


def test_together_they_hold_no_more_than_there_is(url: str, connection: psycopg.Connection) -> None:
    async def run() -> list[str | None]:
        async with deciding(url) as decisions:
            return await together(*(held(decisions, "a", "7") for _ in range(40)))

    ids = asyncio.run(run())
    assert sum(wanted is not None for wanted in ids) == 14
    row = connection.execute("SELECT available, held FROM core.wallet WHERE customer_id = 'a'").fetchone()
    assert row == (2, 98)


def test_agents_of_all_kinds(url: str, connection: psycopg.Connection) -> None:
    """Some stream, some give up, some use more than they said, some say it twice; others just consume."""
    dice = Random(7)
    spent: list[int] = []

    async def agent(decisions: Decisions, customer: str, plan: str) -> None:
        wanted = await held(decisions, customer, "4")
        if wanted is None:
            return
        if plan == "release":
            first, again = await together(
                decisions.release([step(customer, wanted)]), decisions.release([step(customer, wanted)])
            )
            assert told([*first, *again]) == ["ALLOWED", "ALLOWED"]
        elif plan == "stream":
            for so_far in ("1", "2", "2", "3"):
                await decisions.settle([step(customer, wanted, so_far, final=False)])
            await decisions.extend([step(customer, wanted, ttlSeconds=60)])
            await decisions.settle([step(customer, wanted, "3")])
            spent.append(3)
        else:
            answers = await together(*(decisions.settle([step(customer, wanted, "6")]) for _ in range(3)))
            assert all(isinstance(answer, Judgement) and answer.allowed for [answer] in answers)
            assert sum(answer.seq is not None for [answer] in answers) == 1
            spent.append(6)

    async def spender(decisions: Decisions, customer: str) -> None:
        [answer] = await decisions.consume([ask(customer, "1")])
        if isinstance(answer, Judgement) and answer.allowed:
            spent.append(1)

    async def run() -> None:
        async with deciding(url) as decisions:
            plans = [dice.choice(["release", "stream", "beyond"]) for _ in range(60)]
            await together(
                *(agent(decisions, dice.choice("abc"), plan) for plan in plans),
                *(spender(decisions, dice.choice("abc")) for _ in range(60)),
            )

    asyncio.run(run())
    assert connection.execute(PENDING).fetchone() == (0,)
    assert connection.execute(OFFENDERS).fetchall() == []
    left, short = (
        connection.execute("SELECT sum(available), sum(shortfall) FROM core.wallet").fetchone() or ()
    )
    assert 300 - left + short == sum(spent)


def test_a_settlement_waits_behind_what_came_before(url: str, connection: psycopg.Connection) -> None:
    """One customer's requests keep their order, of whatever kind they are."""

    async def run() -> list[str]:
        async with deciding(url, lanes=1) as decisions:
            wanted = await held(decisions, "a", "100")
            assert wanted is not None
            return [
                word
                for answer in await together(
                    decisions.consume([ask("a", "1")]),
                    decisions.release([step("a", wanted)]),
                    decisions.consume([ask("a", "100")]),
                )
                for word in told(answer)
            ]

    assert asyncio.run(run()) == ["INSUFFICIENT_CREDITS", "ALLOWED", "ALLOWED"]


def test_a_bad_step_fails_alone(url: str) -> None:
    async def run() -> list[list[str]]:
        async with deciding(url, lanes=1) as decisions:
            wanted = await held(decisions, "a", "5")
            assert wanted is not None
            answers = await together(
                decisions.settle([step("a", wanted, "1", final=False)]),
                decisions.settle([step("a", wanted, "-1")]),
                decisions.settle([step("b", wanted, "1")]),
                decisions.settle([step("nobody", wanted, "1")]),
            )
            return [told(answer) for answer in answers]

    assert asyncio.run(run()) == [
        ["ALLOWED"],
        ["MALFORMED"],
        ["RESERVATION_NOT_FOUND"],
        ["CUSTOMER_NOT_FOUND"],
    ]
