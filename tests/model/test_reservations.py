"""Reserve, settle, release, extend and expiry, by examples worked out by hand (KERNEL §6)."""

from fractions import Fraction
from typing import Any

import pytest

from tests.conformance.backend import Malformed
from tests.conformance.forms import Answer
from tests.conformance.model_backend import CUSTOMER, ModelBackend
from tests.model.catalog import Rate
from tests.model.exact import plain
from tests.model.examples import (
    ask,
    budget,
    consume,
    entity,
    extend,
    feature,
    grant,
    on_input,
    rate,
    reasons,
    release,
    reserve,
    settle,
    settle_so_far,
    slices,
    started,
    wallet,
)
from tests.model.setup import SINCE_EVER

TREE = [entity("team-0"), entity("user-0", "team-0"), entity("product-0")]
HOUR, DAY = 3600, 86400


def figures(answer: Answer) -> tuple[str, str, str]:
    """What the first wallet shows."""
    first = answer["wallets"][0]
    return first["available"], first["held"], first["owed"]


def left(backend: ModelBackend) -> dict[str, str]:
    return backend.state()["left"]


def counted(backend: ModelBackend) -> dict[str, tuple[str, str]]:
    """By budget: what is used, and what is held."""
    used = {row["budgetId"]: row["used"] for row in backend.state()["used"]}
    held = {row["budgetId"]: row["held"] for row in backend.state()["heldFor"]}
    return {name: (used.get(name, "0"), held.get(name, "0")) for name in used | held}


def movements(backend: ModelBackend) -> list[tuple[str | None, str, str, str]]:
    """The ledger since the grants were given."""
    return [
        (entry.grant_id, entry.source, entry.target, plain(entry.amount))
        for entry in backend.customer.entries
        if entry.source != "issued"
    ]


class TestReserve:
    def test_it_holds_what_a_consumption_would_have_charged(self) -> None:
        backend = started(grants=[grant("g", "10")], budgets=[budget("b", "8")])
        [held] = reserve(backend, ask("k1", "6", ttlSeconds=60))
        assert held["allowed"]
        assert held["reservationId"] == str(held["seq"])
        assert held["expiresAt"] == "2030-01-15T12:01:00+00:00"
        assert slices(held) == {"g": "6"}
        assert held["wallets"][0] == {
            "walletId": "customer:general",
            "creditType": "general",
            "available": "4",
            "held": "6",
            "leased": "0",
            "settled": "10",
            "owed": "0",
            "shortfall": "0",
            "receivable": "0",
            "overdraftLimit": "0",
        }
        assert (held["binding"]["used"], held["binding"]["held"]) == ("0", "6")
        assert left(backend) == {"g": "10"}
        assert counted(backend) == {"b": ("0", "6")}
        assert movements(backend) == [("g", "available", "held", "6")]

    def test_a_hold_counts_against_everybody_at_once(self) -> None:
        backend = started(grants=[grant("g", "10")], budgets=[on_input("b", "7")])
        answers = reserve(backend, ask("k1", "4"), ask("k2", "4"), ask("k3", "3"))
        assert reasons(answers) == [None, "BUDGET_EXCEEDED", None]
        assert (answers[1]["binding"]["used"], answers[1]["binding"]["held"]) == ("0", "4")
        assert answers[1]["reservationId"] is None
        assert reasons(consume(backend, ask("k4", "1"))) == ["BUDGET_EXCEEDED"]

    def test_it_lasts_an_hour_where_nothing_else_is_said(self) -> None:
        backend = started(grants=[grant("g", "10")])
        [answer] = reserve(backend, ask("k1"))
        assert answer["expiresAt"] == "2030-01-15T13:00:00+00:00"
        [again] = reserve(backend, ask("k1", ttlSeconds=3600))
        assert again == answer | {"replayed": True}

    def test_cap_holds_the_most_that_fits(self) -> None:
        backend = started(grants=[grant("g", "7.8")])
        [answer] = reserve(backend, ask("k1", "100", overage="CAP"))
        assert answer["quantities"] == [{"name": "input", "amount": "7"}]
        assert figures(answer) == ("0.8", "7", "0")

    def test_overdraft_is_owed_as_soon_as_it_is_held(self) -> None:
        backend = started(wallets=[wallet("general", overdraft="9")], grants=[grant("g", "5")])
        answers = reserve(backend, *[ask(f"k{n}", "8", overage="OVERDRAFT") for n in range(2)])
        assert reasons(answers) == [None, "INSUFFICIENT_CREDITS"]
        assert slices(answers[0]) == {"g": "5", None: "3"}
        assert figures(answers[0]) == ("0", "8", "3")
        assert movements(backend) == [("g", "available", "held", "5"), (None, "owed", "held", "3")]

    def test_what_is_free_holds_quantities_alone(self) -> None:
        gratis = feature("chat", rate("general", "input", "0"))
        backend = started(features=[gratis], budgets=[on_input("q", "5"), budget("c", "0")])
        [answer] = reserve(backend, ask("k1", "5"))
        assert answer["slices"] == []
        assert counted(backend) == {"q": ("0", "5")}
        assert settle(backend, "k1", "3")["credits"] == []
        assert counted(backend) == {"q": ("3", "0")}

    def test_a_denial_is_no_reservation(self) -> None:
        backend = started()
        assert reasons(reserve(backend, ask("k1"))) == ["INSUFFICIENT_CREDITS"]
        assert settle(backend, "k1", "1")["reason"] == "RESERVATION_NOT_FOUND"
        assert reasons(reserve(backend, ask("k1")))[0] == "INSUFFICIENT_CREDITS"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"overage": "RECORD"}, "overage"),
            ({"occurredAt": "2030-01-15T11:00:00+00:00"}, "occurredAt"),
            ({"ttlSeconds": 0}, "ttlSeconds"),
            ({"ttlSeconds": DAY + 1}, "ttlSeconds"),
            ({"ttlSeconds": 1.5}, "ttlSeconds"),
            ({"ttlSeconds": "60"}, "ttlSeconds"),
            ({"ttlSeconds": True}, "ttlSeconds"),
        ],
    )
    def test_malformed(self, changes: dict[str, Any], field: str) -> None:
        backend = started(grants=[grant("g", "10")])
        with pytest.raises(Malformed) as refused:
            reserve(backend, ask("k1"), ask("k2", **changes))
        assert refused.value.field == field
        assert backend.state()["held"] == {}
        with pytest.raises(Malformed):
            consume(backend, ask("k1", ttlSeconds=60))

    @pytest.mark.parametrize(
        ("changes", "field"),
        [({"ttlSeconds": 60}, "ttlSeconds"), ({"sessionId": "s", "ttlSeconds": 60}, "sessionId")],
    )
    def test_conflicts(self, changes: dict[str, Any], field: str) -> None:
        backend = started(grants=[grant("g", "10")])
        reserve(backend, ask("k1"))
        [conflict] = reserve(backend, ask("k1", **changes))
        assert (conflict["reason"], conflict["field"]) == ("IDEMPOTENCY_CONFLICT", field)
        [other] = consume(backend, ask("k1", **changes | {"ttlSeconds": None}))
        assert (other["reason"], other["field"]) == ("IDEMPOTENCY_CONFLICT", "operation")

    def test_a_group_holds_together_or_not_at_all(self) -> None:
        backend = started(grants=[grant("g", "10")])
        before = backend.state()
        together = [ask("k1", "6", group="a"), ask("k2", "6", group="a")]
        assert reasons(reserve(backend, *together)) == ["GROUP_DENIED", "INSUFFICIENT_CREDITS"]
        assert backend.state() == before
        assert backend.customer.reservations == {}
        [one, two] = reserve(backend, ask("k3", "6", group="a"), ask("k4", "4", group="a"))
        assert one["reservationId"] != two["reservationId"]
        assert backend.state()["held"] == {"customer:general": "10"}
        assert release(backend, "k3")["seq"] == two["seq"] + 1
        assert backend.state()["held"] == {"customer:general": "4"}

    def test_an_entity_that_nobody_knew_is_made_before_it(self) -> None:
        backend = started(entities=TREE, grants=[grant("g", "10")])
        backend.set_policy(None, {"policy": "CREATE", "type": "user", "parentId": "team-0", "maximum": 2})
        [answer] = reserve(backend, ask("k1", "6", "newcomer"))
        names = [done.name for done in backend.customer.operations[-2:]]
        assert names == ["entity", "reserve"]
        assert answer["reservationId"] == str(backend.state()["seq"])


class TestSettle:
    def test_what_was_not_used_returns(self) -> None:
        backend = started(grants=[grant("g", "10")], budgets=[budget("b", "8"), on_input("q", "8")])
        reserve(backend, ask("k1", "6"))
        answer = settle(backend, "k1", "4.5")
        assert (answer["allowed"], answer["reason"], answer["state"]) == (True, None, "SETTLED")
        assert answer["credits"] == [{"creditType": "general", "amount": "4.5"}]
        assert slices(answer) == {"g": "4.5"}
        assert figures(answer) == ("5.5", "0", "0")
        assert counted(backend) == {"b": ("4.5", "0"), "q": ("4.5", "0")}
        assert movements(backend)[1:] == [("g", "held", "consumed", "4.5"), ("g", "held", "available", "1.5")]

    def test_so_far_and_so_far_and_finally(self) -> None:
        backend = started(grants=[grant("g", "10")], budgets=[budget("b", "8")])
        reserve(backend, ask("k1", "6"))
        answers = [settle_so_far(backend, "k1", each) for each in ("1", "2.5", "2.5", "2")]
        assert [slices(answer) for answer in answers] == [{"g": "1"}, {"g": "1.5"}, {}, {}]
        assert [answer["seq"] is None for answer in answers] == [False, False, True, True]
        assert {answer["credits"][0]["amount"] for answer in answers[1:]} == {"2.5"}
        assert figures(answers[-1]) == ("4", "3.5", "0")
        assert counted(backend) == {"b": ("2.5", "3.5")}
        last = settle(backend, "k1", "3")
        assert (slices(last), figures(last)) == ({"g": "0.5"}, ("7", "0", "0"))
        assert counted(backend) == {"b": ("3", "0")}

    def test_a_late_and_lower_report_takes_nothing_back(self) -> None:
        backend = started(grants=[grant("g", "10")])
        reserve(backend, ask("k1", "6"))
        settle_so_far(backend, "k1", "5")
        answer = settle(backend, "k1", "2")
        assert answer["quantities"] == [{"name": "input", "amount": "5"}]
        assert (answer["state"], figures(answer)) == ("SETTLED", ("5", "0", "0"))

    def test_after_the_end(self) -> None:
        backend = started(grants=[grant("g", "10")])
        reserve(backend, ask("k1", "6"))
        settle(backend, "k1", "5")
        before = backend.state()
        for amount in ("5", "3", "0"):
            again = settle(backend, "k1", amount)
            assert (again["allowed"], again["replayed"], again["seq"]) == (True, True, None)
            assert again["credits"] == [{"creditType": "general", "amount": "5"}]
        more = settle(backend, "k1", "5.1")
        assert (more["allowed"], more["reason"], more["state"]) == (False, "RESERVATION_ENDED", "SETTLED")
        assert release(backend, "k1")["reason"] == "RESERVATION_ENDED"
        assert extend(backend, "k1", 60)["reason"] == "RESERVATION_ENDED"
        assert backend.state() == before

    def test_nothing_at_all_may_have_been_used(self) -> None:
        backend = started(grants=[grant("g", "10")])
        reserve(backend, ask("k1", "6"))
        answer = settle(backend, "k1", "0")
        assert (answer["state"], answer["slices"], figures(answer)) == ("SETTLED", [], ("10", "0", "0"))

    def test_an_estimate_ten_times_too_low(self) -> None:
        backend = started(grants=[grant("g", "10"), grant("h", "5")], budgets=[budget("b", "12")])
        reserve(backend, ask("k1", "2"))
        consume(backend, ask("k2", "4"))
        answer = settle(backend, "k1", "20")  # 2 held, 4 + 5 left, 9 short; the budget does not stop it
        assert (answer["allowed"], answer["wouldAllow"]) == (True, False)
        assert answer["reason"] == "INSUFFICIENT_CREDITS"
        assert [piece["amount"] for piece in answer["slices"]] == ["2", "4", "5"]
        assert answer["shortfall"] == [{"creditType": "general", "amount": "9"}]
        assert answer["credits"] == [{"creditType": "general", "amount": "11"}]
        assert counted(backend) == {"b": ("24", "0")}
        assert movements(backend)[-4:] == [
            ("g", "held", "consumed", "2"),
            ("g", "available", "consumed", "4"),
            ("h", "available", "consumed", "5"),
            (None, "shortfall", "consumed", "9"),
        ]

    def test_what_went_beyond_is_not_charged_again(self) -> None:
        backend = started(grants=[grant("g", "3")])
        reserve(backend, ask("k1", "2"))
        first = settle_so_far(backend, "k1", "5")
        assert (slices(first), first["shortfall"][0]["amount"]) == ({"g": "1"}, "2")
        backend.grant(grant("h", "9", effectiveAt=0))
        assert slices(settle_so_far(backend, "k1", "5")) == {}
        last = settle(backend, "k1", "6")
        assert (slices(last), last["reason"]) == ({"h": "1"}, first["reason"])
        assert last["shortfall"] == first["shortfall"], "it is told until the end"
        assert last["credits"] == [{"creditType": "general", "amount": "4"}]

    def test_beyond_a_hold_under_cap_or_overdraft(self) -> None:
        backend = started(wallets=[wallet("general", overdraft="4")], grants=[grant("g", "3")])
        reserve(backend, ask("k1", "100", overage="CAP"))
        assert settle(backend, "k1", "5")["shortfall"] == [{"creditType": "general", "amount": "2"}]
        reserve(backend, ask("k2", "1", overage="OVERDRAFT"))
        answer = settle(backend, "k2", "6")
        assert [piece["amount"] for piece in answer["slices"]] == ["1", "3"]
        assert answer["shortfall"] == [{"creditType": "general", "amount": "2"}]
        assert (answer["wallets"][0]["owed"], answer["wallets"][0]["held"]) == ("4", "0")

    def test_a_shortfall_without_a_wallet_makes_one(self) -> None:
        gratis = feature("chat", rate("promo", "input", "0"), rate("general", "output", "1"))
        backend = started(
            creditTypes=[{"creditType": "general", "decimals": 6}, {"creditType": "promo", "decimals": 6}],
            features=[gratis],
            wallets=[wallet("promo")],
        )
        reserve(backend, ask("k1", {"input": "1"}))
        assert settle_so_far(backend, "k1", {"input": "1", "output": "1"})["reason"] == "NO_RATE"
        answer = settle(backend, "k1", {"output": "2"})
        assert answer["shortfall"] == [{"creditType": "general", "amount": "2"}]
        assert [each["walletId"] for each in answer["wallets"]] == ["customer:general"]
        assert [*backend.customer.wallets] == ["customer:promo", "customer:general"]

    def test_what_cannot_be_booked_records_nothing(self) -> None:
        backend = started(features=[feature("chat", rate("general", "input", "2"))], grants=[grant("g", "9")])
        reserve(backend, ask("k1", "2"))
        before = backend.state()
        for amounts, reason in [
            ({"colour": "0"}, "FEATURE_TYPE_MISMATCH"),
            ({"input": "9" * 29}, "REQUEST_LIMIT_EXCEEDED"),
        ]:
            answer = settle(backend, "k1", amounts)
            assert (answer["reason"], answer["state"], answer["seq"]) == (reason, "HELD", None)
        assert backend.state() == before
        assert settle(backend, "k1", "2")["reason"] is None

    def test_a_single_quantity_may_go_without_its_name(self) -> None:
        chat = feature("chat", rate("general", "quantity", "1"))
        backend = started(features=[chat], grants=[grant("g", "9")])
        reserve(backend, ask("k1", {"quantity": "2"}))
        [answer] = backend.settle([{"reservation": "k1", "quantity": "1"}])
        assert answer["credits"] == [{"creditType": "general", "amount": "1"}]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"quantities": None}, "quantities"),
            ({"quantities": []}, "quantities"),
            ({"quantities": [{"name": "input", "amount": "1e3"}]}, "quantities"),
            ({"quantities": [{"name": "input", "amount": "1"}] * 2}, "quantities"),
            ({"quantity": "1"}, "quantities"),
            ({"final": "yes"}, "final"),
        ],
    )
    def test_malformed(self, changes: dict[str, Any], field: str) -> None:
        backend = started(grants=[grant("g", "9")])
        reserve(backend, ask("k1", "2"))
        with pytest.raises(Malformed) as refused:
            settle(backend, "k1", "1", **changes)
        assert refused.value.field == field
        assert backend.state()["held"] == {"customer:general": "2"}

    def test_the_last_report_of_a_call_counts_on_from_the_first(self) -> None:
        backend = started(grants=[grant("g", "9")])
        reserve(backend, ask("k1", "3"), ask("k2", "3"))
        steps: list[Any] = [
            {"reservation": "k1", "quantities": [{"name": "input", "amount": each}], "final": False}
            for each in ("1", "3")
        ]
        answers = backend.settle([*steps, {"reservation": "nobody's", "quantity": "1"}])
        assert [slices(answer) for answer in answers] == [{"g": "1"}, {"g": "2"}, {}]
        assert reasons(answers) == [None, None, "RESERVATION_NOT_FOUND"]
        assert answers[1]["seq"] == answers[0]["seq"] + 1


class TestSeveralTypes:
    """A promotional grant of 1 and then general credits: thirds, that no decimal holds."""

    def start(self, promotional: str = "1") -> ModelBackend:
        thirds = feature(
            "chat",
            rate("promo", "input", "1", per="3"),
            rate("general", "input", "1", per="7"),
            rate("general", "output", "2"),
        )
        return started(
            creditTypes=[{"creditType": "promo", "decimals": 2}, {"creditType": "general", "decimals": 6}],
            features=[thirds],
            wallets=[wallet("promo"), wallet("general")],
            grants=[grant("p", promotional, "customer:promo"), grant("g", "100")],
        )

    def test_shares_are_exact(self) -> None:
        backend = self.start()
        # 5 are 5/3 promotional or 5/7 general; 1 pays 3/5, so general pays 2/5 of 5/7 = 2/7, rounded up.
        [held] = reserve(backend, ask("k1", "5"))
        assert slices(held) == {"p": "1", "g": "0.285715"}
        # 2 are 2/3 promotional, which the hold covers.
        assert slices(settle_so_far(backend, "k1", "2")) == {"p": "0.67"}
        # 4 are 4/3; 1 pays 3/4, and general a quarter of 4/7.
        assert slices(settle_so_far(backend, "k1", "4")) == {"p": "0.33", "g": "0.142858"}
        answer = settle(backend, "k1", "5")
        assert slices(answer) == {"g": "0.142857"}
        assert answer["credits"] == [
            {"creditType": "promo", "amount": "1"},
            {"creditType": "general", "amount": "0.285715"},
        ]

    def test_reports_in_between_do_not_round_again(self) -> None:
        at_once, bit_by_bit = self.start(), self.start()
        for backend in (at_once, bit_by_bit):
            reserve(backend, ask("k1", "5"))
        for tenths in range(1, 51):
            settle_so_far(bit_by_bit, "k1", str(tenths / 10))
        settle(at_once, "k1", "5")
        settle(bit_by_bit, "k1", "5")
        assert left(at_once) == left(bit_by_bit) == {"p": "0", "g": "99.714285"}

    def test_beyond_the_hold_the_unpaid_share_is_paid(self) -> None:
        backend = self.start()
        reserve(backend, ask("k1", "3.5"))  # 1 pays 6/7, general 1/7 of 1/2 = 1/14
        backend.grant(grant("more", "1", "customer:promo", effectiveAt=0))
        answer = settle(backend, "k1", "7")
        # 7 are 7/3 or 1: 1 pays 3/7; 0.071429 of general leave 4/7 - 0.071429; the new one has 1 for 3/7.
        unpaid = Fraction(4, 7) - Fraction("0.071429") - Fraction(3, 7)
        assert [piece["grantId"] for piece in answer["slices"]] == ["p", "g", "more", "g"]
        assert Fraction(answer["slices"][3]["amount"]) == Fraction("0.071429")
        assert Fraction("0.071428") < unpaid <= Fraction("0.071429")

    def test_a_type_without_a_price_for_the_total_pays_no_more_and_nothing_twice(self) -> None:
        backend = self.start("10")
        reserve(backend, ask("k1", "6"))
        assert slices(settle_so_far(backend, "k1", "3")) == {"p": "1"}
        # Output has no price in promotional credits: it is general credits that pay for it, and only for it.
        answer = settle(backend, "k1", {"input": "3", "output": "4"})
        assert slices(answer) == {"g": "8"}
        assert answer["credits"] == [
            {"creditType": "promo", "amount": "1"},
            {"creditType": "general", "amount": "8"},
        ]
        assert left(backend) == {"p": "9", "g": "92"}

    def test_where_a_plan_ended_free_it_ends_again(self) -> None:
        chat = feature("chat", rate("promo", "input", "0"), rate("general", "input", "1"))
        backend = started(
            creditTypes=[{"creditType": "promo", "decimals": 2}, {"creditType": "general", "decimals": 6}],
            features=[chat],
            entities=TREE,
            wallets=[wallet("general", "user-0"), wallet("promo")],
            grants=[grant("g", "3", "user-0:general")],
        )
        assert slices(reserve(backend, ask("k1", "10", "user-0"))[0]) == {"g": "3"}
        backend.grant(grant("h", "50", "user-0:general", effectiveAt=0))
        assert slices(settle_so_far(backend, "k1", "10")) == {"g": "3"}
        assert slices(settle_so_far(backend, "k1", "10")) == {}
        assert slices(settle(backend, "k1", "20")) == {}

    def test_a_late_report_of_what_ended_untouched_is_priced_as_any_other(self) -> None:
        chat = feature("chat", rate("promo", "input", "0"), rate("general", "input", "1"))
        backend = started(
            creditTypes=[{"creditType": "promo", "decimals": 2}, {"creditType": "general", "decimals": 6}],
            features=[chat],
            entities=TREE,
            wallets=[wallet("general", "user-0"), wallet("promo")],
            grants=[grant("g", "3", "user-0:general")],
        )
        reserve(backend, ask("k1", "10", "user-0", ttlSeconds=60))
        backend.grant(grant("h", "5", "user-0:general", effectiveAt=0))
        backend.advance(60)
        assert slices(settle(backend, "k1", "10")) == {"g": "3", "h": "5"}


class TestReturn:
    def test_release(self) -> None:
        backend = started(grants=[grant("g", "10")], budgets=[budget("b", "8")])
        reserve(backend, ask("k1", "6"))
        settle_so_far(backend, "k1", "2")
        answer = release(backend, "k1")
        assert (answer["state"], figures(answer)) == ("RELEASED", ("8", "0", "0"))
        assert answer["credits"] == [{"creditType": "general", "amount": "2"}]
        assert counted(backend) == {"b": ("2", "0")}
        before = backend.state()
        again = release(backend, "k1")
        assert (again["allowed"], again["replayed"], again["seq"]) == (True, True, None)
        for amount in ("2", "3"):
            assert settle(backend, "k1", amount)["reason"] == "RESERVATION_ENDED"
        assert release(backend, "nobody's")["reason"] == "RESERVATION_NOT_FOUND"
        assert backend.state() == before

    def test_a_grant_that_was_used_up_is_open_again(self) -> None:
        backend = started(grants=[grant("g", "5"), grant("h", "5")])
        reserve(backend, ask("k1", "5"))
        assert slices(consume(backend, ask("k2", "1"))[0]) == {"h": "1"}
        release(backend, "k1")
        assert slices(consume(backend, ask("k3", "6"))[0]) == {"g": "5", "h": "1"}

    def test_a_grant_expires_while_it_is_held(self) -> None:
        backend = started(grants=[grant("g", "10", expiresAt=60)])
        reserve(backend, ask("k1", "6"))
        backend.advance(60)
        backend.book_due()  # only what is not held expires
        assert movements(backend)[-1] == ("g", "available", "expired", "4")
        answer = settle_so_far(backend, "k1", "2")
        assert (slices(answer), figures(answer)) == ({"g": "2"}, ("0", "4", "0"))
        answer = settle(backend, "k1", "3")
        assert (slices(answer), figures(answer)) == ({"g": "1"}, ("0", "0", "0"))
        assert movements(backend)[-1] == ("g", "held", "expired", "3")
        assert backend.customer.grants["g"].expired == 7

    def test_a_grant_that_expired_meanwhile_has_nothing_to_give_beyond(self) -> None:
        backend = started(grants=[grant("g", "10", expiresAt=60)])
        reserve(backend, ask("k1", "6"))
        backend.advance(60)
        answer = settle(backend, "k1", "8")
        assert (slices(answer), answer["shortfall"][0]["amount"]) == ({"g": "6"}, "2")

    def test_what_returns_to_a_void_grant_is_taken_back(self) -> None:
        backend = started(grants=[grant("g", "10")])
        reserve(backend, ask("k1", "6"))
        backend.void_grant("g")
        answer = settle(backend, "k1", "2")
        assert (slices(answer), figures(answer)) == ({"g": "2"}, ("0", "0", "0"))
        assert movements(backend)[1:] == [
            ("g", "available", "voided", "4"),
            ("g", "held", "consumed", "2"),
            ("g", "held", "voided", "4"),
        ]

    def test_a_hold_on_an_overdraft_is_no_longer_owed(self) -> None:
        backend = started(wallets=[wallet("general", overdraft="10")])
        consume(backend, ask("k0", "1", overage="OVERDRAFT"))
        reserve(backend, ask("k1", "8", overage="OVERDRAFT"))
        answer = settle(backend, "k1", "2")
        assert figures(answer) == ("0", "0", "3")
        assert movements(backend)[-2:] == [(None, "held", "consumed", "2"), (None, "held", "owed", "6")]

    def test_what_a_grant_has_repaid_of_it_comes_back_as_an_adjustment(self) -> None:
        backend = started(wallets=[wallet("general", overdraft="10")])
        reserve(backend, ask("k1", "8", overage="OVERDRAFT"))
        backend.grant(grant("g", "6", effectiveAt=0, expiresAt=DAY))  # all of it pays what is owed
        assert backend.state()["owed"] == {"customer:general": "2"}
        settle_so_far(backend, "k1", "1")
        answer = release(backend, "k1")
        assert figures(answer) == ("5", "0", "0")
        assert movements(backend)[-2:] == [
            (None, "held", "owed", "2"),
            ("adjustment-1", "held", "available", "5"),
        ]
        made = backend.customer.grants["adjustment-1"]
        assert (made.kind, made.priority, made.expires_at, made.features) == ("ADJUSTMENT", 50, None, None)
        assert slices(consume(backend, ask("k2", "5"))[0]) == {"adjustment-1": "5"}


class TestExpiry:
    def test_it_is_held_until_then_and_no_longer(self) -> None:
        backend = started(grants=[grant("g", "10")], budgets=[budget("b", "9")])
        reserve(backend, ask("k1", "6", ttlSeconds=60))
        settle_so_far(backend, "k1", "1")
        backend.advance(59)
        assert reasons(consume(backend, ask("k2", "5"))) == ["BUDGET_EXCEEDED"]
        backend.advance(1)
        before = backend.state()
        [checked] = backend.check([ask("", "8")])
        assert (checked["reason"], figures(checked)) == (None, ("1", "0", "0"))
        assert backend.state() == before
        assert reasons(consume(backend, ask("k3", "8"))) == [None]
        assert counted(backend) == {"b": ("9", "0")}
        assert [done.name for done in backend.customer.operations[-2:]] == ["reservation expired", "usage"]

    def test_check_sees_an_overdraft_that_is_no_longer_held(self) -> None:
        backend = started(wallets=[wallet("general", overdraft="5")])
        reserve(backend, ask("k1", "5", overage="OVERDRAFT", ttlSeconds=60))
        assert reasons(backend.check([ask("", "1", overage="OVERDRAFT")])) == ["INSUFFICIENT_CREDITS"]
        backend.advance(60)
        assert reasons(backend.check([ask("", "1", overage="OVERDRAFT")])) == [None]
        assert backend.state()["owed"] == {"customer:general": "5"}

    def test_it_is_effective_when_it_was_due(self) -> None:
        backend = started(grants=[grant("g", "10")])
        reserve(backend, ask("k1", "6", ttlSeconds=60))
        backend.advance(HOUR)
        backend.book_due()
        last = backend.customer.operations[-1]
        assert (last.name, last.effective_at.minute, last.recorded_at.hour) == ("reservation expired", 1, 13)

    @pytest.mark.parametrize(
        ("expires_at", "names", "last"),
        [
            (30, ["grant expired", "reservation expired"], ("g", "held", "expired", "6")),
            (60, ["reservation expired", "grant expired"], ("g", "available", "expired", "4")),
            (90, ["reservation expired", "grant expired"], ("g", "available", "expired", "10")),
        ],
    )
    def test_a_grant_and_a_hold_in_the_order_of_their_ends(
        self, expires_at: int, names: list[str], last: tuple[str, str, str, str]
    ) -> None:
        backend = started(grants=[grant("g", "10", expiresAt=expires_at)])
        reserve(backend, ask("k1", "6", ttlSeconds=60))
        backend.advance(HOUR)
        backend.book_due()
        assert [done.name for done in backend.customer.operations[-2:]] == names
        assert movements(backend)[-1] == last
        assert backend.customer.grants["g"].expired == 10

    def test_a_grant_all_of_which_was_held_still_expires(self) -> None:
        backend = started(grants=[grant("g", "6", expiresAt=90)])
        reserve(backend, ask("k1", "6", ttlSeconds=60))
        backend.advance(HOUR)
        backend.book_due()
        assert movements(backend)[-2:] == [
            ("g", "held", "available", "6"),
            ("g", "available", "expired", "6"),
        ]

    def test_late_reports_are_charged_if_they_fit(self) -> None:
        backend = started(grants=[grant("g", "10")], budgets=[budget("b", "9")])
        reserve(backend, ask("k1", "6", ttlSeconds=60))
        settle_so_far(backend, "k1", "2")
        backend.advance(60)
        late = settle_so_far(backend, "k1", "5")
        assert (late["state"], late["reason"], slices(late)) == ("EXPIRED", None, {"g": "3"})
        assert movements(backend)[-1] == ("g", "available", "consumed", "3")
        later = settle(backend, "k1", "12")
        assert (later["state"], later["reason"]) == ("EXPIRED", "INSUFFICIENT_CREDITS")
        assert (slices(later), later["shortfall"][0]["amount"]) == ({"g": "5"}, "2")
        assert counted(backend) == {"b": ("12", "0")}
        again, more = settle(backend, "k1", "12"), settle(backend, "k1", "13")
        assert (again["replayed"], more["reason"]) == (True, "RESERVATION_ENDED")
        assert release(backend, "k1")["reason"] == "RESERVATION_ENDED"

    def test_a_late_final_report_of_nothing_new_closes_it(self) -> None:
        backend = started(grants=[grant("g", "10")])
        reserve(backend, ask("k1", "6", ttlSeconds=60))
        backend.advance(60)
        answer = settle(backend, "k1", "0")
        assert (answer["state"], answer["seq"]) == ("EXPIRED", backend.state()["seq"])
        assert settle(backend, "k1", "1")["reason"] == "RESERVATION_ENDED"

    def test_all_holds_are_booked_however_much_is_due(self) -> None:
        many = [grant(f"g{n}", "1", expiresAt=30) for n in range(501)]
        backend = started(grants=[*many, grant("lasting", "5")])
        reserve(backend, ask("k1", "505.5", ttlSeconds=60))
        backend.advance(10)
        release(backend, "k1")
        reserve(backend, ask("k2", "1", ttlSeconds=60))
        backend.advance(HOUR)
        backend.book_due()
        names = [done.name for done in backend.customer.operations]
        assert (names.count("grant expired"), names.count("reservation expired")) == (500, 1)


class TestExtend:
    def test_it_holds_for_longer_and_never_shorter(self) -> None:
        backend = started(grants=[grant("g", "10")])
        reserve(backend, ask("k1", "6", ttlSeconds=60))
        backend.advance(30)
        shorter, longer = extend(backend, "k1", 20), extend(backend, "k1", 60)
        assert (shorter["allowed"], shorter["seq"]) == (True, None)
        assert shorter["expiresAt"] == "2030-01-15T12:01:00+00:00"
        assert (longer["seq"], longer["expiresAt"]) == (backend.state()["seq"], "2030-01-15T12:01:30+00:00")
        backend.advance(59)
        assert reasons(consume(backend, ask("k2", "5"))) == ["INSUFFICIENT_CREDITS"]
        backend.advance(1)
        late = extend(backend, "k1", 60)
        assert (late["reason"], late["state"]) == ("RESERVATION_ENDED", "EXPIRED")

    def test_refusals_in_their_order(self) -> None:
        backend = started(entities=TREE, grants=[grant("g", "10")])
        reserve(backend, ask("k1", "1", "user-0"), ask("k2", "1", "user-0", ttlSeconds=60))
        release(backend, "k2")
        backend.suspend_entity("team-0", True)
        assert [extend(backend, key, HOUR)["reason"] for key in ("k0", "k1", "k2")] == [
            "RESERVATION_NOT_FOUND",
            "ENTITY_SUSPENDED",
            "RESERVATION_ENDED",
        ]
        backend.suspend_customer(True)
        assert [extend(backend, key, HOUR)["reason"] for key in ("k0", "k1", "k2")] == [
            "RESERVATION_NOT_FOUND",
            "CUSTOMER_SUSPENDED",
            "CUSTOMER_SUSPENDED",
        ]
        with pytest.raises(Malformed) as refused:
            extend(backend, "k1", 0)
        assert refused.value.field == "ttlSeconds"

    def test_a_suspension_stops_no_report_and_no_return(self) -> None:
        backend = started(entities=TREE, grants=[grant("g", "10")])
        reserve(backend, *[ask(f"k{n}", "1", "user-0", ttlSeconds=60) for n in range(3)])
        backend.suspend_customer(True)
        backend.suspend_entity("team-0", True)
        beyond = settle(backend, "k0", "3")["slices"]
        assert [piece["amount"] for piece in beyond] == ["1", "2"]
        assert release(backend, "k1")["state"] == "RELEASED"
        backend.advance(60)
        backend.book_due()
        assert backend.state()["held"] == {}
        assert reasons(reserve(backend, ask("k9"))) == ["CUSTOMER_SUSPENDED"]


class TestTheRecord:
    def test_a_new_price_does_not_matter(self) -> None:
        backend = started(grants=[grant("g", "10")])
        reserve(backend, ask("k1", "2"))
        catalog = backend.kernel.catalog.features["chat"]
        for amount, since in (("5", backend.instant), ("7", SINCE_EVER.replace(year=2000))):
            catalog.set_rates([Rate("general", "input", Fraction(amount), Fraction(1), {}, since)])
        assert slices(consume(backend, ask("k2", "1"))[0]) == {"g": "5"}
        assert [piece["amount"] for piece in settle(backend, "k1", "3")["slices"]] == ["2", "1"]

    def test_a_move_in_the_tree_does_not_matter(self) -> None:
        backend = started(
            entities=[*TREE, entity("team-1")],
            wallets=[wallet("general", "team-0"), wallet("general", "team-1")],
            grants=[grant("zero", "10", "team-0:general"), grant("one", "10", "team-1:general")],
            budgets=[budget("b0", "9", "team-0"), budget("b1", "9", "team-1")],
        )
        reserve(backend, ask("k1", "2", "user-0"))
        user = backend.customer.entities["user-0"]
        user.parent = backend.customer.entities["team-1"]
        backend.kernel.configure(CUSTOMER, "entity")
        answer = settle(backend, "k1", "5")
        assert [piece["grantId"] for piece in answer["slices"]] == ["zero", "zero"]
        assert counted(backend) == {"b0": ("5", "0")}

    def test_a_window_ends_in_between(self) -> None:
        backend = started(
            grants=[grant("g", "20")], budgets=[budget("day", "9", window="DAY"), budget("all", "90")]
        )
        reserve(backend, ask("k1", "6", ttlSeconds=DAY), ask("k2", "1", ttlSeconds=DAY))
        backend.advance(12 * HOUR)  # midnight
        assert reasons(consume(backend, ask("k3", "9"))) == [None]  # the new day holds nothing
        assert counted(backend) == {"day": ("9", "0"), "all": ("9", "7")}
        settle_so_far(backend, "k1", "4")  # belongs to the day before
        assert counted(backend) == {"day": ("9", "0"), "all": ("13", "3")}
        settle(backend, "k1", "8")  # two more than were held are of today
        assert counted(backend) == {"day": ("11", "0"), "all": ("17", "1")}
        release(backend, "k2")
        assert counted(backend) == {"day": ("11", "0"), "all": ("17", "0")}

    def test_a_window_that_nobody_has_begun_anew_is_begun_by_what_goes_beyond(self) -> None:
        backend = started(grants=[grant("g", "20")], budgets=[budget("day", "9", window="DAY")])
        reserve(backend, ask("k1", "6", ttlSeconds=DAY))
        backend.advance(12 * HOUR)
        settle(backend, "k1", "8")
        assert counted(backend) == {"day": ("2", "0")}

    def test_a_budget_that_the_estimate_did_not_touch_counts_what_goes_beyond(self) -> None:
        chat = feature("chat", rate("general", "input", "1"), rate("general", "output", "1"))
        output = on_input("out", "5", quantity="output")
        backend = started(features=[chat], grants=[grant("g", "20")], budgets=[output])
        reserve(backend, ask("k1", {"input": "6"}))
        backend.set_budget(budget("later", "50"))
        settle(backend, "k1", {"input": "6", "output": "4"})
        assert counted(backend) == {"out": ("4", "0")}

    def test_a_session_lasts_while_something_is_held_for_it(self) -> None:
        backend = started(grants=[grant("g", "20")], budgets=[budget("s", "9", each="SESSION")])
        reserve(backend, ask("k1", "6", sessionId="s", ttlSeconds=DAY))
        for _ in range(31):
            backend.advance(DAY - 1)
            extend(backend, "k1", DAY)
        assert reasons(consume(backend, ask("k2", "4", sessionId="s"))) == ["BUDGET_EXCEEDED"]
        settle(backend, "k1", "5")
        assert counted(backend) == {"s": ("5", "0")}

    def test_soft_and_observed_budgets_speak_at_the_reserve_alone(self) -> None:
        backend = started(
            grants=[grant("g", "20")],
            budgets=[budget("soft", "5", mode="SOFT"), budget("seen", "5", mode="OBSERVE")],
        )
        [answer] = reserve(backend, ask("k1", "6"))
        assert [warning["budgetId"] for warning in answer["warnings"]] == ["soft"]
        assert settle(backend, "k1", "9")["warnings"] == []
        [seen] = backend.state()["wouldDeny"]
        assert (seen["budgetId"], seen["count"], seen["amount"]) == ("seen", 1, "6")


class TestObserving:
    def test_it_holds_what_fits_and_every_budget_whole(self) -> None:
        backend = started(
            wallets=[wallet("general", overdraft="2")],
            grants=[grant("g", "3")],
            budgets=[budget("c", "4"), on_input("q", "90")],
        )
        [answer] = backend.reserve([ask("k1", "10")], observe=True)
        assert (answer["allowed"], answer["wouldAllow"], answer["reason"]) == (True, False, "BUDGET_EXCEEDED")
        assert (slices(answer), answer["shortfall"]) == ({"g": "3", None: "2"}, [])
        assert counted(backend) == {"c": ("0", "10"), "q": ("0", "10")}
        # What was made under OBSERVE may draw on the overdraft, and falls short only now.
        backend.grant(grant("h", "1", effectiveAt=0))  # repays one, so one can be drawn again
        answer = settle(backend, "k1", "8")
        assert [piece["amount"] for piece in answer["slices"]] == ["3", "2", "1"]
        assert answer["shortfall"] == [{"creditType": "general", "amount": "2"}]
        assert counted(backend) == {"c": ("8", "0"), "q": ("8", "0")}

    def test_a_key_that_observes_draws_on_the_overdraft_for_the_rest(self) -> None:
        backend = started(wallets=[wallet("general", overdraft="2")], grants=[grant("g", "3")])
        reserve(backend, ask("k1", "3"))
        [answer] = backend.settle([{"reservation": "k1", "quantities": ask("", "6")["quantities"]}], True)
        assert (slices(answer), answer["shortfall"][0]["amount"]) == ({"g": "3", None: "2"}, "1")

    def test_a_suspended_customer_that_is_observed_holds_all_the_same(self) -> None:
        backend = started(grants=[grant("g", "3")])
        backend.suspend_customer(True)
        [answer] = backend.reserve([ask("k1", "2")], observe=True)
        assert (answer["allowed"], answer["reason"]) == (True, "CUSTOMER_SUSPENDED")
        assert backend.state()["held"] == {"customer:general": "2"}


def test_a_customer_that_nobody_knows() -> None:
    kernel = started().kernel
    step = {"reservationId": "1", "quantity": "1", "ttlSeconds": 1}
    for answers in (
        kernel.reserve("nobody", [ask("k1")]),
        kernel.settle("nobody", [step]),
        kernel.release("nobody", [step]),
        kernel.extend("nobody", [step]),
    ):
        assert reasons(answers) == ["CUSTOMER_NOT_FOUND"]
