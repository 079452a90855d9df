"""The model keeps the promises, whatever happens, and everything that can be answered is."""

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from tests.conformance.forms import Answer, History, Operation
from tests.conformance.model_backend import ModelBackend
from tests.conformance.replay import apply
from tests.model.exact import exact
from tests.model.invariants import (
    Use,
    assert_balanced,
    assert_burned_in_order,
    assert_counted,
    assert_ordered,
    assert_within,
)
from tests.model.request import read_item
from tests.model.strategies import histories, history, judged, kept
from tests.model.words import Reason

#: The reasons that need no reservation, plan or second customer.
REASONS = {
    Reason.IDEMPOTENCY_CONFLICT,
    Reason.CUSTOMER_SUSPENDED,
    Reason.FEATURE_NOT_FOUND,
    Reason.ENTITY_NOT_FOUND,
    Reason.ENTITY_SUSPENDED,
    Reason.FEATURE_TYPE_MISMATCH,
    Reason.NO_RATE,
    Reason.BUDGET_EXCEEDED,
    Reason.INSUFFICIENT_CREDITS,
    Reason.GROUP_DENIED,
}


class Witness:
    """Plays a history on the model and asks for the promises after every operation."""

    def __init__(self) -> None:
        self.backend = ModelBackend()
        self.uses: list[Use] = []
        self.first: dict[str, tuple[Any, Answer]] = {}
        self.answers: list[Answer] = []

    def play(self, history: History) -> None:
        self.backend.set_up(history["world"])
        for operation in history["operations"]:
            self.step(operation)
        self.replay_everything()

    def step(self, operation: Operation) -> None:
        customer = self.backend.customer
        dry = self.dry_run(operation)
        answers = apply(self.backend, operation)
        if operation["op"] == "consume" and "malformed" not in (answers or [{}])[0]:
            assert dry is None or dry == [plain_answer(answer) for answer in answers]
            self.answers += answers
            self.note(operation, answers)
        assert_ordered(customer)
        assert_balanced(customer)
        assert_counted(customer, self.uses, self.backend.kernel.instant(customer))

    def dry_run(self, operation: Operation) -> list[Any] | None:
        """What ``check`` says of a batch of new keys, which must be what ``consume`` will say."""
        if operation["op"] != "consume":
            return None
        keys = [item["idempotencyKey"] for item in operation["items"]]
        if self.first.keys() & keys or len(set(keys)) < len(keys):
            return None
        before = self.backend.state()
        checked = apply(self.backend, {**operation, "op": "check"})
        assert self.backend.state() == before
        return [plain_answer(answer) for answer in checked]

    def note(self, operation: Operation, answers: list[Answer]) -> None:
        """Believes the answers to what is new, and asks whether they kept the promises."""
        customer, now = self.backend.customer, self.backend.kernel.instant(self.backend.customer)
        observed = operation.get("observe") or customer.observe
        fresh = []
        for form, answer in zip(operation["items"], answers, strict=True):
            if answer["replayed"] or answer["seq"] is None:
                continue
            self.first[form["idempotencyKey"]] = form, answer
            if answer["allowed"]:
                quantities = {each["name"]: exact(each["amount"]) for each in answer["quantities"]}
                fresh.append(Use(answer["seq"], now, read_item(form), quantities, costs(answer)))
        for use in sorted(fresh, key=lambda use: use.seq):
            self.uses.append(use)
            assert_burned_in_order(customer, self.backend.kernel.catalog, use)
            if not observed and use.item.overage != "RECORD":
                assert_within(customer, use, self.uses)

    def replay_everything(self) -> None:
        """P6: every key answers as it did first, and nothing happens; a group must come whole."""
        alone = [(form, answer) for form, answer in self.first.values() if form.get("group") is None]
        self.backend.book_due()
        before = self.backend.state()
        for form, answer in alone:
            assert self.backend.consume([form]) == [answer | {"replayed": True}]
        assert self.backend.state() == before


def costs(answer: Answer) -> dict[str, Fraction]:
    total: Counter[str] = Counter()
    for each in answer["credits"] + answer["shortfall"]:
        total[each["creditType"]] += exact(each["amount"])  # type: ignore[assignment]
    return dict(total)  # type: ignore[arg-type]


def plain_answer(answer: Answer) -> Answer:
    """Without what a dry run has not got."""
    return {key: value for key, value in answer.items() if key != "seq"}


def test_promises_hold_and_everything_is_answered() -> None:
    reasons: Counter[str | None] = Counter()
    allowed: Counter[bool] = Counter()

    @judged(examples=150)
    @given(histories())
    def play(history: History) -> None:
        witness = Witness()
        witness.play(history)
        reasons.update(answer["reason"] for answer in witness.answers)
        allowed.update(answer["allowed"] for answer in witness.answers)

    play()
    assert {reason.name for reason in REASONS} <= reasons.keys()
    assert 0.2 <= allowed[False] / allowed.total() <= 0.6


@pytest.mark.parametrize("seed", range(150))
def test_promises_hold_for_seeds(seed: int) -> None:
    Witness().play(history(seed, length=30))


@pytest.mark.parametrize("name", kept())
def test_promises_hold_for_kept_histories(name: str) -> None:
    Witness().play(kept()[name])
