"""Every case of the vectors, through GraphQL."""

from tests.api.graphql_backend import GraphqlBackend
from tests.api.serving import Api
from tests.conformance.cases import load_cases, replay_case


def test_graphql_agrees_with_every_case(api: Api) -> None:
    backend = GraphqlBackend(api)
    differences = [difference for case in load_cases() if (difference := replay_case(backend, case))]
    assert differences == []
