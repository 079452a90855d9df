"""No account keeps money of a lot of which it has no credits, whatever is taken back."""

import random
from decimal import Decimal

import psycopg
import pytest

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import grant, priced, reserve, step, verified
from tests.sql.test_lots import THIRD, lots, take_back, transfer
from tests.sql.test_reading_ledger import all_are_told
from tests.sql.test_reverse_consumption import ask, reverse

D = Decimal
ACCOUNTS = ("DEFERRED_REVENUE", "RECOGNISED_REVENUE", "BREAKAGE", "REFUNDABLE", "RECEIVABLE")
POLICIES = ("ADJUSTMENT", "LAPSE")


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    return priced(small_world(connection))


def reversals_of_expired(world: Configuration, policy: str) -> None:
    world.connection.execute("UPDATE core.customer SET reversal_of_expired = %s", (policy,))


def no_money_without_credits(world: Configuration) -> None:
    for account in ACCOUNTS:
        for lot, (units, money) in lots(world, account).items():
            assert units * money >= 0, (account, lot)
            assert units != 0 or money == 0, (account, lot)


@pytest.mark.parametrize("cost", [THIRD, "0.005", "0.0149"])
@pytest.mark.parametrize("spent", [1, 2])
@pytest.mark.parametrize(
    "between", ["nothing", "transfer", "void", "chargeback", *POLICIES, "both", "held to the end"]
)
def test_all_that_was_spent_comes_back(world: Configuration, cost: str, spent: int, between: str) -> None:
    """One by one; what stood in between is where it came back to."""
    reversals_of_expired(world, "LAPSE" if between in ("LAPSE", "both") else "ADJUSTMENT")
    lot = grant(world, str(spent + 1), costBasis=cost, currency="EUR", expiresAt=world.clock("1 hour"))
    events = [ask(world, "1") for _ in range(spent)]
    held = reserve(world, "1") if between == "held to the end" else None
    match between:
        case "transfer" | "both":
            transfer(world, "1", None, "ada")
        case "void" | "chargeback":
            take_back(world, lot, chargeback=between == "chargeback")
    if between in (*POLICIES, "both"):
        world.advance("2 hours")
    if held:
        take_back(world, lot, chargeback=False)
    for event in events:
        reverse(world, event)
        no_money_without_credits(world)
    assert lots(world, "RECOGNISED_REVENUE").get(lot) == (0, 0)
    if held:
        step(world, "release", held)
    if between in POLICIES:
        take_back(world, lot, chargeback=True)
    no_money_without_credits(world)
    all_are_told(world, 1)
    verified(world)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_back(world: Configuration, seed: int, policy: str) -> None:
    """Lots of any cost, spent, held, moved, ended and taken back in parts: looked at after each step."""
    chance = random.Random(seed)
    reversals_of_expired(world, policy)
    holders: list[str | None] = [None, "ada", "bob"]
    made: list[str] = []
    events: list[str] = []
    held: list[str] = []
    for _ in range(60):
        who = chance.choice(holders)
        amount = chance.choice(["1", "1", "2", "0.5", f"{chance.randint(1, 2_000_000) / 1_000_000:f}"])
        try:
            with world.connection.transaction():
                match chance.choice(
                    ["grant", "spend", "spend", "hold", "move", "back", "back", "end", "pass"]
                ):
                    case "grant":
                        cost = chance.choice([THIRD, "0.005", f"{chance.randint(1, 10**7) / 10**9:.9f}"])
                        ends = {"expiresAt": world.clock("3 hours")} if chance.random() < 0.7 else {}
                        whose = {"entityId": who} if who else {}
                        made.append(grant(world, "4", costBasis=cost, currency="EUR", **ends, **whose))
                    case "spend":
                        events.append(ask(world, amount, entityIds=[who] if who else []))
                    case "hold" if held and chance.random() < 0.5:
                        step(world, "settle", held.pop(), quantities=[{"name": "input", "amount": "0.4"}])
                    case "hold":
                        held.append(reserve(world, amount, *([who] if who else [])))
                    case "move":
                        taker = chance.choice([each for each in holders if each != who])
                        made.extend(transfer(world, amount, who, taker))
                    case "back" if events:
                        event = events.pop(chance.randrange(len(events)))
                        if chance.random() < 0.5:
                            reverse(world, event, "0.3")
                            events.append(event)
                        else:
                            reverse(world, event)
                    case "end" if made and chance.random() < 0.4:
                        take_back(world, chance.choice(made), chargeback=chance.random() < 0.5)
                    case "pass" if chance.random() < 0.4:
                        world.advance(chance.choice(["90 minutes", "20 days"]))
        except AssertionError:
            continue  # denied
        except psycopg.DatabaseError as refused:
            if refused.sqlstate != "UC101":
                raise
            continue
        no_money_without_credits(world)
    for event in events:
        reverse(world, event)
        no_money_without_credits(world)
    all_are_told(world, 7)
    verified(world)
