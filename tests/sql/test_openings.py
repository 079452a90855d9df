"""``api.open_month``, ``api.balances_at``: every past balance, against a plain fold of the ledger."""

import json
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

BOUNDED = ("SCHEDULED", "AVAILABLE", "HELD", "LEASED", "OWED", "SHORTFALL")
LEDGER = """
    SELECT e.seq, e.leg, e.recorded_at, coalesce(e.effective_at, e.recorded_at),
           f.wallet_id, e.from_account::text,
           t.wallet_id, e.to_account::text, e.amount
    FROM core.ledger_entry AS e
    JOIN core.wallet AS f ON f.customer_id = e.customer_id AND f.wallet_no = e.from_wallet_no
    JOIN core.wallet AS t ON t.customer_id = e.customer_id AND t.wallet_no = e.to_wallet_no
    WHERE e.customer_id = %s ORDER BY e.seq, e.leg
"""
Balances = dict[tuple[str, str], Decimal]


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    rates = [
        {"creditType": credit_type, "quantity": "input", "amount": "1"}
        for credit_type in ("general", "promo")
    ]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.change("upsert_entity", entityId="ada", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    return world


def opened(world: Configuration, month: str | None = None, limit: int = 2) -> list[dict[str, Any]]:
    """Open it, a few customers at a time; what each call answered."""
    answers: list[dict[str, Any]] = []
    while not answers or answers[-1]["state"] != "OPENED":
        assert len(answers) < 50
        answers.append(world.one("SELECT api.open_month(%s, %s)", month, limit))
    return answers


def at(world: Configuration, **place: Any) -> dict[str, Any]:
    place = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in place.items()
    }
    return world.one("SELECT api.balances_at(%s, %s)", world.customer_id, Jsonb(place))


def told(answer: dict[str, Any]) -> Balances:
    """What is not zero."""
    found = {
        (wallet["walletId"], account): Decimal(wallet[account.lower()])
        for wallet in answer["wallets"]
        for account in BOUNDED
    }
    return {place: balance for place, balance in found.items() if balance}


def folded(entries: Iterable[tuple[Any, ...]]) -> Balances:
    """The plain fold: what the customer owes grows as credits leave it."""
    balances: Balances = {}
    for *_, from_wallet, from_account, to_wallet, to_account, amount in entries:
        for wallet, account, change in (
            (from_wallet, from_account, -amount),
            (to_wallet, to_account, amount),
        ):
            if account in BOUNDED:
                sign = -1 if account in ("OWED", "SHORTFALL") else 1
                place = (wallet, account)
                balances[place] = balances.get(place, Decimal(0)) + sign * change
    return {place: balance for place, balance in balances.items() if balance}


def live(world: Configuration, seed: int, steps: int, then: Callable[[], None] = lambda: None) -> None:
    """A history by chance: grants that begin and end, consumptions of every overage, time that passes.

    It begins on a 28th, and so comes to a third month.
    """
    world.begin("month")
    world.advance("27 days")
    chance = random.Random(seed)
    for step in range(steps):
        kind = chance.choice(["grant", "consume", "consume", "consume", "time", "change", "due"])
        if kind == "grant":
            begins = chance.choice(["0 s", "1 hour", "10 days"])
            ends = chance.choice(
                [{}, {"expiresAt": world.clock("20 days")}, {"expiresAt": world.clock("2 days")}]
            )
            holder = chance.choice([{"entityId": "ada"}, {}])
            if begins == "10 days":
                ends = {}
            world.change(
                "grant_credits",
                idempotencyKey=f"g{step}",
                amount=str(chance.randint(1, 9)),
                creditType=chance.choice(["general", "promo"]),
                **({} if begins == "0 s" else {"effectiveAt": world.clock(begins)}),
                **ends,
                **holder,
            )
        elif kind == "consume":
            items = [
                {
                    "idempotencyKey": f"c{step}-{n}",
                    "featureId": "chat",
                    "entityIds": chance.choice([["ada"], ["bob"], []]),
                    "overage": chance.choice(["REJECT", "OVERDRAFT", "RECORD"]),
                    "quantities": [{"name": "input", "amount": str(chance.randint(1, 6))}],
                }
                for n in range(chance.randint(1, 3))
            ]
            world.rows("SELECT * FROM api.consume(%s, %s)", world.customer_id, Jsonb(items))
        elif kind == "time":
            world.advance(chance.choice(["1 minute", "5 hours", "3 days", "16 days"]))
        elif kind == "change":
            world.change("upsert_customer", name=f"N{step}")
        else:
            world.one("SELECT api.book_due(100)")
        then()


def compare_everywhere(world: Configuration) -> int:
    """Each seq and each instant around each entry, in three ways; how many entries there are."""
    entries = world.rows(LEDGER, world.customer_id)
    for seq in range(world.seq + 1):
        assert told(at(world, seq=seq)) == folded(e for e in entries if e[0] <= seq), seq
    now = world.one("SELECT core.clock()")
    instants = {instant for entry in entries for instant in entry[2:4]}
    tick = timedelta(microseconds=1)
    for instant in sorted({moved for i in instants for moved in (i - tick, i, i + tick)}):
        if instant <= now:
            recorded = folded(e for e in entries if e[2] <= instant)
            assert told(at(world, recordedAt=instant)) == recorded, instant
            effective = folded(e for e in entries if e[3] <= instant)
            assert told(at(world, effectiveAt=instant)) == effective, instant
    return len(entries)


@pytest.mark.parametrize("seed", range(3))
def test_every_past_balance(world: Configuration, seed: int) -> None:
    """The same before any month was opened and after all of them were."""
    live(world, seed, 60)
    first = world.one("SELECT min(date_trunc('month', recorded_at, 'UTC'))::date FROM core.ledger_entry")
    assert compare_everywhere(world) > 20
    last = world.one("SELECT date_trunc('month', core.clock() AT TIME ZONE 'UTC')::date")
    months = world.rows("SELECT generate_series(%s::date, %s::date, '1 month')::date", first, last)
    assert len(months) > 2
    for (month,) in months:
        opened(world, month)
    assert world.one("SELECT count(*) FROM core.opening WHERE customer_id = 'acme'") > 6
    compare_everywhere(world)
    assert offenders(world) == []


def offenders(world: Configuration) -> list[tuple[str, Any]]:
    return world.rows("SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL")


def test_months_are_opened_as_they_come(world: Configuration) -> None:
    """In the order of time, in the midst of what goes on, and out of it."""

    def open_this_one() -> None:
        opened(world, limit=1)

    live(world, 7, 60, open_this_one)
    assert world.one("SELECT count(*) FROM core.customer_month") > 1
    compare_everywhere(world)
    assert offenders(world) == []


def test_only_entries_of_one_month_are_read(world: Configuration) -> None:
    """What is not there any more was not needed: a month that was opened answers for those before it."""
    world.change(
        "grant_credits", idempotencyKey="g", creditType="general", amount="9", effectiveAt=world.clock("1 h")
    )
    world.advance("32 days")
    world.one("SELECT api.book_due(10)")
    month = world.one("SELECT date_trunc('month', core.clock() AT TIME ZONE 'UTC')::date")
    before = world.one("SELECT core.clock()")
    world.advance("32 days")
    opened(world)
    stood = at(world, recordedAt=before)
    begun = at(world, seq=world.seq)
    world.connection.execute("SET session_replication_role = replica")
    world.connection.execute("DELETE FROM core.ledger_entry")
    assert at(world, seq=world.seq)["wallets"] == begun["wallets"]
    assert told(begun) == {("customer:general", "AVAILABLE"): Decimal(9)}
    assert told(stood) == told(begun)
    assert month is not None


def test_what_is_answered(world: Configuration) -> None:
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="2.5", entityId="ada")
    seq = world.seq
    world.change("upsert_customer", name="New")
    answer = at(world, seq=str(seq))
    assert {name: answer[name] for name in ("customerId", "incarnation", "seq", "isFinal")} == {
        "customerId": "acme",
        "incarnation": 1,
        "seq": str(seq),
        "isFinal": True,
    }
    assert answer["wallets"] == [
        {
            "walletId": "ada:general",
            "entityId": "ada",
            "creditType": "general",
            "scheduled": "0",
            "available": "2.5",
            "held": "0",
            "leased": "0",
            "settled": "2.5",
            "owed": "0",
            "shortfall": "0",
            "receivable": "0",
            "overdraftLimit": "5",
            "decimals": 6,
            "displayDecimals": 2,
        }
    ]
    assert told(at(world, seq=seq - 1)) == {}


def test_what_is_due_and_not_booked(world: Configuration) -> None:
    """It says so, and is right as soon as somebody has booked it."""
    world.change(
        "grant_credits", idempotencyKey="g", creditType="general", amount="2", expiresAt=world.clock("1 hour")
    )
    world.advance("2 hours")
    ended = world.one("SELECT expires_at FROM core.credit_grant")
    before = at(world, effectiveAt=ended)
    assert (before["isFinal"], told(before)) == (False, {("customer:general", "AVAILABLE"): Decimal(2)})
    assert at(world, effectiveAt=ended - timedelta(microseconds=1))["isFinal"] is True
    world.one("SELECT api.book_due(10)")
    after = at(world, effectiveAt=ended)
    assert (after["isFinal"], told(after)) == (True, {})
    assert told(at(world, recordedAt=ended)) == told(before)


@pytest.mark.parametrize(
    ("place", "field", "code"),
    [
        ({}, "at", "ONE_OF"),
        ({"seq": 1, "recordedAt": "2020-01-01T00:00:00Z"}, "at", "ONE_OF"),
        ({"seq": -1}, "seq", "NEGATIVE"),
        ({"seq": "x"}, "seq", "NOT_A_NUMBER"),
        ({"seq": 10**17}, "seq", "IN_THE_FUTURE"),
        ({"recordedAt": "2999-01-01T00:00:00Z"}, "recordedAt", "IN_THE_FUTURE"),
        ({"effectiveAt": "2999-01-01T00:00:00Z"}, "effectiveAt", "IN_THE_FUTURE"),
        ({"recordedAt": "2020-01-01T00:00:00"}, "recordedAt", "NOT_AN_INSTANT"),
        ({"effectiveAt": "yesterday"}, "effectiveAt", "NOT_AN_INSTANT"),
        ({"at": "x"}, "at", "UNKNOWN_FIELD"),
        ([], "", "NOT_AN_OBJECT"),
    ],
)
def test_bad_places(world: Configuration, place: Any, field: str, code: str) -> None:
    with pytest.raises(psycopg.DatabaseError) as caught:
        world.one("SELECT api.balances_at('acme', %s)", Jsonb(place))
    [error] = json.loads(caught.value.diag.message_detail or "")["errors"]
    assert (error["field"], error["code"]) == (field, code)


def test_nobodys_balances(world: Configuration) -> None:
    with pytest.raises(psycopg.DatabaseError, match="there is no such customer"):
        world.one("""SELECT api.balances_at('nobody', '{"seq": 0}')""")


@pytest.mark.parametrize(
    ("month", "limit", "code"),
    [("2026-01-02", 1, "NOT_A_MONTH"), ("2199-01-01", 1, "IN_THE_FUTURE"), (None, 0, "OUT_OF_RANGE")],
)
def test_bad_months(world: Configuration, month: str | None, limit: int, code: str) -> None:
    with pytest.raises(psycopg.DatabaseError) as caught:
        world.one("SELECT api.open_month(%s, %s)", month, limit)
    [error] = json.loads(caught.value.diag.message_detail or "")["errors"]
    assert error["code"] == code


def test_all_customers_in_turns(world: Configuration) -> None:
    """Few at a time, each once; who came after the month began has no need of it."""
    others = [Configuration(world.connection, f"c{n}") for n in range(7)]
    for other in others[:5]:
        other.change("upsert_customer")
        other.change("grant_credits", idempotencyKey="g", creditType="general", amount="1")
    world.advance("32 days")
    for other in others[5:]:
        other.change("upsert_customer")
    answers = opened(world, limit=4)
    assert [answer["state"] for answer in answers] == ["WAITING", "WAITING", "OPENING", "OPENED"]
    assert [answer.get("customers") for answer in answers[2:]] == [4, 2]
    assert world.rows("SELECT customer_id, last_seq FROM core.customer_month ORDER BY 1") == [
        ("acme", 0),
        *((f"c{n}", 2) for n in range(5)),
    ]
    assert [answer["customers"] for answer in opened(world)] == [0]
    assert offenders(world) == []


def test_a_clock_that_is_put_back(world: Configuration) -> None:
    """Nothing is recorded before a month whose beginning is known."""
    world.advance("32 days")
    opened(world)
    world.connection.execute("UPDATE core.installation SET clock_offset = '0'")
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="1")
    month, recorded = world.rows("SELECT month, recorded_at FROM core.customer_month, core.ledger_entry")[0]
    assert recorded == datetime.fromisoformat(f"{month}T00:00:00+00:00")
    assert offenders(world) == []


TAMPERED = {
    "UPDATE core.opening SET balance = balance + 1",
    "UPDATE core.opening SET last_seq = last_seq - 1",
    "DELETE FROM core.opening",
    "INSERT INTO core.opening SELECT customer_id, month, wallet_no, 'HELD', 0, last_seq FROM core.opening",
    "UPDATE core.opening_grant SET gone = gone + 1",
    "DELETE FROM core.opening_grant",
    "UPDATE core.customer_month SET last_seq = last_seq - 1",
}


def test_whatever_is_tampered_with_is_found(world: Configuration) -> None:
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="5")
    item = {"idempotencyKey": "c", "featureId": "chat", "quantities": [{"name": "input", "amount": "2"}]}
    world.rows("SELECT * FROM api.consume('acme', %s)", Jsonb([item]))
    world.advance("32 days")
    opened(world)
    assert world.rows("SELECT balance, last_seq FROM core.opening") == [(3, world.seq)]
    assert world.rows("SELECT gone FROM core.opening_grant") == [(2,)]
    world.connection.execute("SET session_replication_role = replica")
    for statement in TAMPERED:
        with world.connection.transaction(force_rollback=True):
            assert world.connection.execute(statement).rowcount > 0, statement
            assert {name for name, _ in offenders(world)} == {"openings"}, statement
    assert offenders(world) == []
