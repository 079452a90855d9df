"""Every case of the vectors, and a few histories, through GraphQL."""

from typing import Any

import pytest

from tests.api.graphql_backend import GraphqlBackend, one_by_one
from tests.api.serving import Api
from tests.conformance.agreement import first_disagreement
from tests.conformance.cases import load_cases, replay_case
from tests.conformance.forms import History
from tests.conformance.model_backend import ModelBackend
from tests.conformance.replay import apply
from tests.conformance.sql_backend import stop_clock
from tests.model.examples import ask, grant, wallet, world
from tests.model.indebted import indebted
from tests.model.reversing import reversing
from tests.model.strategies import history

#: How long to wait, the door says in its own way.
LEFT_OUT = {"retryAfter"}


def test_graphql_agrees_with_every_case(api: Api) -> None:
    backend = GraphqlBackend(api)
    differences = [difference for case in load_cases() if (difference := replay_case(backend, case))]
    assert differences == []


def judged(api: Api, asked: History) -> str | None:
    """Where the door and the model first disagree."""
    stop_clock(api.connection)
    return first_disagreement(ModelBackend(), GraphqlBackend(api), one_by_one(asked), LEFT_OUT)


@pytest.mark.parametrize("seed", range(6))
def test_graphql_agrees_with_the_model(api: Api, seed: int) -> None:
    assert judged(api, history(seed, 40)) is None


@pytest.mark.parametrize("seed", range(4))
def test_graphql_agrees_with_the_model_on_what_is_held(api: Api, seed: int) -> None:
    """Most of it on overdrafts, which grants repay meanwhile."""
    assert judged(api, indebted(seed)) is None


@pytest.mark.parametrize("seed", range(3))
def test_graphql_agrees_with_the_model_on_what_is_taken_back(api: Api, seed: int) -> None:
    assert judged(api, reversing(seed, 40)) is None


def test_an_observing_key_settles_beyond_the_hold_on_the_overdraft(api: Api) -> None:
    """Which random histories seldom come to; what a key that observes nothing settles falls short."""
    step = {"quantities": [{"name": "input", "amount": "5"}], "final": False}
    asked: Any = {
        "world": world(wallets=[wallet("general", overdraft="3")], grants=[grant("g1", "2")]),
        "operations": [
            {"op": "reserve", "items": [ask("k1", "1"), ask("k2", "1")], "observe": False},
            {"op": "settle", "steps": [{"reservation": "k1", **step}], "observe": True},
            {"op": "settle", "steps": [{"reservation": "k2", **step}], "observe": False},
        ],
    }
    for item in asked["operations"][0]["items"]:
        item |= {"sessionId": None, "dimensions": [], "overage": "REJECT", "group": None}
    model = ModelBackend()
    model.set_up(asked["world"])
    _, [observed], [enforced] = [apply(model, operation) for operation in asked["operations"]]
    assert (len(observed["slices"]), observed["shortfall"][0]["amount"]) == (2, "1")
    assert (len(enforced["slices"]), enforced["shortfall"][0]["amount"]) == (1, "4")
    assert judged(api, asked) is None


def test_something_of_everything_was_judged(api: Api) -> None:
    """What the seeds above leave behind has each step and movement in it, and is whole."""
    [[steps, kinds]] = api.connection.execute(
        "SELECT (SELECT array_agg(DISTINCT kind) FROM core.reservation_step),"
        " (SELECT array_agg(DISTINCT kind::text) FROM core.ledger_entry)"
    ).fetchall()
    assert set(steps) == {"RESERVE", "EXTEND", "SETTLE", "RELEASE", "EXPIRE"}
    assert {"TRANSFER", "GRANT_VOIDED", "REVERSAL", "CHARGEBACK", "OVERDRAFT_REPAID"} <= set(kinds)
    offenders = "SELECT check_name, customer_id, offender FROM api.verify() WHERE offender IS NOT NULL"
    assert api.connection.execute(offenders).fetchall() == []
