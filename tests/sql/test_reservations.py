"""What went wrong with reservations elsewhere, each a case by its name; all end with a clean ``verify``."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world


class World(Configuration):
    """One customer whose agent spends one credit an input."""

    def call(self, function: str, *items: dict[str, Any]) -> list[dict[str, Any]]:
        """Rows as objects, the answer's fields among them."""
        rows = self.rows(
            f"SELECT to_jsonb(r) FROM api.{function}(%s, %s) AS r ORDER BY item",
            self.customer_id,
            Jsonb(list(items)),
        )
        return [{**row, **row["answer"]} for (row,) in rows]

    def reserve(self, key: str, amount: str, **more: Any) -> dict[str, Any]:
        [answer] = self.call("reserve", request(key, amount, **more))
        return answer

    def settle(self, reservation: dict[str, Any], amount: str, **more: Any) -> dict[str, Any]:
        [answer] = self.call(
            "settle", {"reservationId": reservation["reservationId"], "quantities": inputs(amount), **more}
        )
        return answer

    def release(self, reservation: dict[str, Any]) -> dict[str, Any]:
        [answer] = self.call("release", {"reservationId": reservation["reservationId"]})
        return answer

    def consume(self, key: str, amount: str, **more: Any) -> dict[str, Any]:
        [answer] = self.call("consume", request(key, amount, **more))
        return answer

    def check(self, amount: str, **more: Any) -> dict[str, Any]:
        [answer] = self.call("check", request("dry", amount, **more))
        return answer

    def wallet(self, wallet: str = "customer:general") -> tuple[int, int, int, int]:
        """Available, held, owed, shortfall, as readers see them."""
        found = self.one(
            "SELECT api.read_wallets(%s, %s, NULL, 1)", self.customer_id, Jsonb({"walletId": wallet})
        )
        return tuple(int(found[name]) for name in ("available", "held", "owed", "shortfall"))  # type: ignore[return-value]

    def budget(self, budget: str) -> tuple[str, str]:
        """Used and held of its one subject."""
        found = self.one(
            "SELECT api.read_budgets(%s, %s, NULL, 1)", self.customer_id, Jsonb({"budgetId": budget})
        )
        [usage] = found["usage"]
        return usage["used"], usage["held"]

    def cap(self, budget: str, limit: str, window: str = "TOTAL", **more: Any) -> None:
        measure = {"measure": "CREDITS", "creditType": "general"}
        self.change("set_budget", budgetId=budget, window=window, limit=limit, **{**measure, **more})

    def charge(self, amount: str) -> None:
        """What an input costs from now on."""
        rates = [{"creditType": "general", "quantity": "input", "amount": amount}]
        self.catalog("set_rates", featureId="chat", rates=rates)


def inputs(amount: str) -> list[dict[str, str]]:
    return [{"name": "input", "amount": amount}]


def request(key: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"idempotencyKey": key, "featureId": "chat", "quantities": inputs(amount), **more}


@pytest.fixture
def world(connection: psycopg.Connection) -> Iterator[World]:
    small_world(connection)
    world = World(connection)
    world.charge("1")
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="100")
    yield world
    offenders = world.rows("SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL")
    assert offenders == []


def test_a_check_sees_holds(world: World) -> None:
    world.cap("day", "80", "DAY")
    held = world.reserve("r", "70")
    assert world.check("11")["reason"] == "BUDGET_EXCEEDED"
    assert world.check("10")["allowed"]
    world.cap("day", "1000", "DAY")
    assert world.check("31")["reason"] == "INSUFFICIENT_CREDITS"
    assert world.consume("c", "31")["reason"] == "INSUFFICIENT_CREDITS"
    world.release(held)
    assert world.check("100")["allowed"]


def test_what_has_expired_is_free_for_others_at_once(world: World) -> None:
    """No job has run: for a check, for readers, and for who consumes."""
    world.cap("day", "100")
    world.reserve("r", "70", ttlSeconds=60)
    due = world.one("SELECT api.read_balances('{acme}') ->> 'nextDueAt'")
    assert world.one("SELECT expires_at = %s::timestamptz FROM core.reservation", due), (
        "who watches is not woken"
    )
    world.advance("59 seconds")
    assert world.wallet() == (30, 70, 0, 0)
    assert not world.check("100")["allowed"]
    world.advance("2 seconds")
    assert world.one("SELECT state FROM core.reservation") == "HELD"
    assert world.wallet() == (100, 0, 0, 0)
    assert world.budget("day") == ("0", "0")
    assert world.check("100")["allowed"]
    assert world.one("SELECT api.read_reservations('acme', '{}', NULL, 1) ->> 'state'") == "EXPIRED"
    assert world.consume("c", "100")["allowed"]
    assert world.rows("SELECT kind FROM core.reservation_step ORDER BY seq") == [("RESERVE",), ("EXPIRE",)]


def test_a_settle_that_arrives_after_expiry(world: World) -> None:
    """Charged while it fits, else a shortfall; never a success that is none."""
    first = world.reserve("r1", "40", ttlSeconds=60)
    second = world.reserve("r2", "40", ttlSeconds=60)
    world.advance("2 minutes")
    world.consume("c", "50")
    late = world.settle(first, "40")
    assert (late["allowed"], late["would_allow"], late["credits"]) == (True, True, {"general": "40"})
    later = world.settle(second, "40")
    assert (later["would_allow"], later["reason"]) == (False, "INSUFFICIENT_CREDITS")
    assert (later["credits"], later["shortfall"]) == ({"general": "10"}, {"general": "30"})
    assert later["state"] == "EXPIRED"
    assert world.wallet() == (0, 0, 0, 30)
    again = world.settle(second, "40")
    assert again["replayed"]
    for told in ("allowed", "would_allow", "reason", "credits", "shortfall"):
        assert again[told] == later[told], told
    assert world.settle(second, "41")["reason"] == "RESERVATION_ENDED"


def test_a_release_that_fails_half_way(world: World) -> None:
    """It is rolled back as a whole, and the same again releases everything once."""
    held = world.reserve("r", "70")
    with world.connection.transaction(force_rollback=True):
        assert world.release(held)["allowed"]
    assert world.wallet() == (30, 70, 0, 0)
    assert not world.release(held)["replayed"]
    assert world.release(held)["replayed"]
    assert world.wallet() == (100, 0, 0, 0)


def test_a_cancelled_stream(world: World) -> None:
    """It settles to what it used; reports that come late or twice take nothing back."""
    held = world.reserve("r", "70")
    for so_far in ("10", "25", "25", "20"):
        world.settle(held, so_far, final=False)
    assert world.wallet() == (30, 45, 0, 0)
    last = world.settle(held, "20")
    assert (last["quantities"], last["state"]) == ({"input": "25"}, "SETTLED")
    assert world.wallet() == (75, 0, 0, 0)
    assert world.one("SELECT sum((credits ->> 'general')::numeric) FROM core.usage_event") == 25


def test_an_estimate_ten_times_too_low(world: World) -> None:
    world.cap("day", "30", "DAY")
    held = world.reserve("r", "12")
    answer = world.settle(held, "120")
    assert (answer["credits"], answer["shortfall"]) == ({"general": "100"}, {"general": "20"})
    assert world.budget("day") == ("120", "0")
    assert world.consume("c", "1")["reason"] == "BUDGET_EXCEEDED"


def test_what_fell_short_is_told_until_the_end(world: World) -> None:
    """Whoever lost the first answer hears of it in the next."""
    held = world.reserve("r", "60")
    assert world.settle(held, "60", final=False)["would_allow"]
    for so_far, short in (("120", "20"), ("120", "20"), ("125", "25")):
        answer = world.settle(held, so_far, final=False)
        assert (answer["allowed"], answer["would_allow"], answer["reason"]) == (
            True,
            False,
            "INSUFFICIENT_CREDITS",
        )
        assert (answer["credits"], answer["shortfall"]) == ({"general": "100"}, {"general": short})
    world.change("grant_credits", idempotencyKey="more", creditType="general", amount="50")
    last = world.settle(held, "130")
    assert (last["would_allow"], last["credits"], last["shortfall"]) == (
        False,
        {"general": "105"},
        {"general": "25"},
    )
    assert world.rows("SELECT shortfall ->> 'general', reason FROM core.usage_event ORDER BY seq") == [
        (None, None),
        ("20", "INSUFFICIENT_CREDITS"),
        ("5", "INSUFFICIENT_CREDITS"),
        (None, None),
    ]


def test_an_estimate_that_is_absent(world: World) -> None:
    with pytest.raises(psycopg.Error) as refused:
        world.call("reserve", {"idempotencyKey": "r", "featureId": "chat"})
    assert refused.value.sqlstate == "UC100"
    assert '"field": "quantities"' in (refused.value.diag.message_detail or "")


def test_an_overdraft_pays_what_goes_beyond_where_the_reservation_may(world: World) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "30"}])
    held = world.reserve("r", "90", overage="OVERDRAFT")
    assert world.settle(held, "125")["credits"] == {"general": "125"}
    assert world.wallet() == (0, 0, 25, 0)
    other = world.reserve("s", "5", overage="OVERDRAFT")
    assert world.wallet() == (0, 5, 30, 0)
    world.change("grant_credits", idempotencyKey="repays", creditType="general", amount="30")
    world.release(other)
    assert world.wallet() == (5, 0, 0, 0)
    newest = "SELECT grant_kind, amount FROM core.credit_grant ORDER BY grant_no DESC LIMIT 1"
    assert world.rows(newest) == [("ADJUSTMENT", 5)]


def test_a_reservation_over_the_end_of_a_window(world: World) -> None:
    """What was held counts in the window it was held in; what goes beyond, in that of the settlement."""
    world.cap("minute", "1000", "MINUTE")
    held = world.reserve("r", "40")
    world.advance("1 minute")
    world.consume("c", "3")
    assert world.budget("minute") == ("3", "0")
    world.settle(held, "45")
    assert world.budget("minute") == ("8", "0")


def test_a_repricing(world: World) -> None:
    """Settled at the rates it was made at; another price is for those who come later."""
    held = world.reserve("r", "40")
    world.charge("2")
    assert world.settle(held, "45")["credits"] == {"general": "45"}
    assert world.consume("c", "10")["credits"] == {"general": "20"}


def test_a_reparenting(world: World) -> None:
    """The teams that were charged are freed, wherever its agent stands by now."""
    for team in ("red", "blue"):
        world.change("upsert_entity", entityId=team, type="team")
        world.cap(team, "50", entityId=team)
    world.change("upsert_entity", entityId="bot", type="agent", parentId="red")
    held = world.reserve("r", "40", entityIds=["bot"])
    world.change("upsert_entity", entityId="bot", type="agent", parentId="blue")
    assert world.reserve("s", "45", entityIds=["bot"])["allowed"]
    world.settle(held, "30")
    assert (world.budget("red"), world.budget("blue")) == (("30", "0"), ("0", "45"))


def test_a_grant_that_expires_while_it_is_held(world: World) -> None:
    """The hold outlives it; what was not used lapses in the same booking."""
    world.change(
        "grant_credits",
        idempotencyKey="soon",
        creditType="general",
        amount="50",
        priority=1,
        expiresAt=world.clock("1 minute"),
    )
    held = world.reserve("r", "40")
    assert world.wallet() == (110, 40, 0, 0)
    world.advance("2 minutes")
    assert world.wallet() == (100, 40, 0, 0)
    answer = world.settle(held, "15")
    assert answer["credits"] == {"general": "15"}
    assert world.wallet() == (100, 0, 0, 0)
    assert world.rows(
        "SELECT kind::text, amount FROM core.ledger_entry WHERE from_account = 'HELD' ORDER BY seq, leg"
    ) == [("SETTLE", 15), ("GRANT_EXPIRED", 25)]


def test_a_suspension_stops_what_is_new_alone(world: World) -> None:
    held, other = world.reserve("r", "40"), world.reserve("s", "20")
    world.suspend(None)
    assert world.reserve("t", "1")["reason"] == "CUSTOMER_SUSPENDED"
    [longer] = world.call("extend", {"reservationId": held["reservationId"], "ttlSeconds": 7200})
    assert longer["reason"] == "CUSTOMER_SUSPENDED"
    assert world.settle(held, "60")["credits"] == {"general": "60"}
    assert world.release(other)["allowed"]
    assert world.wallet() == (40, 0, 0, 0)


def test_more_than_a_call_books_at_once(world: World) -> None:
    """Six hundred holds end, and all of it can be spent by the call that finds them."""
    for start in range(0, 600, 200):
        world.call("reserve", *(request(f"r{n}", "0.15", ttlSeconds=60) for n in range(start, start + 200)))
    assert world.wallet()[:2] == (10, 90)
    world.advance("2 minutes")
    assert world.consume("c", "100")["allowed"]
    assert world.one("SELECT count(*) FROM core.reservation WHERE state = 'EXPIRED'") == 600
    world.history_is_whole()


def test_what_is_extended_for_more_than_thirty_days(world: World) -> None:
    """A session that is only extended is not forgotten, so what it holds can always be given back."""
    world.cap("session", "50", each="SESSION")
    held = world.reserve("r", "40", sessionId="s", ttlSeconds=86400)
    for _ in range(32):
        world.advance("23 hours")
        [longer] = world.call("extend", {"reservationId": held["reservationId"], "ttlSeconds": 86400})
        assert longer["allowed"]
    assert world.check("11", sessionId="s")["reason"] == "BUDGET_EXCEEDED"
    assert world.consume("c", "10", sessionId="s")["allowed"]
    assert world.release(held)["allowed"]
    assert world.wallet() == (90, 0, 0, 0)


def test_a_forgotten_session_holds_nothing(world: World) -> None:
    """Its hold ended long ago, and nobody has booked that: a check counts it no more, nor less than that."""
    world.cap("session", "50", each="SESSION")
    world.reserve("r", "40", sessionId="s", ttlSeconds=60)
    world.advance("31 days")
    assert world.check("51", sessionId="s")["reason"] == "BUDGET_EXCEEDED"
    assert world.check("50", sessionId="s")["binding"]["held"] == "0"
    assert world.consume("c", "50", sessionId="s")["allowed"]


def test_a_late_report_on_a_forgotten_session(world: World) -> None:
    """The session begins anew with what is reported; what it used a month ago is not counted again."""
    world.cap("session", "50", each="SESSION")
    world.consume("c", "30", sessionId="s")
    held = world.reserve("r", "10", sessionId="s", ttlSeconds=60)
    world.advance("31 days")
    world.settle(held, "15")
    assert world.budget("session") == ("15", "0")


@pytest.mark.parametrize("rate", ["2", "500"])
def test_more_than_can_be_written_down(world: World, rate: str) -> None:
    """It is no success that costs nothing, and no error that takes the others of its call along."""
    world.charge(rate)
    world.cap("inputs", "1000000", measure="QUANTITY", featureId="chat", quantity="input", creditType=None)
    held = world.reserve("r", "0.1")
    world.settle(held, "0.05", final=False)
    seq = world.seq
    steps = [
        {"reservationId": held["reservationId"], "quantities": inputs(amount), "final": False}
        for amount in ("9" * 29, "0.06")
    ]
    huge, usual = world.call("settle", *steps)
    assert (huge["allowed"], huge["reason"], huge["seq"]) == (False, "REQUEST_LIMIT_EXCEEDED", None)
    assert usual["allowed"]
    assert usual["quantities"] == {"input": "0.06"}
    assert world.seq == seq + 1


def test_no_index_is_touched_by_a_part(world: World) -> None:
    """A partial settlement changes no indexed column of the record, so its update stays on its page."""
    held = world.reserve("r", "90")
    world.connection.execute("SELECT pg_stat_force_next_flush()")
    for so_far in range(1, 20):
        world.settle(held, str(so_far), final=False)
    world.connection.execute("SELECT pg_stat_force_next_flush()")
    [(updates, hot)] = world.rows(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'reservation'"
    )
    assert updates == 19
    assert hot >= 0.8 * updates


def test_a_step_pays_with_what_the_step_before_it_gave_back(world: World) -> None:
    """An overdraft that was held and has been repaid returns as a grant, of which the same call may live."""
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "10"}])
    world.consume("c", "100")
    first = world.reserve("r1", "10", overage="OVERDRAFT")
    world.change("grant_credits", idempotencyKey="again", creditType="general", amount="11")
    second = world.reserve("r2", "1")
    steps = [(first, "0"), (second, "5")]
    asked = [{"reservationId": held["reservationId"], "quantities": inputs(so_far)} for held, so_far in steps]
    _, answer = world.call("settle", *asked)
    assert (answer["would_allow"], answer["credits"]) == (True, {"general": "5"})
    assert answer["slices"][1] == ["customer:general", str(world.seq - 1), "4"]
    assert world.wallet() == (6, 0, 0, 0)


def test_a_step_ends_where_the_wallet_of_the_step_before_it_is_free(world: World) -> None:
    """The first falls short in a new wallet; what the second used is free there, then and later."""
    world.catalog("upsert_credit_type", creditType="free")
    world.catalog(
        "upsert_feature", featureId="both", quantities=["input", "output"], creditTypes=["general", "free"]
    )
    rates = [
        ("general", "input", "1"),
        ("general", "output", "1"),
        ("free", "input", "0"),
        ("free", "output", "1"),
    ]
    priced = [{"creditType": kind, "quantity": name, "amount": amount} for kind, name, amount in rates]
    world.catalog("set_rates", featureId="both", rates=priced)
    world.connection.execute("SELECT api.upsert_customer('bare', '{}', 'test')")
    held = [
        world.one(
            "SELECT answer ->> 'reservationId' FROM api.reserve('bare', %s, true)",
            Jsonb(
                [{"idempotencyKey": name, "featureId": "both", "quantities": [{"name": name, "amount": "1"}]}]
            ),
        )
        for name in ("output", "input")
    ]
    asked = [
        {"reservationId": held[0], "quantities": [{"name": "output", "amount": "5"}]},
        {"reservationId": held[1], "quantities": [{"name": "input", "amount": "1"}], "final": False},
    ]
    world.one("SELECT count(*) FROM api.settle('bare', %s)", Jsonb(asked))
    grant = {"idempotencyKey": "g", "creditType": "general", "amount": "100"}
    world.one("SELECT api.grant_credits('bare', %s, 'test')", Jsonb(grant))
    last = [{"reservationId": held[1], "quantities": [{"name": "input", "amount": "10"}]}]
    assert world.one("SELECT answer -> 'credits' FROM api.settle('bare', %s)", Jsonb(last)) == {}


def test_where_nothing_is_enforced_a_suspension_ends_no_hold(world: World) -> None:
    """It is told and no more: under a customer's OBSERVE, a key's, or that of the reservation."""
    held = world.reserve("r", "1", ttlSeconds=60)
    step = {"reservationId": held["reservationId"], "ttlSeconds": 600}
    world.one("SELECT api.set_suspension('acme', NULL, true, 'test')")
    [refused] = world.call("extend", step)
    assert (refused["allowed"], refused["reason"], refused["seq"]) == (False, "CUSTOMER_SUSPENDED", None)
    observed = world.rows(
        "SELECT allowed, would_allow, reason, seq > 0 FROM api.extend('acme', %s, true)", Jsonb([step])
    )
    assert observed == [(True, False, "CUSTOMER_SUSPENDED", True)]
    world.change("upsert_customer", observe=True)
    [told] = world.call("extend", step | {"ttlSeconds": 6000})
    assert (told["allowed"], told["would_allow"], told["reason"]) == (True, False, "CUSTOMER_SUSPENDED")
    world.release(held)
    [ended] = world.call("extend", step)
    assert (ended["allowed"], ended["reason"]) == (False, "RESERVATION_ENDED")
    world.change("upsert_customer", observe=False)


@pytest.mark.parametrize("door", ["consume", "settle"])
def test_the_name_of_a_wallet_refuses_nothing_that_has_happened(world: World, door: str) -> None:
    """An entity that is called customer has a wallet by the name that the customer's own one would get."""
    world.catalog("upsert_credit_type", creditType="tokens")
    world.catalog("upsert_feature", featureId="talk", quantities=["input"], creditTypes=["tokens"])
    rates = [{"creditType": "tokens", "quantity": "input", "amount": "1"}]
    world.catalog("set_rates", featureId="talk", rates=rates)
    world.change("upsert_entity", entityId="customer", type="user")
    world.change("grant_credits", idempotencyKey="c", entityId="customer", creditType="tokens", amount="5")
    if door == "consume":
        told = world.consume("k", "3", featureId="talk", overage="RECORD")
    else:
        world.change("upsert_customer", observe=True)
        told = world.settle(world.reserve("k", "3", featureId="talk"), "3")
    assert (told["allowed"], told["would_allow"], told["shortfall"]) == (True, False, {"tokens": "3"})
    [made] = world.rows("SELECT wallet_id FROM core.wallet WHERE entity_no = 0 AND credit_type = 'tokens'")
    assert told["wallets"] == [[made[0], "tokens", "0", "0", "0", "0", "3", "0", "0"]]
    assert world.wallet(made[0]) == (0, 0, 0, 3)
    assert world.wallet("customer:tokens") == (5, 0, 0, 0)


def test_what_it_does_not_hold_stays_forgotten_when_it_is_extended(world: World) -> None:
    """The session's output was used a month ago; only its input is in use."""
    for name in ("input", "output"):
        world.cap(
            name, "50", each="SESSION", measure="QUANTITY", featureId="chat", quantity=name, creditType=None
        )
    rates = [{"creditType": "general", "quantity": name, "amount": "1"} for name in ("input", "output")]
    world.catalog("set_rates", featureId="chat", rates=rates)
    output = [{"name": "output", "amount": "40"}]
    assert world.consume("o", "1", sessionId="s", quantities=output)["allowed"]
    world.advance("29 days 12 hours")
    held = world.reserve("r", "10", sessionId="s", ttlSeconds=86400)
    world.advance("18 hours")
    assert world.check("1", sessionId="s", quantities=output)["allowed"]
    [longer] = world.call("extend", {"reservationId": held["reservationId"], "ttlSeconds": 86400})
    assert longer["allowed"]
    assert world.check("1", sessionId="s", quantities=output)["allowed"]
    assert world.check("41", sessionId="s")["reason"] == "BUDGET_EXCEEDED"
    assert world.consume("again", "1", sessionId="s", quantities=output)["allowed"]


def test_what_was_said_of_it_is_read_before_it_is_settled(world: World) -> None:
    held = world.reserve("r", "10", metadata={"run": "7"})
    world.release(held)
    found = world.one("SELECT api.read_reservations('acme', '{}', NULL, 1)")
    assert (found["state"], found["metadata"]) == ("RELEASED", {"run": "7"})


def test_more_than_a_wallet_can_write_down_is_denied_alone(world: World) -> None:
    """Beside others of its batch: what falls short of a wallet in all; what it holds with an overdraft."""
    most = "9" + 28 * "0"
    first = request("a", most, overage="RECORD")
    [_, denied, other] = world.call(
        "consume", first, request("b", most, overage="RECORD"), request("c", "1", overage="RECORD")
    )
    assert (denied["allowed"], denied["reason"], denied["seq"]) == (False, "REQUEST_LIMIT_EXCEEDED", None)
    assert other["shortfall"] == {"general": "1"}
    assert world.wallet()[3] == int(most) - 100 + 1
    world.change("grant_credits", idempotencyKey="most", creditType="general", amount=most)
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": most}])
    asked = zip("def", (most, most, "1"), strict=True)
    [held, denied, other] = world.call(
        "reserve", *(request(key, amount, overage="OVERDRAFT") for key, amount in asked)
    )
    assert (held["allowed"], other["allowed"]) == (True, True)
    assert (denied["allowed"], denied["reason"]) == (False, "REQUEST_LIMIT_EXCEEDED")
    assert world.release(held)["allowed"]


def test_a_settlement_of_more_than_a_budget_can_write_down_is_denied_alone(world: World) -> None:
    """Used, held and beyond the hold come to too much of credits; the other of its call is settled."""
    most = 29 * "9"
    world.change("grant_credits", idempotencyKey="most", creditType="general", amount="9" + 28 * "0")
    budget = {"measure": "CREDITS", "creditType": "general", "window": "TOTAL", "mode": "OBSERVE"}
    world.change("set_budget", budgetId="b", limit="1", **budget)
    held = [world.reserve(key, amount) for key, amount in (("r", "3"), ("s", "2"))]
    asked = zip(held, (most, "2"), strict=True)
    steps = [{"reservationId": each["reservationId"], "quantities": inputs(amount)} for each, amount in asked]
    [denied, other] = world.call("settle", *steps)
    assert (denied["allowed"], denied["reason"], denied["seq"]) == (False, "REQUEST_LIMIT_EXCEEDED", None)
    assert other["state"] == "SETTLED"
    assert world.settle(held[0], most[:-1] + "4")["state"] == "SETTLED"
    assert world.rows("SELECT used FROM core.counter") == [(int(most) - 3,)]
