"""Price, burn order and conversion (KERNEL §3), its worked examples to the digit."""

from typing import Any

import pytest

from tests.conformance.model_backend import ModelBackend
from tests.model.examples import ask, consume, entity, feature, grant, rate, reasons, slices, started, wallet

MILLION = "1000000"
CHAT = feature(
    "chat",
    rate("promotional", "input", "0.001"),
    rate("promotional", "output", "0.003"),
    rate("general", "input", "0.002"),
    rate("general", "output", "0.005"),
)
TYPES = [{"creditType": "promotional", "decimals": 6}, {"creditType": "general", "decimals": 6}]
TOKENS = {"input": "1000", "output": "500"}


def test_promotional_pays_two_fifths_and_general_the_rest() -> None:
    backend = started(
        creditTypes=TYPES,
        features=[CHAT],
        wallets=[wallet("promotional"), wallet("general")],
        grants=[grant("p", "1.0", "customer:promotional", kind="PROMOTIONAL"), grant("g", "100")],
    )
    [answer] = consume(backend, ask("k1", TOKENS))
    assert slices(answer) == {"p": "1", "g": "2.7"}
    assert answer["credits"] == [
        {"creditType": "promotional", "amount": "1"},
        {"creditType": "general", "amount": "2.7"},
    ]


def test_the_agents_wallet_pays_before_the_customers_and_is_rounded_up_once() -> None:
    backend = started(
        creditTypes=TYPES,
        features=[CHAT],
        entities=[entity("agent-0")],
        wallets=[wallet("general", "agent-0"), wallet("promotional")],
        grants=[grant("g", "1.0", "agent-0:general"), grant("p", "10", "customer:promotional")],
    )
    [answer] = consume(backend, ask("k1", TOKENS, "agent-0"))
    assert slices(answer) == {"g": "1", "p": "1.944445"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"priority": 10}, {"priority": 50, "expiresAt": 60, "kind": "PROMOTIONAL"}),
        ({"expiresAt": 60}, {"expiresAt": None, "kind": "PROMOTIONAL"}),
        ({"expiresAt": 60}, {"expiresAt": 61}),
        ({"kind": "PROMOTIONAL"}, {"kind": "PAID", "effectiveAt": -864_001}),
        ({"kind": "RECURRING", "effectiveAt": -864_001}, {"kind": "PAID"}),
        ({"kind": "ADJUSTMENT", "effectiveAt": -864_001}, {"kind": "RECURRING"}),
        ({"kind": "PAID", "effectiveAt": -864_001}, {"kind": "ADJUSTMENT"}),
    ],
)
@pytest.mark.parametrize("older_first", [True, False])
def test_burn_order_within_a_wallet(first: dict[str, Any], second: dict[str, Any], older_first: bool) -> None:
    grants = [grant("first", "1", **first), grant("second", "1", **second)]
    backend = started(grants=grants if older_first else grants[::-1])
    assert slices(consume(backend, ask("k1", "1"))[0]) == {"first": "1"}


def test_among_equals_the_oldest_pays_first() -> None:
    backend = started(grants=[grant("b", "1"), grant("a", "1")])
    assert slices(consume(backend, ask("k1", "1.5"))[0]) == {"b": "1", "a": "0.5"}


def test_walk_goes_axis_by_axis_upwards_then_by_rank() -> None:
    backend = started(
        creditTypes=TYPES,
        features=[feature("chat", rate("promotional", "input", "1"), rate("general", "input", "1"))],
        entities=[entity("team-0"), entity("user-0", "team-0"), entity("product-0")],
        wallets=[
            wallet("general"),
            wallet("promotional"),
            wallet("general", "product-0"),
            wallet("general", "team-0"),
            wallet("general", "user-0"),
            wallet("promotional", "user-0"),
        ],
        grants=[
            grant("customer's general", "1", priority=0),
            grant("customer's promotional", "1", "customer:promotional"),
            grant("product's", "1", "product-0:general"),
            grant("team's", "1", "team-0:general"),
            grant("user's general", "1", "user-0:general", priority=0),
            grant("user's promotional", "1", "user-0:promotional"),
        ],
    )
    [answer] = consume(backend, ask("k1", "6", "user-0", "product-0"))
    assert list(slices(answer)) == [
        "user's promotional",
        "user's general",
        "team's",
        "product's",
        "customer's promotional",
        "customer's general",
    ]


def test_what_is_restricted_expired_or_not_yet_effective_does_not_pay() -> None:
    backend = started(
        grants=[
            grant("restricted", "5", features=["search"]),
            grant("expired", "5", expiresAt=0),
            grant("not yet", "5", effectiveAt=1),
            grant("last moment", "1", expiresAt=1),
            grant("first moment", "1", effectiveAt=0),
        ]
    )
    answers = consume(backend, ask("k1", "2"), ask("k2", "0.000001"))
    assert slices(answers[0]) == {"last moment": "1", "first moment": "1"}
    assert reasons(answers) == [None, "INSUFFICIENT_CREDITS"]


def test_a_price_of_zero_ends_the_plan_at_an_empty_wallet() -> None:
    free = feature("chat", rate("promotional", "input", "0"), rate("general", "input", "1"))
    backend = started(
        creditTypes=TYPES,
        features=[free],
        entities=[entity("user-0")],
        wallets=[wallet("general", "user-0"), wallet("promotional")],
        grants=[grant("g", "3", "user-0:general")],
    )
    answers = consume(backend, ask("k1", "2", "user-0"), ask("k2", "2", "user-0"), ask("k3", "2"))
    assert [slices(answer) for answer in answers] == [{"g": "2"}, {"g": "1"}, {}]
    assert reasons(answers) == [None, None, None]


def test_a_price_of_zero_needs_a_wallet() -> None:
    free = feature("chat", rate("promotional", "input", "0"), rate("general", "input", "1"))
    backend = started(creditTypes=TYPES, features=[free])
    answers = consume(backend, ask("k1", "2"), ask("k2", "2", overage="RECORD"))
    assert reasons(answers) == ["INSUFFICIENT_CREDITS"] * 2
    assert answers[1]["shortfall"] == [{"creditType": "general", "amount": "2"}]
    nowhere = started(creditTypes=TYPES, features=[free], wallets=[])
    [answer] = consume(nowhere, ask("k1", "2", overage="RECORD"))
    assert (answer["reason"], answer["binding"]) == ("INSUFFICIENT_CREDITS", None)
    assert answer["shortfall"] == [{"creditType": "general", "amount": "2"}]
    gratis = feature("chat", rate("general", "input", "0"))
    assert reasons(consume(started(features=[gratis], wallets=[]), ask("k1"))) == ["INSUFFICIENT_CREDITS"]
    assert reasons(consume(started(features=[gratis]), ask("k1"))) == [None]


def test_rounding_up_happens_at_the_end_only() -> None:
    thirds = feature("chat", rate("general", "input", "1", per="3"))
    backend = started(features=[thirds], grants=[grant("a", "0.1"), grant("b", "9")])
    [answer] = consume(backend, ask("k1", "1"))
    assert slices(answer) == {"a": "0.1", "b": "0.233334"}


@pytest.mark.parametrize(
    ("decimals", "charged"), [(0, "1"), (2, "0.01"), (6, "0.000001"), (9, "0.000000001")]
)
def test_smallest_unit(decimals: int, charged: str) -> None:
    backend = started(
        creditTypes=[{"creditType": "general", "decimals": decimals}],
        features=[feature("chat", rate("general", "input", "0.000000000000000001", per=MILLION))],
        grants=[grant("g", "5")],
    )
    assert slices(consume(backend, ask("k1", "0.000000001"))[0]) == {"g": charged}


class TestRates:
    RATES = (
        rate("general", "input", "1"),
        rate("general", "input", "2", effectiveFrom=-1),
        rate("general", "input", "3", effectiveFrom=1),
        rate("general", "input", "10", dimensions={"region": "eu"}),
        rate("general", "input", "20", dimensions={"model": "large"}),
        rate("general", "input", "30", dimensions={"model": "large", "region": "eu"}),
    )

    @pytest.fixture
    def backend(self) -> ModelBackend:
        chat = feature("chat", *self.RATES, dimensions=["model", "region"])
        return started(features=[chat], grants=[grant("g", "100")])

    @pytest.mark.parametrize(
        ("given", "price"),
        [
            ({}, "2"),
            ({"model": "small"}, "2"),
            ({"region": "eu"}, "10"),
            ({"model": "large"}, "20"),
            ({"model": "large", "region": "us"}, "20"),
            ({"model": "small", "region": "eu"}, "10"),
            ({"region": "eu", "model": "large"}, "30"),
        ],
    )
    def test_most_specific_then_latest(
        self, backend: ModelBackend, given: dict[str, str], price: str
    ) -> None:
        pairs = [{"key": key, "value": value} for key, value in given.items()]
        assert slices(consume(backend, ask("k1", dimensions=pairs))[0]) == {"g": price}

    def test_a_rate_begins_at_its_instant(self, backend: ModelBackend) -> None:
        backend.advance(1)
        assert slices(consume(backend, ask("k1"))[0]) == {"g": "3"}

    def test_what_happened_already_has_the_rate_of_then(self, backend: ModelBackend) -> None:
        backend.advance(5)
        then = "2030-01-15T11:59:58+00:00"
        assert slices(consume(backend, ask("k1", overage="RECORD", occurredAt=then))[0]) == {"g": "1"}

    def test_the_first_dimension_weighs_more(self) -> None:
        rates = [rate("general", "input", "10", dimensions={"region": "eu"})]
        rates += [rate("general", "input", "20", dimensions={"model": "large"})]
        both = [{"key": "region", "value": "eu"}, {"key": "model", "value": "large"}]
        for order, price in ((["model", "region"], "20"), (["region", "model"], "10")):
            chat = feature("chat", *rates, dimensions=order)
            backend = started(features=[chat], grants=[grant("g", "99")])
            assert slices(consume(backend, ask("k1", dimensions=both))[0]) == {"g": price}

    def test_every_quantity_used_needs_a_rate(self) -> None:
        chat = feature("chat", rate("general", "input", "1"), quantities=["input", "output"])
        backend = started(features=[chat], grants=[grant("g", "9")])
        used = ask("k1", {"input": "1", "output": "1"})
        unused = ask("k2", {"input": "1", "output": "0"})
        assert reasons(consume(backend, used, unused)) == ["NO_RATE", None]
