"""Every case of the vectors, by the model; other back ends have the same test beside their own fixtures."""

import pytest
from tests.conformance.cases import Case, load_cases, replay_case
from tests.conformance.model_backend import ModelBackend


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case["case"])
def test_model_agrees(case: Case) -> None:
    assert replay_case(ModelBackend(), case) is None
