"""Every case of the vectors, by the model; other back ends have the same test beside their own fixtures."""

import pytest

from tests.conformance.cases import ORIGINAL, OWN_COPY, Case, load_cases, replay_case
from tests.conformance.compare import first_difference
from tests.conformance.model_backend import ModelBackend


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case["case"])
def test_model_agrees(case: Case) -> None:
    assert replay_case(ModelBackend(), case) is None


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the original is not beside the repository")
def test_copy_is_the_original() -> None:
    assert OWN_COPY.read_bytes() == ORIGINAL.read_bytes()


def test_a_wrong_answer_is_found() -> None:
    case = load_cases()[0]
    case["expected"]["answers"][1]["slices"][0]["amount"] = "2"
    difference = replay_case(ModelBackend(), case)
    assert difference == "case 7-0: .answers[1].slices[0].amount: expected '2', got '1'"


@pytest.mark.parametrize(
    ("expected", "actual", "difference"),
    [
        ({"a": "1.50"}, {"a": "1.5"}, None),
        ({"a": "10"}, {"a": "10.000"}, None),
        ({"a": "10"}, {"a": "1"}, ".a: expected '10', got '1'"),
        ({"a": 1}, {}, ".a: expected 1, is missing"),
        ({}, {"a": 1}, ".a: unexpected 1"),
        ([1, 2], [1], ": expected 2 of them, got 1: [1, 2], [1]"),
        ([{"a": None}], [{"a": False}], "[0].a: expected None, got False"),
        ({"a": True}, {"a": 1}, ".a: expected True, got 1"),
    ],
)
def test_first_difference(expected: object, actual: object, difference: str | None) -> None:
    assert first_difference(expected, actual) == difference
