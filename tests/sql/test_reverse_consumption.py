"""``api.reverse_consumption``: by share, the last slice first, to where it came from, and never twice."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from controlplane.types import Role
from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, entries, grant, priced, read, reserve, step, verified, wallet


@pytest.fixture
def world(connection) -> Configuration:
    return priced(small_world(connection))


def ask(world: Configuration, amount: str, **more: Any) -> str:
    """So much input of chat; the usage event."""
    item = {
        "idempotencyKey": str(uuid4()),
        "featureId": "chat",
        "quantities": [{"name": "input", "amount": amount}],
    }
    told = world.rows("SELECT allowed, reason FROM api.consume('acme', %s)", Jsonb([item | more]))
    assert told[0][0], told
    return str(world.seq)


def reverse(world: Configuration, event: str, share: str | None = None, **more: Any) -> dict[str, Any]:
    asked = {"idempotencyKey": str(uuid4()), "usageEventId": event, "reason": "bad answer"}
    if share is not None:
        asked["share"] = share
    made: dict[str, Any] = world.change("reverse_consumption", **(asked | more))
    return made


def counters(world: Configuration) -> dict[str, tuple[str, str]]:
    """What is used and held of each budget."""
    return {
        name: (used, held)
        for name, used, held in world.rows(
            "SELECT b.budget_id, trim_scale(c.used)::text, trim_scale(c.held)::text"
            " FROM core.counter AS c JOIN core.budget AS b USING (customer_id, budget_no)"
        )
    }


def budgets(world: Configuration, window: str = "TOTAL") -> None:
    """One of credits and one of a quantity."""
    world.change(
        "set_budget", budgetId="spent", measure="CREDITS", creditType="general", window=window, limit="1000"
    )
    world.change(
        "set_budget",
        budgetId="asked",
        measure="QUANTITY",
        featureId="chat",
        quantity="input",
        window=window,
        limit="1000",
    )


def test_the_whole_returns_to_its_grants_the_last_first(world) -> None:
    first, second = grant(world, "4", priority=1), grant(world, "10")
    budgets(world)
    event = ask(world, "6")
    seq = world.seq
    made = reverse(world, event)
    assert made == made | {
        "usageEventId": event,
        "share": "1",
        "reversed": "1",
        "quantities": {"input": "6"},
        "credits": {"general": "6"},
        "shortfall": {},
        "returned": [
            {"walletId": "customer:general", "account": "AVAILABLE", "grantId": second, "amount": "2"},
            {"walletId": "customer:general", "account": "AVAILABLE", "grantId": first, "amount": "4"},
        ],
        "seq": str(seq + 1),
        "replayed": False,
    }
    assert entries(world, seq) == [
        (seq + 1, 1, "REVERSAL", second, "CONSUMED", "AVAILABLE", "2"),
        (seq + 1, 2, "REVERSAL", first, "CONSUMED", "AVAILABLE", "4"),
    ]
    assert world.seq == seq + 1
    assert wallet(world) == {"available": "14"}
    assert (read(world, first)["status"], read(world, first)["remaining"]) == ("ACTIVE", "4")
    assert counters(world) == {"spent": ("0", "0"), "asked": ("0", "0")}
    shown = world.one(
        "SELECT row FROM api.read_usage_events('acme', '{\"isReversed\": true}', NULL, 9) AS row"
    )
    assert (shown["usageEventId"], shown["reversed"]) == (event, "1")
    assert shown["reversals"] == [
        {
            "customerId": "acme",
            "seq": made["seq"],
            "recordedAt": shown["reversals"][0]["recordedAt"],
            "usageEventId": event,
            "share": "1",
            "quantities": {"input": "6"},
            "credits": {"general": "6"},
            "shortfall": None,
            "reason": "bad answer",
            "actor": "test",
        }
    ]
    verified(world)
    assert consume(world, "5") == [(first, "4"), (second, "1")]
    verified(world)


def test_thirds_come_to_the_whole(world) -> None:
    """1 is not a third of anything at six decimals: 0.333333, 0.333333 and the rest."""
    grant(world)
    budgets(world)
    event = ask(world, "1")
    told = [reverse(world, event, share) for share in ("0.333333333", "0.333333333", "0.333333334")]
    assert [each["credits"] for each in told] == [
        {"general": "0.333333"},
        {"general": "0.333333"},
        {"general": "0.333334"},
    ]
    assert [each["quantities"] for each in told] == [
        {"input": "0.333333333"},
        {"input": "0.333333333"},
        {"input": "0.333333334"},
    ]
    assert [each["reversed"] for each in told] == ["0.333333333", "0.666666666", "1"]
    assert wallet(world) == {"available": "10"}
    assert counters(world) == {"spent": ("0", "0"), "asked": ("0", "0")}
    verified(world)


def test_a_share_that_is_not_said_is_the_rest(world) -> None:
    grant(world)
    event = ask(world, "3")
    reverse(world, event, "0.333333333")
    made = reverse(world, event, idempotencyKey="rest")
    assert (made["share"], made["reversed"], made["credits"]) == ("0.666666667", "1", {"general": "2.000001"})
    assert reverse(world, event, idempotencyKey="rest") == made | {"replayed": True}
    assert reverse(world, event, idempotencyKey="rest", share=None) == made | {"replayed": True}
    asked = {"usageEventId": event, "reason": "bad answer"}
    assert world.faults("reverse_consumption", idempotencyKey="rest", share="0.666666667", **asked) == {
        ("share", "IDEMPOTENCY_CONFLICT")
    }
    assert world.faults("reverse_consumption", idempotencyKey="more", **asked) == {
        ("share", "SHARE_EXCEEDED")
    }
    assert wallet(world) == {"available": "10"}
    verified(world)


def test_parts_go_through_the_slices_from_the_last_on(world) -> None:
    first, second = grant(world, "6", priority=1), grant(world, "10")
    event = ask(world, "10")
    parts = [[(p["grantId"], p["amount"]) for p in reverse(world, event, "0.3")["returned"]] for _ in "123"]
    assert parts == [[(second, "3")], [(second, "1"), (first, "2")], [(first, "3")]]
    assert (read(world, first)["remaining"], read(world, second)["remaining"]) == ("5", "10")
    verified(world)


def test_never_more_than_the_whole(world) -> None:
    grant(world)
    event = ask(world, "3")
    reverse(world, event, "0.6")
    seq = world.seq
    asked = {"idempotencyKey": "k", "usageEventId": event, "reason": "again"}
    for share in ({"share": "1"}, {"share": "0.400000001"}):
        assert world.faults("reverse_consumption", **asked, **share) == {("share", "SHARE_EXCEEDED")}
    with pytest.raises(
        psycopg.DatabaseError, match=rf"0\.4 of usage event {event} are left, and 1 were asked"
    ):
        reverse(world, event, "1")
    assert world.seq == seq
    world.change("reverse_consumption", **asked, share="0.4")  # a refused key may come again
    assert world.faults("reverse_consumption", **asked | {"idempotencyKey": "l"}, share="0.000000001") == {
        ("share", "SHARE_EXCEEDED")
    }
    assert wallet(world) == {"available": "10"}
    verified(world)


def test_credit_types_are_rounded_each_by_itself(world) -> None:
    """A promotional credit has no decimals: of 3, half is 1."""
    rates = [
        {"creditType": kind, "quantity": name, "amount": amount}
        for kind, name, amount in (
            ("promo", "input", "1"),
            ("general", "input", "1"),
            ("promo", "output", "2"),
            ("general", "output", "2"),
        )
    ]
    world.catalog("set_rates", featureId="chat", rates=rates)
    promo, general = grant(world, "3", creditType="promo"), grant(world, "10")
    event = ask(
        world, "1", quantities=[{"name": "input", "amount": "1"}, {"name": "output", "amount": "2.25"}]
    )
    half = reverse(world, event, "0.5")
    assert half["credits"] == {"promo": "1", "general": "1.25"}
    assert half["quantities"] == {"input": "0.5", "output": "1.125"}
    assert [(part["grantId"], part["amount"]) for part in half["returned"]] == [
        (general, "1.25"),
        (promo, "1"),
    ]
    rest = reverse(world, event, "0.5")
    assert rest["credits"] == {"promo": "2", "general": "1.25"}
    assert (wallet(world), wallet(world, "customer:promo")) == ({"available": "10"}, {"available": "3"})
    verified(world)


def test_an_overdraft_is_no_longer_owed_and_what_was_repaid_is_an_adjustment(world) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "50"}])
    event = ask(world, "10", overage="OVERDRAFT")
    assert wallet(world) == {"owed": "10"}
    lot = grant(world, "4", costBasis="2", currency="USD")
    assert (wallet(world), read(world, lot)["status"]) == ({"owed": "6"}, "EXHAUSTED")
    part = reverse(world, event, "0.5")
    assert part["returned"] == [{"walletId": "customer:general", "account": "OWED", "amount": "5"}]
    assert wallet(world) == {"owed": "1"}
    seq = world.seq
    rest = reverse(world, event, "0.5")
    made = str(seq + 1)
    assert rest["returned"] == [
        {"walletId": "customer:general", "account": "OWED", "amount": "1"},
        {"walletId": "customer:general", "account": "AVAILABLE", "grantId": made, "amount": "4"},
    ]
    assert entries(world, seq) == [
        (seq + 1, 1, "REVERSAL", None, "CONSUMED", "OWED", "1"),
        (seq + 1, 2, "REVERSAL", made, "CONSUMED", "AVAILABLE", "4"),
    ]
    assert wallet(world) == {"available": "4"}
    shown = read(world, made)
    assert (shown["kind"], shown["priority"], shown["expiresAt"], shown["costBasis"]) == (
        "ADJUSTMENT",
        50,
        None,
        None,
    )
    assert shown["source"] == f"reversal of usage event {event}"
    verified(world)
    assert consume(world, "4") == [(made, "4")]
    verified(world)


def test_a_shortfall_goes_first(world) -> None:
    lot = grant(world, "4")
    event = ask(world, "10", overage="RECORD")
    assert wallet(world) == {"shortfall": "6"}
    part = reverse(world, event, "0.7")
    assert (part["credits"], part["shortfall"]) == ({"general": "1"}, {"general": "6"})
    assert [(p["account"], p.get("grantId"), p["amount"]) for p in part["returned"]] == [
        ("SHORTFALL", None, "6"),
        ("AVAILABLE", lot, "1"),
    ]
    assert wallet(world) == {"available": "1"}
    verified(world)


def test_what_has_expired_becomes_adjustments_of_their_own(world) -> None:
    """A grant is numbered by its seq: the second needs another one."""
    ends = world.clock("1 hour")
    promo = grant(world, "3", kind="PROMOTIONAL", expiresAt=ends, features=["chat"], priority=2)
    paid = grant(world, "4", expiresAt=ends, costBasis="0.5", currency="EUR", priority=3)
    last = grant(world, "10", priority=4)
    event = ask(world, "9")
    world.advance("2 hours")
    seq = world.seq
    made = reverse(world, event)
    assert made["returned"] == [
        {"walletId": "customer:general", "account": "AVAILABLE", "grantId": last, "amount": "2"},
        {
            "walletId": "customer:general",
            "account": "AVAILABLE",
            "grantId": str(seq + 1),
            "fromGrantId": paid,
            "amount": "4",
        },
        {
            "walletId": "customer:general",
            "account": "AVAILABLE",
            "grantId": str(seq + 2),
            "fromGrantId": promo,
            "amount": "3",
        },
    ]
    assert entries(world, seq) == [
        (seq + 1, 1, "REVERSAL", last, "CONSUMED", "AVAILABLE", "2"),
        (seq + 1, 2, "REVERSAL", str(seq + 1), "CONSUMED", "AVAILABLE", "4"),
        (seq + 2, 1, "REVERSAL", str(seq + 2), "CONSUMED", "AVAILABLE", "3"),
    ]
    assert (made["seq"], world.seq) == (str(seq + 2), seq + 2)
    ours = [read(world, str(seq + n)) for n in (1, 2)]
    assert [(g["kind"], g["costBasis"], g["currency"], g["featureIds"], g["fromGrantId"]) for g in ours] == [
        ("ADJUSTMENT", "0.5", "EUR", None, paid),
        ("ADJUSTMENT", None, None, ["chat"], promo),
    ]
    assert wallet(world) == {"available": "17"}
    verified(world)


def test_an_adjustment_pays_what_is_owed_first(world) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "50"}])
    grant(world, "3", expiresAt=world.clock("1 hour"))
    event = ask(world, "3")
    ask(world, "2", overage="OVERDRAFT")
    world.advance("2 hours")
    seq = world.seq
    made = reverse(world, event)
    assert [(part["amount"], part["repaid"]) for part in made["returned"]] == [("3", "2")]
    assert entries(world, seq) == [
        (seq + 1, 1, "REVERSAL", str(seq + 1), "CONSUMED", "AVAILABLE", "3"),
        (seq + 1, 2, "OVERDRAFT_REPAID", str(seq + 1), "AVAILABLE", "OWED", "2"),
    ]
    assert wallet(world) == {"available": "1"}
    verified(world)


def test_what_has_expired_may_lapse(world) -> None:
    assert world.change("upsert_customer")["reversalOfExpired"] == "ADJUSTMENT"
    world.change("upsert_customer", reversalOfExpired="LAPSE")
    assert world.rows(
        "SELECT before ->> 'reversalOfExpired', after ->> 'reversalOfExpired' FROM core.change"
        " WHERE seq = %s",
        world.seq,
    ) == [("ADJUSTMENT", "LAPSE")]
    lot = grant(world, "10", expiresAt=world.clock("1 hour"))
    event = ask(world, "3")
    half = reverse(world, event, "0.5")
    assert half["returned"][0]["account"] == "AVAILABLE"
    world.advance("2 hours")
    seq = world.seq
    made = reverse(world, event, "0.5")
    assert made["returned"] == [
        {"walletId": "customer:general", "account": "EXPIRED", "grantId": lot, "amount": "1.5"}
    ]
    assert [entry[2:] for entry in entries(world, seq)] == [
        ("GRANT_EXPIRED", lot, "AVAILABLE", "EXPIRED", "8.5"),
        ("REVERSAL", lot, "CONSUMED", "EXPIRED", "1.5"),
    ]
    assert made["seq"] == str(seq + 2)
    assert wallet(world) == {}
    verified(world)


def test_what_returns_expires_with_its_grant(world) -> None:
    """Also where nothing was left of it, so that no expiry was due."""
    lot = grant(world, "3", expiresAt=world.clock("1 hour"))
    event = ask(world, "3")
    reverse(world, event)
    assert (read(world, lot)["status"], read(world, lot)["remaining"]) == ("ACTIVE", "3")
    world.advance("2 hours")
    assert wallet(world) == {}
    assert world.one("SELECT api.book_due(10)") == 1
    verified(world)


def test_what_is_void_stays_void(world) -> None:
    lot = grant(world)
    event = ask(world, "3")
    world.change("void_grant", grantId=lot, reason="mistake")
    made = reverse(world, event)
    assert made["returned"] == [
        {"walletId": "customer:general", "account": "VOIDED", "grantId": lot, "amount": "3"}
    ]
    assert wallet(world) == {}
    verified(world)


def test_a_free_event_gives_back_what_was_counted(world) -> None:
    world.catalog(
        "set_rates", featureId="chat", rates=[{"creditType": "general", "quantity": "input", "amount": "0"}]
    )
    grant(world)
    budgets(world)
    event = ask(world, "7")
    made = reverse(world, event, "0.1")
    assert (made["quantities"], made["credits"], made["returned"]) == ({"input": "0.7"}, {}, [])
    assert counters(world)["asked"] == ("6.3", "0")
    seq = world.seq
    assert entries(world, seq - 1) == []
    verified(world)


def test_so_small_a_share_that_it_is_nothing_counts(world) -> None:
    grant(world)
    event = ask(world, "0.000001")
    assert reverse(world, event, "0.000000001")["credits"] == {}
    assert reverse(world, event, "0.999999999")["credits"] == {"general": "0.000001"}
    verified(world)


def test_counters_of_another_window_are_left_alone(world) -> None:
    grant(world, "100")
    budgets(world, "HOUR")
    event = ask(world, "10")
    reverse(world, event, "0.3")
    assert counters(world) == {"spent": ("7", "0"), "asked": ("7", "0")}
    world.advance("2 hours")
    reverse(world, event, "0.1")
    assert counters(world) == {"spent": ("6", "0"), "asked": ("6", "0")}  # nothing has rolled it
    ask(world, "5")
    reverse(world, event, "0.6")
    assert counters(world) == {"spent": ("5", "0"), "asked": ("5", "0")}
    verified(world)


def test_a_settlement_beyond_its_hold(world) -> None:
    """What went beyond counts in the settlement's window and is given back first; the rest in the hold's."""
    lot = grant(world, "100")
    budgets(world, "HOUR")
    held = reserve(world, "10", ttl=7200)
    step(world, "settle", held, quantity=None, quantities=[{"name": "input", "amount": "4"}], final=False)
    early = str(world.seq)
    world.advance("90 minutes")
    step(world, "settle", held, quantity=None, quantities=[{"name": "input", "amount": "16"}], final=True)
    event = str(world.seq)
    assert counters(world) == {"spent": ("6", "0"), "asked": ("6", "0")}
    verified(world)
    made = reverse(world, event, "0.25")
    assert [(p["grantId"], p["amount"]) for p in made["returned"]] == [(lot, "3")]
    assert counters(world) == {"spent": ("3", "0"), "asked": ("3", "0")}
    reverse(world, event, "0.5")
    assert counters(world) == {"spent": ("0", "0"), "asked": ("0", "0")}
    reverse(world, event, "0.25")
    assert counters(world) == {"spent": ("0", "0"), "asked": ("0", "0")}
    reverse(world, early)
    assert wallet(world) == {"available": "100"}
    assert world.one("SELECT state FROM core.reservation") == "SETTLED"
    verified(world)


def test_a_part_of_a_settlement_that_goes_on(world) -> None:
    """A later report is still cumulative over what was settled, reversed or not."""
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "50"}])
    grant(world, "5")
    budgets(world)
    item = {
        "idempotencyKey": "r",
        "featureId": "chat",
        "quantities": [{"name": "input", "amount": "8"}],
        "overage": "OVERDRAFT",
    }
    assert world.rows("SELECT allowed FROM api.reserve('acme', %s)", Jsonb([item])) == [(True,)]
    held = str(world.seq)
    step(world, "settle", held, quantities=[{"name": "input", "amount": "6"}], final=False)
    event = str(world.seq)
    made = reverse(world, event)
    assert [(p["account"], p["amount"]) for p in made["returned"]] == [("OWED", "1"), ("AVAILABLE", "5")]
    assert counters(world) == {"spent": ("0", "2"), "asked": ("0", "2")}
    verified(world)
    step(world, "settle", held, quantities=[{"name": "input", "amount": "7"}], final=True)
    assert counters(world) == {"spent": ("1", "0"), "asked": ("1", "0")}
    assert wallet(world) == {"available": "5", "owed": "1"}
    verified(world)


def test_the_same_key_reverses_once(world) -> None:
    grant(world)
    event = ask(world, "4")
    asked = {"idempotencyKey": "r", "usageEventId": event, "share": "0.5", "reason": "late"}
    first = world.change("reverse_consumption", **asked)
    seq = world.seq
    world.advance("1 day")
    assert world.change("reverse_consumption", **asked | {"share": "0.50"}) == first | {"replayed": True}
    assert world.seq == seq
    for field, value in (("usageEventId", "1"), ("share", "0.4"), ("reason", "other")):
        assert world.faults("reverse_consumption", **asked | {field: value}) == {
            (field, "IDEMPOTENCY_CONFLICT")
        }
    assert world.faults("grant_credits", idempotencyKey="r", creditType="general", amount="4") == {
        ("operation", "IDEMPOTENCY_CONFLICT")
    }
    item = {"idempotencyKey": "r", "featureId": "chat", "quantities": [{"name": "input", "amount": "1"}]}
    told = world.rows("SELECT reason, answer ->> 'field' FROM api.consume('acme', %s)", Jsonb([item]))
    assert told == [("IDEMPOTENCY_CONFLICT", "operation")]
    ask(world, "1", idempotencyKey="c")
    assert world.faults("reverse_consumption", **asked | {"idempotencyKey": "c"}) == {
        ("operation", "IDEMPOTENCY_CONFLICT")
    }
    assert reverse(world, event, "0.5", idempotencyKey="s")["reversed"] == "1"
    verified(world)


def test_suspension_does_not_stop_it(world) -> None:
    grant(world)
    event = ask(world, "4", entityIds=["ada"])
    world.suspend("ada")
    world.suspend(None)
    reverse(world, event)
    assert wallet(world) == {"available": "10"}
    verified(world)


def test_all_faults_of_a_reversal(world) -> None:
    grant(world)
    event = ask(world, "4")
    assert world.faults("reverse_consumption", share="1e-1", usageEventId=7, extra=1) == {
        ("idempotencyKey", "REQUIRED"),
        ("usageEventId", "WRONG_TYPE"),
        ("share", "NOT_A_NUMBER"),
        ("reason", "REQUIRED"),
        ("extra", "UNKNOWN_FIELD"),
    }
    asked = {"idempotencyKey": "k", "usageEventId": event, "reason": "x"}

    def faults(**changes: Any) -> set[tuple[str, str]]:
        return world.faults("reverse_consumption", **(asked | changes))

    assert faults(share="0") == {("share", "NOT_POSITIVE")}
    assert faults(share="1.1") == {("share", "TOO_LARGE")}
    assert faults(share="-0.1") == {("share", "NEGATIVE")}
    assert faults(share="0.0000000001") == {("share", "TOO_MANY_DECIMALS")}
    assert faults(share="2", usageEventId="0" + event) == {
        ("usageEventId", "NOT_FOUND"),
        ("share", "TOO_LARGE"),
    }
    for nobody in ("1", "99", "9" * 40, "x"):
        assert faults(usageEventId=nobody) == {("usageEventId", "NOT_FOUND")}
    assert faults(idempotencyKey="0fffffff-ffff-7fff-bfff-ffffffffffff") == {
        ("idempotencyKey", "KEY_FROM_THE_FUTURE")
    }
    verified(world)


def test_a_wallet_that_would_go_out_of_range(world) -> None:
    grant(world)
    event = ask(world, "10")
    grant(world, "9" * 29)
    assert world.faults("reverse_consumption", idempotencyKey="k", usageEventId=event, reason="x") == {
        ("share", "TOO_LARGE")
    }
    verified(world)


def test_nobody_reverses_what_another_customer_used(world) -> None:
    grant(world)
    event = ask(world, "4")
    other = Configuration(world.connection, "other")
    other.change("upsert_customer", name="Other")
    assert other.faults("reverse_consumption", idempotencyKey="k", usageEventId=event, reason="x") == {
        ("usageEventId", "NOT_FOUND")
    }


def test_what_was_reversed_is_never_changed(world) -> None:
    grant(world)
    reverse(world, ask(world, "4"))
    for statement in (
        "UPDATE core.reversal SET share = 0.5",
        "DELETE FROM core.reversal",
        "TRUNCATE core.reversal",
    ):
        with (
            pytest.raises(psycopg.DatabaseError, match="immutable") as caught,
            world.connection.transaction(),
        ):
            world.connection.execute(statement)
        assert caught.value.sqlstate == "UC910"


def test_a_reason_is_forgotten_with_whom_it_names(world) -> None:
    grant(world)
    mine, other = ask(world, "1", entityIds=["ada"]), ask(world, "1", entityIds=["bob"])
    for event in (mine, other):
        reverse(world, event, reason="Ada asked for it")
    world.change("erase_entity", entityId="ada")
    shown = world.rows(
        "SELECT row ->> 'usageEventId', row -> 'reversals' -> 0 ->> 'reason'"
        " FROM api.read_usage_events('acme', '{}', NULL, 9) AS row"
    )
    assert shown == [(other, "Ada asked for it"), (mine, "erased")]
    verified(world)


def test_an_application_may_call_it(world, login_url) -> None:
    grant(world)
    event = ask(world, "4")
    asked = {"idempotencyKey": "k", "usageEventId": event, "reason": "x"}
    with psycopg.connect(login_url(Role.APP)) as app:
        app.execute("SELECT api.reverse_consumption('acme', %s, 'app')", (Jsonb(asked),))
    assert wallet(world) == {"available": "10"}
    verified(world)
