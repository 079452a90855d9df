"""Overage, keys, groups, suspension, unknown entities, observing, what time brings (KERNEL §2, §5, §7)."""

from typing import Any

import pytest

from tests.conformance.forms import UnknownEntityForm
from tests.conformance.model_backend import ModelBackend
from tests.model.examples import (
    ask,
    budget,
    consume,
    entity,
    feature,
    grant,
    on_input,
    rate,
    reasons,
    slices,
    started,
    wallet,
)

TREE = [entity("team-0"), entity("user-0", "team-0"), entity("product-0")]

CREATE: UnknownEntityForm = {"policy": "CREATE", "type": "user", "parentId": "team-0", "maximum": 2}


def left(backend: ModelBackend) -> dict[str, str]:
    return backend.state()["left"]


class TestOverage:
    def test_reject_takes_all_or_nothing(self) -> None:
        backend = started(grants=[grant("g", "5")])
        answers = consume(backend, ask("k1", "6"), ask("k2", "5"))
        assert reasons(answers) == ["INSUFFICIENT_CREDITS", None]
        assert answers[0]["binding"] == {
            "kind": "WALLET",
            "entityId": None,
            "budgetId": None,
            "limit": "0",
            "used": "0",
            "held": "0",
            "resetsAt": None,
        }
        assert answers[0]["wallets"][0]["available"] == "5"
        assert answers[1]["wallets"][0]["available"] == "0"

    @pytest.mark.parametrize(
        ("step", "asked", "taken"),
        [("1", "100", "7"), ("0.5", "100", "7.5"), ("5", "100", "5"), ("5", "7.8", "7.8"), ("5", "7.9", "5")],
    )
    def test_cap_takes_the_most_that_fits(self, step: str, asked: str, taken: str) -> None:
        chat = feature("chat", rate("general", "input", "1"), step=step)
        backend = started(features=[chat], grants=[grant("g", "7.8")])
        [answer] = consume(backend, ask("k1", asked, overage="CAP"))
        assert answer["quantities"] == [{"name": "input", "amount": taken}]
        assert answer["wouldAllow"]

    def test_cap_stops_at_a_budget_and_needs_something(self) -> None:
        backend = started(grants=[grant("g", "7.8")], budgets=[on_input("b", "3")])
        answers = consume(backend, ask("k1", "100", overage="CAP"), ask("k2", "100", overage="CAP"))
        assert [answer["quantities"] for answer in answers] == [[{"name": "input", "amount": "3"}], []]
        assert reasons(answers) == [None, "BUDGET_EXCEEDED"]

    def test_overdraft_comes_after_all_grants_up_to_its_limit(self) -> None:
        backend = started(
            entities=TREE,
            wallets=[wallet("general", "user-0", overdraft="50"), wallet("general", overdraft="3")],
            grants=[grant("g", "5")],
        )
        asked = [ask(f"k{n}", "4", "user-0", overage="OVERDRAFT") for n in range(3)]
        answers = consume(backend, ask("k0", "6", "user-0"), *asked[1:], ask("k9", "0.000001", overage="CAP"))
        assert reasons(answers) == ["INSUFFICIENT_CREDITS", None, None, "INSUFFICIENT_CREDITS"]
        assert slices(answers[2]) == {"g": "1", None: "3"}
        assert backend.state()["owed"] == {"customer:general": "3"}
        assert answers[2]["wallets"][1] == {
            "walletId": "customer:general",
            "creditType": "general",
            "available": "0",
            "held": "0",
            "leased": "0",
            "settled": "0",
            "owed": "3",
            "shortfall": "0",
            "receivable": "0",
            "overdraftLimit": "3",
        }
        assert reasons(consume(backend, ask("k4", "1", "user-0", overage="OVERDRAFT"))) == [
            "INSUFFICIENT_CREDITS"
        ]

    def test_the_next_grant_pays_what_is_owed(self) -> None:
        backend = started(wallets=[wallet("general", overdraft="10")])
        consume(backend, ask("k1", "8", overage="OVERDRAFT"))
        backend.grant(grant("later", "3", effectiveAt=60))
        backend.grant(grant("small", "2", effectiveAt=0))
        assert backend.state()["owed"] == {"customer:general": "6"}
        backend.grant(grant("big", "4.5", effectiveAt=0))
        backend.advance(60)
        [answer] = consume(backend, ask("k2", "1"))
        assert backend.state()["owed"] == {}
        assert slices(answer) == {"later": "1"}
        assert left(backend) == {"later": "0.5", "small": "0", "big": "0"}

    def test_record_is_always_booked_and_says_why_not(self) -> None:
        backend = started(
            wallets=[wallet("general", overdraft="3")], grants=[grant("g", "5")], budgets=[budget("b", "20")]
        )
        answers = consume(
            backend,
            ask("k1", "6", overage="RECORD"),
            ask("k2", "9", overage="RECORD"),
            ask("k3", "7", overage="RECORD"),
        )
        assert reasons(answers) == ["INSUFFICIENT_CREDITS", "INSUFFICIENT_CREDITS", "BUDGET_EXCEEDED"]
        assert all(answer["allowed"] and not answer["wouldAllow"] for answer in answers)
        assert [slices(answer) for answer in answers] == [{"g": "5", None: "1"}, {None: "2"}, {}]
        assert [answer["shortfall"] for answer in answers] == [
            [],
            [{"creditType": "general", "amount": "7"}],
            [{"creditType": "general", "amount": "7"}],
        ]
        assert [row["used"] for row in backend.state()["used"]] == ["22"]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"featureId": "unheard-of"}, "FEATURE_NOT_FOUND"),
            ({"entityIds": ["nobody"]}, "ENTITY_NOT_FOUND"),
            ({"quantities": [{"name": "colour", "amount": "1"}]}, "FEATURE_TYPE_MISMATCH"),
            ({"featureId": "search"}, "NO_RATE"),
            ({"quantities": [{"name": "input", "amount": "9" * 29}]}, "REQUEST_LIMIT_EXCEEDED"),
        ],
    )
    def test_record_of_what_cannot_be_booked_leaves_its_key(
        self, changes: dict[str, Any], reason: str
    ) -> None:
        chat = feature("chat", rate("general", "input", "2"))
        search = feature("search", quantities=["input"])
        backend = started(features=[chat, search])
        backend.suspend_customer(True)
        before = backend.state()
        [answer] = consume(backend, ask("k1", **{"overage": "RECORD", **changes}))
        assert (answer["allowed"], answer["reason"], answer["seq"]) == (False, reason, None)
        assert backend.state() == before
        backend.suspend_customer(False)
        assert reasons(consume(backend, ask("k1", **changes))) == [reason]
        [replay] = consume(backend, ask("k1", **changes))
        assert (replay["reason"], replay["replayed"]) == (reason, True)


class TestKeys:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"featureId": "search", "sessionId": "s"}, "featureId"),
            ({"quantities": [{"name": "input", "amount": "2"}]}, "quantities"),
            ({"entityIds": ["product-0", "user-0"]}, "entityIds"),
            ({"sessionId": "s"}, "sessionId"),
            ({"dimensions": [{"key": "model", "value": "x"}]}, "dimensions"),
            ({"overage": "CAP"}, "overage"),
            ({"group": "g"}, "group"),
        ],
    )
    def test_another_request_is_a_conflict(self, changes: dict[str, Any], field: str) -> None:
        backend = started(entities=TREE, grants=[grant("g", "9")])
        first = ask("k1", "1", "user-0", "product-0")
        consume(backend, first)
        before = backend.state()
        [answer] = backend.consume([first | changes])  # type: ignore[list-item]
        assert (answer["reason"], answer["field"]) == ("IDEMPOTENCY_CONFLICT", field)
        assert backend.state() == before

    def test_the_same_request_may_be_written_otherwise(self) -> None:
        chat = feature("chat", rate("general", "input", "1"), rate("general", "output", "1"))
        backend = started(features=[chat], grants=[grant("g", "9")])
        [first] = consume(backend, ask("k1", {"input": "1", "output": "2"}))
        again = ask(
            "k1", {"output": "2.00", "input": "01"}, overage="REJECT", sessionId="", metadata={"a": 1}
        )
        [replay] = consume(backend, again)
        assert replay == first | {"replayed": True}

    def test_a_denial_is_final_for_its_key(self) -> None:
        backend = started()
        [denied] = consume(backend, ask("k1"))
        backend.grant(grant("g", "9", effectiveAt=0))
        answers = consume(backend, ask("k1"), ask("k2"), ask("k2"), ask("k2", "2"))
        assert answers[0] == denied | {"replayed": True}
        assert reasons(answers) == ["INSUFFICIENT_CREDITS", None, None, "IDEMPOTENCY_CONFLICT"]
        assert [answer["replayed"] for answer in answers] == [True, False, True, False]
        assert left(backend) == {"g": "8"}


class TestGroups:
    def test_all_or_none_at_the_place_of_the_first(self) -> None:
        backend = started(grants=[grant("g", "10")])
        items = [
            ask("k1", "4", group="a"),
            ask("k2", "5"),
            ask("k3", "4", group="a"),
            ask("k4", "4", group="b"),
            ask("k5", "2"),
            ask("k6", "2", group="b"),
        ]
        answers = consume(backend, *items)
        assert reasons(answers) == [
            None,
            "INSUFFICIENT_CREDITS",
            None,
            "INSUFFICIENT_CREDITS",
            None,
            "GROUP_DENIED",
        ]
        seqs = [answer["seq"] - answers[0]["seq"] for answer in answers]
        assert seqs == [0, 1, 1, 1, 2, 1]

    def test_every_guilty_member_has_its_own_reason(self) -> None:
        backend = started(grants=[grant("g", "10")], budgets=[on_input("b", "6")])
        items = [ask("k1", "7", group="a"), ask("k2", "5", group="a"), ask("k3", "2", group="a")]
        before = backend.state()
        answers = consume(backend, *items)
        assert reasons(answers) == ["BUDGET_EXCEEDED", "GROUP_DENIED", "BUDGET_EXCEEDED"]
        assert answers[2]["binding"]["used"] == "5"  # as it was judged, after its fellow
        assert backend.state() == before
        assert [answer["replayed"] for answer in consume(backend, *items)] == [True] * 3

    def test_new_keys_among_replays_are_a_conflict(self) -> None:
        backend = started(grants=[grant("g", "10")])
        one, two = ask("k1", group="a"), ask("k2", group="a")
        consume(backend, one)
        before = backend.state()
        for items in ([one, two], [two, one], [two, two]):
            answers = consume(backend, *items)
            assert reasons(answers) == ["IDEMPOTENCY_CONFLICT"] * 2
            assert {answer["field"] for answer in answers} == {"group"}
        assert backend.state() == before


class TestSuspension:
    def test_of_the_customer(self) -> None:
        backend = started(grants=[grant("g", "10")])
        backend.suspend_customer(True)
        answers = consume(backend, ask("k1"), ask("k2", overage="RECORD"), ask("k3", featureId="unheard-of"))
        assert reasons(answers) == ["CUSTOMER_SUSPENDED"] * 3
        assert [answer["allowed"] for answer in answers] == [False, True, False]
        backend.grant(grant("h", "1", effectiveAt=0))
        backend.suspend_customer(False)
        assert reasons(consume(backend, ask("k4", "10"))) == [None]

    def test_of_an_entity_and_all_below_it(self) -> None:
        backend = started(entities=TREE, grants=[grant("g", "10")])
        backend.suspend_entity("team-0", True)
        answers = consume(
            backend,
            ask("k1", "1", "user-0"),
            ask("k2", "1", "product-0", "user-0"),
            ask("k3", "1", "product-0"),
            ask("k4", "1", "user-0", overage="RECORD"),
            ask("k5", "1", "user-0", "nobody"),
        )
        suspended = "ENTITY_SUSPENDED"
        assert reasons(answers) == [suspended, suspended, None, suspended, "ENTITY_NOT_FOUND"]
        assert answers[0]["binding"] is None


class TestUnknownEntities:
    def test_created_by_what_is_allowed_only(self) -> None:
        backend = started(
            entities=TREE,
            grants=[grant("g", "10")],
            unknownEntity=CREATE,
            budgets=[budget("b", "6", "team-0", each="user")],
        )
        new = "user-new"
        assert reasons(backend.check([ask("", "7", new), ask("", "6", new)])) == ["BUDGET_EXCEEDED", None]
        answers = consume(backend, ask("k1", "7", new), ask("k2", "6", new), ask("k3", "1", new))
        assert reasons(answers) == ["BUDGET_EXCEEDED", None, "BUDGET_EXCEEDED"]
        assert answers[1]["seq"] == answers[0]["seq"] + 2
        assert backend.customer.entities[new].parent is backend.customer.entities["team-0"]

    def test_up_to_a_maximum(self) -> None:
        backend = started(entities=TREE, grants=[grant("g", "10")], unknownEntity=CREATE)
        answers = consume(
            backend, ask("k1", "1", "a"), ask("k2", "1", "b", "c"), ask("k3", "1", "b"), ask("k4", "1", "c")
        )
        assert reasons(answers) == [None, "ENTITY_NOT_FOUND", None, "ENTITY_NOT_FOUND"]

    def test_undone_with_its_group(self) -> None:
        backend = started(entities=TREE, grants=[grant("g", "10")], unknownEntity=CREATE)
        consume(backend, ask("k1", "1", "a", group="g"), ask("k2", "99", group="g"))
        assert "a" not in backend.customer.entities
        assert backend.customer.unknown_entities_created == 0


class TestObserving:
    @pytest.mark.parametrize("by_key", [True, False])
    def test_everything_is_allowed_and_charged_as_recorded(self, by_key: bool) -> None:
        backend = started(grants=[grant("g", "5")], budgets=[on_input("b", "8")], observe=not by_key)
        items = [ask("k1", "4"), ask("k2", "3", overage="CAP"), ask("k3", "2")]
        answers = backend.consume(items, observe=by_key)
        assert reasons(answers) == [None, None, "BUDGET_EXCEEDED"]
        assert [answer["allowed"] for answer in answers] == [True] * 3
        assert [answer["quantities"][0]["amount"] for answer in answers] == ["4", "3", "2"]
        assert [answer["shortfall"] for answer in answers[1:]] == [
            [{"creditType": "general", "amount": "2"}],
            [{"creditType": "general", "amount": "2"}],
        ]
        assert reasons(backend.check([ask("", "1")], observe=by_key)) == ["BUDGET_EXCEEDED"]

    def test_a_group(self) -> None:
        backend = started(grants=[grant("g", "5")], observe=True)
        answers = consume(backend, ask("k1", "4", group="g"), ask("k2", "4", group="g"))
        assert reasons(answers) == ["GROUP_DENIED", "INSUFFICIENT_CREDITS"]
        assert [(answer["allowed"], answer["wouldAllow"]) for answer in answers] == [(True, False)] * 2
        backend.grant(grant("h", "5", effectiveAt=0))
        before = backend.state()
        answers = consume(backend, ask("k3", "1", group="g"), ask("k4", "1", "nobody", group="g"))
        assert reasons(answers) == ["GROUP_DENIED", "ENTITY_NOT_FOUND"]
        assert [(answer["allowed"], answer["seq"]) for answer in answers] == [(False, None)] * 2
        assert backend.state() == before


class TestTime:
    def test_due_operations_come_first_in_order(self) -> None:
        backend = started(grants=[grant("expiring", "1", expiresAt=30), grant("coming", "1", effectiveAt=30)])
        backend.set_budget(budget("b", "5"))
        backend.raise_budget("b", "r", "1", until=30)
        backend.raise_budget("b", "r2", "1", until=20)
        before = backend.customer.seq
        backend.advance(40)
        [denied] = consume(backend, ask("k1", "2"))
        names = [done.name for done in backend.customer.operations[before:]]
        assert names == ["raise ended", "grant expired", "grant effective", "raise ended"]
        assert denied["seq"] == before + 4
        times = backend.customer.operations[before:]
        assert {done.recorded_at for done in times} == {backend.kernel.clock}
        assert [(done.recorded_at - done.effective_at).seconds for done in times] == [20, 10, 10, 10]

    def test_what_is_due_is_booked_by_what_records_nothing(self) -> None:
        backend = started(grants=[grant("g", "9")])
        consume(backend, ask("k1"))
        backend.grant(grant("coming", "1", effectiveAt=30))
        backend.advance(40)
        before = backend.state()
        backend.check([ask("")])
        assert backend.state() == before
        consume(backend, ask("k1"), ask("k1", "2"), ask("k2", "1", "nobody", overage="RECORD"))
        assert backend.state() == before | {"seq": before["seq"] + 1}

    def test_five_hundred_at_once(self) -> None:
        grants = [grant(f"g{number}", "1", effectiveAt=1) for number in range(501)]
        backend = started(
            entities=[entity("user")],
            wallets=[wallet("general"), wallet("general", "user")],
            grants=[*grants, grant("of-user", "1", "user:general", effectiveAt=1)],
        )
        backend.advance(1)
        before = backend.customer.seq
        assert reasons(backend.check([ask("", "501"), ask("", "1"), ask("", "1", "user")])) == [
            None,
            "INSUFFICIENT_CREDITS",
            None,
        ]
        assert reasons(consume(backend, ask("k1", "501"))) == [None]
        assert backend.customer.seq == before + 502
        assert reasons(consume(backend, ask("k2", "1", "user"))) == [None]
        assert backend.customer.seq == before + 504

    def test_what_is_not_booked_yet_has_ended_all_the_same(self) -> None:
        backend = started(grants=[grant("g", "9", expiresAt=2), grant("h", "9")], budgets=[budget("b", "5")])
        for number in range(500):
            backend.raise_budget("b", f"r{number}", "1", until=1)
        backend.raise_budget("b", "last", "1", until=2)
        backend.advance(2)
        answers = consume(backend, ask("k1", "6"), ask("k2", "5"))
        assert reasons(answers) == ["BUDGET_EXCEEDED", None]
        assert slices(answers[1]) == {"h": "5"}
        assert [extra.until for extra in backend.customer.budgets["b"].raises] == [backend.customer.last_at]
        assert backend.state()["left"] == {"g": "9", "h": "4"}
        assert answers[1]["wallets"][0]["available"] == "4"

    def test_time_never_runs_backwards(self) -> None:
        backend = started(grants=[grant("g", "9")])
        consume(backend, ask("k1"))
        backend.kernel.clock = backend.customer.created_at
        consume(backend, ask("k2"))
        last = backend.customer.operations[-2:]
        assert last[0].recorded_at == last[1].recorded_at


def test_check_is_a_dry_run_of_the_batch() -> None:
    backend = started(grants=[grant("g", "9")])
    before = backend.state()
    answers = backend.check([ask("", "6"), ask("", "6"), ask("", "3")])
    assert reasons(answers) == [None, "INSUFFICIENT_CREDITS", None]
    assert {answer["seq"] for answer in answers} == {before["seq"]}
    assert backend.state() == before
