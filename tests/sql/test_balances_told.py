"""Shortfall, receivable and overdraft limit wherever a balance is told: answers, replays, lists, the past."""

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.sql.test_reading_decisions import page
from tests.sql.test_reservations import World, request
from tests.sql.test_reservations import world as _reserving

world = _reserving


def limit(world: World, amount: str) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": amount}])


def figures(answer: dict[str, Any]) -> list[str]:
    """Of the customer's own wallet, after its id and type."""
    [found] = [each[2:] for each in answer["wallets"] if each[0] == "customer:general"]
    return found  # type: ignore[no-any-return]


def available(world: World) -> int:
    return world.wallet()[0]


@pytest.mark.parametrize("verb", ["consume", "reserve"])
def test_what_is_zero_is_not_told(world: World, verb: str) -> None:
    limit(world, "0")
    [answer] = world.call(verb, request("b", "1"))
    assert len(figures(answer)) == 4
    limit(world, "7")
    [answer] = world.call(verb, request("c", "1"))
    assert figures(answer)[4:] == ["0", "0", "7"]


@pytest.mark.parametrize("amount", ["1", "1000000"])
def test_a_replay_tells_the_limit_of_then(world: World, amount: str) -> None:
    """Allowed, with the limit alone behind what is available, and denied."""
    limit(world, "7")
    told = world.consume("a", amount)
    limit(world, "8")
    again = world.consume("a", amount)
    assert again["replayed"]
    assert figures(again) == figures(told)
    assert figures(told)[4:] == ["0", "0", "7"]
    assert figures(world.consume("b", amount))[4:] == ["0", "0", "8"]


def test_every_door_tells_a_shortfall_and_a_receivable(world: World) -> None:
    limit(world, "5")
    left = available(world)
    told = world.consume("a", str(left + 8), overage="RECORD")
    assert figures(told) == ["0", "0", "0", "5", "3", "0", "5"]
    [grant] = world.rows("SELECT grant_no::text FROM core.credit_grant WHERE customer_id = 'acme' LIMIT 1")
    world.change("void_grant", grantId=grant[0], reason="disputed", chargeback=True)
    denied = world.consume("b", "1")
    expected = ["0", "0", "0", "5", "3", str(left), "5"]
    assert figures(denied) == figures(world.consume("b", "1")) == figures(world.check("1")) == expected
    assert figures(world.consume("a", str(left + 8), overage="RECORD")) == figures(told)
    shown = {row["idempotencyKey"]: figures(row["answer"]) for row in page(world)}
    assert shown == {"a": figures(told), "b": expected}
    past = world.one("SELECT api.balances_at('acme', %s)", Jsonb({"seq": world.seq}))["wallets"]
    [own] = [each for each in past if each["walletId"] == "customer:general"]
    assert [own[name] for name in ("owed", "shortfall", "receivable", "overdraftLimit")] == expected[3:]


@pytest.mark.parametrize("how_many", [1, 2])
def test_a_settlement_tells_them(world: World, how_many: int) -> None:
    """One by itself, and several that are taken with one statement."""
    limit(world, "6")
    held = [world.reserve(f"k{n}", "2") for n in range(how_many)]
    steps = [
        {"reservationId": each["reservationId"], "quantities": [{"name": "input", "amount": "1"}]}
        for each in held
    ]
    for answer in world.call("settle", *steps):
        assert figures(answer)[4:] == ["0", "0", "6"]


def test_a_past_limit_is_the_one_that_was_said_last(world: World) -> None:
    places = {}
    for amount in ("7", "0", "9"):
        limit(world, amount)
        places[amount] = world.seq
        world.change("upsert_customer", name=f"after {amount}")
    for amount, seq in places.items():
        for place in (seq, seq + 1):
            point = Jsonb({"seq": place})
            found = world.rows(
                "SELECT trim_scale(overdraft_limit)::text FROM report.balances_at('acme', %s)"
                " WHERE wallet_id = 'customer:general'",
                point,
            )
            assert found == [(amount,)]


@pytest.mark.parametrize("point", ["recordedAt", "effectiveAt"])
def test_a_past_limit_is_the_one_of_that_time(world: World, point: str) -> None:
    """Though no entry has followed it, and however much later one does."""
    times = {}
    for amount in ("7", "0", "9"):
        world.advance("1 minute")
        limit(world, amount)
        times[amount] = world.clock()
    world.advance("1 minute")
    world.consume("a", "1")
    world.advance("1 minute")
    limit(world, "11")
    times["11"] = world.clock()
    for amount, at in times.items():
        told = world.one("SELECT api.balances_at('acme', %s)", Jsonb({point: at}))["wallets"]
        assert [each["overdraftLimit"] for each in told if each["walletId"] == "customer:general"] == [amount]
        found = world.rows(
            "SELECT trim_scale(overdraft_limit)::text FROM report.balances_at('acme', %s)"
            " WHERE wallet_id = 'customer:general'",
            Jsonb({point: at}),
        )
        assert found == [(amount,)]


def test_what_a_reader_was_told_is_what_had_taken_effect(world: World) -> None:
    """A grant that was over, a hold that had run out, and nobody had booked either."""
    soon = world.clock("1 hour")
    world.change("grant_credits", idempotencyKey="x", creditType="general", amount="7", expiresAt=soon)
    world.reserve("r", "5", ttlSeconds=60)
    world.advance("2 hours")
    told, at = world.wallet(), world.clock()
    world.advance("1 hour")
    world.consume("later", "1")
    for point, expected in (("effectiveAt", told), ("recordedAt", (102, 5, 0, 0))):
        [own] = world.one("SELECT api.balances_at('acme', %s)", Jsonb({point: at}))["wallets"]
        stood = tuple(int(own[name]) for name in ("available", "held", "owed", "shortfall"))
        assert stood == expected, point
    assert told == (100, 0, 0, 0)
