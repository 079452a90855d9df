"""``api.erase_entity``: a person is forgotten everywhere, and no figure, entry or seal is touched."""

import json
import threading
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

#: What must not be found anywhere afterwards, in any spelling.
MARKS = ("zelda", "hyrule")

#: As text, every row of every table that is ours, whichever column it stands in.
TABLES = """
    SELECT c.oid::regclass::text FROM pg_class AS c
    WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text IN ('core', 'api', 'report', 'pgmq')
"""

ONE = [{"name": "input", "amount": "1"}]
WALLET = "SELECT wallet_id FROM core.wallet WHERE credit_type = %s AND starts_with(wallet_id, 'erased:')"


def zeldas(connection: psycopg.Connection) -> Configuration:
    """Zelda, of whom everything is known that can be."""
    world = small_world(connection)
    rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.change(
        "upsert_entity",
        entityId="zelda",
        type="user",
        parentId="team",
        name="Zelda of Hyrule",
        metadata={"mail": "zelda@hyrule.example"},
        wallets=[{"creditType": "general", "overdraftLimit": "5"}],
    )
    world.change("upsert_entity", entityId="bot", type="agent", parentId="zelda")
    world.change("upsert_customer", unknownEntity={"policy": "CREATE", "type": "user", "parentId": "zelda"})
    per_day = {"measure": "CREDITS", "creditType": "general", "window": "DAY"}
    world.change("set_budget", budgetId="zelda-day", entityId="zelda", limit="10", **per_day)
    world.change("set_budget", budgetId="zelda-day", entityId="zelda", limit="20", mode="SOFT", **per_day)
    world.change("set_budget", budgetId="each", each="user", limit="1000", **per_day)
    until = world.clock("1 h")
    world.change(
        "raise_budget",
        idempotencyKey="r1",
        budgetId="zelda-day",
        amount="5",
        until=until,
        reason="Zelda asked",
    )
    world.change("grant_credits", idempotencyKey="g1", entityId="zelda", creditType="general", amount="30")
    world.change("grant_credits", idempotencyKey="g2", walletId="zelda:general", amount="5")
    world.change("grant_credits", idempotencyKey="g3", entityId="zelda", creditType="promo", amount="3")
    voided = world.change("grant_credits", idempotencyKey="g5", walletId="zelda:general", amount="2")
    world.change("void_grant", grantId=voided["grantId"], reason="Zelda of Hyrule asked for it")
    move = {
        "from": {"entityId": "zelda", "creditType": "general"},
        "to": {"entityId": "bob", "creditType": "general"},
    }
    world.change("transfer_credits", idempotencyKey="t", amount="1", **move)
    world.suspend("zelda")
    assert ask(world, "suspended") == (False, "ENTITY_SUSPENDED")
    world.suspend("zelda", False)
    assert ask(world, "small", metadata={"trace": "hyrule"}) == (True, None)
    assert ask(world, "both", entityIds=["bot", "zelda"], metadata={"of": "zelda"}) == (True, None)
    assert ask(world, "bot", entityIds=["bot"], metadata={"of": "the bot"}) == (True, None)
    world.change("grant_credits", idempotencyKey="g4", entityId="ada", creditType="general", amount="3")
    assert ask(world, "ada", entityIds=["ada"], metadata={"of": "ada"}) == (True, None)
    assert ask(world, "soft", amount="25") == (True, None)
    assert ask(world, "too much", amount="900") == (False, "INSUFFICIENT_CREDITS")
    assert ask(world, "newcomer", entityIds=["zelda-junior"], amount="900")[0] is False
    held = {"idempotencyKey": "held", "featureId": "chat", "entityIds": ["zelda"], "quantities": ONE}
    reserved = "SELECT answer ->> 'reservationId' FROM api.reserve('acme', %s)"
    step = {"reservationId": world.one(reserved, Jsonb([held])), "quantities": ONE, "final": False}
    assert world.one("SELECT allowed FROM api.settle('acme', %s)", Jsonb([step]))
    world.change("upsert_entity", entityId="zelda", parentId=None)
    world.one("SELECT api.seal('acme')")
    assert left(world) == {
        *("core.budget", "core.budget_raise", "core.credit_grant", "core.entity"),
        *("core.usage_metadata", "core.wallet"),
    }
    return world


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    return zeldas(connection)


def ask(world: Configuration, key: str, amount: str = "1", **fields: Any) -> tuple[bool, str | None]:
    allowed, reason, _ = answered(world, key, amount, **fields)
    return allowed, reason


def answered(world: Configuration, key: str, amount: str = "1", **fields: Any) -> tuple[Any, ...]:
    item = {
        "idempotencyKey": key,
        "featureId": "chat",
        "entityIds": ["zelda"],
        "quantities": [{"name": "input", "amount": amount}],
        **fields,
    }
    [row] = world.rows("SELECT allowed, reason, answer FROM api.consume(%s, %s)", "acme", Jsonb([item]))
    return row


def left(world: Configuration) -> set[str]:
    """The tables in which she is still found; in bytes too."""
    found = set()
    for (table,) in world.rows(TABLES):
        rows = world.rows(f"SELECT lower(to_jsonb(t)::text) FROM {table} AS t")
        marks = [*MARKS, *(mark.encode().hex() for mark in MARKS)]
        if any(mark in text for (text,) in rows for mark in marks):
            found.add(table)
    return found


def clean(world: Configuration) -> None:
    assert world.rows("SELECT * FROM api.verify() WHERE offender IS NOT NULL") == []
    assert world.rows("SELECT * FROM api.verify_seals() WHERE offender IS NOT NULL") == []


def test_nothing_is_left_of_her(world: Configuration) -> None:
    clean(world)
    head = world.one("SELECT api.seal_head('acme')")
    figures = "SELECT wallet_no, available, owed FROM core.wallet ORDER BY 1"
    before = world.rows(figures)
    erased = world.change("erase_entity", entityId="zelda")
    assert left(world) == set()
    [number] = world.rows("SELECT entity_no FROM core.entity WHERE starts_with(entity_id, 'erased:')")
    assert erased | {"entityId": f"erased:{number[0]}", "name": None, "metadata": {}} == erased
    assert world.rows(figures) == before
    assert world.rows("SELECT kind, subject, before, after, actor FROM core.change ORDER BY seq DESC")[0] == (
        "ENTITY_ERASED",
        str(number[0]),
        None,
        {"entityNo": number[0]},
        "test",
    )
    clean(world)
    world.one("SELECT api.seal('acme')")
    assert (
        world.rows("SELECT * FROM api.verify_seals(NULL, %s) WHERE offender IS NOT NULL", Jsonb([head])) == []
    )


def test_what_others_said_stays(world: Configuration) -> None:
    world.change("erase_entity", entityId="zelda")
    said = world.rows("SELECT metadata ->> 'of' FROM core.usage_metadata ORDER BY seq")
    assert said == [("the bot",), ("ada",)]
    read = "SELECT row ->> 'seq', row -> 'entityIds' FROM api.read_usage_events('acme', NULL, NULL, 9) AS row"
    assert all(ids for _, ids in world.rows(read))


def test_answers_are_given_again_without_her(world: Configuration) -> None:
    asked = {
        "small": {"metadata": {"trace": "hyrule"}},
        "soft": {"amount": "25"},
        "too much": {"amount": "900"},
        "suspended": {},
    }
    before = {key: answered(world, key, **fields) for key, fields in asked.items()}
    granted = {"idempotencyKey": "g1", "entityId": "zelda", "creditType": "general", "amount": "30"}
    grant = world.change("grant_credits", **granted)
    assert grant["walletId"] == "zelda:general"
    world.change("erase_entity", entityId="zelda")
    names = {
        "zelda": world.one("SELECT entity_id FROM core.entity WHERE starts_with(entity_id, 'erased:')"),
        "zelda:general": world.one(WALLET, "general"),
        "zelda:promo": world.one(WALLET, "promo"),
        "zelda-day": world.one("SELECT budget_id FROM core.budget WHERE starts_with(budget_id, 'erased:')"),
    }
    for key, (allowed, reason, answer) in before.items():
        text = json.dumps(answer)
        for old, new in names.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        assert answered(world, key, **asked[key]) == (allowed, reason, json.loads(text)), key
    again = world.change("grant_credits", **granted)
    assert again == {**grant, "walletId": names["zelda:general"]}
    assert again["replayed"] is True


def test_her_id_is_free(world: Configuration) -> None:
    """For an entity of its own, with wallets and budgets of the same names; nothing of hers comes back."""
    world.change("erase_entity", entityId="zelda")
    world.change("upsert_customer", unknownEntity={"policy": "DENY"})
    assert ask(world, "gone") == (False, "ENTITY_NOT_FOUND")
    made = world.change("upsert_entity", entityId="zelda", type="agent", wallets=[{"creditType": "general"}])
    assert (made["name"], made["metadata"], made["path"]) == (None, {}, ["zelda"])
    assert ask(world, "poor") == (False, "INSUFFICIENT_CREDITS")
    per_day = {"measure": "CREDITS", "creditType": "general", "window": "DAY", "limit": "1"}
    world.change("set_budget", budgetId="zelda-day", entityId="zelda", **per_day)
    assert ask(world, "small", metadata={"other": "metadata"}) == (True, None)  # replayed, and hers
    world.change("grant_credits", idempotencyKey="new", entityId="zelda", creditType="general", amount="9")
    assert ask(world, "rich") == (True, None)
    clean(world)
    world.change("erase_entity", entityId="zelda")
    assert left(world) == set()
    clean(world)


def test_it_goes_on_under_its_number(world: Configuration) -> None:
    """What stands below it still pays from it and is still bound by it; it can be moved and found."""
    world.change("upsert_customer", unknownEntity={"policy": "DENY"})
    erased = world.change("erase_entity", entityId="zelda")["entityId"]
    world.change("grant_credits", idempotencyKey="more", entityId=erased, creditType="general", amount="9")
    assert ask(world, "below", entityIds=["bot"]) == (True, None)
    read = "SELECT row -> 'path' FROM api.read_entities('acme', '{\"entityId\": \"bot\"}', NULL, 1) AS row"
    assert world.one(read) == ["bot", erased]
    filters = Jsonb({"entityId": erased})
    assert world.rows("SELECT FROM api.read_usage_events('acme', %s, NULL, 9)", filters)
    assert world.change("upsert_entity", entityId=erased, parentId="team")["parentId"] == "team"
    clean(world)


def test_an_id_that_is_taken_already(world: Configuration) -> None:
    number = world.one("SELECT entity_no FROM core.entity WHERE entity_id = 'zelda'")
    world.change("upsert_entity", entityId=f"erased:{number}", type="user")
    wallet = world.one("SELECT wallet_no FROM core.wallet WHERE wallet_id = 'zelda:general'")
    world.change("upsert_customer", wallets=[{"creditType": "general", "walletId": f"erased:{wallet}"}])
    assert world.change("erase_entity", entityId="zelda")["entityId"] == f"erased:{number}-"
    ids = {name for (name,) in world.rows("SELECT wallet_id FROM core.wallet")}
    assert {f"erased:{wallet}", f"erased:{wallet}-"} <= ids


def test_what_cannot_be_erased(world: Configuration) -> None:
    assert world.faults("erase_entity", entityId="nobody") == {("entityId", "NOT_FOUND")}
    assert world.faults("erase_entity") == {("entityId", "REQUIRED")}
    assert world.faults("erase_entity", entityId="ada", name="x") == {("name", "UNKNOWN_FIELD")}
    other = Configuration(world.connection, "other")
    assert other.faults("erase_entity", entityId="ada") == {("customerId", "NOT_FOUND")}
    world.change("erase_entity", entityId="zelda")
    assert world.faults("erase_entity", entityId="zelda") == {("entityId", "NOT_FOUND")}


def test_what_is_said_while_it_waits_for_the_gate(world: Configuration, database_url: str) -> None:
    """Is forgotten too: it looks again under the gate, at what came since."""
    done: list[Any] = []
    with psycopg.connect(database_url) as holder:
        mine = Configuration(holder)
        assert ask(mine, "meanwhile", metadata={"of": "zelda"})[0]

        def erase() -> None:
            with psycopg.connect(database_url, autocommit=True) as session:
                done.append(Configuration(session).change("erase_entity", entityId="zelda"))

        eraser = threading.Thread(target=erase)
        eraser.start()
        eraser.join(0.5)
        assert eraser.is_alive()
        holder.commit()
        eraser.join(10)
    assert done
    assert left(world) == set()


def test_what_was_said_of_a_reservation_is_forgotten_too(connection: psycopg.Connection) -> None:
    """It stands at the reservation, and its settlements show it; one that was only held has it as well."""
    world = zeldas(connection)
    items = [
        {
            "idempotencyKey": key,
            "featureId": "chat",
            "quantities": ONE,
            "entityIds": [who],
            "metadata": {"of": key},
        }
        for key, who in (("settled", "zelda"), ("held", "zelda"), ("another's", "bob"))
    ]
    made = [
        row[0]["reservationId"]
        for row in world.rows("SELECT answer FROM api.reserve('acme', %s)", Jsonb(items))
    ]
    world.rows("SELECT api.settle('acme', %s)", Jsonb([{"reservationId": made[0], "quantities": ONE}]))
    world.change("erase_entity", entityId="zelda")
    kept = {of for (of,) in world.rows("SELECT metadata ->> 'of' FROM core.usage_metadata")}
    assert "another's" in kept
    assert not kept & {"settled", "held"}


def test_why_her_payment_was_taken_back_is_forgotten_of_what_was_moved_too(world: Configuration) -> None:
    """Part of it is another's now, and was charged back for the same reason."""
    [lot] = world.rows("SELECT grant_no::text FROM core.credit_grant WHERE from_grant_no IS NOT NULL")
    [hers] = world.rows("SELECT from_grant_no::text FROM core.credit_grant WHERE grant_no = %s", int(lot[0]))
    asked = {"grantId": hers[0], "reason": "Zelda of Hyrule disputes it", "chargeback": True}
    assert [part["grantId"] for part in world.change("void_grant", **asked)["parts"]] == [lot[0]]
    reasons = "SELECT row ->> 'voidReason' FROM api.read_grants('acme', %s, NULL, 1) AS row"
    both = [Jsonb({"grantId": grant_id}) for grant_id in (hers[0], lot[0])]
    assert [world.one(reasons, each) for each in both] == [asked["reason"]] * 2
    world.change("erase_entity", entityId="zelda")
    assert [world.one(reasons, each) for each in both] == ["erased"] * 2
    assert left(world) == set()
    clean(world)
