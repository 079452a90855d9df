"""Budgets (KERNEL §4): whom they bind, what they count, which one is named."""

from typing import Any

import pytest

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
    started,
    wallet,
)

MINUTE, HOUR, DAY = 60, 3600, 86400
TREE = [entity("team-0"), entity("user-0", "team-0"), entity("user-1", "team-0"), entity("product-0")]
PLENTY = [grant("g", "1000000")]


def used(backend: Any) -> dict[tuple[str, str | None], str]:
    return {(row["budgetId"], row["entityId"]): row["used"] for row in backend.state()["used"]}


@pytest.mark.parametrize("owner", ["user-0", "team-0", "product-0", None])
@pytest.mark.parametrize("shape", [budget, on_input])
def test_exactly_the_limit_fits_at_every_level(owner: str | None, shape: Any) -> None:
    backend = started(entities=TREE, grants=PLENTY, budgets=[shape("b", "10", owner)])
    everywhere = ("user-0", "product-0")
    answers = consume(
        backend,
        ask("k1", "7", *everywhere),
        ask("k2", "3.000000001", *everywhere),
        ask("k3", "3", *everywhere),
        ask("k4", "0.000001", *everywhere),
    )
    assert reasons(answers) == [None, "BUDGET_EXCEEDED", None, "BUDGET_EXCEEDED"]
    assert answers[1]["binding"]["budgetId"] == "b"
    assert answers[1]["binding"]["entityId"] == owner
    assert (answers[3]["binding"]["used"], answers[3]["binding"]["limit"]) == ("10", "10")


def test_a_budget_off_the_path_does_not_bind() -> None:
    backend = started(entities=TREE, grants=PLENTY, budgets=[budget("b", "0", "user-1")])
    assert reasons(consume(backend, ask("k1", "1", "user-0"), ask("k2", "1", "team-0"))) == [None, None]


def test_a_node_on_two_axes_is_charged_once() -> None:
    backend = started(entities=TREE, grants=PLENTY, budgets=[budget("b", "10", "team-0")])
    consume(backend, ask("k1", "4", "user-0", "user-1"))
    assert used(backend) == {("b", "team-0"): "4"}


def test_each_entity_of_a_type_below() -> None:
    backend = started(entities=TREE, grants=PLENTY, budgets=[budget("b", "10", "team-0", each="user")])
    answers = consume(
        backend,
        ask("k1", "10", "user-0"),
        ask("k2", "1", "user-0"),
        ask("k3", "10", "user-1"),
        ask("k4", "99", "team-0"),
        ask("k5", "1", "product-0", "user-1"),
    )
    assert reasons(answers) == [None, "BUDGET_EXCEEDED", None, None, "BUDGET_EXCEEDED"]
    assert answers[4]["binding"]["entityId"] == "user-1"


def test_each_means_below_not_itself() -> None:
    team = [entity("team-0"), entity("team-1", "team-0")]
    backend = started(entities=team, grants=PLENTY, budgets=[budget("b", "1", "team-0", each="team")])
    assert reasons(consume(backend, ask("k1", "9", "team-0"))) == [None]
    assert reasons(consume(backend, ask("k2", "9", "team-1"))) == ["BUDGET_EXCEEDED"]


def test_each_session_and_none_is_one_too() -> None:
    backend = started(grants=PLENTY, budgets=[budget("b", "10", each="SESSION")])
    asked = [ask(f"k{n}", "6", sessionId=s) for n, s in enumerate(["s1", "s2", None, "s1", "s2", ""])]
    assert reasons(consume(backend, *asked)) == [None] * 3 + ["BUDGET_EXCEEDED"] * 3
    backend.advance(30 * DAY - 1)
    assert reasons(consume(backend, ask("k7", "6", sessionId="s1"))) == ["BUDGET_EXCEEDED"]
    backend.advance(1)
    assert reasons(consume(backend, ask("k8", "6", sessionId="s1"))) == [None]


class TestNaming:
    """Quantities before credits; then the leaf, the shorter window, the id."""

    @pytest.mark.parametrize(
        ("named", "other"),
        [
            (budget("z", "0", "user-0"), budget("a", "0", "team-0")),
            (budget("z", "0", "user-0"), budget("a", "0", "product-0")),
            (budget("z", "0", "product-0"), budget("a", "0")),
            (budget("z", "0", "team-0", each="user"), budget("a", "0", "team-0")),
            (budget("z", "0", window="MINUTE"), budget("a", "0", window="HOUR")),
            (budget("z", "0", window="REQUEST"), budget("a", "0", window="MINUTE")),
            (budget("z", "0", window="MONTH"), budget("a", "0", window="BILLING_PERIOD")),
            (budget("z", "0", window="BILLING_PERIOD"), budget("a", "0", window="YEAR")),
            (budget("a", "0"), budget("z", "0")),
            (on_input("z", "0"), budget("a", "0", "user-0")),
        ],
    )
    def test_first(self, named: Any, other: Any) -> None:
        for budgets in ([named, other], [other, named]):
            backend = started(entities=TREE, grants=PLENTY, budgets=budgets)
            [answer] = consume(backend, ask("k1", "1", "user-0", "product-0"))
            assert answer["binding"]["budgetId"] == named["budgetId"]

    def test_nearest_of_what_is_allowed(self) -> None:
        budgets = [budget("far", "100"), budget("near", "10", "team-0"), budget("soft", "1", mode="SOFT")]
        backend = started(entities=TREE, grants=PLENTY, budgets=budgets)
        [answer] = consume(backend, ask("k1", "5", "user-0"))
        assert answer["binding"] == {
            "kind": "BUDGET",
            "entityId": "team-0",
            "budgetId": "near",
            "limit": "10",
            "used": "5",
            "held": "0",
            "resetsAt": None,
        }


def test_credits_are_counted_by_type_and_a_budget_does_not_reroute() -> None:
    both = feature("chat", rate("promo", "input", "1"), rate("general", "input", "1"))
    backend = started(
        creditTypes=[{"creditType": name, "decimals": 6} for name in ("general", "promo")],
        features=[both],
        wallets=[wallet("general"), wallet("promo")],
        grants=[*PLENTY, grant("p", "5", "customer:promo")],
        budgets=[budget("b", "2", creditType="promo"), budget("c", "7", creditType="general")],
    )
    answers = consume(backend, ask("k1", "2"), ask("k2", "1"), ask("k3", "0.5", overage="RECORD"))
    assert reasons(answers) == [None, "BUDGET_EXCEEDED", "BUDGET_EXCEEDED"]
    assert used(backend) == {("b", None): "2.5"}


def test_no_credits_and_no_budget_is_a_budgets_denial() -> None:
    backend = started(grants=[grant("g", "5")], budgets=[budget("b", "7")])
    answers = consume(backend, ask("k1", "8"), ask("k2", "7"), ask("k3", "5"))
    assert reasons(answers) == ["BUDGET_EXCEEDED", "INSUFFICIENT_CREDITS", None]


def test_what_takes_nothing_is_not_asked() -> None:
    free = feature("search", rate("general", "input", "0"))
    backend = started(
        grants=PLENTY,
        features=[feature("chat", rate("general", "input", "1")), free],
        budgets=[on_input("b", "1"), budget("c", "1")],
    )
    answers = consume(backend, ask("k1", "5", overage="RECORD"), ask("k2", "5", featureId="search"))
    assert reasons(answers) == ["BUDGET_EXCEEDED", None]


def test_soft_warns_with_its_advice_and_observe_notes() -> None:
    advice = {"avoidModels": ["large"]}
    budgets = [budget("soft", "1", mode="SOFT", advice=advice), budget("seen", "1", mode="OBSERVE")]
    backend = started(grants=[grant("g", "6")], budgets=budgets)
    answers = consume(backend, ask("k1", "1"), ask("k2", "2"), ask("k3", "3"), ask("k4", "9"))
    warning = {"budgetId": "soft", "entityId": None, "limit": "1", "advice": advice}
    told = [[], [warning | {"used": "3"}], [warning | {"used": "6"}], []]
    assert [answer["warnings"] for answer in answers] == told
    assert reasons(answers) == [None, None, None, "INSUFFICIENT_CREDITS"]
    assert backend.state()["wouldDeny"] == [
        {"budgetId": "seen", "entityId": None, "sessionId": None, "count": 2, "amount": "5"}
    ]


def test_dimensions_restrict_a_budget() -> None:
    chat = feature("chat", rate("general", "input", "1"), dimensions=["model"])
    backend = started(
        features=[chat], grants=PLENTY, budgets=[budget("b", "1", dimensions={"model": "large"})]
    )
    large, small = ([{"key": "model", "value": value}] for value in ("large", "small"))
    answers = consume(
        backend, ask("k1", "5", dimensions=small), ask("k2", "5"), ask("k3", "2", dimensions=large)
    )
    assert reasons(answers) == [None, None, "BUDGET_EXCEEDED"]


class TestTime:
    def test_a_window_begins_anew(self) -> None:
        backend = started(grants=PLENTY, budgets=[budget("b", "5", window="MINUTE")])
        assert reasons(consume(backend, ask("k1", "5"), ask("k2", "1"))) == [None, "BUDGET_EXCEEDED"]
        backend.advance(59)
        [denied] = consume(backend, ask("k3", "1"))
        assert denied["binding"]["resetsAt"] == "2030-01-15T12:01:00+00:00"
        assert denied["retryAfter"] == 1
        backend.advance(1)
        assert reasons(consume(backend, ask("k4", "5"))) == [None]

    def test_a_request_counts_nothing(self) -> None:
        backend = started(grants=PLENTY, budgets=[budget("b", "5", window="REQUEST")])
        asked = [ask("k1", "5"), ask("k2", "5"), ask("k3", "5.000001")]
        assert reasons(consume(backend, *asked)) == [None, None, "BUDGET_EXCEEDED"]
        assert used(backend) == {}

    def test_who_passes_what_a_request_may_take_is_told_by_how_much(self) -> None:
        soft = budget("b", "5", window="REQUEST", mode="SOFT")
        backend = started(grants=PLENTY, budgets=[soft])
        answers = consume(backend, ask("k1", "7"), ask("k2", "6"))
        assert [told["used"] for answer in answers for told in answer["warnings"]] == ["7", "6"]
        assert used(backend) == {}

    def test_windows_are_of_the_instant_not_of_what_occurred(self) -> None:
        backend = started(grants=PLENTY, budgets=[budget("b", "5", window="DAY")])
        earlier = ask("k1", "5", overage="RECORD", occurredAt="2030-01-02T00:00:00Z")
        assert reasons(consume(backend, earlier, ask("k2"))) == [None, "BUDGET_EXCEEDED"]

    def test_a_raise_adds_until_it_ends(self) -> None:
        backend = started(grants=PLENTY, budgets=[budget("b", "5")])
        backend.raise_budget("b", "r", "2", until=HOUR)
        assert reasons(consume(backend, ask("k1", "7"), ask("k2", "1"))) == [None, "BUDGET_EXCEEDED"]
        backend.advance(HOUR - 1)
        backend.raise_budget("b", "r2", "1", until=2 * HOUR)
        assert reasons(consume(backend, ask("k3", "1"))) == [None]
        backend.advance(1)
        [answer] = consume(backend, ask("k4", "1"))
        assert (answer["reason"], answer["binding"]["limit"], answer["binding"]["used"]) == (
            "BUDGET_EXCEEDED",
            "6",
            "8",
        )

    def test_a_lower_limit_keeps_the_count(self) -> None:
        backend = started(grants=PLENTY, budgets=[budget("b", "9", window="DAY")])
        consume(backend, ask("k1", "5"))
        backend.set_budget(budget("b", "5", window="DAY"))
        assert reasons(consume(backend, ask("k2", "1"))) == ["BUDGET_EXCEEDED"]
        backend.raise_budget("b", "r", "1", until=HOUR)
        backend.set_budget(budget("b", "6", window="DAY"))
        assert reasons(consume(backend, ask("k3", "2"), ask("k4", "1"))) == [None, "BUDGET_EXCEEDED"]

    def test_a_new_budget_counts_from_its_seq(self) -> None:
        backend = started(grants=PLENTY)
        consume(backend, ask("k1", "5"))
        backend.set_budget(budget("b", "5", window="DAY"))
        assert reasons(consume(backend, ask("k2", "5"), ask("k3", "1"))) == [None, "BUDGET_EXCEEDED"]
