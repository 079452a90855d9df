"""Every case of the vectors, and a few histories, through GraphQL."""

import pytest

from tests.api.graphql_backend import GraphqlBackend
from tests.api.serving import Api
from tests.conformance.agreement import first_disagreement
from tests.conformance.cases import load_cases, replay_case
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import stop_clock
from tests.model.reversing import reversing
from tests.model.strategies import history

#: How long to wait, the door says in its own way.
LEFT_OUT = {"retryAfter"}


def test_graphql_agrees_with_every_case(api: Api) -> None:
    backend = GraphqlBackend(api)
    differences = [difference for case in load_cases() if (difference := replay_case(backend, case))]
    assert differences == []


@pytest.mark.parametrize("seed", range(6))
def test_graphql_agrees_with_the_model(api: Api, seed: int) -> None:
    stop_clock(api.connection)
    found = first_disagreement(ModelBackend(), GraphqlBackend(api), history(seed, 40), LEFT_OUT)
    assert found is None


@pytest.mark.parametrize("seed", range(3))
def test_graphql_agrees_with_the_model_on_what_is_taken_back(api: Api, seed: int) -> None:
    stop_clock(api.connection)
    found = first_disagreement(ModelBackend(), GraphqlBackend(api), reversing(seed, 40), LEFT_OUT)
    assert found is None
