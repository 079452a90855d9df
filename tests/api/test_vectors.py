"""Every case of the vectors, and a few histories, through GraphQL."""

import pytest

from tests.api.graphql_backend import GraphqlBackend, one_by_one
from tests.api.serving import Api
from tests.conformance.agreement import first_disagreement
from tests.conformance.cases import load_cases, replay_case
from tests.conformance.forms import History
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import stop_clock
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
