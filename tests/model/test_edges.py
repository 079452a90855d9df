"""What must come of edges, of the model; ``tests/conformance`` asks the same of SQL."""

import pytest

from tests.conformance.model_backend import ModelBackend
from tests.model.edges import EDGES, Edge


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.name)
def test_edge(edge: Edge) -> None:
    edge.play(ModelBackend())
