"""Lots by their legs: each comes to exactly zero when it is over; what is charged back was recognised."""

import random
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from controlplane.types import Role
from tests.servers import ROLE_PREFIX
from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, grant, priced, read, reserve, step, verified
from tests.sql.test_reading_ledger import all_are_told
from tests.sql.test_reverse_consumption import ask, reverse

D = Decimal
THIRD = "0.333333333"
TWICE = ("grant", "spend", "hold", "move")
OF_LOT = """
    SELECT grant_id, trim_scale(sum(units_credit - units_debit)), trim_scale(sum(money_credit - money_debit))
    FROM report.ledger_legs WHERE customer_id = 'acme' AND money_account = %s AND grant_id IS NOT NULL
    GROUP BY 1
"""


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    return priced(small_world(connection))


def lots(world: Configuration, account: str = "DEFERRED_REVENUE") -> dict[str, tuple[Decimal, Decimal]]:
    """Units and money of each grant on an account, as finance reads them."""
    world.connection.execute(f"SET ROLE {ROLE_PREFIX}_{Role.FINANCE.value}")  # type: ignore[arg-type]
    try:
        return {lot: (units, money) for lot, units, money in world.rows(OF_LOT, account)}
    finally:
        world.connection.execute("RESET ROLE")


def transfer(world: Configuration, amount: str, giver: str | None, taker: str | None) -> list[str]:
    """The grants it makes."""
    ends = [{"creditType": "general"} | ({} if who is None else {"entityId": who}) for who in (giver, taker)]
    made = world.change(
        "transfer_credits", idempotencyKey=f"t{world.seq}", **{"from": ends[0]}, to=ends[1], amount=amount
    )
    return [part["grantId"] for part in made["parts"]]


def take_back(world: Configuration, grant_id: str, chargeback: bool) -> Any:
    return world.change("void_grant", grantId=grant_id, reason="over", chargeback=chargeback)


def test_a_part_of_a_part(world: Configuration) -> None:
    """Ten thirds of a euro: one is spent, seven move, three of these move on."""
    lot = grant(world, "10", costBasis=THIRD, currency="EUR")
    consume(world, "1")
    [part] = transfer(world, "7", None, "ada")
    [rest] = transfer(world, "3", "ada", "bob")
    assert world.rows(
        "SELECT grant_id, to_grant_id, money FROM report.ledger WHERE kind = 'TRANSFER' ORDER BY seq"
    ) == [(lot, part, D("2.33")), (part, rest, D("1.00"))]
    # 3.33 less 0.33 and 2.33; of the part 1.33 is left, and 1.00 has gone on.
    assert lots(world) == {lot: (2, D("0.67")), part: (4, D("1.33")), rest: (3, D("1"))}

    held = reserve(world, "2", "bob")
    step(world, "settle", held, quantities=[{"name": "input", "amount": "1"}])
    take_back(world, rest, chargeback=False)
    assert lots(world)[rest] == (0, 0)
    consume(world, "1", "ada")
    take_back(world, part, chargeback=True)
    consume(world, "2")
    assert lots(world) == {lot: (0, 0), part: (0, 0), rest: (0, 0)}
    assert lots(world, "RECEIVABLE")[part] == (-1, -lots(world, "RECOGNISED_REVENUE")[part][1])
    assert read(world, lot)["status"] == "EXHAUSTED"
    all_are_told(world, 3)
    verified(world)


def test_each_leg_names_the_grant_whose_account_it_is(world: Configuration) -> None:
    """Of a transfer the one that gives and the one that is made; of an adjustment what it was made of."""
    lot = grant(world, "4", costBasis=THIRD, currency="EUR", expiresAt=world.clock("1 hour"))
    event = ask(world, "1")
    [part] = transfer(world, "2", None, "ada")
    world.advance("2 hours")
    adjustment = reverse(world, event)["returned"][0]["grantId"]
    assert world.rows(
        "SELECT kind, side, grant_id FROM report.ledger_legs WHERE kind IN ('TRANSFER', 'REVERSAL')"
        " ORDER BY seq, side DESC"
    ) == [
        ("TRANSFER", "DEBIT", lot),
        ("TRANSFER", "CREDIT", part),
        ("REVERSAL", "DEBIT", lot),
        ("REVERSAL", "CREDIT", adjustment),
    ]
    assert lots(world) == {lot: (0, 0), part: (0, 0), adjustment: (1, D("0.33"))}
    assert lots(world, "RECOGNISED_REVENUE")[lot] == (0, 0)


def test_an_adjustment_of_a_held_overdraft_begins_with_nothing(world: Configuration) -> None:
    """What was repaid of it meanwhile comes back as a lot of its own, of no other grant."""
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    item = {"idempotencyKey": "h", "featureId": "chat", "overage": "OVERDRAFT", "ttlSeconds": 60}
    item |= {"quantities": [{"name": "input", "amount": "2"}]}
    [(answer,)] = world.rows("SELECT answer FROM api.reserve('acme', %s)", psycopg.types.json.Jsonb([item]))
    lot = grant(world, "3", costBasis=THIRD, currency="EUR")
    step(world, "release", answer["reservationId"])
    adjustment = str(world.seq)
    assert {each: units for each, (units, _) in lots(world).items()} == {lot: 1, adjustment: 2}
    consume(world, "3")
    assert {each: units for each, (units, _) in lots(world).items()} == {lot: 0, adjustment: 0}


def test_what_is_charged_back_is_what_was_recognised(world: Configuration) -> None:
    """Two of three were spent, by 0.33 and 0.34, and what came back had the money of the third."""
    lot = grant(world, "3", costBasis=THIRD, currency="EUR")
    event = ask(world, "1")
    ask(world, "1")
    take_back(world, lot, chargeback=False)
    # It stays void: 0.33, the money of the last unit that went.
    reverse(world, event)
    assert lots(world, "RECOGNISED_REVENUE")[lot] == (1, D("0.34"))
    take_back(world, lot, chargeback=True)
    assert lots(world, "RECEIVABLE")[lot] == (-1, D("-0.34"))
    all_are_told(world, 2)


def test_what_became_an_adjustment_is_charged_back_as_its_own_lot(world: Configuration) -> None:
    """Of 0.67 that two of three had cost, 0.33 began a lot of their own, which nobody had spent."""
    lot = grant(world, "3", costBasis=THIRD, currency="EUR", expiresAt=world.clock("1 hour"))
    event = ask(world, "2")
    world.advance("2 hours")
    adjustment = reverse(world, event, "0.5")["returned"][0]["grantId"]
    take_back(world, lot, chargeback=True)
    assert lots(world, "RECEIVABLE") == {lot: (-1, D("-0.34"))}
    assert lots(world, "RECOGNISED_REVENUE") == {lot: (1, D("0.34"))}
    assert lots(world) == {lot: (0, 0), adjustment: (0, 0)}
    assert lots(world, "REFUNDABLE")[adjustment] == (1, D("0.33"))
    all_are_told(world, 2)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_becomes_of_them(world: Configuration, seed: int) -> None:
    """Lots of any cost are spent, held, moved, taken back, expired, voided and charged back, in any order."""
    chance = random.Random(seed)
    holders: list[str | None] = [None, "ada", "bob"]
    made: list[str] = []
    events: list[str] = []
    for _ in range(chance.randint(50, 80)):
        who = chance.choice(holders)
        named = [who] if who else []
        amount = f"{chance.randint(1, 3_000_000) / 1_000_000:f}"
        try:
            with world.connection.transaction():
                match chance.choice([*TWICE, *TWICE, "reverse", "end", "pass"]):
                    case "grant":
                        cost = f"{chance.randint(1, 10**9) / 10**9:.9f}"
                        currency = chance.choice(["EUR", "JPY", "KWD"])
                        ends = chance.choice([{}, {"expiresAt": world.clock("5 hours")}])
                        whose = {"entityId": who} if who else {}
                        made.append(grant(world, "5", costBasis=cost, currency=currency, **ends, **whose))
                    case "spend":
                        events.append(ask(world, amount, entityIds=named))
                    case "hold":
                        held = reserve(world, amount, *named)
                        if chance.random() < 0.5:
                            used = [{"name": "input", "amount": "0.4"}]
                            step(world, "settle", held, quantities=used, final=chance.random() < 0.5)
                    case "move":
                        made.extend(
                            transfer(
                                world,
                                amount,
                                who,
                                chance.choice([*(each for each in holders if each != who)]),
                            )
                        )
                    case "reverse" if events:
                        event = events.pop(chance.randrange(len(events)))
                        reverse(world, event, chance.choice(["0.3", "1"]))
                    case "end" if made and chance.random() < 0.3:
                        take_back(world, chance.choice(made), chargeback=chance.random() < 0.5)
                    case "pass" if chance.random() < 0.3:
                        world.advance("90 minutes")
        except AssertionError:
            pass  # denied
        except psycopg.DatabaseError as refused:
            if refused.sqlstate != "UC101":
                raise
    world.advance("3 hours")
    world.one("SELECT api.book_due(1000)")
    spent = [lot for lot, (units, _) in lots(world, "RECOGNISED_REVENUE").items() if units]
    for (lot,) in world.rows("SELECT grant_id FROM report.grants WHERE cost_basis IS NOT NULL"):
        if lot in spent[:1] or chance.random() < 0.5 or read(world, lot)["status"] == "ACTIVE":
            take_back(world, lot, chargeback=True)
    stands = lots(world)
    assert len(stands) > 3
    assert set(stands.values()) == {(0, 0)}
    recognised, receivable = (lots(world, account) for account in ("RECOGNISED_REVENUE", "RECEIVABLE"))
    assert receivable
    for lot, (units, money) in receivable.items():
        assert (lot, -units, -money) == (lot, *recognised[lot])
    all_are_told(world, 7)
    verified(world)
