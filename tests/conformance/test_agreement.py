"""The judge of two back ends finds nothing where there is nothing, and what there is."""

from collections.abc import Sequence

import pytest

from tests.conformance.agreement import first_disagreement
from tests.conformance.forms import Answer, Item, State
from tests.conformance.model_backend import ModelBackend
from tests.model.strategies import history, kept


class Slip(ModelBackend):
    """A back end that forgets what is owed, or counts one operation too few."""

    forgets: str

    def consume(self, items: Sequence[Item], observe: bool = False) -> list[Answer]:
        answers = super().consume(items, observe)
        return [answer | {"shortfall": []} for answer in answers] if self.forgets == "shortfall" else answers

    def state(self) -> State:
        state = super().state()
        if self.forgets == "owed" and state["owed"]:
            return state | {"owed": {}}
        return state


@pytest.mark.parametrize("seed", range(5))
def test_the_model_agrees_with_itself(seed: int) -> None:
    assert first_disagreement(ModelBackend(), ModelBackend(), history(seed)) is None


@pytest.mark.parametrize("forgets", ["shortfall", "owed"])
def test_a_slip_is_found_and_can_be_left_out(forgets: str) -> None:
    slip = Slip()
    slip.forgets = forgets
    difference = first_disagreement(ModelBackend(), slip, kept()["many-reasons"])
    assert difference is not None
    assert difference.startswith("operation ")
    assert f".{forgets}" in difference
    assert first_disagreement(ModelBackend(), slip, kept()["many-reasons"], leave_out={forgets}) is None
