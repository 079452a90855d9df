"""Sixteen real connections change, void and move grants while others spend; sums and ``verify`` judge."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.concurrency.test_races import RACERS, Race, ask, consume
from tests.sql.configuring import Configuration

OWN, RED = {"creditType": "general"}, {"creditType": "general", "entityId": "red"}


@pytest.fixture
def race(database_url: str, connection: psycopg.Connection) -> Iterator[Race]:
    made = Race(database_url, connection)
    yield made
    made.verify()


def attempt(connection: psycopg.Connection, function: str, **given: Any) -> dict[str, Any] | str:
    """What it answers, or the code it is refused with."""
    try:
        answer: dict[str, Any] = Configuration(connection).change(function, **given)
        return answer
    except psycopg.DatabaseError as error:
        if error.sqlstate != "UC101":
            raise
        code: str = json.loads(error.diag.message_detail or "")["errors"][0]["code"]
        return code


def transfer(
    connection: psycopg.Connection, amount: str, key: str | None = None, **more: Any
) -> dict[str, Any] | str:
    given = {"idempotencyKey": key or str(uuid4()), "from": OWN, "to": RED, "amount": amount}
    return attempt(connection, "transfer_credits", **(given | more))


def available(race: Race) -> dict[str, Decimal]:
    return dict(race.world.rows("SELECT wallet_id, available FROM core.wallet"))


def consumed(race: Race) -> Decimal:
    [(total,)] = race.world.rows(
        "SELECT coalesce(sum(amount), 0) FROM core.ledger_entry WHERE to_account = 'CONSUMED'"
    )
    return total


def test_what_moves_and_what_is_spent_is_never_the_same(race: Race) -> None:
    """Both wallets are spent from while credits go back and forth."""
    for amount in ("11", "7.5", "21.5"):
        race.grant(amount)
    race.grant("20", entityId="red")

    def work(connection: psycopg.Connection, number: int) -> list[Any]:
        if number % 4 == 0:
            return [transfer(connection, "6.25") for _ in range(4)]
        if number % 4 == 1:
            return [transfer(connection, "3", **{"from": RED, "to": OWN}) for _ in range(4)]
        item = ask("red-agent") if number % 4 == 2 else ask("blue-agent")
        return [consume(connection, item | {"idempotencyKey": str(uuid4())})[0][1] for _ in range(5)]

    told = Counter(
        each if isinstance(each, str) else type(each) for each_ in race.run(work) for each in each_
    )
    assert told[dict] > 0
    assert set(told) <= {dict, type(None), "INSUFFICIENT_CREDITS"}
    assert sum(available(race).values()) + consumed(race) == 60


def test_exactly_as_much_moves_as_there_is(race: Race) -> None:
    for _ in range(3):
        race.grant("10")
    told = [each for racer in race.run(lambda c, _: [transfer(c, "2") for _ in range(2)]) for each in racer]
    assert Counter(isinstance(each, dict) for each in told) == {True: 15, False: 2 * RACERS - 15}
    assert available(race) == {"customer:general": 0, "red:general": 30}


def test_one_key_moves_once_whoever_is_first(race: Race) -> None:
    race.grant("30")
    told = race.run(lambda c, number: transfer(c, "4", key="same"))
    assert sorted(each["replayed"] for each in told) == [False] + [True] * (RACERS - 1)
    assert len({each["seq"] for each in told}) == 1
    assert available(race) == {"customer:general": 26, "red:general": 4}


def test_a_void_against_those_who_spend(race: Race) -> None:
    race.grant("40")
    [(grant_id,)] = race.world.rows("SELECT grant_no::text FROM core.credit_grant")

    def work(connection: psycopg.Connection, number: int) -> Any:
        if number in (7, 8):
            return attempt(connection, "void_grant", grantId=grant_id, reason="race")
        return [consume(connection, ask("blue-agent"))[0][1] for _ in range(2)]

    told = race.run(work)
    voids = told[7:9]
    spent = Counter(reason for racer in (*told[:7], *told[9:]) for reason in racer)
    assert sorted(each["replayed"] for each in voids) == [False, True]
    assert voids[0]["voided"] == voids[1]["voided"]
    assert Decimal(voids[0]["voided"]) + spent[None] == 40
    assert set(spent) <= {None, "INSUFFICIENT_CREDITS"}
    assert available(race) == {"customer:general": 0}


def test_two_updates_and_those_who_spend_meanwhile(race: Race) -> None:
    """Each burn is right under the terms of its moment, which ``verify`` knows."""
    for _ in range(3):
        race.grant("30")
    grants = [number for (number,) in race.world.rows("SELECT grant_no::text FROM core.credit_grant")]

    def work(connection: psycopg.Connection, number: int) -> Any:
        if number >= 12:
            given = {"grantId": grants[number % 3], "priority": number + 1}
            return [
                attempt(connection, "update_grant", **(given | {"priority": given["priority"] + n * 20}))
                for n in range(4)
            ]
        return [consume(connection, ask("blue-agent"))[0][1] for _ in range(6)]

    told = race.run(work)
    assert Counter(reason for racer in told[:12] for reason in racer) == {None: 72}
    assert sum(available(race).values()) == 18
    changed = [each["seq"] for racer in told[12:] for each in racer if isinstance(each, dict) and each["seq"]]
    assert len(set(changed)) == len(changed) > 0


def test_a_payment_is_received_once_and_a_void_is_first_or_too_late(race: Race) -> None:
    waiting = {"idempotencyKey": "w", "creditType": "general", "amount": "12", "pendingPayment": True}
    grant_id = race.world.change("grant_credits", **waiting)["grantId"]

    def work(connection: psycopg.Connection, number: int) -> Any:
        if number == 0:
            return attempt(connection, "void_grant", grantId=grant_id, reason="race")
        return attempt(connection, "update_grant", grantId=grant_id, paymentReceived=True)

    void, *paid = race.run(work)
    issued = [each for each in paid if isinstance(each, dict) and each["seq"]]
    assert len(issued) <= 1
    assert void["voided"] == ("12" if issued else "0")
    assert all(each == "VOIDED" for each in paid if isinstance(each, str))
    assert available(race) == {"customer:general": 0}
